"""The brain behind an OpenAI-compatible endpoint: asks a model for each turn, within a budget.

Whatever the model or its endpoint does, a turn comes back: a usable one, one that says why there is none, or, once the
budget is spent or nothing usable comes any more, the end. Only what stops a study before it begins is raised.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from glia_operator.adapters import budget as budgets
from glia_operator.adapters import endpoint as endpoints
from glia_operator.adapters import manner as manners
from glia_operator.research import acts, answers, proposals, speech, team
from glia_sim import faults

if TYPE_CHECKING:
    from collections.abc import Mapping

OPENAI = "https://api.openai.com/v1"
MOST_UNUSABLE = 4
"""After so many turns in a row without a usable answer, a study ends on what it has."""
CHARACTERS_PER_TOKEN = 3
"""A careful guess, for requests that are not sent yet and for endpoints that count nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    """What a role is asked, perhaps once more after a mistake: the answer and what was wrong with it."""

    role: team.Role
    view: team.View
    mistake: tuple[str, str] | None = None

    def words(self, manner: manners.Manner) -> speech.Words:
        asked = speech.words(self.view, self.role, manner.form, room=manner.room)
        return asked if self.mistake is None else speech.again(asked, *self.mistake)


class _Spent(Exception):  # noqa: N818 - never leaves this module
    """The budget does not allow one more answer."""


