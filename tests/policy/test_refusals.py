"""Every program outside the language is refused in one sentence with its place and what would be right."""

from __future__ import annotations

import pytest

from glia_sim import faults
from glia_sim.policy import check, refusals

SCORE = "def score(request, replica, fleet, p):\n"


def returns(expression: str) -> str:
    return f"{SCORE}    return {expression}\n"


def body(*lines: str) -> str:
    return SCORE + "".join(f"    {line}\n" for line in lines)


CASES = [
    # the text
    ("character", returns("1\x00"), (2, 13), "U+0000"),
    ("character", "def score(request, replica, fleet, p):\n\treturn 1\n", (2, 1), "spaces for indentation"),
    ("character", body("größe = 1", "return 1"), (2, 7), "'ö' (U+00F6)"),
    ("character", body("\uff46leet2 = 1", "return 1"), (2, 5), "U+FF46"),
    ("character", returns("'\ud800'"), (2, 13), "U+D800"),
    ("character", body(r'"""\x07"""', "return 1"), (2, 5), "U+0007"),
    ("too-large", "# " + "x" * 400 + "\n" + ("#" * 400 + "\n") * 60, (1, 1), "at most 16384"),
    ("too-many-lines", "\n" * 10_000 + returns("1"), (201, 1), "10002 lines; at most 200"),
    ("line-too-long", returns("1" + " " * 600 + "+ 1"), (2, 501), "at most 500"),
    ("syntax", returns("(1"), (2, 12), "never closed"),
    ("syntax", "import os; def", (1, 12), "subset of Python"),
    ("syntax", body("if request.u1 > 0", "    return 1"), (2, 22), "expected ':'"),
    ("too-deep", returns("(" * 300 + "1" + ")" * 150), (2, 212), "assignments of their own"),
    ("too-deep", returns("-" * 400 + "1"), (2, 33), "more than 20 deep"),
    ("too-deep", returns("not " * 100 + "True"), (2, 96), "more than 20 deep"),
    ("too-deep", returns("+".join("1" * 100)), (2, 12), "more than 20 deep"),
    ("expression", returns("fleet" + ".a" * 200), (2, 12), "plain name"),
    ("too-many-nodes", body(*[f"a = {'+'.join('1' * 13)}" for _ in range(180)], "return a"), (155, 27), "4000"),
    # definitions
    ("top-level", "import os\n" + returns("1"), (1, 1), "an import; "),
    ("top-level", "limit = 3\n" + returns("1"), (1, 1), "an assignment"),
    ("top-level", "from os import path\n", (1, 1), "order and score"),
    ("top-level", "class Score:\n    pass\n", (1, 1), "a class"),
    ("unknown-function", "def priority(request, fleet, p):\n    return 1\n", (1, 1), "'priority'"),
    ("unknown-function", "def helper(x):\n    return x\n" + returns("1"), (1, 1), "order and score"),
    ("defined-twice", returns("1") + returns("2"), (3, 1), "'score' is defined a second time"),
    (
        "missing-function",
        "def order(request, fleet, p):\n    return 1\n",
        (1, 1),
        "def score(request, replica, fleet, p)",
    ),
    ("missing-function", "", (1, 1), "'score'"),
    ("signature", "def score(request, replica, p):\n    return 1\n", (1, 1), "def score(request, replica, fleet, p)"),
    ("signature", "def score(request, replica, fleet, p=1):\n    return 1\n", (1, 1), "'score'"),
    ("signature", "def score(request, replica, fleet, p, *args):\n    return 1\n", (1, 1), "'score'"),
    ("signature", "def score(request, replica, fleet, p, **more):\n    return 1\n", (1, 1), "'score'"),
    ("signature", "def score(request, replica, fleet, *, p):\n    return 1\n", (1, 1), "'score'"),
    ("signature", "def score(request, replica, fleet, /, p):\n    return 1\n", (1, 1), "'score'"),
    ("signature", "def score(request: int, replica, fleet, p):\n    return 1\n", (1, 1), "'score'"),
    ("signature", "def score(request, replica, fleet, p) -> float:\n    return 1\n", (1, 1), "'score'"),
    ("decorator", "@numba.njit\n" + returns("1"), (1, 2), "decorator"),
    # statements
    ("statement", body("while True:", "    a = 1", "return 1"), (2, 5), "a while loop"),
    ("statement", body("import os", "return 1"), (2, 5), "an import"),
    ("statement", body("global a", "return 1"), (2, 5), "global"),
    ("statement", body("nonlocal a", "return 1"), (2, 5), "nonlocal"),
    ("statement", body("del request", "return 1"), (2, 5), "del"),
    ("statement", body("pass", "return 1"), (2, 5), "pass"),
    ("statement", body("assert True", "return 1"), (2, 5), "an assert"),
    ("statement", body("raise ValueError", "return 1"), (2, 5), "raise"),
    ("statement", body("a: float = 1", "return 1"), (2, 5), "annotated"),
    ("statement", body("def inner():", "    return 1", "return 1"), (2, 5), "a function inside a function"),
    ("statement", body("class A:", "    b = 1", "return 1"), (2, 5), "a class"),
    ("statement", body("with fleet:", "    a = 1", "return 1"), (2, 5), "a with block"),
    ("statement", body("try:", "    a = 1", "finally:", "    b = 1", "return 1"), (2, 5), "a try block"),
    ("statement", body("match request:", "    case 1:", "        return 1", "return 1"), (2, 5), "a match"),
    ("statement", body("for a in fleet.replicas:", "    break", "return 1"), (3, 9), "break"),
    ("statement", body("for a in fleet.replicas:", "    continue", "return 1"), (3, 9), "continue"),
    ("statement", body("return"), (2, 5), "a return without a value"),
    ("assign-target", body("a, b = 1, 2", "return 1"), (2, 5), "a tuple"),
    ("assign-target", body("a = b = 1", "return 1"), (2, 9), "several targets"),
    ("assign-target", body("p.r = 1", "return 1"), (2, 5), "plain name"),
    ("assign-target", body("request[0] = 1", "return 1"), (2, 5), "an index"),
    ("assign-target", body("*a, b = 1", "return 1"), (2, 5), "a tuple"),
    ("assign-target", body("for a, b in fleet.replicas:", "    c = 1", "return 1"), (2, 9), "a tuple"),
    ("assign-taken", body("request = 1", "return 1"), (2, 5), "'request' is a view"),
    ("assign-taken", body("p = 1", "return 1"), (2, 5), "'p' is the parameters"),
    ("assign-taken", body("fleet += 1", "return 1"), (2, 11), "'fleet' is a view"),
    ("assign-taken", body("min = 1", "return 1"), (2, 5), "'min' is a function"),
    ("assign-taken", body("score = 1", "return 1"), (2, 5), "'score' is a function"),
    ("assign-taken", body("A100 = 1", "return 1"), (2, 5), "'A100' is a GPU class"),
    ("assign-taken", body("SKIP = 1", "return 1"), (2, 5), "'SKIP' is an answer"),
    ("assign-taken", body("for a in fleet.replicas:", "    a = 1", "return 1"), (3, 9), "the name of a loop"),
    ("augmented", body("a = 1", "a **= 2", "return a"), (3, 7), "'**='"),
    ("augmented", body("a = 1", "a //= 2", "return a"), (3, 7), "'//='"),
    ("loop-over", body("for i in range(9):", "    a = 1", "return 1"), (2, 14), "for i in fleet.replicas"),
    ("loop-over", body("for i in fleet:", "    a = 1", "return 1"), (2, 14), "fleet.replicas"),
    ("loop-over", body(f"for i in {'a.' * 90}b:", "    a = 1", "return 1"), (2, 14), "fleet.replicas"),
    ("loop-name", body("for replica in fleet.replicas:", "    a = 1", "return 1"), (2, 5), "'replica' is a view"),
    ("loop-name", body("for max in fleet.replicas:", "    a = 1", "return 1"), (2, 5), "'max' is a function"),
    ("loop-name", body("a = 1", "for a in fleet.replicas:", "    b = 1", "return 1"), (3, 5), "a variable"),
    (
        "loop-name",
        body("for a in fleet.replicas:", "    for a in fleet.replicas:", "        b = 1", "return 1"),
        (3, 9),
        "the loop around it",
    ),
    ("loop-else", body("for a in fleet.replicas:", "    b = 1", "else:", "    c = 1", "return 1"), (5, 9), "else"),
    (
        "loop-depth",
        body(*[f"{'    ' * i}for a{i} in fleet.replicas:" for i in range(3)], "            b = 1", "return 1"),
        (4, 13),
        "at most 2 deep",
    ),
    ("no-effect", body("request.u1", "return 1"), (2, 5), "not used"),
    ("no-effect", body("print(1)", "return 1"), (2, 5), "not used"),
    ("unreachable", body("return 1", "return 2"), (3, 5), "remove it"),
    ("unreachable", body("if fleet.held > 1:", "    return 1", "else:", "    return 2", "return 3"), (6, 5), "reached"),
    ("no-return", body("a = 1"), (1, 1), "score ends without a return"),
    ("no-return", body("if fleet.held > 1:", "    return 1"), (1, 1), "every path"),
    ("no-return", body("for a in fleet.replicas:", "    return 1"), (1, 1), "every path"),
    ("no-return", body('"""Only words."""'), (1, 1), "every path"),
    # expressions
    ("expression", returns("lambda: 1"), (2, 12), "a lambda"),
    ("expression", returns("[x for x in fleet.replicas]"), (2, 12), "a comprehension"),
    ("arguments", returns("min(x.running for x in fleet.replicas)"), (2, 12), "min takes"),
    ("expression", returns("(a := 1)"), (2, 13), "on a line of its own"),
    ("expression", returns("f'{request}'"), (2, 12), "an f-string"),
    ("expression", returns("[1, 2]"), (2, 12), "a list"),
    ("expression", returns("{1: 2}"), (2, 12), "a dictionary"),
    ("expression", returns("{1, 2}"), (2, 12), "a set"),
    ("expression", returns("1, 2"), (2, 12), "a tuple"),
    ("expression", returns("fleet[0]"), (2, 12), "an index"),
    ("expression", returns("request.u1.real"), (2, 12), "not a plain name"),
    ("expression", returns("().__class__.__base__"), (2, 12), "request.NAME"),
    ("expression", returns("(yield 1)"), (2, 13), "yield"),
    ("expression", returns("(await fleet)"), (2, 13), "await"),
    ("constant", returns("'text'"), (2, 12), "a text"),
    ("constant", returns("b'text'"), (2, 12), "a text"),
    ("constant", returns("None"), (2, 12), "None"),
    ("constant", returns("..."), (2, 12), "numbers, True and False"),
    ("constant", returns("1j"), (2, 12), "a complex number"),
    ("number", returns("1e999"), (2, 12), "1.8e308"),
    ("number", returns("1" + "0" * 400), (2, 12), "1.8e308"),
    ("number", returns("0x" + "f" * 400), (2, 12), "1.8e308"),
    ("operator", returns("2 ** 3"), (2, 14), "multiply repeatedly"),
    ("operator", returns("10**400"), (2, 14), "'**'"),
    ("operator", returns("1 @ 2"), (2, 14), "'@'"),
    ("operator", returns("1 << 2"), (2, 14), "'<<'"),
    ("operator", returns("1 | 2"), (2, 14), "'|'"),
    ("operator", returns("~1"), (2, 12), "use not"),
    ("operator", returns("+1"), (2, 12), "leave the sign away"),
    ("comparison", body("if 1 in fleet:", "    return 1", "return 2"), (2, 8), "'in'"),
    ("comparison", body("if fleet is fleet:", "    return 1", "return 2"), (2, 8), "'is'"),
    ("call", returns("print(1)"), (2, 12), "'print' cannot be called"),
    ("call", returns("__import__('os')"), (2, 12), "abs, ceil, exp"),
    ("call", returns("request.u1()"), (2, 12), "this cannot be called"),
    ("call", returns("score(request, replica, fleet, p)"), (2, 12), "'score' cannot be called"),
    ("call", returns("SKIP()"), (2, 12), "'SKIP' cannot be called"),
    ("arguments", returns("min(1)"), (2, 12), "min takes at least 2 arguments, not 1"),
    ("arguments", returns("exp(1, 2)"), (2, 12), "exp takes 1 argument, not 2"),
    ("arguments", returns("min(*fleet)"), (2, 12), "without names or stars"),
    ("arguments", returns("max(1, 2, key=3)"), (2, 12), "without names or stars"),
    # names
    ("unknown-name", returns("queue"), (2, 12), "'queue' is not defined"),
    ("unknown-name", returns("H10"), (2, 12), "did you mean 'H100'?"),
    ("unknown-name", returns("r"), (2, 12), "did you mean 'p.r'?"),
    ("unknown-name", returns("kv_used"), (2, 12), "did you mean 'replica.kv_used'?"),
    ("unknown-name", body("load = 1", "return laod"), (3, 12), "did you mean 'load'?"),
    ("unknown-name", returns("__builtins__"), (2, 12), "not defined"),
    ("maybe-undefined", body("if fleet.held > 1:", "    a = 1", "return a"), (4, 12), "every path"),
    ("maybe-undefined", body("for b in fleet.replicas:", "    a = 1", "return a"), (4, 12), "before the branch"),
    ("unknown-name", body("a += 1", "return 1"), (2, 7), "'a' is not defined"),
    ("view-as-value", returns("request"), (2, 12), "for example request.prompt_tokens"),
    ("view-as-value", returns("p"), (2, 12), "for example p.r"),
    ("view-as-value", body("for a in fleet.replicas:", "    b = a", "return 1"), (3, 13), "a.waiting"),
    ("function-as-value", returns("min"), (2, 12), "min(a, b)"),
    ("answer-place", returns("-SKIP"), (2, 13), "`return SKIP`"),
    ("answer-place", body("a = BLOCK", "return a"), (2, 9), "`return BLOCK`"),
    ("answer-place", returns("SKIP if fleet.held > 1 else 1"), (2, 12), "stand alone"),
    ("unknown-owner", returns("queue.length"), (2, 12), "'queue' has no fields"),
    ("unknown-owner", body("for a in fleet.replicas:", "    b = a.running", "return a.running"), (4, 12), "'a'"),
    (
        "unknown-field",
        returns("replica.kv_use"),
        (2, 12),
        "'kv_use' is not a field of replica; did you mean 'kv_used'?",
    ),
    ("unknown-field", returns("request.__dict__"), (2, 12), "'__dict__' is not a field of request"),
    ("unknown-field", returns("request.output_tokens"), (2, 12), "did you mean 'prompt_tokens'?"),
    ("unknown-field", body("for a in fleet.replicas:", "    b = a.runing", "return 1"), (3, 13), "field of a; did"),
    ("replicas-place", returns("fleet.replicas"), (2, 12), "only be looped over"),
    ("unknown-parameter", returns("p.rr"), (2, 12), "add rr to the document's parameters; did you mean 'r'?"),
    ("unknown-parameter", returns("p.__class__"), (2, 12), "p.__class__ is not declared"),
    # types
    ("want-number", returns("fleet.held > 1"), (2, 12), "the returned value has to be a number"),
    ("want-number", returns("True + 1"), (2, 12), "an operand of +"),
    ("want-number", returns("-(not True)"), (2, 14), "an operand of -"),
    ("want-number", returns("min(True, 1)"), (2, 16), "an argument of min"),
    ("want-number", body("a = True", "a += 1", "return 1"), (3, 7), "the left side of +="),
    ("want-number", body("if True == True:", "    return 1", "return 2"), (2, 8), "each side of a comparison"),
    ("want-truth", body("if fleet.held:", "    return 1", "return 2"), (2, 8), "`fleet.held > 0`"),
    ("want-truth", returns("1 if not fleet.held else 2"), (2, 21), "an operand of not"),
    ("want-truth", returns("1 if fleet.held and True else 2"), (2, 17), "an operand of and"),
    ("want-truth", returns("1 if 1 else 2"), (2, 17), "what a conditional expression tests"),
    ("type-change", body("a = 1", "a = True", "return 1"), (3, 5), "'a' is a number before and a condition here"),
    ("branch-types", returns("(1 if fleet.held > 1 else True)"), (2, 13), "both numbers or both conditions"),
]


