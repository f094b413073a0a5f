"""Text and tree say the same: what is rendered reads back as the tree it came from."""

from __future__ import annotations

import pytest

from glia_sim.policy import catalogue, document, parse, render

SCORE = "def score(request, replica, fleet, p):\n"


@pytest.mark.parametrize("name", catalogue.names())
def test_catalogue_programs_read_back(name):
    for program, checked in document.load(name).programs.items():
        assert parse.parse(program, render.render(checked.program)) == checked.program


def test_generated_programs_read_back(generated):
    for seed in range(1000, 1400):
        policy, _ = generated(seed)
        for program, checked in policy.programs.items():
            text = render.render(checked.program)
            again = parse.parse(program, text)
            assert again == checked.program
            assert render.render(again) == text


@pytest.mark.parametrize(
    ("written", "rendered"),
    [
        ("((1)+(2))*3", "(1 + 2) * 3"),
        ("1+(2*3)", "1 + 2 * 3"),
        ("1-(2-3)", "1 - (2 - 3)"),
        ("(1-2)-3", "1 - 2 - 3"),
        ("1/(2*3)", "1 / (2 * 3)"),
        ("-(1+2)", "-(1 + 2)"),
        ("-1*2", "-1 * 2"),
        ("-(1*2)", "-(1 * 2)"),
        ("--1", "--1"),
        ("1 if not (p.a<p.b and p.a>p.b) else 2", "1 if not (p.a < p.b and p.a > p.b) else 2"),
        ("1 if (not p.a<p.b) and p.a>p.b else 2", "1 if not p.a < p.b and p.a > p.b else 2"),
        ("1 if (p.a<p.b or p.a>p.b) and p.a==1 else 2", "1 if (p.a < p.b or p.a > p.b) and p.a == 1 else 2"),
        ("1 if p.a<p.b or (p.a>p.b and p.a==1) else 2", "1 if p.a < p.b or p.a > p.b and p.a == 1 else 2"),
        ("1 if 1<p.a<=2 else 2", "1 if 1 < p.a <= 2 else 2"),
        ("(1 if p.a<1 else 2) if p.b<1 else 3", "(1 if p.a < 1 else 2) if p.b < 1 else 3"),
        ("1 if p.a<1 else (2 if p.b<1 else 3)", "1 if p.a < 1 else 2 if p.b < 1 else 3"),
        ("(1 if p.a<1 else 2) + 3", "(1 if p.a < 1 else 2) + 3"),
        ("1.0", "1"),
        ("0.50", "0.5"),
        ("1e300", "1e+300"),
        ("0x10", "16"),
        ("1e16", "1e+16"),
        ("5e-324", "5e-324"),
        ("min( 1,2 , 3 )", "min(1, 2, 3)"),
    ],
)
def test_an_expression_is_rendered_with_the_parentheses_it_needs(written, rendered):
    parsed = parse.parse("router", f"{SCORE}    return {written}\n")
    assert render.render(parsed) == f"{SCORE}    return {rendered}\n"
    assert parse.parse("router", render.render(parsed)) == parsed


def test_branches_loops_and_docstrings_are_rendered():
    text = f'''{SCORE}    """Says "a\\\\b" and

    more."""
    total = 0
    for other in fleet.replicas:
        total += other.running
    if total > 1:
        return SKIP
    elif total > 2:
        x = 1
    else:
        if total > 3:
            x = 2
        else:
            x = 3
        x -= 1
    return x
'''
    parsed = parse.parse("router", text)
    rendered = render.render(parsed)
    assert parse.parse("router", rendered) == parsed
    assert rendered.replace('\\"', '"') == text


def test_positions_do_not_count():
    spaced = parse.parse("router", f"# Why.\n\n{SCORE}    return   (1 +  2)  # three\n")
    assert spaced == parse.parse("router", f"{SCORE}    return 1 + 2\n")
