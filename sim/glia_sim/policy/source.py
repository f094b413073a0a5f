"""A program's text: its limits, its reading by Python's own parser, and positions in it."""

from __future__ import annotations

import ast
import io
import tokenize
import unicodedata
import warnings

from glia_sim.policy import refusals, tree

_CONTROL = {"Cc", "Cs"}
"""Unicode categories that no text may hold: control characters and lone surrogates."""


class Source:
    """The text of one program, within its limits and valid as Python.

    Args:
        program: "router", "scheduler" or "autoscaler", for messages.
        text: the program.

    Raises:
        refusals.Refusal: the text breaks a limit or is not valid Python.
    """

    def __init__(self, program: str, text: str) -> None:
        self.program = program
        self._lines = text.split("\n")
        self._check_characters()
        self._check_limits(text)
        self.module = self._parsed(text)
        self._check_identifiers(text)

    def refuse(self, place: ast.stmt | ast.expr | tree.At, rule: str, **words: object) -> refusals.Refusal:
        at = place if isinstance(place, tree.At) else self.at(place)
        return refusals.Refusal(self.program, at, rule, **words)

    def at(self, node: ast.stmt | ast.expr) -> tree.At:
        return tree.At(node.lineno, self._column(node.lineno, node.col_offset))

    def operator_at(self, left: ast.expr, right: ast.expr) -> tree.At:
        """Position of the binary operator between two operands, which Python's tree does not keep."""
        line, column = left.end_lineno or left.lineno, left.end_col_offset or 0
        while line < right.lineno:
            found = self._operator_in(line, column, None)
            if found:
                return found
            line, column = line + 1, 0
        return self._operator_in(line, column, right.col_offset) or self.at(left)

    def check_doc(self, node: ast.stmt, doc: str) -> None:
        """Refuse a docstring whose escapes spell what the text itself may not hold."""
        for character in doc:
            if character != "\n" and unicodedata.category(character) in _CONTROL:
                raise self.refuse(node, "character", character=f"U+{ord(character):04X}")

    def _column(self, line: int, offset_bytes: int) -> int:
        return len(self._lines[line - 1].encode()[:offset_bytes].decode()) + 1

    def _operator_in(self, line: int, start_bytes: int, end_bytes: int | None) -> tree.At | None:
        between = self._lines[line - 1].encode()[start_bytes:end_bytes].decode().split("#")[0]
        for offset, character in enumerate(between):
            if character not in " ()\\":
                return tree.At(line, self._column(line, start_bytes) + offset)
        return None

    def _check_characters(self) -> None:
        for number, line in enumerate(self._lines, start=1):
            for column, character in enumerate(line, start=1):
                if unicodedata.category(character) in _CONTROL:
                    at = tree.At(number, column)
                    raise self.refuse(at, "character", character=f"U+{ord(character):04X}")

    def _check_limits(self, text: str) -> None:
        size = len(text.encode())
        if size > refusals.TEXT_BYTES:
            raise self.refuse(tree.At(1, 1), "too-large", size=size)
        count = len(text.rstrip("\n").split("\n"))
        if count > refusals.LINES:
            raise self.refuse(tree.At(refusals.LINES + 1, 1), "too-many-lines", count=count)
        for number, line in enumerate(self._lines, start=1):
            if len(line) > refusals.LINE_CHARACTERS:
                at = tree.At(number, refusals.LINE_CHARACTERS + 1)
                raise self.refuse(at, "line-too-long", count=len(line))

    def _parsed(self, text: str) -> ast.Module:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(text)
        except SyntaxError as error:
            line = min(max(error.lineno or 1, 1), len(self._lines))
            at = tree.At(line, max(error.offset or 1, 1))
            if error.msg.startswith("too many"):
                raise self.refuse(at, "too-deep") from None
            if "integer string conversion" in error.msg:
                raise self.refuse(at, "number") from None
            raise self.refuse(at, "syntax", reason=error.msg) from None
        except (RecursionError, MemoryError):
            raise self.refuse(tree.At(1, 1), "too-deep") from None

    def _check_identifiers(self, text: str) -> None:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NAME and not token.string.isascii():
                offset, character = next(
                    (offset, character) for offset, character in enumerate(token.string) if not character.isascii()
                )
                at = tree.At(token.start[0], token.start[1] + offset + 1)
                raise self.refuse(at, "character", character=f"'{character}' (U+{ord(character):04X})")
