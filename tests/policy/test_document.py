"""A policy in hand is valid; its document reads back as the same policy, and a wrong one is refused with its line."""

from __future__ import annotations

import pickle

import hypothesis
import pytest
from hypothesis import strategies

from glia_sim import faults
from glia_sim.policy import catalogue, document

GOOD = """\
name: example
rationale: It shows the format.
parameters:
  r:
    value: 0.6
    low: 0
    high: 4
    unit: share
    meaning: growth
router: |
  def score(request, replica, fleet, p):
      # A comment.
      return -p.r * replica.running
"""


def refused(text: str) -> str:
    with pytest.raises(faults.InputFault) as caught:
        document.loads(text, place="my.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", catalogue.names())
def test_a_catalogue_policy_reads_back_from_its_own_document(name):
    policy = document.load(name)
    again = document.loads(document.dumps(policy), place=name)
    assert again == policy
    assert again.digest == policy.digest
    assert policy.name == name


def test_the_catalogue_holds_what_the_reference_promises():
    promised = {"random", "rr", "least-waiting", "llq", "memory-llq", "p2c", "prefix-affinity", "elephant", "expert"}
    promised |= {"hra-fifo", "hra-spf", "hra-spf-aged", "spf-llq", "proportional", "spf-priority"}
    assert promised <= set(catalogue.names())


def test_digests_tell_policies_apart():
    digests = {document.load(name).digest for name in catalogue.names()}
    assert len(digests) == len(catalogue.names())
    assert all(digest.startswith("sha256:") and len(digest) == 71 for digest in digests)


WORDS = strategies.text(
    strategies.characters(categories=["L", "N", "P", "S", "Zs"], exclude_characters="\xa0"), min_size=1
)


@hypothesis.given(rationale=WORDS, unit=WORDS, meaning=WORDS, value=strategies.floats(-1e300, 1e300))
def test_any_printable_words_and_any_number_survive_the_round_trip(rationale, unit, meaning, value):
    hypothesis.assume(all(words.strip() and words.isprintable() for words in (rationale, unit, meaning)))
    policy = document.loads(GOOD, place="my.yaml")
    content = policy.model_dump() | {"rationale": rationale + "\n" + meaning}
    content["parameters"]["r"] = {"value": value, "low": -1e301, "high": 1e301, "unit": unit, "meaning": meaning}
    changed = document.Policy(**content)
    assert document.loads(document.dumps(changed), place="again.yaml") == changed


def test_a_document_without_parameters_has_none():
    text = document.dumps(document.load("llq"))
    assert "parameters" not in text
    assert document.loads(text, place="llq").parameters == {}


def test_programs_stand_in_literal_blocks():
    assert "router: |\n  def score(request, replica, fleet, p):\n      # A comment." in document.dumps(
        document.loads(GOOD, place="my.yaml")
    )


