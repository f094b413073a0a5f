"""Starts emulated servers, one per address, and stops them gracefully."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import signal
import socket
import time
from typing import TYPE_CHECKING

import structlog
from aiohttp import web

from glia_operator.emulator import driver, server
from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Sequence

    from glia_operator.emulator import settings as settled

BACKLOG = 1024
log = structlog.get_logger()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where one server listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def address(text: str, *, port: int) -> Address:
    """HOST or HOST:PORT.

    Raises:
        InputFault: it is neither.
    """
    host, _, given = text.strip().partition(":")
    if not host or (given and not (given.isascii() and given.isdecimal() and int(given) < 2**16)):
        raise faults.InputFault(f"{text!r} is not an address; give HOST or HOST:PORT, with commas between several")
    return Address(host=host, port=int(given) if given else port)


class Launched:
    """One server and its socket."""

    def __init__(self, settings: settled.Settings, at: Address) -> None:
        self.at = at
        self._settings = settings
        loop = asyncio.get_running_loop()
        self.driver = driver.Driver(settings, loop=loop, created=time.time())
        self.driver.refuse = self._refuse
        application = server.Server(settings, self.driver).application()
        self._runner = web.AppRunner(
            application,
            handler_cancellation=True,
            access_log=None,
            handle_signals=False,
            shutdown_timeout=settings.shutdown_grace_s,
        )
        self._site: web.SockSite | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen; port 0 takes a free one, which `at` then names."""
        await self._runner.setup()
        bound = _bind(self.at)
        self.at = Address(host=self.at.host, port=int(bound.getsockname()[1]))
        await self._listen(bound)
        for section in self._settings.faults_at_start:
            self.driver.inflict(section)

    async def stop(self) -> None:
        """Accept nothing more, let what is in flight end within the grace, and close."""
        for task in self._tasks:
            task.cancel()
        await self._runner.cleanup()

    async def _listen(self, bound: socket.socket) -> None:
        self._site = web.SockSite(self._runner, bound, backlog=BACKLOG)
        await self._site.start()

    def _refuse(self, for_s: float) -> None:
        task = asyncio.get_running_loop().create_task(self._pause(for_s))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pause(self, for_s: float) -> None:
        """Refuse connections for a while."""
        if self._site is not None:
            await self._site.stop()
        await asyncio.sleep(for_s)
        await self._listen(_bind(self.at))


def _bind(at: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in at.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((at.host, at.port))
    except OSError as error:
        bound.close()
        raise faults.InputFault(f"cannot listen on {at}: {error.strerror or error}") from error
    return bound


def _numbered(settings: settled.Settings, k: int) -> settled.Settings:
    """The settings of replica k: disturbed like the others, but not at the same steps."""
    own = dataclasses.replace(settings.disturbance, seed=settings.disturbance.seed + k)
    return dataclasses.replace(settings, disturbance=own)


async def serve(settings: settled.Settings, addresses: Sequence[Address]) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    servers = [Launched(_numbered(settings, k), at) for k, at in enumerate(addresses)]
    try:
        for one in servers:
            await one.start()
            log.info("emulator serves", address=str(one.at), model=settings.served_model_name)
        gc.collect()
        gc.freeze()  # a full collection over what never dies would take longer than a step may be late
        await stop.wait()
        log.info("emulator stops", in_flight=sum(one.driver.core.live for one in servers))
    finally:
        await asyncio.gather(*(one.stop() for one in servers))
