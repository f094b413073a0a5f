"""What the API server must refuse the models refuse too, so that no command takes what a cluster would not."""

from __future__ import annotations

import pytest

from glia_sim import faults
from hostile import cases

MODELLED = [case for case in cases.SERVER if case.modelled]
PATIENCE = 100


def test_there_are_more_than_a_hundred_of_them_and_no_two_share_a_name():
    assert len(cases.SERVER) > PATIENCE
    everything = (*cases.SERVER, *cases.OPERATOR, *cases.POLICIES)
    assert len({case.name for case in everything}) == len(everything)


@pytest.mark.parametrize("case", MODELLED, ids=lambda case: case.name)
def test_a_hostile_object_is_refused_in_one_short_sentence(case, readers):
    with pytest.raises(faults.InputFault) as refused:
        readers[case.body["kind"]](case.body)
    sentence = str(refused.value)
    assert "\n" not in sentence
    assert len(sentence) < 400
    assert "hunter2" not in sentence


@pytest.mark.parametrize("case", [*cases.OPERATOR, *cases.POLICIES], ids=lambda case: case.name)
def test_what_the_operator_has_to_judge_the_models_accept(case, readers):
    judged = case.objects[-1]
    readers[judged["kind"]](judged)