@pytest.mark.parametrize(("rule", "text", "at", "words"), CASES, ids=[f"{case[0]}-{i}" for i, case in enumerate(CASES)])
def test_each_is_refused_in_one_sentence_with_its_place(rule, text, at, words):
    with pytest.raises(faults.InputFault) as caught:
        check.check("router", text, ("r", "m"))
    refusal = caught.value
    assert refusal.rule == rule
    assert words in str(refusal)
    assert "\n" not in str(refusal)
    assert str(refusal).startswith(f"router, line {refusal.at.line}, column {refusal.at.column}: ")
    assert refusal.at == at


ELSEWHERE = {
    "no-view": (
        "router",
        "def order(request, fleet, p):\n    return replica.running\n\n\n" + returns("1"),
        "it sees request, fleet, p",
    ),
    "answer-function": ("scheduler", "def priority(request, fleet, p):\n    return SKIP\n", "priority has to return"),
}


@pytest.mark.parametrize("rule", ELSEWHERE)
def test_what_only_some_functions_may_not_do(rule):
    program, text, words = ELSEWHERE[rule]
    with pytest.raises(refusals.Refusal, match=words) as caught:
        check.check(program, text, ())
    assert caught.value.rule == rule


def test_request_is_not_seen_by_the_autoscaler():
    with pytest.raises(refusals.Refusal, match="there is no request in replicas; it sees fleet, p"):
        check.check("autoscaler", "def replicas(fleet, p):\n    return request.u1\n", ())


