"""A program means one thing: machine code and interpreter decide the same, to the bit, and fault in the same place."""

from __future__ import annotations

import numpy as np
import pytest

from glia_sim.policy import catalogue, document, tree

PROGRAMS = 300
BATCH = 30


@pytest.mark.parametrize("first", range(0, PROGRAMS, BATCH))
def test_generated_programs_decide_the_same_on_a_thousand_views(first, generated, views, agree):
    on = views(1000, 3, seed=first, extreme=0.05)
    shares = [agree(*generated(seed), on) for seed in range(first, first + BATCH)]
    assert 0.02 < np.mean(shares) < 0.8, "the programs should neither all fault nor never"


@pytest.mark.parametrize("name", catalogue.names())
def test_catalogue_policies_decide_the_same_on_a_hundred_thousand_views(name, views, agree):
    policy = document.load(name)
    functions = [one for one in tree.SIGNATURES if policy.function(one)]
    for extreme, count in ((0.0, 60_000), (0.03, 40_000)):
        on = views(count, 2, seed=count, extreme=extreme)
        for function in functions:
            agree(policy, function, on)
