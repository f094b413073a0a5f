"""Four emulated replicas in a process of their own keep the twin's times at five requests a second each."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import subprocess
import sys

import aiohttp
import pytest
import uvloop

from emulator import accuracy
from glia_operator.load import replay, routes


@pytest.fixture
def processes(tmp_path):
    """Starts `glia emulate` on four free ports; SIGTERM ends it with status 0."""
    config = tmp_path / "calm.yaml"
    config.write_text(accuracy.EXAMPLE.read_text().replace("spread: 0.03", "spread: 0").replace("600", "0"))
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(4)]
    addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    script = "import sys; from glia_operator.cli import main; sys.exit(main.main(sys.argv[1:]))"
    command = [sys.executable, "-c", script, "emulate", "--config", str(config), "--addresses", ",".join(addresses)]
    with subprocess.Popen(command) as started:  # noqa: S603 - our own program
        yield [f"http://{address}" for address in addresses], started.pid
        started.send_signal(signal.SIGTERM)
        assert started.wait(30) == 0


async def _until_ready(url):
    async with aiohttp.ClientSession() as client:
        for _ in range(2400):
            try:
                async with client.get(url + "/health"):
                    return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
    raise AssertionError(url)


def _apart(server):
    """Client and servers on processors of their own, where there are two: each wakes the other all the time."""
    first, *others = sorted(os.sched_getaffinity(0))
    if others:
        os.sched_setaffinity(server, set(others))
        os.sched_setaffinity(0, {first})
    return {first, *others}


@pytest.mark.e2e
def test_four_replicas_at_five_requests_a_second_each(processes):
    urls, process = processes
    usual = _apart(process)
    gc.freeze()  # as `glia load` does: what the other tests left behind is not the client's to search through
    try:
        outcomes, bare, waits = uvloop.run(_measure(urls, process))
    finally:
        gc.unfreeze()
        os.sched_setaffinity(0, usual)
    assert all(one.ok for one in outcomes)
    accuracy.judge(accuracy.differences(accuracy.calm().group, outcomes), waits, bare)


async def _measure(urls, process):
    for url in urls:
        await _until_ready(url)
    router = routes.Router(rule="rr", targets=tuple(urls))
    wanted = accuracy.wanted(accuracy.workload(rate=20, requests=300, longest=200))
    waits = accuracy.Waits(None, process)
    async with accuracy.Bare(urls[0]) as bare:
        return await replay.Replay(router, timeout_s=60.0).run(wanted), bare, waits