def test_every_sentence_has_a_program_that_earns_it():
    in_a_document = {"unread-parameter"}
    tested = {case[0] for case in CASES} | ELSEWHERE.keys() | in_a_document
    assert tested == refusals.SENTENCES.keys()


ACCEPTED = [
    body("return 1_000 + 0x10 + 1.5e3"),
    body("return (  # any letters here: ÄÖÜ 🙂", "    1 +  # and (more)", "    2)"),
    body('"""What it does, in ä docstring."""', "return 1"),
    body("return -request.u1 if 0 < request.u1 <= 1 and not False else 0.0"),
    body("best = 0", "for other in fleet.replicas:", "    best = max(best, other.running)", "return best"),
    body("for a in fleet.replicas:", "    b = a.running", "for a in fleet.replicas:", "    b = a.waiting", "return 1"),
    body("if fleet.held > 1:", "    x = 1", "elif p.r > 2:", "    return SKIP", "else:", "    x = 2", "return x"),
    body("return 1 if replica.gpu == H100 else 0"),
    body("total = 1; total -= 2", "return total"),
    "# a comment before\n" + returns("1") + "# and one after",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_the_language_holds_is_accepted(text):
    check.check("router", text, ("r",))


def test_facts_name_what_each_function_reads():
    text = (
        "def order(request, fleet, p):\n    total = p.r\n    for each in fleet.replicas:\n"
        "        total += each.kv_used\n    return total\n\n\n" + returns("replica.running - fleet.held")
    )
    facts = check.check("router", text, ("r",)).facts
    assert facts["order"].views == {"fleet.replicas", "replica.kv_used"}
    assert facts["order"].parameters == {"r"}
    assert facts["score"].views == {"replica.running", "fleet.held"}
