"""The real process of a study: it speaks lines, waits for its records to be safe, and dies with its operator."""

from __future__ import annotations

import asyncio
import json
import os

import pytest

from glia_operator.adapters import pages, study_process
from glia_operator.api import policy as policies
from glia_operator.research import revision

SPEC = {
    "target": {"workloadRef": {"name": "vllm"}},
    "offline": {"trace": "synthetic:paper?requests=100&rate=10&seed=4", "baseline": "random"},
    "objective": {"minimize": "mean-latency"},
    "constraints": [{"metric": "e2e", "quantile": 0.99, "below": "1h"}],
    "research": {"budget": {"experiments": 2}},
}
FLEET = """\
name: small
groups:
  - gpu: A10
    model: llama-3-8b
    count: 2
    engine: {num_blocks: 600, max_num_seqs: 128, prefix_caching: false, async_scheduling: false}
router: {views: perfect}
"""


def job(**offline):
    texts = {"fleet.yaml": FLEET}
    named = {"configMapRef": {"name": "fleet"}, **SPEC["offline"], **offline}
    return {
        "name": "chat",
        "spec": {**SPEC, "offline": named},
        "texts": texts,
        "hints": "busy",
        "processes": 1,
        "model_key": "",
    }


async def studied(job, lines=(), stop_after=None, spent_s=0.0):
    """Run a process: the book that it filled, and what else it said."""
    process = await study_process.StudyProcess.start()
    book, said = None, []
    try:
        await process.write(job)
        while (message := await process.read()) is not None:
            if "brief" in message:
                book = pages.Book(question="q", brief=message["brief"])
                for line in lines:
                    book = pages.admitted(book, line)
                await process.write({"records": list(lines), "spent_s": spent_s})
            elif "record" in message:
                book = pages.admitted(book, message["record"])
                lines = [*lines, message["record"]]
                if stop_after is not None and book.experiments >= stop_after:
                    break
                await process.write({"safe": True})
            else:
                said.append(message)
            if message.keys() & {"finished", "refused", "broke"}:
                break
        return book, said, list(lines)
    finally:
        await process.kill()


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def finished():
    """A whole study: the book that it filled, and its lines."""
    book, _, lines = asyncio.run(studied(job()))
    return book, lines


async def test_a_study_ends_with_an_answer_and_goes_on_after_a_death_without_repeating_an_experiment(finished):
    whole, lines = finished
    assert json.loads(lines[0])["kind"] == "hints"
    assert whole.answer is not None
    assert whole.hints == "busy"
    cut, _, begun = await studied(job(), stop_after=1)
    assert cut.answer is None
    assert lines[: len(begun)] == begun
    resumed, said, again = await studied(job(), begun)
    assert again == lines
    assert resumed.answer == whole.answer
    assert said[-1] == {"finished": True}


async def test_what_was_spent_before_a_death_counts_toward_the_time_limit():
    limited = job()
    limited["spec"]["research"] = {"budget": {"experiments": 2, "duration": "10m"}}
    spent, _, _ = await studied(limited, spent_s=601.0)
    assert spent.experiments == 0
    assert spent.answer is not None
    fresh, _, _ = await studied(limited, stop_after=1)
    assert fresh.experiments == 1


def test_what_it_proposes_is_a_policy_whose_digest_and_programs_check(finished):
    book, _ = finished
    if book.answer["proposal"] is None:
        pytest.fail(f"this workload used to be improved: {book.answer['reasons']}")
    spec = policies.PolicySpec.model_validate(book.answer["proposal"], by_alias=True, by_name=False)
    revision.policy_document(spec)
    assert spec.evidence.brief_digest == book.brief
    assert book.answer["feasible"] is True


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"trace": "synthetic:nothing"}, "synthetic"),
        ({"baseline": "best-of-all"}, "not in the catalogue"),
        ({"configMapRef": {"name": "fleet", "fleetKey": "absent.yaml"}}, "there is no such key"),
    ],
)
async def test_a_brief_that_cannot_be_built_is_refused_in_one_sentence(wrong, sentence):
    _, said, _ = await studied(job(**wrong))
    assert sentence in said[-1]["refused"]
    assert "\n" not in said[-1]["refused"]


async def test_a_process_whose_operator_is_gone_ends_by_itself():
    process = await study_process.StudyProcess.start()
    await process.write(job())
    assert "brief" in await process.read()
    process._process.stdin.close()
    await asyncio.wait_for(process._process.wait(), 10)
    assert not alive(process.pid)
    await process.kill()


async def test_a_killed_process_says_how_it_ended():
    process = await study_process.StudyProcess.start()
    assert await process.kill() == "signal 9"
    assert await process.read() is None
    await process.write({"late": True})


async def test_what_breaks_inside_is_told_and_logged_as_json(capfd):
    book, said, _ = await studied({**job(), "processes": "many"})
    assert book is not None
    assert "TypeError" in said[-1]["broke"] or "ValueError" in said[-1]["broke"]
    written = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert any("exception" in line for line in written)
