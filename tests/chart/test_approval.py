"""The guards are installed with the release, fail closed and know the operator by its name; e2e proves what they refuse."""

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
    roles = {each["metadata"]["name"] for each in rendered.of("ClusterRole")}
    (policy,) = (
        p
        for p in rendered.of("ValidatingAdmissionPolicy")
        if p["metadata"]["name"].endswith("operator-approval") or p["metadata"]["name"] == "glia-team-approval"
    )
    (role,) = (name for name in roles if name.endswith("-approver"))
    assert role in str(policy["spec"]["validations"])
