"""What a model may do in a turn: one pydantic model for each act, and the schemas that tell a model of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import pydantic

from glia_operator.research import team

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_PARAMETERS = 64
Words = Annotated[str, pydantic.Field(min_length=1)]
Share = Annotated[float, pydantic.Field(ge=-1.0, le=5.0)]
Numbers = Annotated[tuple[int, ...], pydantic.Field(max_length=32)]


class Said(pydantic.BaseModel):
    """An act's arguments: what a model adds is ignored, numbers written as texts are read."""

    model_config = pydantic.ConfigDict(
        frozen=True, extra="ignore", use_attribute_docstrings=True, allow_inf_nan=False, str_strip_whitespace=False
    )


class Parameter(Said):
    """A number that programs read as p.NAME and that the simulator tunes within its bounds."""

    name: Words
    """Letters, digits and underscores."""
    value: float
    """Where tuning begins."""
    low: float
    """Least plausible value."""
    high: float
    """Greatest plausible value."""
    unit: Words
    """Unit, such as s, tokens, requests, or 1 for a plain ratio."""
    meaning: Words
    """What it decides, in one line."""


class Propose(Said):
    """Propose one experiment: a hypothesis and the policy that tests it.

    The Supervisor approves it or sends it back; then it is tuned and measured.
    """

    title: Words
    """Short name, at most eight words."""
    hypothesis: Words
    """Mechanism and expected effect, in a sentence that can turn out wrong."""
    addresses: Words
    """Name of the bottleneck that it acts on, as listed; composition, ablation, or control (never adopted)."""
    predicted: Share
    """Improvement of the objective over the baseline that you expect: 0.2 means a fifth better."""
    base: int = 0
    """Number of the experiment whose policy this changes; 0 is the baseline. What you leave empty stays as there."""
    router: str = ""
    """Text of the router's program, functions order and score. Empty: as in the base. The word default: no program."""
    scheduler: str = ""
    """Text of the scheduler's program, function priority. Empty: as in the base. The word default: no program."""
    autoscaler: str = ""
    """Text of the autoscaler's program, function replicas. Empty: as in the base. The word default: no program."""
    parameters: Annotated[tuple[Parameter, ...], pydantic.Field(max_length=MOST_PARAMETERS)] = ()
    """Parameters that are new or differ from the base, each with name, value, low, high, unit and meaning."""
    rationale: str = ""
    """Why it should work, for the person who approves the policy."""
    wide: bool = False
    """True where the parameters deserve the larger and slower sweep: for compositions that are nearly final."""


class Inspect(Said):
    """Look at the run of an experiment.

    The profile names bottlenecks with their numbers, the timeline shows memory and queues over time, the breakdown
    splits end-to-end time by stage, and by length of prompt and output.
    """

    sight: team.Sight
    """What to look at: profile, timeline or breakdown."""
    experiment: int = 0
    """Number of the experiment; 0 is the baseline."""


class Analyse(Said):
    """Run short Python over the requests of an experiment, in a sandbox without files, network or packages.

    The variable data is a dictionary with one list for each column, with one entry for each request in order of
    arrival: $columns. Times are in seconds; None where it never came to that. The answer is what you print, and the
    value of the last line.
    """

    code: Words
    """The code, at most 4,000 characters, done within two seconds."""
    experiment: int = 0
    """Number of the experiment; 0 is the baseline."""


class State(Said):
    """State a finding, or answer the Supervisor's question."""

    finding: Words
    """The finding with its numbers."""
    experiments: Numbers = ()
    """Numbers of the experiments that it rests on."""


class Rest(Said):
    """Say that nothing is left that is worth an experiment."""

    reason: Words
    """Why, with the numbers that say so."""


class Approve(Said):
    """Approve the proposal that waits: it is tuned and measured next."""

    reason: Words
    """Why it is worth an experiment."""


class SendBack(Said):
    """Send the proposal back to the Researcher without running it."""

    reason: Words
    """What is wrong and what would be better."""


class Ask(Said):
    """Ask the Researcher a question."""

    question: Words
    """One question whose answer would change what to do next."""
    experiments: Numbers = ()
    """Numbers of the experiments that it is about."""


class Demand(Said):
    """Demand a measurement that tells where a gain comes from; it is made at once.

    A control tunes a known simple policy as well as the proposals were tuned, and counts as an experiment. An ablation
    measures the policy of one experiment without each of its parts.
    """

    kind: Literal["control", "ablation"]
    """Which of the two: control or ablation."""
    reason: Words
    """What it would show."""
    experiments: Numbers = ()
    """For an ablation, the number of the experiment."""


