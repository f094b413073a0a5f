"""Why a program is refused: every sentence the parser and the checker can say, in one table."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Iterable

    from glia_sim.policy import tree

LINES = 200
LINE_CHARACTERS = 500
TEXT_BYTES = 16 * 1024
NODES = 4_000
DEPTH = 20
LOOP_DEPTH = 2

SENTENCES = {
    # the text
    "too-large": f"the program has {{size}} bytes; at most {TEXT_BYTES} are allowed",
    "too-many-lines": f"the program has {{count}} lines; at most {LINES} are allowed",
    "line-too-long": f"the line has {{count}} characters; at most {LINE_CHARACTERS} are allowed",
    "character": "the character {character} is not allowed here; write plain ASCII, with spaces for indentation",
    "syntax": "this is not valid Python ({reason}), and the language is a subset of Python",
    "too-deep": f"this is nested more than {DEPTH} deep; give the parts names in assignments of their own",
    "too-many-nodes": f"the program has more than {NODES} operations, names and numbers; make it smaller",
    # definitions
    "top-level": "only function definitions may stand here, not {what}; this program defines {functions}",
    "unknown-function": "{name} is not a function of this program; it defines {functions}",
    "defined-twice": "{name} is defined a second time; keep one definition",
    "missing-function": "the program does not define {name}; write `{signature}:`",
    "signature": "{name} has to be defined as `{signature}:`",
    "decorator": "a decorator is not part of the language; write the plain `{signature}:`",
    # statements
    "statement": "{what} is not part of the language; use assignments, if, for and return",
    "assign-target": "only a plain name can be assigned to, one at a time, not {what}",
    "assign-taken": "{name} is {what} and cannot be assigned to; choose another name",
    "augmented": "'{operator}=' is not part of the language; use +=, -=, *= or /=",
    "loop-over": "a loop runs over the replicas only: write `for {name} in fleet.replicas:`",
    "loop-name": "{name} is {what} and cannot be the loop's name; write for example `for other in fleet.replicas:`",
    "loop-else": "a loop has no else branch in the language; put these statements after the loop",
    "loop-depth": f"loops are nested at most {LOOP_DEPTH} deep; compute the inner result once, before this loop",
    "no-effect": "a statement has to assign, branch, loop or return; this value is not used",
    "unreachable": "this statement is never reached, because every path before it returns; remove it",
    "no-return": "{name} ends without a return on some path; return a number on every path",
    # expressions
    "expression": "{what} is not part of the language; {instead}",
    "constant": "{what} is not a value of the language; values are numbers, True and False",
    "number": "this number is too large for a 64-bit float; the largest is about 1.8e308",
    "operator": "the operator '{operator}' is not part of the language; {instead}",
    "comparison": "the comparison '{operator}' is not part of the language; use <, <=, >, >=, == or !=",
    "call": "{name} cannot be called; the functions are abs, ceil, exp, floor, log, max, min and sqrt",
    "arguments": "{name} takes {expected}, not {received}, separated by commas and without names or stars",
    # names
    "unknown-name": "{name} is not defined{hint}",
    "maybe-undefined": "{name} is not assigned on every path to here; give it a value before the branch or the loop",
    "view-as-value": "{name} is {what}, not a number; name one of its fields, for example {name}.{field}",
    "function-as-value": "{name} is a function; call it with arguments, for example {name}({example})",
    "answer-place": "{name} is an answer, not a number; it can only stand alone in `return {name}`",
    "answer-function": "{name} is an answer of score only; {function} has to return a number",
    "no-view": "there is no {name} in {function}; it sees {views}",
    "unknown-owner": "{name} has no fields; fields belong to request, fleet, p and the replicas",
    "unknown-field": "{name} is not a field of {owner}{hint}",
    "replicas-place": "fleet.replicas can only be looped over: write `for other in fleet.replicas:`",
    "unknown-parameter": "p.{name} is not declared; add {name} to the document's parameters{hint}",
    "unread-parameter": "parameter {name} is declared but no program reads p.{name}; use it or remove it",
    # types
    "want-number": "{where} has to be a number, and this is a condition; write for example `1 if condition else 0`",
    "want-truth": "{where} has to be a condition, and this is a number; compare it, for example `{text} > 0`",
    "type-change": "{name} is {old} before and {new} here; a name keeps one type, so use two names",
    "branch-types": "the two values of a conditional expression differ in type; make both numbers or both conditions",
}


class Refusal(faults.InputFault):
    """A program is outside the language.

    Args:
        program: "router", "scheduler" or "autoscaler".
        at: where in the program's text.
        rule: key of `SENTENCES`.
        words: what fills the sentence.
    """

    def __init__(self, program: str, at: tree.At, rule: str, **words: object) -> None:
        self.program = program
        self.at = at
        self.rule = rule
        self.sentence = SENTENCES[rule].format(**words)
        super().__init__(f"{program}, line {at.line}, column {at.column}: {self.sentence}")


def hint(received: str, known: Iterable[str]) -> str:
    """A question that names the nearest known word, or a list of what is known."""
    words = sorted(known)
    near = difflib.get_close_matches(received, words, n=1)
    if near:
        return f"; did you mean '{near[0]}'?"
    return f"; there is {', '.join(words)}" if words else ""
