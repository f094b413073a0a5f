"""The study's notebook: an append-only file of records, each bound to the one before it.

One JSON object a line: `kind`, `key`, `body`, and `digest`, the SHA-256 of the line before and of this line's content.
A study that was interrupted finds its finished steps here and does not repeat them.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from glia_sim import faults

if TYPE_CHECKING:
    import pathlib

GENESIS = "sha256:" + "0" * 64


def digest(before: str, kind: str, key: str, body: Any) -> str:  # noqa: ANN401 - any JSON
    """Digest of a record that follows the record `before`."""
    content = json.dumps([before, kind, key, body], sort_keys=True, ensure_ascii=True)
    return "sha256:" + hashlib.sha256(content.encode()).hexdigest()


class Notebook:
    """Records of one study, in one file that only grows.

    Raises:
        InputFault: the file belongs to another question, or a record was changed.
    """

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self._last = GENESIS
        self._known: dict[tuple[str, str], Any] = {}
        self._read()

    @property
    def last(self) -> str:
        """Digest of the newest record."""
        return self._last

    def _read(self) -> None:
        if not self.path.exists():
            return
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        for number, line in enumerate(whole.decode(errors="replace").splitlines(), start=1):
            self._admit(number, line)
        if len(whole) < len(content):  # a record that an interruption cut short
            os.truncate(self.path, len(whole))

    def _admit(self, number: int, line: str) -> None:
        try:
            record = json.loads(line)
            found, kind, key, body = (record[name] for name in ("digest", "kind", "key", "body"))
        except (ValueError, KeyError, TypeError):
            raise faults.InputFault(f"{self.path}, line {number}: not a notebook record; name another folder") from None
        if found != digest(self._last, kind, key, body):
            raise faults.InputFault(
                f"{self.path}, line {number}: the record was changed after it was written; name another folder"
            )
        self._last = found
        self._known[kind, key] = body

    def recall(self, kind: str, key: str) -> Any:  # noqa: ANN401 - any JSON
        """Body of the record of that kind and key, or None."""
        return self._known.get((kind, key))

    def append(self, kind: str, key: str, body: Any) -> None:  # noqa: ANN401 - any JSON
        """Write one record; one that stands already with the same content is left as it is."""
        body = json.loads(json.dumps(body))
        if self._known.get((kind, key)) == body:
            return
        record = {"digest": digest(self._last, kind, key, body), "kind": kind, "key": key, "body": body}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(record, sort_keys=True) + "\n")
        self._last = record["digest"]
        self._known[kind, key] = body