WRONG = [
    (GOOD.replace("rationale", "raionale"), "line 2: 'raionale' is not a key of a policy; did you mean 'rationale'?"),
    (GOOD.replace("rationale: It shows the format.\n", ""), "line 1: the key 'rationale' is missing"),
    (GOOD.replace("    unit: share\n", ""), "line 4: the key 'parameters.r.unit' is missing"),
    (GOOD.replace("unit", "units"), "line 8: 'parameters.r.units' is not a key of a policy; did you mean 'unit'?"),
    (GOOD.replace("0.6", "5"), "line 4: parameters.r: the value 5 has to lie between low 0 and high 4"),
    (GOOD.replace("high: 4", "high: -1"), "line 4: parameters.r: low 0 has to be below high -1"),
    (GOOD.replace("0.6", ".nan"), "line 5: parameters.r.value"),
    (GOOD.replace("high: 4", "high: .inf"), "line 7: parameters.r.high"),
    (GOOD.replace("high: 4", "high: 1e999"), "line 7: parameters.r.high"),
    (GOOD.replace("0.6", "much"), "line 5: parameters.r.value: input should be a valid number, received 'much'"),
    (GOOD.replace("0.6", "true"), "line 5: parameters.r.value: input should be a valid number, received 'true'"),
    (GOOD.replace("0.6", "[1]"), "line 5: parameters.r.value"),
    (GOOD.replace("unit: share", "unit: {a: b}"), "line 8: parameters.r.unit: input should be a valid string"),
    (GOOD.replace("unit: share", "unit: ''"), "line 8: parameters.r.unit: write between 1 and 4000 characters"),
    (GOOD.replace("unit: share", 'unit: "a\\nb"'), "line 8: parameters.r.unit: write one line"),
    (GOOD.replace("unit: share", 'unit: "a\\tb"'), "line 8: parameters.r.unit: use printable characters"),
    (GOOD.replace("name: example", "name: My Policy"), "line 1: name: use at most 63 lower-case letters"),
    (GOOD.replace("  r:", "  2r:").replace("p.r", "p.s"), "line 4: parameters.2r: use ASCII letters"),
    (GOOD.replace("  r:", "  lambda:"), "line 4: parameters.lambda: use ASCII letters"),
    (GOOD.replace("  r:", "  r: 1\n  s:"), "line 4: parameters.r: input should be a valid dictionary"),
    (GOOD.replace("parameters:", "parameters: 3\nrest:"), "'rest' is not a key of a policy"),
    (GOOD.partition("router")[0], "line 1: a policy needs at least one program"),
    (GOOD.replace("p.r *", "1 *"), "line 4: parameter r is declared but no program reads p.r; use it or remove it"),
    (GOOD.replace("p.r *", "p.q *"), "line 13: router, line 3, column 13: p.q is not declared"),
    (GOOD.replace("running", "runing"), "line 13: router, line 3, column 19: 'runing' is not a field of replica"),
    (GOOD.replace("router: |", "scheduler: |"), "line 11: scheduler, line 1, column 1: 'score' is not a function"),
    (GOOD + "scheduler: 'def priority(p): return 1'\n", "line 14: scheduler, line 1, column 1: 'priority' has to be"),
    (GOOD + "autoscaler: ''\n", "line 14: autoscaler, line 1, column 1: the program does not define 'replicas'"),
    (GOOD + "scheduler: [a]\n", "line 14: scheduler: input should be a valid string"),
    (
        GOOD.replace(
            "parameters:\n",
            "parameters:\n"
            + "".join(f"  q{i}: {{value: 1, low: 0, high: 2, unit: a, meaning: b}}\n" for i in range(257)),
        ),
        "line 3: parameters: dictionary should have at most 256",
    ),
]


@pytest.mark.parametrize(("text", "words"), WRONG, ids=range(len(WRONG)))
def test_a_wrong_document_is_refused_with_its_line(text, words):
    message = refused(text)
    assert message.startswith("my.yaml, line ")
    assert words in message


def test_an_empty_program_key_is_no_program():
    assert document.loads(GOOD + "scheduler:\nautoscaler: null\n", place="my.yaml").scheduler is None


def test_numbers_may_be_written_as_people_write_them():
    assert document.loads(GOOD.replace("high: 4", "high: 1e3"), place="my.yaml").parameters["r"].high == 1000.0


def test_other_values_stay_within_the_bounds():
    policy = document.load("hra-spf")
    changed = document.with_values(policy, {"r": 0.45})
    assert changed.parameters["r"].value == 0.45
    assert policy.parameters["r"].value == 0.6
    assert changed.parameters["m"] == policy.parameters["m"]
    assert changed.digest != policy.digest
    assert document.loads(document.dumps(changed), place="x") == changed


@pytest.mark.parametrize("value", [-0.1, 4.1, float("nan"), float("inf")])
def test_a_value_outside_its_bounds_is_refused(value):
    with pytest.raises(faults.InputFault, match=r"policy hra-spf: parameter r is .*; it has to lie between 0 and 4"):
        document.with_values(document.load("hra-spf"), {"r": value})


def test_an_unknown_parameter_is_refused():
    with pytest.raises(faults.InputFault, match="there is no parameter 'q'; there is m, r"):
        document.with_values(document.load("hra-spf"), {"q": 1})


def test_a_file_is_read_by_its_path(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    assert document.load(path) == document.load(str(path)) == document.loads(GOOD, place="my.yaml")
    path.write_text(GOOD.replace("running", "runing"))
    with pytest.raises(faults.InputFault, match=r"mine\.yaml, line 13: router, line 3, column 19: "):
        document.load(path)


def test_a_policy_travels_between_processes():
    policy = document.load("hra-spf-aged")
    assert pickle.loads(pickle.dumps(policy)) == policy  # noqa: S301  # our own bytes
