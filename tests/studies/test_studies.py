"""Studies run so many at a time, lose no record, and end when they are told to."""

from __future__ import annotations

import dataclasses

import pytest

from glia_operator.adapters import kube, pages
from glia_operator.handlers.decision import seen


async def test_a_study_runs_to_its_answer_and_its_notebook_stands_in_the_cluster(stage):
    owner = await stage.want()
    await stage.settle()
    assert stage.studies.of(owner).stage is seen.Stage.IDLE
    (book,) = (await pages.load(stage.cluster, owner)).values()
    assert book.answer == {"proposal": None, "reasons": ["none"]}
    assert book.experiments == stage.experiments == 2
    assert book.question == "q1"
    assert stage.started[0].killed


async def test_the_study_goes_on_only_when_its_record_is_safe(stage, script):
    acknowledged = []
    said = script()
    for number, message in enumerate(said):
        if "record" in message:
            said[number] = lambda written, m=message: (acknowledged.append(sum("safe" in w for w in written)), m)[1]
    await stage.want(script=said)
    await stage.settle()
    assert acknowledged == list(range(len(acknowledged)))


async def test_a_resumed_study_is_given_every_record_that_stands(stage, script, chain):
    whole = script()
    owner = await stage.want(script=whole[:5])
    await stage.settle()
    assert stage.studies.of(owner).stage is seen.Stage.CRASHED
    (book,) = (await pages.load(stage.cluster, owner)).values()
    rest = chain(book.last)
    await stage.want(script=[whole[0], rest("answer", "answer", {"proposal": None}), {"finished": True}])
    await stage.settle()
    told = next(message["records"] for message in stage.started[1].written if "records" in message)
    assert told == book.lines
    assert len(told) == 3


async def test_what_a_study_has_spent_counts_on_over_deaths_and_not_while_nothing_runs(stage, script, chain):
    def waiting(message):
        def say(_written):
            stage.started[-1].go_on.clear()
            return message

        return say

    whole = script()
    owner = await stage.want(script=[whole[0], waiting({"done": 0, "doing": "", "simulations": 0}), *whole[1:3]])
    await stage.settle()
    await stage.clock.run_for(100)
    stage.started[0].go_on.set()
    await stage.settle()
    (book,) = (await pages.load(stage.cluster, owner)).values()
    assert (book.records, book.spent_s) == (1, 100.0)
    await stage.clock.run_for(5000)
    await stage.want(script=[whole[0], {"finished": True}])
    await stage.settle()
    told = next(message for message in stage.started[1].written if "records" in message)
    assert told["spent_s"] == 100.0


async def test_a_finished_notebook_is_not_studied_again(stage, script):
    owner = await stage.want()
    await stage.settle()
    await stage.want(question="q1", script=script())
    await stage.settle()
    assert stage.studies.of(owner).stage is seen.Stage.IDLE
    assert not any("records" in message for message in stage.started[1].written)


async def test_no_more_studies_run_than_there_are_workers_and_the_first_to_come_is_next(new_stage, script):
    stage = new_stage(workers=2)
    owners = [await stage.want(name) for name in ("a", "b", "c", "d")]
    stages = [stage.studies.of(owner).stage for owner in owners]
    assert stages == [seen.Stage.RUNNING] * 2 + [seen.Stage.WAITING] * 2
    await stage.settle()
    assert all(stage.studies.of(owner).stage is seen.Stage.IDLE for owner in owners)
    assert [message["name"] for process in stage.started for message in process.written[:1]] == ["a", "b", "c", "d"]


async def test_wanting_the_same_question_again_changes_nothing(stage):
    owner = await stage.want()
    await stage.want()
    await stage.settle()
    assert len(stage.started) == 1
    assert stage.studies.of(owner).stage is seen.Stage.IDLE


async def test_another_question_ends_the_study_of_the_old_one(stage, script):
    stage.held = True
    owner = await stage.want(question="q1")
    await stage.settle()
    stage.held = False
    await stage.want(question="q2", script=script(brief="sha256:" + "c" * 64))
    assert stage.started[0].killed
    await stage.settle()
    assert {book.question for book in (await pages.load(stage.cluster, owner)).values() if book.answer} == {"q2"}


