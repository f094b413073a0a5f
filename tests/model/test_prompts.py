"""The prompts teach the language as it is, and principles rather than answers."""

from __future__ import annotations

import re

import pytest

from glia_operator.research import acts, language, speech, team
from glia_sim.policy import catalogue, fields, refusals, tree

EVERY = frozenset(tree.PROGRAMS)


def test_every_field_function_and_limit_of_the_language_is_told():
    told = language.described(EVERY)
    for owner, view in (("request", fields.REQUEST), ("replica", fields.REPLICA), ("fleet", fields.FLEET)):
        for field in view:
            assert f"- {owner}.{field.name} ({field.unit}): {field.meaning}" in told
    for name, arguments in tree.SIGNATURES.items():
        assert f"`def {name}({', '.join(arguments)})`" in told
    assert all(f"{name}(" in told for name in tree.FUNCTIONS)
    assert str(refusals.LINES) in told
    assert "$" not in told


def test_nothing_is_told_that_the_language_has_not():
    told = language.described(EVERY)
    known = {
        f"{owner}.{one.name}" for owner in ("request", "replica", "fleet") for one in getattr(fields, owner.upper())
    }
    assert set(re.findall(r"\b(?:request|replica|fleet)\.\w+", told)) == known | {"fleet.replicas"}


def test_only_programs_that_may_change_are_told():
    told = language.described({"scheduler"})
    assert "def priority(" in told
    assert "def score(" not in told
    assert "def replicas(" not in told


@pytest.mark.parametrize("role", acts.OF)
def test_the_prompts_give_no_finished_answer_away(view, role):
    system = speech.words(view(tunes=EVERY, traits=frozenset({"scales"})), role, "text", room=10_000).system.casefold()
    for name in catalogue.names():
        if name not in {"expert", "random", "rr"}:
            assert not re.search(rf"\b{name}\b", system), name
    for recipe in ("hra", "spf", "shortest prompt", "headroom", "least-loaded", "ageing", "power of two", "elephant"):
        assert recipe not in system


def test_the_supervisors_prompt_knows_no_language(view):
    system = speech.words(view(), "supervisor", "text", room=10_000).system
    assert "def " not in system
    assert "replica." not in system
    assert "kv_used" not in system


@pytest.mark.parametrize("role", acts.OF)
@pytest.mark.parametrize("form", ["tools", "schema", "text"])
def test_every_act_and_its_arguments_are_told_in_every_form(view, role, form):
    seen = view(pending=team.Turn(role="researcher", act="propose", text="x"))
    words = speech.words(seen, role, form, room=10_000)
    told = words.system + words.user + (str(acts.tools(role, acts.OF[role])) if form == "tools" else "")
    for act, kind in acts.OF[role].items():
        assert act in told
        for name, field in kind.model_fields.items():
            assert name in told
            assert field.description in told


@pytest.mark.parametrize("role", acts.OF)
def test_the_standing_part_of_a_prompt_fits_a_small_context(view, role):
    words = speech.words(view(tunes=EVERY, traits=frozenset({"scales"})), role, "text", room=speech.SHORTEST_ROOM)
    assert len(words.system) < 16_500


@pytest.mark.parametrize("role", acts.OF)
def test_schemas_use_only_what_all_endpoints_understand(role):
    for shape in (acts.schema(role, acts.OF[role]), acts.tools(role, acts.OF[role])):
        text = str(shape)
        for word in ("$ref", "$defs", "'title': '", "default'", "prefixItems", ": None"):
            assert word not in text


def test_the_same_view_gives_the_same_words_and_older_turns_stay_where_they_stood(view, lines):
    first = view(turns=(team.Turn(role="supervisor", act="ask", text="Why?"),), experiments=(lines(1),))
    more = view(
        turns=(*first.turns, team.Turn(role="researcher", act="state", text="So.")), experiments=first.experiments
    )
    words = [speech.words(one, "researcher", "tools", room=50_000).user for one in (first, first, more)]
    assert words[0] == words[1]
    shared = words[0].partition("# Now")[0]
    assert words[2].startswith(shared)


def test_answers_to_inspections_stand_under_the_turn_that_asked(view):
    look = team.Turn(role="researcher", act="inspect", text="profile", sight="profile", numbers=(0,))
    words = speech.words(
        view(turns=(look,), observations={0: "Memory is 93 % full."}), "researcher", "tools", room=9_000
    )
    asked, answered = words.user.index("inspect, profile, experiments 0"), words.user.index("Memory is 93 % full.")
    assert asked < answered < words.user.index("# Now")


@pytest.mark.parametrize("role", acts.OF)
@pytest.mark.parametrize("room", [4_000, 12_000, 60_000])
def test_a_long_study_keeps_to_its_room(view, lines, role, room):
    many = tuple(lines(k, hypothesis="long " * 800, finding="found " * 600, policy="x" * 3_000) for k in range(1, 21))
    talk = tuple(team.Turn(role="researcher", act="state", text=f"{k} " + "word " * 700) for k in range(80))
    words = speech.words(view(experiments=many, turns=talk), role, "text", room=room)
    assert len(words.user) < room + 7_500
    assert all(f"{one.number}. {one.title}" in words.user for one in many)


def test_the_best_and_the_newest_policies_are_shown(view, lines):
    many = tuple(lines(k, cost=-0.1 if k == 3 else -0.01, policy=f"policy number {k}") for k in range(1, 9))
    user = speech.words(view(experiments=many), "researcher", "tools", room=60_000).user
    assert re.findall(r"policy number (\d)", user) == ["3", "7", "8"]
