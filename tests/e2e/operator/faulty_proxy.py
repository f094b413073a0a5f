"""A proxy before the API server that fails: 409, 429, 500 before and after the effect, latency, dead watches."""

from __future__ import annotations

import asyncio
import collections
import json
import random
import ssl
import threading
import time

import aiohttp
from aiohttp import web

HOP = {"connection", "transfer-encoding", "content-length", "content-encoding", "host", "keep-alive"}
LATENCY_S = 5.0


class FaultyProxy:
    """Serves http://127.0.0.1:PORT from a thread of its own.

    Attributes:
        rate: share of requests that fail somehow.
        asked: moment, method and path of every request.
        done: how many faults of each kind were made.
    """

    def __init__(self, kubeconfig, port, *, rate=0.25, seed=1):
        admin = json.loads(kubeconfig.read_text())
        self.server = admin["clusters"][0]["cluster"]["server"]
        self.trust = ssl.create_default_context()
        self.trust.check_hostname, self.trust.verify_mode = False, ssl.CERT_NONE
        self.port, self.rate = port, rate
        self.chance = random.Random(seed)  # noqa: S311 - which requests fail
        self.asked = []
        self.done = collections.Counter()
        self.ready, self.stop = threading.Event(), None
        self.thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)

    def __enter__(self):
        self.thread.start()
        self.ready.wait(10)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join(10)

    async def _run(self):
        self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        connector = aiohttp.TCPConnector(ssl=self.trust, limit=0)
        async with aiohttp.ClientSession(connector=connector, auto_decompress=False) as self.session:
            self.ready.set()
            await self.stop.wait()
        await runner.cleanup()

    async def _handle(self, request):
        self.asked.append((time.monotonic(), request.method, request.path))
        fault = self._fault(request)
        self.done[fault] += 1
        if fault == "latency":
            await asyncio.sleep(LATENCY_S)
        if fault in ("409", "429", "500"):
            return refusal(int(fault))
        return await self._forward(request, fault)

    def _fault(self, request):
        if self.chance.random() >= self.rate:
            return "none"
        if "watch=true" in request.query_string:
            return self.chance.choice(["cut", "frozen", "500", "429", "latency"])
        kinds = ["429", "500", "late 500", "latency"]
        return self.chance.choice([*kinds, "409"] if request.method in ("PATCH", "POST") else kinds)

    async def _forward(self, request, fault):
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP}
        url = self.server + request.path_qs
        async with self.session.request(request.method, url, headers=headers, data=await request.read()) as answer:
            if fault == "late 500":
                await answer.read()
                return refusal(500)
            kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP}
            response = web.StreamResponse(status=answer.status, headers=kept)
            await response.prepare(request)
            await self._stream(answer, response, fault)
            return response

    async def _stream(self, answer, response, fault):
        if fault == "cut":
            try:
                async with asyncio.timeout(self.chance.uniform(0, 3)):
                    async for chunk in answer.content.iter_any():
                        await response.write(chunk)
            except TimeoutError:
                return
        if fault == "frozen":
            await asyncio.sleep(30)
            return
        async for chunk in answer.content.iter_any():
            await response.write(chunk)


def refusal(code):
    """A Status as the API server writes it."""
    reason = {409: "Conflict", 429: "TooManyRequests", 500: "InternalError"}[code]
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "reason": reason,
        "code": code,
        "message": "test",
    }
    headers = {"Retry-After": "1"} if code == 429 else {}
    return web.json_response(status, status=code, headers=headers)
