"""What tests read of the API server's audit log, which is written while they read."""

from __future__ import annotations

import json

import pytest

from controlplane import cluster as clusters


def line(user, **about):
    event = {"user": user, "verb": "get", "objectRef": about, "responseStatus": {"code": 200}}
    return json.dumps(event).encode() + b"\n"


@pytest.fixture
def cluster(tmp_path):
    return clusters.Cluster(kubeconfig=tmp_path / "kubeconfig", folder=tmp_path)


def names(cluster, since=0):
    return [each.name for each in cluster.requests(since=since)]


def test_what_was_asked_after_a_mark_is_told_and_nothing_before(cluster, tmp_path):
    log = tmp_path / "audit.log"
    log.write_bytes(line({"username": "ann"}, name="before"))
    mark = cluster.audit_mark()
    log.write_bytes(log.read_bytes() + line({"username": "ann"}, name="after"))
    assert names(cluster, mark) == ["after"]
    assert names(cluster) == ["before", "after"]


def test_a_mark_set_while_a_line_is_written_and_a_line_half_written_do_no_harm(cluster, tmp_path):
    log = tmp_path / "audit.log"
    whole = line({"username": "ann"}, name="long" * 2000)
    log.write_bytes(whole[:4096])
    mark = cluster.audit_mark()
    log.write_bytes(whole + line({"username": "ann"}, name="after") + whole[:99])
    assert names(cluster, mark) == ["after"]


def test_who_was_not_recognised_has_no_name(cluster, tmp_path):
    (tmp_path / "audit.log").write_bytes(line({}, name="lease") + line({"username": "ann"}, name="pod"))
    assert [each.user for each in cluster.requests()] == ["", "ann"]