async def test_a_refused_brief_is_known_with_its_sentence(stage):
    owner = await stage.want(script=[{"refused": "ConfigMap wish, key trace.csv: the file is empty"}])
    await stage.settle()
    study = stage.studies.of(owner)
    assert (study.stage, study.question) == (seen.Stage.REFUSED, "q1")
    assert "the file is empty" in study.sentence
    assert stage.cluster.of(kube.CONFIG_MAPS) == []


async def test_a_study_that_breaks_down_rests_longer_each_time(stage):
    rests = []
    for _ in range(3):
        owner = await stage.want(script=[])
        await stage.settle()
        study = stage.studies.of(owner)
        assert study.stage is seen.Stage.CRASHED
        assert "exit status 1" in study.sentence
        rests.append(study.retry_in_s)
    assert rests == [10.0, 20.0, 40.0]


async def test_an_api_that_is_away_is_waited_for_and_no_record_is_lost(stage, script):
    owner = await stage.want()
    down = iter([True] * 3)
    stage.cluster.fault = lambda call: (
        kube.Unavailable(call, "HTTP 500") if call.verb == "patch" and next(down, False) else None
    )
    await stage.settle()
    assert stage.studies.of(owner).stage is seen.Stage.RUNNING
    for _ in range(5):
        await stage.clock.run_for(10)
    await stage.settle()
    (book,) = (await pages.load(stage.cluster, owner)).values()
    assert (book.experiments, book.answer is not None) == (2, True)


async def test_another_operators_record_ends_the_study(stage, script):
    whole = script()

    async def interfere():
        (book,) = (await pages.load(stage.cluster, owner)).values()
        await pages.append(stage.cluster, owner, book, pages.line(book, "experiment", "theirs", {}))

    whole[2] = lambda _written, said=whole[2]: (stage.started[0].go_on.clear(), said)[1]
    owner = await stage.want(script=whole)
    await stage.settle()
    await interfere()
    stage.started[0].go_on.set()
    await stage.settle()
    study = stage.studies.of(owner)
    assert study.stage is seen.Stage.CRASHED
    assert "somebody else" in study.sentence
    (book,) = (await pages.load(stage.cluster, owner)).values()
    assert "theirs" in book.lines[-1]


async def test_a_broken_notebook_ends_the_study_and_is_left_as_it_is(stage, script):
    owner = await stage.want(script=script()[:3])
    await stage.settle()
    (page,) = stage.cluster.of(kube.CONFIG_MAPS)
    page["data"][pages.KEY] = "not a record\n"
    stage.cluster.put(kube.CONFIG_MAPS, page)
    await stage.want(script=script())
    await stage.settle()
    assert stage.studies.of(owner).stage is seen.Stage.IDLE
    assert stage.cluster.of(kube.CONFIG_MAPS)[0]["data"][pages.KEY] == "not a record\n"
    with pytest.raises(pages.BrokenNotebook):
        await stage.shelf.books(owner)


async def test_hints_reach_the_study_that_runs(stage, script):
    stage.held = True
    owner = await stage.want(script=script())
    await stage.settle()
    assert await stage.studies.tell(owner, "mornings")
    assert {"hints": "mornings"} in stage.started[0].written
    assert stage.studies.of(owner).hints == "mornings"
    stage.started[0].go_on.set()
    await stage.settle()
    assert not await stage.studies.tell(owner, "evenings")


async def test_stopping_kills_the_process_and_lets_the_next_begin(stage, script):
    first = await stage.want("a")
    await stage.want("b")
    await stage.studies.stop(first)
    assert stage.studies.of(first) == seen.Study()
    await stage.settle()
    assert (await pages.load(stage.cluster, dataclasses.replace(first, name="b", uid="b-uid-b"))) != {}


async def test_closing_ends_everything(stage):
    owner = await stage.want()
    await stage.want("b")
    await stage.studies.close()
    assert stage.studies.running == 0
    assert all(process.killed for process in stage.started)
    assert stage.studies.of(owner) == seen.Study()


async def test_a_study_that_breaks_down_says_why(stage):
    owner = await stage.want(script=[{"broke": "MemoryError: no room"}])
    await stage.settle()
    assert stage.studies.of(owner).sentence == "MemoryError: no room"