class ModelBrain:
    """A `team.Brain` whose turns a model thinks up.

    Args:
        endpoint: where the model is.
        budget: what may be spent, counted over the turns that a view holds and what this brain asked itself.
    """

    def __init__(self, endpoint: endpoints.Endpoint, budget: budgets.Budget) -> None:
        self.spent = (0, 0)
        """Tokens read and written since this brain exists."""
        self.calls = 0
        self.name = f"openai {endpoint.address.model} at {endpoint.address.shown}"
        self._endpoint = endpoint
        self._budget = budget
        self._manner = manners.Manner()
        self._checked = False

    def __repr__(self) -> str:
        """Where the model is."""
        return f"ModelBrain({self._endpoint!r})"

    def researcher(self, view: team.View) -> team.Turn:
        """The Researcher's next turn; raises InputFault as `check`, at the first call."""
        return self._turn("researcher", view)

    def supervisor(self, view: team.View) -> team.Turn:
        """The Supervisor's next turn; programs are taken out of the view; raises InputFault as `check`."""
        return self._turn("supervisor", team.supervisors(view))

    def close(self) -> None:
        """Let go of the connections."""
        self._endpoint.close()

    def check(self) -> None:
        """Ask for one word, so that a wrong address, key or name is found before a study begins.

        Raises:
            InputFault: naming the address, what it said and what would be right.
        """
        if self._checked:
            return
        try:
            body = self._greeted()
        except endpoints.Refused as refusal:
            raise faults.InputFault(f"{self._place()}: {refusal}; {_cure(refusal.status)}") from None
        except endpoints.Failed as failure:
            raise faults.InputFault(f"{self._place()}: {failure}; is the URL right, and the server up?") from None
        self._counted(body, 0)
        self._checked = True

    def _greeted(self) -> dict[str, Any]:
        while True:
            try:
                return self._endpoint.send(manners.greeting(self._manner))
            except endpoints.Refused as refusal:
                manner = manners.cured(self._manner, str(refusal)) if refusal.status in CURABLE else None
                if manner is None:
                    raise
                self._manner = manner

    def _place(self) -> str:
        return f"model {self._endpoint.address.model!r} at {self._endpoint.address.shown}"

    def _turn(self, role: team.Role, view: team.View) -> team.Turn:
        if _useless(view) >= MOST_UNUSABLE:
            return _over(role, f"the model gave no usable answer in the last {MOST_UNUSABLE} turns")
        self.check()
        try:
            return self._asked(role, view)
        except (endpoints.Refused, endpoints.Failed) as failure:
            return _unusable(role, f"the model's endpoint failed: {failure}")
        except Exception as fault:  # noqa: BLE001 - whatever a model makes this code do, the study goes on
            return _unusable(role, f"the answer could not be read: {type(fault).__name__}")

    def _asked(self, role: team.Role, view: team.View) -> team.Turn:
        """The turn of the first usable answer: of the question, or of the question put once more."""
        before, question = self.spent, _Question(role=role, view=view)
        for _ in range(2):
            try:
                answer = self._answer(question)
            except _Spent:
                return _over(
                    role, f"the budget is at its end: {self._budget.told(self._total(view))}", self._since(before)
                )
            try:
                return replace(answers.read(answer, role, view), spent=self._since(before))
            except proposals.Mistake as mistake:
                question = replace(question, mistake=(answer.text, str(mistake)))
            if not answer.call and self._manner.form == "tools":  # it was given tools, and called none
                self._manner = replace(self._manner, form="schema")
        why = "" if question.mistake is None else question.mistake[1]
        return _unusable(role, f"no usable answer: {why}", self._since(before))

    def _answer(self, question: _Question) -> answers.Answer:
        """An answer, asked for in the first manner that the endpoint takes."""
        open_now = acts.open_to(question.role, question.view)
        while True:
            asked = question.words(self._manner)
            coming = (len(asked.system) + len(asked.user)) // CHARACTERS_PER_TOKEN
            most = self._budget.answer_tokens(self._total(question.view), coming)
            if most < budgets.LEAST_ANSWER_TOKENS:
                raise _Spent
            manner = replace(self._manner, answer_tokens=min(self._manner.answer_tokens, most))
            try:
                return self._counted(self._endpoint.send(manners.body(manner, asked, question.role, open_now)), coming)
            except (endpoints.Refused, endpoints.Failed) as fault:
                self._give_way(fault)

    def _give_way(self, fault: endpoints.Refused | endpoints.Failed) -> None:
        """Ask in another manner from now on; raises the fault where none would help."""
        manner = None
        if fault.status in CURABLE:
            manner = manners.cured(self._manner, str(fault)) or self._manner.simpler()
        if manner is None:
            raise fault
        self._manner = manner

    def _counted(self, body: dict[str, Any], coming: int) -> answers.Answer:
        answer = answers.message(body)
        read, wrote = answer.spent or (coming, len(answer.text) // CHARACTERS_PER_TOKEN)
        self.spent = (self.spent[0] + read, self.spent[1] + wrote)
        self.calls += 1
        return answer

    def _total(self, view: team.View) -> tuple[int, int]:
        """Tokens spent on this study: what its turns say, or what this brain counted, where that is more."""
        told = (sum(turn.spent[0] for turn in view.turns), sum(turn.spent[1] for turn in view.turns))
        return max(told, self.spent, key=sum)

    def _since(self, before: tuple[int, int]) -> tuple[int, int]:
        return (self.spent[0] - before[0], self.spent[1] - before[1])


CURABLE = frozenset({400, 404, 405, 413, 415, 422, 500, 501})
"""Statuses by which endpoints refuse a manner of asking."""


def from_environment(
    environment: Mapping[str, str] | None = None, *, url: str | None = None, model: str | None = None
) -> ModelBrain:
    """The brain that the environment names; `docs/models.md` lists its variables.

    Args:
        environment: the process's own where None.
        url: in place of GLIA_MODEL_URL.
        model: in place of GLIA_MODEL.

    Raises:
        InputFault: no model is named, or a value is not what it should be.
    """
    found = os.environ if environment is None else environment
    named = model or found.get("GLIA_MODEL", "")
    if not named:
        raise faults.InputFault("no model is named: set GLIA_MODEL, or give --model")
    address = endpoints.Address(
        url=url or found.get("GLIA_MODEL_URL") or OPENAI,
        model=named,
        key=key(found),
        timeout_s=_number(found, "GLIA_MODEL_TIMEOUT", 120.0),
        per_minute=_number(found, "GLIA_MODEL_PER_MINUTE", 60.0),
    )
    cost = _number(found, "GLIA_MODEL_COST", 0.0) if found.get("GLIA_MODEL_COST") else None
    budget = budgets.Budget(
        tokens=int(_number(found, "GLIA_MODEL_TOKENS", budgets.TOKENS)),
        answer=int(_number(found, "GLIA_MODEL_ANSWER_TOKENS", budgets.ANSWER_TOKENS)),
        cost=cost,
        read_price=_number(found, "GLIA_MODEL_READ_PRICE", 0.0),
        write_price=_number(found, "GLIA_MODEL_WRITE_PRICE", 0.0),
    )
    return ModelBrain(endpoints.Endpoint(address), budget)


def key(environment: Mapping[str, str]) -> str:
    """The key that the environment holds; empty where there is none."""
    return (environment.get("GLIA_MODEL_KEY") or environment.get("OPENAI_API_KEY") or "").strip()


def _number(environment: Mapping[str, str], name: str, otherwise: float) -> float:
    text = environment.get(name, "")
    try:
        number = float(text) if text else otherwise
    except ValueError:
        number = float("nan")
    if not 0.0 <= number < float("inf"):
        raise faults.InputFault(f"{name} is {text[:40]!r}; it must be a number, 0 or above")
    return number


def _useless(view: team.View) -> int:
    """Unusable turns at the end of the conversation."""
    count = 0
    for turn in reversed(view.turns):
        if turn.act != "unusable":
            break
        count += 1
    return count


def _unusable(role: team.Role, why: str, spent: tuple[int, int] = (0, 0)) -> team.Turn:
    return team.Turn(role=role, act="unusable", text=speech.clean(why)[: team.LONGEST_TEXT], spent=spent)


def _over(role: team.Role, why: str, spent: tuple[int, int] = (0, 0)) -> team.Turn:
    return team.Turn(role=role, act="rest" if role == "researcher" else "end", text=why, spent=spent)


def _cure(status: int) -> str:
    match status:
        case 401 | 403:
            return "is the key right? It is read from GLIA_MODEL_KEY, else from OPENAI_API_KEY"
        case 404:
            return "are the model's name and the URL right? The URL ends where /chat/completions begins"
        case _:
            return "does this endpoint serve chat completions?"
