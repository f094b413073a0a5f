"""The language reference says what the code does: its tables, its examples and the refusals it quotes."""

from __future__ import annotations

import pathlib
import re

import pytest

from glia_sim import faults
from glia_sim.policy import check, document, fields, reference, refusals, tree

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "policy-language.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
(YAML,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


def test_the_tables_follow_the_code():
    message = "run: python -m glia_sim.policy.reference docs/policy-language.md"
    assert reference.filled(PAGE) == PAGE, message


def test_every_table_has_its_place():
    assert set(re.findall(r"<!-- table: (\w+) -->", PAGE)) == reference.TABLES.keys()


def test_a_page_that_drifted_is_put_right():
    drifted = PAGE.replace("KV cache size", "size of the cache")
    assert drifted != PAGE
    assert reference.filled(drifted) == PAGE


def test_the_views_are_all_there():
    for owner, view in (("request", fields.REQUEST), ("replica", fields.REPLICA), ("fleet", fields.FLEET)):
        for field in view:
            assert f"| `{owner}.{field.name}` | {field.unit} | {field.meaning} |" in PAGE


def test_every_refusal_is_there():
    for sentence in refusals.SENTENCES.values():
        assert sentence.replace("|", "\\|") in PAGE


@pytest.mark.parametrize("text", PYTHON)
def test_the_examples_are_in_the_language(text):
    (program,) = (one for one, names in tree.PROGRAMS.items() if f"def {tree.REQUIRED[one]}(" in text and names)
    check.check(program, text, ("ageing", "budget", "large", "target", "patience"))


def test_the_document_of_the_reference_is_a_policy():
    policy = document.loads(YAML, place="my.yaml")
    assert (policy.name, policy.parameters["budget"].high) == ("held-budget", 512.0)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("replica.in_flight >= p", "replica.in_fligth >= p"), ("value: 64", "value: 900"), ("rationale", "raionale")],
)
def test_the_refusals_of_the_reference_are_those_of_the_code(right, wrong):
    with pytest.raises(faults.InputFault) as caught:
        document.loads(YAML.replace(right, wrong), place="my.yaml")
    assert f"\n{caught.value}\n" in PAGE
