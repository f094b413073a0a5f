"""Names of Services for pods: a name server that knows the directory and nothing else."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, cast

from controlplane import layout

if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = struct.Struct("!6H")
A, IN = 1, 1
NAME_ERROR = 3
ANSWER, RECURSION = 0x8400, 0x0100
TTL_S = 1
LONGEST_LABEL = 63


def reply(query: bytes, resolve: Callable[[str], list[str] | None]) -> bytes | None:
    """The answer to one query over UDP; None for what is no query.

    A known name without an address of the wanted type is answered with nothing, an unknown one with a name error.
    """
    try:
        identity, flags, questions, *_ = HEADER.unpack_from(query)
        name, end = _name(query, HEADER.size)
        kind, _ = struct.unpack_from("!2H", query, end)
    except (struct.error, IndexError, UnicodeDecodeError):
        return None
    if questions != 1 or flags & 0x8000:
        return None
    found = resolve(name.lower())
    addresses = found if found and kind == A else []
    state = ANSWER | (flags & RECURSION) | (NAME_ERROR if found is None else 0)
    pointer = 0xC000 | HEADER.size
    records = [struct.pack("!3HIH4B", pointer, A, IN, TTL_S, 4, *map(int, address.split("."))) for address in addresses]
    return HEADER.pack(identity, state, 1, len(records), 0, 0) + query[HEADER.size : end + 4] + b"".join(records)


def _name(query: bytes, place: int) -> tuple[str, int]:
    """The name that stands at `place`, and where it ends."""
    labels = []
    while length := query[place]:
        if length > LONGEST_LABEL:
            raise IndexError("compressed names do not occur in questions")
        labels.append(query[place + 1 : place + 1 + length].decode("ascii"))
        place += 1 + length
    return ".".join(labels), place + 1


class _Server(asyncio.DatagramProtocol):
    """Answers over UDP."""

    def __init__(self, resolve: Callable[[str], list[str] | None]) -> None:
        self.resolve = resolve
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = reply(data, self.resolve)
        if answer is not None and self.transport is not None:
            self.transport.sendto(answer, addr)


async def serve(resolve: Callable[[str], list[str] | None]) -> None:
    """Answers at the address that pods have as their name server, for ever."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Server(resolve), (layout.DNS_SERVICE, 53))
    try:
        await asyncio.Event().wait()
    finally:
        transport.close()
