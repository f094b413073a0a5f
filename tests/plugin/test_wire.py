"""The wire speaks HTTP as the kubeconfig says, and what goes wrong is one sentence."""

from __future__ import annotations

import http.server
import json
import pathlib
import subprocess
import sys
import threading

import pytest
import yaml

from glia_operator.plugin import cluster, wire
from glia_sim import faults


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers every request with what it was."""

    def do_GET(self):
        """Tell the path and the token, or refuse."""
        self.answer({"path": self.path, "token": self.headers.get("Authorization")})

    def do_PATCH(self):
        """Tell the type and the body."""
        length = int(self.headers["Content-Length"])
        self.answer({"type": self.headers["Content-Type"], "body": json.loads(self.rfile.read(length))})

    def answer(self, body):
        """Send it as JSON; a path that ends in `missing` is not found."""
        refused = self.path.endswith("missing")
        content = json.dumps({"message": "no", "details": {"name": "missing"}} if refused else body).encode()
        self.send_response(404 if refused else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def server():
    found = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{found.server_port}"
    found.shutdown()
    thread.join()
    found.server_close()


@pytest.fixture
def kubeconfig(tmp_path, server):
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "s3cret"}}],
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u", "namespace": "chat"}},
            {"name": "there", "context": {"cluster": "c", "user": "u"}},
        ],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_namespace_and_credentials_come_from_the_context(kubeconfig):
    where = wire.connect(wire.Login(kubeconfig=kubeconfig))
    assert where.namespace == "chat"
    got = where.get("GliaPolicy", "chat-1")
    assert got == {"path": "/apis/glia.dev/v1alpha1/namespaces/chat/gliapolicies/chat-1", "token": "Bearer s3cret"}
    assert wire.connect(wire.Login(kubeconfig=kubeconfig, context="there")).namespace == "default"
    assert wire.connect(wire.Login(kubeconfig=kubeconfig, namespace="mine")).namespace == "mine"


def test_a_patch_is_sent_as_a_merge_patch(kubeconfig):
    sent = wire.connect(wire.Login(kubeconfig=kubeconfig)).merge("GliaPolicy", "chat-1", {"approval": {"by": "é"}})
    assert sent == {"type": "application/merge-patch+json", "body": {"approval": {"by": "é"}}}


def test_a_refusal_is_an_answer(kubeconfig):
    with pytest.raises(cluster.Missing):
        wire.connect(wire.Login(kubeconfig=kubeconfig)).get("GliaPolicy", "missing")


def test_no_server_is_one_sentence(kubeconfig, tmp_path):
    path = tmp_path / "dead"
    content = yaml.safe_load(pathlib.Path(kubeconfig).read_text())
    content["clusters"][0]["cluster"]["server"] = "http://127.0.0.1:9"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(faults.InputFault, match=r"http://127\.0\.0\.1:9: no answer"):
        wire.connect(wire.Login(kubeconfig=str(path))).get("GliaPolicy", "chat-1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "nothing-here"),
        ("{[", "kubeconfig"),
        ("apiVersion: v1\nkind: Config\n", "kubeconfig"),
    ],
)
def test_an_unusable_kubeconfig_is_named(text, words, tmp_path):
    path = tmp_path / "nothing-here"
    if text is not None:
        path.write_text(text)
    with pytest.raises(faults.InputFault, match=words):
        wire.connect(wire.Login(kubeconfig=str(path)))


def test_an_unknown_context_says_which_there_are(kubeconfig):
    with pytest.raises(faults.InputFault, match=r"--context 'nowhere': not in .*; it has here, there"):
        wire.connect(wire.Login(kubeconfig=kubeconfig, context="nowhere"))


def test_the_plug_in_starts_without_loading_what_it_does_not_need():
    heavy = "{'numba', 'kubernetes', 'numpy'} & set(sys.modules)"
    code = f"import sys; from glia_operator.cli import kubectl; sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - this interpreter
