"""What differs between two policies: in words for a person who approves, and as a diff of the rendered texts."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from glia_sim.policy import render, tree

if TYPE_CHECKING:
    from glia_sim.policy import document

_KEYS = {
    "order": "the key of the router's queue",
    "score": "the preference for a replica",
    "priority": "the batch scheduler's key",
    "replicas": "the number of replicas wanted",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What differs.

    Args:
        words: one sentence per difference; empty when the policies decide the same by the same text.
        diff: unified diff of the parameters and the rendered programs; empty likewise.
    """

    words: tuple[str, ...]
    diff: str


def describe(old: document.Policy, new: document.Policy) -> Change:
    """The change from one policy to another; names, rationales, comments and layout do not count."""
    words = [*_parameters(old, new), *_programs(old, new)]
    lines = difflib.unified_diff(_text(old), _text(new), fromfile=old.name, tofile=new.name, lineterm="")
    return Change(words=tuple(words), diff="\n".join(lines))


def _text(policy: document.Policy) -> list[str]:
    lines = [f"parameter {name} = {_bounded(parameter)}" for name, parameter in policy.parameters.items()]
    for program, checked in policy.programs.items():
        lines += ["", f"{program}:", "", *render.render(checked.program).splitlines()]
    return lines


def _bounded(parameter: document.Parameter) -> str:
    return f"{_short(parameter.value)} ({_range(parameter)}, {parameter.unit}): {parameter.meaning}"


def _range(parameter: document.Parameter) -> str:
    return f"{_short(parameter.low)} to {_short(parameter.high)}"


def _short(value: float) -> str:
    """The shortest text that tells this number from every other."""
    return repr(value).removesuffix(".0")


# parameters


def _parameters(old: document.Policy, new: document.Policy) -> list[str]:
    words = []
    for name in [*old.parameters, *(name for name in new.parameters if name not in old.parameters)]:
        before, after = old.parameters.get(name), new.parameters.get(name)
        if after is None:
            words.append(f"parameter {name} is gone")
        elif before is None:
            words.append(f"new parameter {name} = {_bounded(after)}")
        else:
            words += _parameter(name, before, after)
    return words


def _parameter(name: str, old: document.Parameter, new: document.Parameter) -> list[str]:
    words = []
    if old.value != new.value:
        words.append(f"parameter {name}: {_short(old.value)} -> {_short(new.value)} {new.unit} ({new.meaning})")
    if (old.low, old.high) != (new.low, new.high):
        words.append(f"parameter {name}: bounds {_range(old)} -> {_range(new)} {new.unit}")
    if (old.unit, old.meaning) != (new.unit, new.meaning):
        words.append(f"parameter {name} now means: {new.meaning} ({new.unit})")
    return words


# programs


def _programs(old: document.Policy, new: document.Policy) -> list[str]:
    words = []
    for program in tree.PROGRAMS:
        before, after = old.programs.get(program), new.programs.get(program)
        if before is None and after is not None:
            words.append(f"adds {_WITH_ARTICLE[program]}: {_summary(after.program)}")
        elif before is not None and after is None:
            words.append(f"removes the {_WITH_ARTICLE[program].partition(' ')[2]}")
        elif before is not None and after is not None:
            for name in tree.PROGRAMS[program]:
                words += _function(before.program.function(name), after.program.function(name))
    return words


_OWNERS = {"request", "fleet", "p"}
_WITH_ARTICLE = {"router": "a router", "scheduler": "a batch scheduler", "autoscaler": "an autoscaler"}


def _summary(program: tree.Program) -> str:
    return "; ".join(f"{_KEYS[function.name]} is {_value(function)}" for function in program.functions)


def _value(function: tree.Function) -> str:
    """The value in words: its expression where the body is one return, else what it reads."""
    match function.body:
        case (tree.Return(value=value),):
            return render.expression(value)
        case _:
            reads = ", ".join(sorted(_reads(function))) or "nothing"
            return f"computed from {reads}"


def _function(old: tree.Function | None, new: tree.Function | None) -> list[str]:
    if old is None and new is None:
        return []
    if old is None:
        return [f"{new.name}: {_KEYS[new.name]} is now {_value(new)} (was the order of arrival)"] if new else []
    if new is None:
        return [f"{old.name}: the queue is now served in order of arrival (the key was {_value(old)})"]
    if old.body == new.body:
        return []
    was, now = _value(old), _value(new)
    if was != now and len(new.body) == 1:
        return [f"{new.name}: {_KEYS[new.name]} is now {now} (was {was})"]
    return [f"{new.name}: {detail}" for detail in _details(old, new)]


def _details(old: tree.Function, new: tree.Function) -> list[str]:
    before, after = render.function(old), render.function(new)
    matcher = difflib.SequenceMatcher(a=before, b=after, autojunk=False)
    kept = sum(block.size for block in matcher.get_matching_blocks())
    details = [f"{len(after) - kept} of {len(after)} lines are new, {len(before) - kept} of {len(before)} are gone"]
    gained, lost = sorted(_reads(new) - _reads(old)), sorted(_reads(old) - _reads(new))
    if gained:
        details.append(f"now reads {', '.join(gained)}")
    if lost:
        details.append(f"no longer reads {', '.join(lost)}")
    return details + _answers(old, new)


def _answers(old: tree.Function, new: tree.Function) -> list[str]:
    phrases = {"SKIP": "pass a replica over (SKIP)", "BLOCK": "hold the whole queue (BLOCK)"}
    words = []
    for answer, phrase in phrases.items():
        could, can = _gives(old, answer), _gives(new, answer)
        if can and not could:
            words.append(f"can now {phrase}")
        if could and not can:
            words.append(f"no longer can {phrase}")
    return words


def _gives(function: tree.Function, answer: str) -> bool:
    return any(isinstance(one, tree.Answer) and one.name == answer for one in tree.expressions(function.body))


def _reads(function: tree.Function) -> set[str]:
    """Fields and parameters by their views' names; a loop may call its replica anything."""
    members = [one for one in tree.expressions(function.body) if isinstance(one, tree.Member)]
    return {f"{one.owner if one.owner in _OWNERS else 'replica'}.{one.name}" for one in members}
