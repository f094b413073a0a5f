"""Follows the ConfigMaps that specs name: one stream for each namespace served, or one for all, of metadata alone.

What changed is read by the look that follows, so nothing is kept here, and nothing of a ConfigMap that no spec names.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import structlog

from glia_operator.adapters import kube, pages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from glia_operator.adapters import clock as clocks
    from glia_operator.handlers import store as stores

METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
SELECTED = (("labelSelector", f"{pages.PART}!=notebook"), ("fieldSelector", "metadata.name!=kube-root-ca.crt"))
"""Notebooks are this operator's own, and change with every record; every namespace has the cluster's certificate."""
SERVER_TIMEOUT_S = 240
"""Each stream ends now and then, and begins anew."""
FIRST_REST_S, LONGEST_REST_S = 1.0, 60.0

log = structlog.get_logger(__name__)


class Sources:
    """Tells which optimisations have to be looked at because a ConfigMap that they name came, changed or went.

    Args:
        cluster: asked where a stream is to begin.
        streams: the API's streams.
        store: which optimisations name what.
        namespaces: None stands for all.
        news: told which optimisations are concerned.
    """

    def __init__(
        self,
        cluster: kube.Kube,
        streams: kube.Streams,
        *,
        store: stores.Store,
        namespaces: tuple[str | None, ...],
        clock: clocks.Clock,
        news: Callable[[Iterable[stores.Key]], None],
    ) -> None:
        self._cluster = cluster
        self._streams = streams
        self._store = store
        self._namespaces = namespaces
        self._clock = clock
        self._news = news

    async def run(self) -> None:
        """Follow for ever."""
        async with asyncio.TaskGroup() as group:
            for namespace in self._namespaces:
                group.create_task(self._follow(namespace))

    async def _follow(self, namespace: str | None) -> None:
        """One stream after another, each from where the one before it ended."""
        version, rest_s = "", FIRST_REST_S
        while True:
            began_s = self._clock.monotonic()
            try:
                version = version or await self._version(namespace)
                async for event in self._streams.watch(_call(namespace, version)):
                    version = self._heard(event)
                rest_s = FIRST_REST_S
            except kube.Gone as fault:
                version = ""
                log.info("ConfigMaps are listed again", namespace=namespace, error=str(fault))
            except kube.KubeFault as fault:
                lasted = self._clock.monotonic() - began_s > LONGEST_REST_S
                rest_s = FIRST_REST_S if lasted else min(LONGEST_REST_S, 2.0 * rest_s)
                log.warning("ConfigMaps are not followed", namespace=namespace, error=str(fault), rest_s=rest_s)
            await self._clock.sleep(rest_s)

    async def _version(self, namespace: str | None) -> str:
        """Where the API stands now; what changed while nobody followed is looked at."""
        query = (("limit", "1"), *SELECTED)
        call = kube.Call(verb="list", kind=kube.CONFIG_MAPS, namespace=namespace, query=query, accept=kube.NAMES_ONLY)
        found = await self._cluster.send(call)
        self._news(self._store.naming(namespace))
        return str(found["metadata"]["resourceVersion"])

    def _heard(self, event: dict[str, Any]) -> str:
        """Hand on what an event says; the version from which a stream would go on."""
        metadata = event["object"].get("metadata", {})
        if event["type"] == "ERROR":
            raise kube.Gone(_call(None, ""), str(event["object"].get("message", "")))
        if event["type"] != "BOOKMARK":
            self._news(self._store.naming(metadata["namespace"], metadata["name"]))
        return str(metadata["resourceVersion"])


def _call(namespace: str | None, version: str) -> kube.Call:
    query = (
        ("watch", "true"),
        *SELECTED,
        ("resourceVersion", version),
        ("allowWatchBookmarks", "true"),
        ("timeoutSeconds", str(SERVER_TIMEOUT_S)),
    )
    return kube.Call(verb="watch", kind=kube.CONFIG_MAPS, namespace=namespace, query=query, accept=METADATA)
