"""Whatever the endpoint does, a turn comes back, retries are bounded, and the key stays secret."""

from __future__ import annotations

import contextlib
import datetime as dt
import email.utils
import json
import logging
import math
import traceback

import pytest

from glia_operator.adapters import endpoint as endpoints
from glia_operator.adapters import model
from glia_operator.research import speech, team
from glia_sim import faults


def rest(said):
    return said.tool("rest", reason="Done.")


PASSING = {
    "a busy endpoint": lambda said: said.status(429, "slow down"),
    "a broken endpoint": lambda said: said.status(500, "oops"),
    "an endpoint that restarts": lambda said: said.status(503, "loading model"),
    "a lost connection": lambda said: said.step(drop=True),
    "a body cut short on the wire": lambda said: said.step(b'{"choices": [', length=5000),
    "a body cut short as JSON": lambda said: said.step(b'{"choices": [{"message": {"content": "ab'),
    "a body that is no JSON": lambda said: said.step(b"<html>gateway</html>"),
    "an error with status 200": lambda said: said.step(json.dumps({"error": {"message": "overloaded"}}).encode()),
    "no choices": lambda said: said.step(b'{"choices": []}'),
    "nested without end": lambda said: said.step(b"[" * 100_000),
}


@pytest.mark.parametrize("fault", PASSING)
def test_a_passing_fault_is_tried_again(brain, scripted, said, view, waits, fault):
    scripted.script(PASSING[fault](said), PASSING[fault](said), rest(said))
    assert brain().researcher(view()).act == "rest"
    assert len(scripted.asked) == 3
    assert waits == [1.0, 2.0]


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_stays_becomes_an_unusable_turn_after_bounded_tries(brain, scripted, said, view, waits, fault):
    scripted.script(PASSING[fault](said))
    turn = brain().researcher(view())
    assert (turn.role, turn.act) == ("researcher", "unusable")
    assert turn.text.startswith("the model's endpoint failed: ")
    assert len(scripted.asked) <= 3 * endpoints.TRIES
    assert sum(waits) <= 3 * (1 + 2 + 4)


def test_an_answer_that_takes_too_long_is_given_up(brain, scripted, said, view, waits):
    scripted.script(said.step(b"{}", wait_s=0.6), rest(said))
    assert brain(timeout_s=0.2).researcher(view()).act == "rest"
    assert waits == [1.0]


def test_retry_after_is_respected_within_bounds(brain, scripted, said, view, waits):
    soon = email.utils.format_datetime(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=30), usegmt=True)
    scripted.script(
        said.status(429, "slow down", **{"retry-after": "7"}),
        said.status(503, "later", **{"retry-after": soon}),
        said.status(429, "slow down", **{"retry-after": "86400"}),
        rest(said),
    )
    assert brain().researcher(view()).act == "rest"
    assert waits[0] == 7.0
    assert 25.0 < waits[1] <= 30.0
    assert waits[2] == endpoints.LONGEST_ASKED_S


@pytest.mark.parametrize("header", ["", "soon", "nan", "-5", "Mon, 99 Foo", "1e400"])
def test_a_senseless_retry_after_asks_for_nothing_unbounded(header):
    assert 0.0 <= endpoints.retry_after_s(header, 0.0) <= endpoints.LONGEST_ASKED_S


def test_requests_keep_the_rate(scripted, said, view):
    now_s, waits = [0.0], []
    address = endpoints.Address(url=scripted.url, model="scripted", per_minute=30.0)
    place = endpoints.Endpoint(
        address, clock=lambda: now_s[0], wait=lambda s: (waits.append(s), now_s.__setitem__(0, now_s[0] + s))
    )
    scripted.script(rest(said))
    with contextlib.closing(place):
        for _ in range(4):
            place.send({"messages": [{"role": "user", "content": "x"}]})
    assert waits == [2.0, 2.0, 2.0]


BEGINNINGS = [
    (401, "Incorrect API key", "is the key right?"),
    (403, "Forbidden", "is the key right?"),
    (404, "The model does not exist", "are the model's name and the URL right?"),
    (400, "nonsense", "does this endpoint serve chat completions?"),
]


@pytest.mark.parametrize(("code", "message", "cure"), BEGINNINGS)
def test_a_wrong_key_or_model_stops_the_study_before_it_begins(brain, scripted, said, view, waits, code, message, cure):
    scripted.greet = said.status(code, f"{message}: {said.key}")
    mind = brain()
    for ask in (mind.check, lambda: mind.researcher(view())):
        with pytest.raises(faults.InputFault, match=r"model 'scripted' at http") as found:
            ask()
        assert message in str(found.value)
        assert cure.replace("?", "") in str(found.value).replace("?", "")
        assert said.key not in str(found.value)
    assert scripted.asked == []
    assert scripted.greetings == 2
    assert waits == []


