"""A study's notebook: records that only grow in number, each bound to the one before it.

A record is one JSON object a line: `schema`, `kind`, `key`, `body`, and `digest`, the SHA-256 of the record before and
of this record's content. A study that was interrupted finds its finished steps here and does not repeat them.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from glia_sim import faults

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterable

SCHEMA = 1
"""Grows when a notebook written before cannot be continued any more."""
GENESIS = "sha256:" + "0" * 64


class Notebook(Protocol):
    """What a study needs: its steps so far, and a place for the next."""

    @property
    def last(self) -> str:
        """Digest of the newest record."""
        ...

    def recall(self, kind: str, key: str) -> Any:  # noqa: ANN401 - any JSON
        """Body of the record of that kind and key, or None."""
        ...

    def append(self, kind: str, key: str, body: Any) -> None:  # noqa: ANN401 - any JSON
        """Write one record; it is safe when this returns. One that stands already with the same content is left."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record, as its line says it."""

    kind: str
    key: str
    body: Any
    digest: str


def digest(before: str, kind: str, key: str, body: Any) -> str:  # noqa: ANN401 - any JSON
    """Digest of a record that follows the record `before`."""
    content = json.dumps([before, kind, key, body], sort_keys=True, ensure_ascii=True)
    return "sha256:" + hashlib.sha256(content.encode()).hexdigest()


def line(before: str, kind: str, key: str, body: Any) -> str:  # noqa: ANN401 - any JSON
    """The record that follows the record `before`, without the line's end."""
    bound = digest(before, kind, key, body)
    return json.dumps({"schema": SCHEMA, "digest": bound, "kind": kind, "key": key, "body": body}, sort_keys=True)


def read(text: str) -> Record:
    """The record on a line, whatever it follows.

    Raises:
        InputFault: it is none, or of another schema.
    """
    try:
        content = json.loads(text)
        kind, key, bound = (str(content[name]) for name in ("kind", "key", "digest"))
        record = Record(kind=kind, key=key, body=content["body"], digest=bound)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise faults.InputFault("not a whole notebook record") from None
    if content.get("schema") != SCHEMA:
        found = content.get("schema", "none")
        raise faults.InputFault(f"schema version {found}, where this version of glia reads and writes {SCHEMA}")
    return record


def follow(before: str, text: str) -> Record:
    """The record on a line, which must follow the record `before`; InputFault as `read`, or where it does not."""
    record = read(text)
    if record.digest != digest(before, record.kind, record.key, record.body):
        raise faults.InputFault("the record was changed after it was written, or one before it is missing")
    return record


class Records:
    """The records of one notebook in order, wherever they are kept.

    Args:
        lines: those that stand already.

    Raises:
        InputFault: with the number of the line that is no record, of another schema, or not the one that follows.
    """

    def __init__(self, lines: Iterable[str] = ()) -> None:
        self.last = GENESIS
        self._known: dict[tuple[str, str], Any] = {}
        for number, one in enumerate(lines, start=1):
            try:
                self.add(one)
            except faults.InputFault as fault:
                raise faults.InputFault(f"line {number}: {fault}") from None

    def add(self, text: str) -> None:
        """Take the record that follows; InputFault as above, without the number."""
        record = follow(self.last, text)
        self.last = record.digest
        self._known[record.kind, record.key] = record.body

    def recall(self, kind: str, key: str) -> Any:  # noqa: ANN401 - any JSON
        """Body of the newest record of that kind and key, or None."""
        return self._known.get((kind, key))

    def following(self, kind: str, key: str, body: Any) -> str | None:  # noqa: ANN401 - any JSON
        """The line to add; None where the record stands already with the same content."""
        known = self._known.get((kind, key))
        if (kind, key) in self._known and _text(known) == _text(body):
            return None
        return line(self.last, kind, key, json.loads(_text(body)))


def _text(body: Any) -> str:  # noqa: ANN401 - any JSON
    return json.dumps(body, sort_keys=True)


class File:
    """A notebook in one file.

    A record is on the disk before `append` returns, so it outlives the loss of power too. A record that could not be
    written whole is taken back, and one that an interruption cut short is dropped with the next that is written.

    Raises:
        InputFault: the file cannot be read, is of another schema, or a record was changed.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        content = self._content()
        whole = content[: content.rfind(b"\n") + 1]
        self._size, self._found = len(whole), len(content)
        try:
            self._records = Records(whole.decode(errors="replace").split("\n")[:-1])
        except faults.InputFault as fault:
            raise faults.InputFault(f"{path}, {fault}; name another folder") from None

    @property
    def last(self) -> str:
        """Digest of the newest record."""
        return self._records.last

    def recall(self, kind: str, key: str) -> Any:  # noqa: ANN401 - any JSON
        """Body of the record of that kind and key, or None."""
        return self._records.recall(kind, key)

    def append(self, kind: str, key: str, body: Any) -> None:  # noqa: ANN401 - any JSON
        """Write one record; one that stands already with the same content is left as it is.

        Raises:
            InputFault: it cannot be written, or somebody else wrote to the file; what stands there is unharmed.
        """
        following = self._records.following(kind, key, body)
        if following is None:
            return
        try:
            self._write(following.encode() + b"\n")
        except OSError as error:
            raise faults.InputFault(
                f"{self.path}: a record was not written: {error.strerror}; what stands there is whole, and the same "
                "command goes on from it"
            ) from None
        self._records.add(following)

    def _content(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise faults.InputFault(f"{self.path}: not read: {error.strerror}; name another folder") from None

    def _write(self, text: bytes) -> None:
        """Put a line at the end and on the disk, or leave the file as it was."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_size != self._found:
                raise faults.InputFault(f"{self.path}: another process changed it; let it end, or name another folder")
            os.ftruncate(descriptor, self._size)
            self._found = self._size
            try:
                _write_all(descriptor, text)
            except OSError:
                os.ftruncate(descriptor, self._size)
                raise
            if self._size == 0:
                _keep_name(self.path.parent)
            self._size = self._found = self._size + len(text)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, text: bytes) -> None:
    while text:
        text = text[os.write(descriptor, text) :]
    os.fsync(descriptor)


def _keep_name(folder: pathlib.Path) -> None:
    """Put a new file's name on the disk, as its content is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
