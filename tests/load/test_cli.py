"""`glia load` and `glia emulate` refuse bad input in one sentence, and a short replay works from end to end."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest

from glia_operator.cli import main
from glia_operator.emulator import launch, settings


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["load", "--trace", "synthetic:paper", "--targets", "localhost:80"], "a target is a URL"),
        (["load", "--trace", "synthetic:paper", "--targets", "http://x", "--router", "llq"], "--router is 'llq'"),
        (["load", "--trace", "synthetic:paper", "--targets", "http://x", "--prompt", "song"], "--prompt is 'song'"),
        (["load", "--trace", "nowhere.csv", "--targets", "http://x"], "nowhere.csv"),
        (["load", "--trace", "synthetic:paper", "--targets", "http://x", "--out", "/no/where.csv"], "no folder"),
        (["emulate", "--config", "nowhere.yaml"], "nowhere.yaml"),
        (["emulate", "--replicas", "2", "--addresses", "a,b"], "not both"),
        (["emulate", "--addresses", "a:b"], "not an address"),
        (["emulate", "--scheduling-policy", "lifo"], "fcfs and priority"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(capsys, arguments, wrong):
    assert main.main(arguments) == 2
    found = capsys.readouterr().err
    assert wrong in found
    assert found.count("\n") == 1


@pytest.fixture
def server(compiled):
    """An emulated server in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def start():
        launched = launch.Launched(settings.load(None, settings.Flags()), launch.Address(host="127.0.0.1", port=0))
        await launched.start()
        return launched

    launched = asyncio.run_coroutine_threadsafe(start(), loop).result(60)
    yield f"http://{launched.at}"
    asyncio.run_coroutine_threadsafe(launched.stop(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.parametrize("options", [["--prompt", "ids"], ["--prompt", "text", "--no-stream"]])
def test_a_replay_tells_what_clients_saw(capsys, server, tmp_path, options):
    trace = tmp_path / "trace.csv"
    trace.write_text("arrival_s,prompt_tokens,output_tokens\n0,30,2\n0.1,40,3\n")
    out = tmp_path / "out.csv"
    arguments = ["load", "--trace", str(trace), "--targets", server, "--out", str(out), "--json", *options]
    assert main.main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["requests"], found["finished"], found["received_tokens"]) == (2, 2, 5)
    assert len(out.read_text().splitlines()) == 3
