"""From a model's proposal to a policy document: the base it changes, its own programs, and the language's verdict."""

from __future__ import annotations

import json
import re
from typing import Any

from glia_operator.research import acts, speech, team
from glia_sim import faults
from glia_sim.policy import document, tree

LONGEST_TITLE = 100
LONGEST_RATIONALE = 2_000
NO_PROGRAM = "default"
CONTROL = "control"
PURPOSES = ("composition", "ablation", CONTROL)
"""What a proposal may be aimed at beside a bottleneck."""
PLACE = "policy"
_FENCE = re.compile(r"\A\s*```[a-zA-Z]*\n(.*?)\n?```\s*\Z", re.DOTALL)
_PARAMETER = re.compile(r"\bp\.([A-Za-z]\w*)")
_LINE = re.compile(rf"\A{PLACE}, line \d+: ")


class Mistake(faults.InputFault):
    """What a model answered cannot be used; the message is for the model, and for the notebook."""


def policy(said: acts.Propose, view: team.View) -> str:
    """The proposed policy document, in YAML.

    Raises:
        Mistake: the language's own refusal, a program that may not change, a base that does not exist, or a policy
            that is too long or was measured before.
    """
    texts = _texts(said, view)
    base = _base(said.base, view)
    content = {
        "name": _name(said.title),
        "rationale": _rationale(said),
        "parameters": _parameters(said, base, "\n".join(text for text in _merged(texts, base).values() if text)),
        **_merged(texts, base),
    }
    try:
        found = document.loads(json.dumps(content, ensure_ascii=False), place=PLACE)
    except faults.InputFault as fault:
        raise Mistake(f"the policy is refused: {_LINE.sub('', str(fault))}") from None
    _check_new(found, said, view)
    text = document.dumps(found)
    if len(text) > team.LONGEST_POLICY:
        raise Mistake(f"the policy has {len(text)} characters; at most {team.LONGEST_POLICY} are read")
    return text


def addressed(name: str, view: team.View) -> str:
    """What a proposal is aimed at, by its known name.

    Raises:
        Mistake: no such bottleneck or purpose.
    """
    known = (*(one.name for one in view.bottlenecks), *PURPOSES)
    wanted = " ".join(speech.clean(name).split()).casefold()
    for one in known:
        if one.casefold() == wanted:
            return one
    raise Mistake(f"addresses {wanted[:60]!r} is not a known bottleneck or purpose; it is one of {', '.join(known)}")


def unfenced(text: str) -> str:
    """Code without the fence that models put around it."""
    fenced = _FENCE.match(text)
    return fenced[1] if fenced else text


def _texts(said: acts.Propose, view: team.View) -> dict[str, str]:
    """Programs that the proposal gives, by name."""
    given = {"router": said.router, "scheduler": said.scheduler, "autoscaler": said.autoscaler}
    longest = sum(len(text) for text in given.values())
    if longest > team.LONGEST_POLICY:
        raise Mistake(f"the programs have {longest} characters; at most {team.LONGEST_POLICY} are read")
    texts = {name: unfenced(speech.clean(text)) for name, text in given.items() if text.strip()}
    known = acts.changeable(view)
    for name in texts:
        if name not in known:
            raise Mistake(f"the {name} may not change in this study; {', '.join(sorted(known)) or 'nothing'} may")
    if not texts and not said.parameters and not said.base:
        raise Mistake("the proposal changes nothing; give a program, or parameters of the base")
    return texts


def _base(number: int, view: team.View) -> document.Policy | None:
    """The policy that a proposal changes."""
    if number == 0:
        text = view.baseline
    else:
        lines = {one.number: one for one in view.experiments}
        if number not in lines:
            raise Mistake(f"there is no experiment {number} to build on; 0 is the baseline")
        if lines[number].addresses == CONTROL:
            raise Mistake(f"experiment {number} is a control, there to compare with; build on another")
        text = lines[number].policy
    return document.loads(text, place=f"experiment {number}") if text else None


def _merged(texts: dict[str, str], base: document.Policy | None) -> dict[str, str | None]:
    """Text of each program: the proposal's own, or the base's; None for none."""
    kept = base.texts if base else {}
    own = {name: None if text.strip() == NO_PROGRAM else text for name, text in texts.items()}
    return {name: own[name] if name in own else kept.get(name) for name in tree.PROGRAMS}


def _parameters(said: acts.Propose, base: document.Policy | None, text: str) -> dict[str, dict[str, Any]]:
    """The base's parameters that are still read, and all that the proposal gives."""
    read = set(_PARAMETER.findall(text))
    kept = base.parameters if base else {}
    found = {name: one.model_dump() for name, one in kept.items() if name in read}
    for one in said.parameters:
        words = {"unit": _one_line(one.unit), "meaning": _one_line(one.meaning)}
        found[speech.clean(one.name).strip()] = {"value": one.value, "low": one.low, "high": one.high, **words}
    return found


def _check_new(found: document.Policy, said: acts.Propose, view: team.View) -> None:
    """Refuse what was measured before: tuning has chosen its parameters already, unless a wide sweep is asked for."""
    for one in view.experiments:
        if not one.policy or said.wide:
            continue
        old = document.loads(one.policy, place=f"experiment {one.number}")
        bounds = [{name: (p.low, p.high) for name, p in policy.parameters.items()} for policy in (old, found)]
        if old.texts == found.texts and bounds[0] == bounds[1]:
            raise Mistake(f"experiment {one.number} tuned and measured these programs; change them, or ask for wide")


def _rationale(said: acts.Propose) -> str:
    text = speech.clean(said.rationale).strip() or speech.clean(said.hypothesis).strip()
    return text[:LONGEST_RATIONALE]


def _one_line(text: str) -> str:
    return " ".join(speech.clean(text).split())


def _name(title: str) -> str:
    """A policy's name from a title: lower-case letters, digits and hyphens."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in title.lower())
    return re.sub(r"-+", "-", words).strip("-")[:60].strip("-") or "proposal"
