"""Which orders age alike for all requests, so that held requests never pass each other."""

from __future__ import annotations

import pytest

from glia_sim.policy import ageing, check

PARAMETERS = ("a", "b")


def steady(body):
    text = f"def order(request, fleet, p):\n{body}\ndef score(request, replica, fleet, p):\n    return 0\n"
    return ageing.is_steady(check.check("router", text, PARAMETERS).program.function("order"))


@pytest.mark.parametrize(
    "order",
    [
        "request.prompt_tokens - p.a * request.waited_s",
        "-request.waited_s",
        "log(request.prompt_tokens + p.b) - 0.7 * request.waited_s / max(p.a, 1)",
        "(request.prompt_tokens - request.waited_s) * p.a / p.b",
        "request.waited_s + request.waited_s * 2 - request.u1 * request.sequence",
    ],
)
def test_a_still_part_plus_the_wait_times_parameters_is_steady(order):
    assert steady(f"    return {order}")


@pytest.mark.parametrize(
    "order",
    [
        "request.prompt_tokens",
        "request.prompt_tokens * request.waited_s",
        "request.waited_s * request.waited_s",
        "log(request.waited_s + 1)",
        "1 / request.waited_s",
        "request.waited_s // 2",
        "request.waited_s % p.a",
        "min(request.waited_s, 30)",
        "request.prompt_tokens - fleet.held * request.waited_s",
        "fleet.held - request.waited_s",
        "1 if request.waited_s > 3 else 2",
        "2000000000.0 + request.waited_s",
    ],
)
def test_anything_else_is_ranked_in_every_pass(order):
    assert not steady(f"    return {order}")


def test_more_than_one_expression_is_ranked_in_every_pass():
    assert not steady("    x = request.waited_s\n    return 0 - x")
