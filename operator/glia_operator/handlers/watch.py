"""Kopf's watches, in a thread and an event loop of their own; what they show is handed to the operator's loop.

Only `on.event` handlers are registered: they need no finalizer and write no annotation, so that an optimisation can be
deleted whether or not an operator runs.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import threading
from typing import TYPE_CHECKING, Any

import kopf
import structlog

from glia_operator.handlers import store as stores

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from glia_operator.adapters import clock as clocks
    from glia_operator.adapters import kube, kube_http

TICK_S = 1.0
SILENT_S = 30.0
"""A loop that did not tick for so long is dead."""
SERVER_TIMEOUT_S, CLIENT_TIMEOUT_S, INACTIVITY_S = 240, 300, 90
RELOGIN_S = 600.0

log = structlog.get_logger(__name__)


class Backoffs:
    """Seconds between tries of one request: doubling up to a minute, for ever."""

    def __iter__(self) -> Iterator[float]:
        """Begin anew."""
        return itertools.chain((0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0), itertools.repeat(60.0))


class Watch:
    """Runs Kopf.

    Args:
        login: where the API server is and who we are.
        namespaces: empty = all.
        show: called in the thread of `loop` with kind, object, and whether it is gone.
    """

    def __init__(
        self,
        *,
        login: Callable[[], Awaitable[kube_http.Login]],
        namespaces: tuple[str, ...],
        show: Callable[[kube.Kind, kube.Object, bool], None],
        clock: clocks.Clock,
    ) -> None:
        self._login = login
        self._namespaces = namespaces
        self._show = show
        self._clock = clock
        self._inner: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ticked_at_s = clock.monotonic()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="kopf", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to end; it is a daemon thread, and nobody waits for it."""
        if self._inner is not None and self._stop is not None and not self._inner.is_closed():
            self._inner.call_soon_threadsafe(self._stop.set)

    @property
    def silent_s(self) -> float:
        """How long its loop has not ticked."""
        return self._clock.monotonic() - self._ticked_at_s

    def _run(self) -> None:
        why = "the watches ended"
        try:
            asyncio.run(self._kopf())
        except Exception as error:  # noqa: BLE001 - whatever it is, the operator ends for it
            why = f"the watches broke down: {type(error).__name__}: {error}"
        self._loop.call_soon_threadsafe(self._end, why)

    async def _kopf(self) -> None:
        self._inner, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await kopf.operator(
            registry=self._registry(),
            settings=_settings(),
            standalone=True,
            clusterwide=not self._namespaces,
            namespaces=self._namespaces,
            stop_flag=self._stop,
        )

    def _end(self, why: str) -> None:
        if not self.ended.done():
            self.ended.set_result(why)

    def _registry(self) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        async def tick(**_: Any) -> None:  # noqa: ANN401 - Kopf's
            asyncio.get_running_loop().create_task(self._tick())

        async def login(**_: Any) -> kopf.ConnectionInfo:  # noqa: ANN401 - Kopf's
            return _connection(await self._login(), self._clock.now())

        kopf.on.startup(registry=registry)(tick)
        kopf.on.login(registry=registry)(login)
        for kind in stores.WATCHED:
            kopf.on.event(kind.group, kind.version, kind.plural, registry=registry, id=kind.plural)(self._handler(kind))
        return registry

    def _handler(self, kind: kube.Kind) -> Callable[..., Any]:
        async def shown(event: Any, **_: Any) -> None:  # noqa: ANN401 - Kopf's
            self._loop.call_soon_threadsafe(self._show, kind, event["object"], event["type"] == "DELETED")

        return shown

    async def _tick(self) -> None:
        while True:
            self._ticked_at_s = self._clock.monotonic()
            await asyncio.sleep(TICK_S)


def _connection(login: kube_http.Login, now: dt.datetime) -> kopf.ConnectionInfo:
    return kopf.ConnectionInfo(
        server=login.server,
        ca_path=login.ca_path,
        ca_data=login.ca_data,
        insecure=login.insecure,
        token=login.token,
        certificate_path=login.certificate_path,
        private_key_path=login.key_path,
        expiration=now + dt.timedelta(seconds=RELOGIN_S),
    )


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False  # Events are this project's own, counted and few
    settings.scanning.disabled = True  # watching CRDs and namespaces would take rights on the whole cluster
    settings.watching.server_timeout = SERVER_TIMEOUT_S  # each stream ends now and then, and begins anew
    settings.watching.client_timeout = CLIENT_TIMEOUT_S
    settings.watching.inactivity_timeout = INACTIVITY_S  # bookmarks come every minute
    settings.watching.reconnect_backoff = 1.0
    settings.networking.request_timeout = 60.0
    settings.networking.connect_timeout = 10.0
    settings.networking.error_backoffs = Backoffs()
    settings.queueing.idle_timeout = 1.0
    settings.queueing.exit_timeout = 0.5
    settings.process.ultimate_exiting_timeout = None  # the operator ends the process itself
    return settings
