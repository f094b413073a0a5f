"""Whatever a file holds, each of the four readers takes it or refuses it in one sentence that begins with its name."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from glia_operator.api import offline_file
from glia_operator.cli import main
from glia_sim import faults, fleet_file
from glia_sim.policy import catalogue, document
from glia_sim.workload import readers

FLEET = "groups:\n  - gpu: A100\n    model: llama-3.1-8b\n    count: 1\n"
TRACE = "arrival_s,prompt_tokens,output_tokens\n0,10,10\n1.5,20,5\n"
JSON_LINES = '{"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [1, 2]}\n'
AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,374,44\n"
WISH = (
    "apiVersion: glia.dev/v1alpha1\nkind: GliaOptimization\nmetadata: {name: a}\n"
    "spec:\n  offline: {fleet: a100x4, trace: 'synthetic:paper'}\n"
)
READERS = {
    "fleet": (fleet_file.load, FLEET),
    "policy": (document.load, catalogue.text("hra-spf")),
    "wish": (offline_file.load, WISH),
    "csv": (readers.read, TRACE),
    "json lines": (readers.read, JSON_LINES),
    "azure": (readers.read, AZURE),
}
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
HOSTILE = {
    "empty": b"",
    "spaces": b" \n\t\n",
    "null bytes": b"\0\0\0\0",
    "binary": bytes(range(256)),
    "latin": b"name: caf\xe9\n",
    "bomb": BOMB.encode(),
    "merge key": b"<<: {a: 1}\nb: 1\n",
    "itself": b"a: &a [*a]\n",
    "deep": b"[" * 20_000,
    "deep mapping": b"{a: " * 5_000,
    "repeated key": b"groups: []\ngroups: []\nname: a\nname: b\n",
    "month 13": b"name: 2001-13-45\n",
    "huge integer": b"name: " + b"9" * 20_000 + b"\n",
    "sexagesimal": b"name: 190:20:30:99999999999999999999:1\n",
    "odd numbers": b"name: 0x\nb: 0b2\nc: .\nd: -_\n",
    "escape": b'name: "\\UFFFFFFFF"\n',
    "surrogate": b'name: "\\uD800"\n',
    "python tag": b"name: !!python/object/apply:os.system [true]\n",
    "binary tag": b"name: !!binary '@@@'\n",
    "set tag": b"name: !!set {a, b}\n",
    "omap tag": b"name: !!omap [1]\n",
    "timestamp tag": b"name: !!timestamp nonsense\n",
    "integer tag": b"name: !!int ''\n",
    "float tag": b"name: !!float ''\n",
    "boolean tag": b"name: !!bool maybe\n",
    "list as a key": b"[1, 2]: 3\n",
    "mapping as a key": b"{a: 1}: 3\n",
    "two documents": b"a: 1\n---\nb: 2\n",
    "directive": b"%YAML 9.9\n---\na: 1\n",
    "a list": b"- 1\n",
    "control characters": b"a: \x07\x1b[31m\n",
    "nan": b"arrival_s,prompt_tokens,output_tokens\nnan,1,1\n",
    "infinite": b"arrival_s,prompt_tokens,output_tokens\ninf,1,1\n1e999,1,1\n",
    "deep json": b'{"timestamp": ' + b"[" * 50_000 + b"\n",
    "json with huge numbers": b'{"timestamp": 1e999, "input_length": 1, "output_length": 1, "hash_ids": [0]}\n',
    "json with long numbers": b'{"timestamp": 0, "input_length": ' + b"9" * 10_000 + b', "output_length": 1}\n',
    "one endless line": b"a" * 300_000,
    "no final digits": b"TIMESTAMP,ContextTokens,GeneratedTokens\n2023-99-99 99:99:99,1,1\n",
}


def assert_one_sentence(read, path, *, must_refuse):
    try:
        read(path)
    except faults.InputFault as fault:
        message = str(fault)
        assert ascii(str(path))[1:-1] in message
        assert message.isprintable(), message
        assert len(message) < 1000, message
    else:
        assert not must_refuse


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
@pytest.mark.parametrize("reader", READERS)
def test_every_hostile_file_is_refused_in_one_sentence(reader, content, tmp_path):
    path = tmp_path / "hostile"
    path.write_bytes(content)
    assert_one_sentence(READERS[reader][0], path, must_refuse=True)


@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_refused(reader, tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("folder", "pipe", "loop", "missing", "a" * 300, "line\nbreak"):
        assert_one_sentence(READERS[reader][0], tmp_path / name, must_refuse=True)


@st.composite
def damaged(draw, text):
    """A good file with a few bytes overwritten, cut out, doubled, or put in."""
    content = bytearray(text.encode())
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(content)))
        end = draw(st.integers(at, min(len(content), at + 20)))
        new = draw(st.one_of(st.binary(max_size=6), st.sampled_from([b"&a ", b"*a", b"!!", b"\n", b": ", b"9" * 30])))
        content[at:end] = draw(st.sampled_from([new, bytes(content[at:end]) * 2, b""]))
    return bytes(content)


@pytest.mark.parametrize("reader", READERS)
@settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_in_one_sentence(reader, data, tmp_path):
    read, text = READERS[reader]
    path = tmp_path / "damaged"
    path.write_bytes(data.draw(damaged(text)))
    assert_one_sentence(read, path, must_refuse=False)


@pytest.mark.parametrize("option", ["--fleet", "--trace", "--policy", "--file"])
@pytest.mark.parametrize("content", ["bomb", "escape", "huge integer", "binary", "deep"])
def test_the_command_line_says_so_ends_with_2_and_writes_nothing(option, content, tmp_path, capsys):
    path = tmp_path / "hostile"
    path.write_bytes(HOSTILE[content])
    good = {"--fleet": "a100x4", "--trace": "synthetic:paper?requests=10", "--policy": "llq"}
    out = tmp_path / "out"
    if option == "--file":
        arguments = ["optimize", "--file", str(path), "--out", str(out)]
    else:
        chosen = good | {option: str(path)}
        arguments = ["simulate", *(word for pair in chosen.items() for word in pair), "--requests-out", str(out)]
    assert main.main(arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert str(path) in told.err
    assert not out.exists()
