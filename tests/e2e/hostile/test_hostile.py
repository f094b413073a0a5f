"""The API server refuses what is wrong with a message that names the field and says what would be right."""

from __future__ import annotations

import json

import pytest

from glia_operator.plugin import cluster as clusters
from glia_operator.plugin import wire
from hostile import cases
from stories import definitions

LONGEST = 4000
STRICT = {"fieldValidation": "Strict"}


@pytest.fixture(scope="module")
def server(cluster):
    """A namespace of a cluster that knows the kinds."""
    with definitions.present(cluster):
        cluster.kubectl("create", "namespace", "hostile")
        yield wire.connect(wire.Login(kubeconfig=str(cluster.kubeconfig), namespace="hostile"))
        cluster.kubectl("delete", "namespace", "hostile", "--wait=false")


def path(where, kind):
    return f"/apis/glia.dev/v1alpha1/namespaces/{where.namespace}/{clusters.PLURALS[kind]}"


def send(where, case):
    """The answer to creating or updating the case's object."""
    if case.text is not None:
        where_to = path(where, "GliaOptimization")
        return where.transport.send(
            clusters.Call(method="POST", path=where_to, query=STRICT, body=case.text, content="application/yaml")
        )
    kind, name = case.body["kind"], case.body["metadata"]["name"]
    if case.old is None:
        return where.transport.send(clusters.Call(method="POST", path=path(where, kind), query=STRICT, body=case.body))
    made = where.transport.send(clusters.Call(method="POST", path=path(where, kind), query=STRICT, body=case.old))
    assert made.code == 201, made.body
    try:
        version = {"resourceVersion": made.body["metadata"]["resourceVersion"]}
        body = case.body | {"metadata": case.body["metadata"] | version}
        return where.transport.send(
            clusters.Call(method="PUT", path=f"{path(where, kind)}/{name}", query=STRICT, body=body)
        )
    finally:
        where.transport.send(clusters.Call(method="DELETE", path=f"{path(where, kind)}/{name}"))


@pytest.mark.smoke
@pytest.mark.parametrize("kind", clusters.PLURALS)
def test_the_definitions_are_accepted_and_served(kind, server):
    assert server.transport.send(clusters.Call(method="GET", path=path(server, kind))).code == 200


@pytest.mark.parametrize("case", cases.SERVER, ids=lambda case: case.name)
def test_it_is_refused_with_words_that_help(case, server):
    answer = send(server, case)
    assert 400 <= answer.code < 500, json.dumps(answer.body)[:LONGEST]
    said = answer.body["message"]
    assert all(words in said for words in case.says), said[:LONGEST]


@pytest.mark.parametrize("case", [*cases.OPERATOR, *cases.POLICIES], ids=lambda case: case.name)
def test_what_the_operator_has_to_judge_is_accepted(case, server):
    for body in case.objects:
        if body["kind"] not in clusters.PLURALS:
            continue
        address, name = path(server, body["kind"]), body["metadata"]["name"]
        made = server.transport.send(clusters.Call(method="POST", path=address, query=STRICT, body=body))
        server.transport.send(clusters.Call(method="DELETE", path=f"{address}/{name}"))
        assert made.code == 201, made.body["message"]
