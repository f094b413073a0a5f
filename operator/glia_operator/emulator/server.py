"""The HTTP side of one emulated server: vLLM's routes on aiohttp."""

from __future__ import annotations

import asyncio
import functools
import json
import time
import uuid
from typing import TYPE_CHECKING, Any, cast

import prometheus_client
import pydantic
from aiohttp import web
from prometheus_client.openmetrics import exposition as openmetrics

from glia_operator.emulator import answers, asks, intake, page, schema

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from glia_operator.emulator import driver, metric, session
    from glia_operator.emulator import settings as settled

VERSION = "0.32.0"
MAX_BODY = 64 * 2**20
ARRIVAL = "X-Emulator-Arrival-S"
"""Header with the second, on the engine's clock, at which a request reached the engine."""
UNCOUNTED = frozenset({"/metrics", "/health", "/ping", "/version", "/emulator/faults"})


class Server:
    """Routes of one server."""

    def __init__(self, settings: settled.Settings, drive: driver.Driver) -> None:
        self._settings = settings
        self._driver = drive
        self._began = int(time.time())
        self._frozen: dict[bool, str] = {}
        self._process = _process_registry()

    def application(self) -> web.Application:
        """The aiohttp application."""
        app = web.Application(client_max_size=MAX_BODY, middlewares=[self._around])
        routes = app.router
        routes.add_post("/v1/completions", self._completions)
        routes.add_post("/v1/chat/completions", self._chat)
        routes.add_get("/v1/models", self._models)
        routes.add_get("/health", self._health)
        routes.add_route("*", "/ping", self._health)
        routes.add_get("/version", self._version)
        routes.add_get("/metrics", self._metrics)
        if self._settings.fault_endpoint:
            routes.add_get("/emulator/faults", self._list_faults)
            routes.add_post("/emulator/faults", self._add_fault)
            routes.add_delete("/emulator/faults", self._clear_faults)
        return app

    @web.middleware
    async def _around(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """What goes for every route: stalls, errors as JSON, and the HTTP metrics."""
        began = time.perf_counter()
        if request.path != "/emulator/faults":
            await self._driver.unstalled()
        try:
            response = await handler(request)
        except asks.Refusal as refused:
            response = _json(answers.refusal(refused), status=refused.status)
        except web.HTTPException as error:
            body = answers.error(error.reason, status=error.status, kind=error.reason)
            response = _json(body, status=error.status)
        self._count(request, response, time.perf_counter() - began)
        return response

    def _count(self, asked: web.Request, response: web.StreamResponse, took_s: float) -> None:
        if asked.path in UNCOUNTED:
            return
        resource = asked.match_info.route.resource
        route = "none" if resource is None else resource.canonical
        known, now = self._driver.core.page.http, time.time()
        status = f"{response.status // 100}xx"
        labels = {"handler": route, "method": asked.method, "status": status}
        cast("metric.Number", known("http_requests", labels, now=now)).add(1)
        sizes = {"http_request_size_bytes": asked.content_length, "http_response_size_bytes": response.content_length}
        for name, size in sizes.items():
            cast("metric.Summary", known(name, {"handler": route}, now=now)).observe(size or 0)
        cast("metric.Histogram", known("http_request_duration_highr_seconds", {}, now=now)).observe(took_s)
        by_handler = {"handler": route, "method": asked.method}
        cast("metric.Histogram", known("http_request_duration_seconds", by_handler, now=now)).observe(took_s)

    async def _completions(self, asked: web.Request) -> web.StreamResponse:
        return await self._generate(asked, "completion")

    async def _chat(self, asked: web.Request) -> web.StreamResponse:
        return await self._generate(asked, "chat")

    async def _generate(self, asked: web.Request, kind: asks.Kind) -> web.StreamResponse:
        self._starting()
        name = asked.headers.get("X-Request-Id") or uuid.uuid4().hex
        ask = intake.read(await asked.read(), kind, f"{answers.PREFIXES[kind]}-{name}", self._settings)
        try:
            opened = self._driver.open(ask)
        except asks.Refusal as refused:
            if ask.stream:
                return await _late_error(asked, refused)
            raise
        heard = asyncio.Event()
        opened.heard = heard.set if ask.stream else lambda: heard.set() if opened.done else None
        try:
            if ask.stream:
                return await self._stream(asked, opened, heard)
            return await self._whole(opened, heard)
        except ConnectionResetError:
            return web.Response()  # nobody is there to read it
        finally:
            self._driver.close(opened)

    async def _whole(self, opened: session.Session, heard: asyncio.Event) -> web.StreamResponse:
        ask = opened.ask
        await _until_done(opened, heard)
        text = _echoed(ask) + ask.reply.text(0, opened.delivered)
        body = answers.whole(ask, model=self._settings.served_model_name, created=int(time.time()), text=text)
        return _json(body, headers={ARRIVAL: f"{opened.arrival_s:.9f}"})

    async def _stream(self, asked: web.Request, opened: session.Session, heard: asyncio.Event) -> web.StreamResponse:
        ask = opened.ask
        response = _event_stream({ARRIVAL: f"{opened.arrival_s:.9f}"})
        await response.prepare(asked)
        render = answers.Stream(ask, model=self._settings.served_model_name, created=int(time.time()))
        sent = 0
        while True:
            await heard.wait()
            heard.clear()
            delivered = opened.delivered
            before = b"" if sent else render.opening()
            text = ("" if sent else _echoed(ask)) + ask.reply.text(sent, delivered)
            sent = delivered
            events = before + render.tokens(text, delivered)
            if opened.done:
                await response.write_eof(events + render.closing())
                return response
            await response.write(events)

    async def _models(self, _asked: web.Request) -> web.Response:
        self._starting()
        settings = self._settings
        return _json(
            answers.models(settings.served_model_name, created=self._began, max_model_len=settings.engine.max_model_len)
        )

    async def _health(self, _asked: web.Request) -> web.Response:
        self._starting()
        return web.Response()

    async def _version(self, _asked: web.Request) -> web.Response:
        return _json({"version": VERSION})

    async def _metrics(self, asked: web.Request) -> web.Response:
        self._starting()
        wants_open = "application/openmetrics-text" in asked.headers.get("Accept", "")
        text = self._page(open_metrics=wants_open)
        response = web.Response(body=text.encode(), headers={"Content-Type": page.OPEN if wants_open else page.TEXT})
        if "gzip" in asked.headers.get("Accept-Encoding", ""):
            response.enable_compression(web.ContentCoding.gzip)
        return response

    def _page(self, *, open_metrics: bool) -> str:
        drive = self._driver
        drive.catch_up()
        if not drive.troubles.on("frozen-metrics", drive.now_s):
            self._frozen = {}
        if open_metrics in self._frozen:
            return self._frozen[open_metrics]
        known = drive.core.page
        if open_metrics:
            process: bytes = openmetrics.generate_latest(self._process)  # type: ignore[no-untyped-call]
            text = process.decode().removesuffix("# EOF\n") + known.open_text() + "# EOF\n"
        else:
            text = prometheus_client.generate_latest(self._process).decode() + known.text()
        if drive.troubles.on("frozen-metrics", drive.now_s):
            self._frozen[open_metrics] = text
        return text

    async def _list_faults(self, _asked: web.Request) -> web.Response:
        drive = self._driver
        return _json({"faults": drive.troubles.as_json(drive.now_s)})

    async def _add_fault(self, asked: web.Request) -> web.Response:
        try:
            section = schema.FaultSection.model_validate_json(await asked.read())
        except pydantic.ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "the fault"
            raise asks.Refusal(f"{where}: {first['msg']}; docs/emulator.md lists the faults") from None
        self._driver.inflict(section)
        return await self._list_faults(asked)

    async def _clear_faults(self, asked: web.Request) -> web.Response:
        self._driver.clear(asked.query.get("kind"))
        return await self._list_faults(asked)

    def _starting(self) -> None:
        if not self._driver.ready:
            raise asks.Refusal("The server is starting.", status=503, kind="Service Unavailable")


_compact = functools.partial(json.dumps, separators=(",", ":"))


def _json(body: dict[str, Any], *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response(body, status=status, headers=headers, dumps=_compact)


def _process_registry() -> prometheus_client.CollectorRegistry:
    registry = prometheus_client.CollectorRegistry()
    prometheus_client.GCCollector(registry=registry)
    prometheus_client.PlatformCollector(registry=registry)
    prometheus_client.ProcessCollector(registry=registry)
    return registry


def _event_stream(headers: dict[str, str]) -> web.StreamResponse:
    return web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8", **headers})


async def _late_error(asked: web.Request, refused: asks.Refusal) -> web.StreamResponse:
    """As vLLM does: the answer has begun with status 200 before the queue turns out to be full."""
    response = _event_stream({})
    await response.prepare(asked)
    await response.write(answers.event(answers.refusal(refused)) + answers.DONE)
    await response.write_eof()
    return response


async def _until_done(opened: session.Session, heard: asyncio.Event) -> None:
    while not opened.done:
        await heard.wait()
        heard.clear()


def _echoed(ask: asks.Ask) -> str:
    return "".join(map(str, ask.prompt)) if ask.echo else ""
