"""Errors by blame: whoever reads one knows who has to mend what."""

from __future__ import annotations


class Fault(Exception):  # noqa: N818 - a fault is named by who has to mend it
    """Root of every error this project raises on purpose."""

    def __str__(self) -> str:
        """One printable line: text from outside cannot break out of it or steer a terminal."""
        return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in super().__str__())


class InputFault(Fault):
    """The user's input is wrong; the message names the place, what was received and what would be right."""


class PolicyFault(Fault):
    """A policy program met an operation without a finite result.

    Args:
        what: one sentence, for example "division by zero".
        line: line of the operation in the program's text, from 1.
        column: column of the operation, from 1.
    """

    def __init__(self, what: str, *, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {what}")
        self.line = line
        self.column = column
