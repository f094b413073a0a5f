"""`glia emulate`: emulated vLLM servers, until a signal ends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvloop

from glia_operator.cli import patience
from glia_operator.emulator import launch
from glia_operator.emulator import settings as settled
from glia_sim import faults
from glia_sim.engine import replica

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(config: str | None, flags: settled.Flags, *, host: str, port: int, replicas: int, addresses: str) -> None:
    """Serve on `addresses`, or on `replicas` ports of `host` from `port` on."""
    settings = settled.load(config, flags)
    if addresses and replicas != 1:
        raise faults.InputFault("give --replicas or --addresses, not both")
    if addresses:
        where: Sequence[launch.Address] = [launch.address(one, port=port) for one in addresses.split(",")]
    else:
        where = [launch.Address(host=host, port=port + k) for k in range(replicas)]
    with patience.telling("compiling the engine, once per machine and version"):
        replica.warm_up(settings.group)
    uvloop.run(launch.serve(settings, where))