def test_an_endpoint_that_is_not_there_stops_the_study_before_it_begins(waits):
    address = endpoints.Address(url="http://127.0.0.1:9/v1", model="m", per_minute=1e9)
    place = endpoints.Endpoint(address, wait=waits.append)
    with contextlib.closing(place), pytest.raises(faults.InputFault, match="is the URL right, and the server up"):
        model.ModelBrain(place, model.budgets.Budget()).check()
    assert [wait for wait in waits if wait in {1.0, 2.0, 4.0}] == [1.0, 2.0, 4.0]


def test_a_page_that_is_no_model_stops_the_study_before_it_begins(brain, scripted, said):
    scripted.greet = said.step(b"<html>hello</html>")
    with pytest.raises(faults.InputFault, match="not JSON"):
        brain().check()


def test_a_key_that_is_revoked_later_is_an_unusable_turn(brain, scripted, said, view):
    scripted.script(rest(said), said.status(401, "revoked"))
    mind = brain()
    assert mind.researcher(view()).act == "rest"
    turn = mind.researcher(view())
    assert turn.act == "unusable"
    assert "401" in turn.text


def test_the_greeting_is_sent_once(brain, scripted, said, view):
    scripted.script(rest(said))
    mind = brain()
    mind.check()
    mind.researcher(view())
    mind.supervisor(view())
    assert scripted.greetings == 1


EVERY_CALL = [
    *PASSING.values(),
    lambda said: said.status(401, f"bad key {said.key}"),
    lambda said: said.status(400, f"bad request {said.key}"),
    lambda said: said.text(f"my key is {said.key}"),
    lambda said: said.tool("rest", reason=f"my key is {said.key}"),
]


@pytest.mark.parametrize("number", range(len(EVERY_CALL)))
def test_the_key_is_in_no_turn_no_message_no_log_and_no_repr(brain, scripted, said, view, caplog, number):
    caplog.set_level(logging.DEBUG)
    scripted.script(EVERY_CALL[number](said))
    mind = brain()
    told = [repr(mind), repr(mind.researcher(view())), repr(mind.supervisor(view())), caplog.text]
    scripted.greet = EVERY_CALL[number](said)
    other = brain()
    try:
        other.check()
    except faults.InputFault as fault:
        told += ["".join(traceback.format_exception(fault)), repr(fault.__context__)]
    address = endpoints.Address(url="http://u:hidden@h/v1?key=hidden", model="m", key=said.key)
    told += [repr(address), address.shown, repr(model.ModelBrain(endpoints.Endpoint(address), model.budgets.Budget()))]
    assert all(said.key not in one for one in told)
    assert all("hidden" not in one for one in told)
    assert scripted.headers[-1]["authorization"] == f"Bearer {said.key}"


def test_a_spent_budget_of_tokens_rests_and_ends_with_its_figures(brain, scripted, said, view):
    spent = tuple(team.Turn(role="researcher", act="state", text=f"f{k}", spent=(9_000, 500)) for k in range(4))
    scripted.script(rest(said))
    mind = brain(tokens=39_000)
    turns = mind.researcher(view(turns=spent)), mind.supervisor(view(turns=spent))
    assert [one.act for one in turns] == ["rest", "end"]
    assert all("38,000 of 39,000 tokens" in one.text for one in turns)
    assert scripted.asked == []


def test_a_budget_is_never_passed_whatever_the_model_writes(brain, scripted, said, view):
    asked = []

    def step(body):
        read = sum(len(one["content"]) for one in body["messages"]) // 4
        asked.append(read + body["max_tokens"])
        return said.completion(
            {"content": f"prose {len(asked)}"}, usage={"prompt_tokens": read, "completion_tokens": body["max_tokens"]}
        )

    scripted.script(step)
    mind = brain(tokens=30_000)
    turns = []
    while not turns or turns[-1].act != "rest":
        turns.append(mind.researcher(view(turns=tuple(turns[:3]))))
    assert 0 < sum(mind.spent) <= 30_000
    assert mind.calls == len(asked) + 1


def test_no_answer_is_asked_to_be_longer_than_allowed(brain, scripted, said, view):
    scripted.script(rest(said))
    brain(answer=300).researcher(view())
    assert scripted.asked[0]["max_tokens"] == 300