class Suggest(Said):
    """Suggest what to combine or to look into."""

    suggestion: Words
    """What, and why the mechanisms should go together."""
    experiments: Numbers = ()
    """Numbers of the experiments that it is about."""


class End(Said):
    """End the study; the best policies go to the exam."""

    reason: Words
    """Why nothing further is worth an experiment."""


OF: dict[team.Role, dict[team.Act, type[Said]]] = {
    "researcher": {"propose": Propose, "inspect": Inspect, "analyse": Analyse, "state": State, "rest": Rest},
    "supervisor": {
        "approve": Approve,
        "send-back": SendBack,
        "ask": Ask,
        "demand": Demand,
        "suggest": Suggest,
        "end": End,
    },
}
assert set(OF["researcher"]) == set(team.RESEARCHER_ACTS) - {"unusable"}  # noqa: S101 - proven total where it stands
assert set(OF["supervisor"]) == set(team.SUPERVISOR_ACTS) - {"unusable"}  # noqa: S101 - proven total where it stands


def open_to(role: team.Role, view: team.View) -> tuple[team.Act, ...]:
    """The acts that make sense now."""
    closed: set[team.Act] = set()
    if view.pending is None:
        closed |= {"approve", "send-back"}
    if view.experiments_left <= 0:
        closed |= {"propose"}
    return tuple(act for act in OF[role] if act not in closed)


def changeable(view: team.View) -> frozenset[str]:
    """Programs that a proposal may give: an autoscaler only where the fleet scales."""
    return view.tunes if "scales" in view.traits else view.tunes - {"autoscaler"}


def tools(role: team.Role, acts: Iterable[team.Act]) -> list[dict[str, Any]]:
    """One tool for each act, in the form of the chat-completions API."""
    return [
        {
            "type": "function",
            "function": {"name": act, "description": told(OF[role][act]), "parameters": _object(OF[role][act])},
        }
        for act in acts
    ]


def schema(role: team.Role, acts: Iterable[team.Act]) -> dict[str, Any]:
    """JSON schema of one turn, `{"turn": {"act": ..., ...}}`, for models without tools."""
    return {
        "type": "object",
        "properties": {"turn": {"anyOf": [_object(OF[role][act], act) for act in acts]}},
        "required": ["turn"],
        "additionalProperties": False,
    }


def listed(role: team.Role, acts: Iterable[team.Act]) -> str:
    """The acts and their arguments in words."""
    lines = []
    for act in acts:
        lines.append(f"- {act}: {told(OF[role][act])}")
        lines += [f"  - {name}: {field.description}" for name, field in OF[role][act].model_fields.items()]
    return "\n".join(lines)


def told(kind: type[Said]) -> str:
    """An act's description as one line."""
    return " ".join((kind.__doc__ or "").split()).replace("$columns", ", ".join(COLUMNS))


COLUMNS = (
    "arrival_s",
    "dispatch_s",
    "first_exec_s",
    "ttft_s",
    "e2e_s",
    "ideal_s",
    "prompt_tokens",
    "output_tokens",
    "cached_tokens",
    "preemptions",
    "replica",
    "failed",
)
"""Columns of `data` in analysis code; `analysis.columns` fills them."""


def _object(kind: type[Said], act: team.Act | None = None) -> dict[str, Any]:
    """A model's JSON schema in the part that all endpoints understand: no references, titles or defaults."""
    whole = kind.model_json_schema()
    found: dict[str, Any] = _plain(whole, whole.pop("$defs", {}))
    found.pop("description", None)
    if act is not None:
        found["properties"] = {"act": {"type": "string", "enum": [act]}, **found["properties"]}
        found["required"] = ["act", *found.get("required", [])]
    return {**found, "additionalProperties": False}


def _plain(part: Any, shared: dict[str, Any]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(part, list):
        return [_plain(one, shared) for one in part]
    if not isinstance(part, dict):
        return part
    if "$ref" in part:
        return _plain(shared[part["$ref"].rpartition("/")[2]], shared)
    properties = {"properties": {name: _plain(one, shared) for name, one in part.get("properties", {}).items()}}
    rest = {key: _plain(one, shared) for key, one in part.items() if key not in {"title", "default", "properties"}}
    return {**rest, **properties} if "properties" in part else rest
