"""An emulated server takes the time that the twin predicts for the same arrivals."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from emulator import accuracy
from glia_operator.emulator import launch, session
from glia_operator.load import replay, routes


async def test_the_clock_of_the_engine_is_exact_on_any_machine(serve, monkeypatch):
    known = []
    made = session.Session.__init__
    monkeypatch.setattr(session.Session, "__init__", lambda one, **given: (made(one, **given), known.append(one))[0])
    configured = accuracy.calm()
    client = await serve(configured)
    workload = accuracy.workload(rate=10, requests=20, longest=20)
    router = routes.Router(rule="rr", targets=(client.url,))
    outcomes = await replay.Replay(router, timeout_s=30.0).run(accuracy.wanted(workload))
    assert all(one.ok for one in outcomes)
    assert len(known) == 20
    first, finish = accuracy.predicted(
        configured.group,
        np.array([one.arrival_s for one in known]),
        np.array([len(one.ask.prompt) for one in known]),
        np.array([one.delivered for one in known]),
    )
    assert [one.first_token_s for one in known] == first.tolist()
    assert [one.last_token_s for one in known] == finish.tolist()


async def test_clients_measure_what_the_twin_predicts(serve):
    configured = accuracy.calm()
    clients = [await serve(configured) for _ in range(2)]
    router = routes.Router(rule="rr", targets=tuple(client.url for client in clients))
    wanted = accuracy.wanted(accuracy.workload(rate=10, requests=25, longest=30))
    waits = accuracy.Waits(None)
    async with accuracy.Bare(clients[0].url) as bare:
        outcomes = await replay.Replay(router, timeout_s=30.0).run(wanted)
    assert all(one.ok for one in outcomes)
    # Client and servers share one processor here, and each waits for the other; tests/e2e has them apart.
    accuracy.judge(accuracy.differences(configured.group, outcomes), waits, bare, allowed_s=2.0 * accuracy.ALLOWED_S)


def test_a_port_in_use_is_refused_in_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Exception, match=f"cannot listen on 127.0.0.1:{port}"):
            launch._bind(launch.Address(host="127.0.0.1", port=port))