def test_a_budget_of_money_counts_by_the_prices(brain, scripted, said, view):
    spent = (team.Turn(role="researcher", act="state", text="f", spent=(1_000_000, 100_000)),)
    scripted.script(rest(said))
    dear = brain(cost=3.5, read_price=2.0, write_price=15.0).researcher(view(turns=spent))
    assert dear.act == "rest"
    assert "3.50 of 3.50 in money" in dear.text
    assert brain(cost=5.0, read_price=2.0, write_price=15.0).researcher(view(turns=spent)).text == "Done."


def test_tokens_are_guessed_where_the_endpoint_does_not_count(brain, scripted, said, view):
    scripted.script(said.completion({"content": '{"turn": {"act": "rest", "reason": "Done."}}'}, usage=None))
    turn = brain().researcher(view())
    sent = sum(len(one["content"]) for one in scripted.asked[0]["messages"])
    assert turn.spent[0] == pytest.approx(sent / 3, abs=1)
    assert turn.spent[1] > 5


def test_the_study_ends_where_no_usable_answer_comes_any_more(brain, scripted, said, view):
    scripted.script(said.text("prose"))
    mind, turns = brain(), []
    for _ in range(5):
        turns.append(mind.researcher(view(turns=tuple(turns))))
    assert [one.act for one in turns] == ["unusable"] * 4 + ["rest"]
    assert mind.supervisor(view(turns=tuple(turns[:4]))).act == "end"


WRONG = [
    ({}, "no model is named"),
    ({"GLIA_MODEL": "m", "GLIA_MODEL_URL": "ftp://x"}, "must begin with http"),
    *[
        ({"GLIA_MODEL": "m", "GLIA_MODEL_URL": url}, "names no host")
        for url in ("http://", "http://[::1", "http://.../v1", "http://x\n/v1", f"http://{'a' * 300}/v1")
    ],
    ({"GLIA_MODEL": "m", "GLIA_MODEL_KEY": "a\nb"}, "characters that no HTTP header can carry"),
    ({"GLIA_MODEL": "m", "GLIA_MODEL_TOKENS": "many"}, "GLIA_MODEL_TOKENS is 'many'"),
    ({"GLIA_MODEL": "m", "GLIA_MODEL_TOKENS": "0"}, "must be above 0"),
    ({"GLIA_MODEL": "m", "GLIA_MODEL_ANSWER_TOKENS": "5"}, "must be at least 100"),
    ({"GLIA_MODEL": "m", "GLIA_MODEL_COST": "5"}, "needs the model's prices"),
    ({"GLIA_MODEL": "m", "GLIA_MODEL_COST": "-5"}, "0 or above"),
    ({"GLIA_MODEL": "m", "GLIA_MODEL_TIMEOUT": "0"}, "above 0"),
    ({"GLIA_MODEL": " "}, "the model's name is empty"),
]


@pytest.mark.parametrize(("environment", "sentence"), WRONG)
def test_a_wrong_environment_is_one_clear_sentence(environment, sentence):
    with pytest.raises(faults.InputFault, match=sentence):
        model.from_environment(environment)


def test_the_environment_names_a_brain(scripted, said, view):
    scripted.script(rest(said))
    environment = {"GLIA_MODEL": "m", "GLIA_MODEL_URL": scripted.url, "GLIA_MODEL_KEY": f"{said.key}\n"}
    with contextlib.closing(model.from_environment({**environment, "OPENAI_API_KEY": "sk-other"})) as mind:
        assert isinstance(mind.researcher(view()), team.Turn)
    assert scripted.headers[-1]["authorization"] == f"Bearer {said.key}"
    with contextlib.closing(
        model.from_environment({"OPENAI_API_KEY": "sk-other"}, url=scripted.url, model="n")
    ) as mind:
        mind.researcher(view())
    assert scripted.headers[-1]["authorization"] == "Bearer sk-other"
    assert scripted.asked[-1]["model"] == "n"


def test_pauses_double_and_stay_bounded():
    assert [endpoints.pause_s(k, 0.0) for k in range(1, 8)] == [1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]
    assert endpoints.pause_s(1, math.inf) == endpoints.LONGEST_ASKED_S


def test_a_fault_of_our_own_is_an_unusable_turn(brain, scripted, said, view, monkeypatch):
    scripted.script(rest(said))
    monkeypatch.setattr(speech, "words", lambda *_, **__: 1 / 0)
    turn = brain().researcher(view())
    assert turn.act == "unusable"
    assert "ZeroDivisionError" in turn.text
