"""The guards come with the release, fail closed and know the operator by its account; e2e proves what they refuse."""

from __future__ import annotations

import pytest

GUARDS = ("approval", "automatic-approval", "configmaps")


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_refuses_when_it_cannot_decide(guard, render):
    objects = render()
    policy = objects.one("ValidatingAdmissionPolicy", f"glia-operator-{guard}")
    binding = objects.one("ValidatingAdmissionPolicyBinding", f"glia-operator-{guard}")
    assert policy["spec"]["failurePolicy"] == "Fail"
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert "Deny" in binding["spec"]["validationActions"]
    assert "matchResources" not in binding["spec"]


def test_no_values_turn_the_guards_off(rendered):
    assert len(rendered.of("ValidatingAdmissionPolicyBinding")) == len(GUARDS)


def test_the_guards_know_the_operator_by_the_account_it_runs_as(rendered):
    (deployment,) = rendered.of("Deployment")
    account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
    user = f"system:serviceaccount:{deployment['metadata']['namespace']}:{account}"
    for policy in rendered.of("ValidatingAdmissionPolicy"):
        assert f"'{user}'" in str(policy["spec"]).replace('"', "'").replace("\\'", "'")


def test_the_refusal_names_the_role_that_helps(rendered):
    (role,) = (each for each in rendered.of("ClusterRole") if each["metadata"]["name"].endswith("-approver"))
    (approval,) = (
        each
        for each in rendered.of("ValidatingAdmissionPolicy")
        if each["metadata"]["name"].endswith("-approval") and "automatic" not in each["metadata"]["name"]
    )
    assert f"bind the ClusterRole {role['metadata']['name']} there" in str(approval["spec"]["validations"])
