"""A notebook in ConfigMaps loses nothing, repeats nothing, and never takes a stranger's word."""

from __future__ import annotations

import dataclasses

import pytest

from glia_operator.adapters import kube, kube_fake, pages
from glia_sim import faults

OWNER = pages.Owner(namespace="team", name="chat", uid="0a1b2c3d-0000-0000-0000-000000000001")
BRIEF = "sha256:" + "ab" * 32


@pytest.fixture
def cluster():
    return kube_fake.FakeKube()


async def filled(cluster, count=3, size=10):
    book = pages.Book(question="q1", brief=BRIEF)
    for number in range(count):
        book = await pages.append(cluster, OWNER, book, pages.line(book, "experiment", str(number), {"x": "y" * size}))
    return book


async def test_what_was_written_is_read_again_by_an_operator_that_knows_nothing(cluster):
    book = await filled(cluster)
    assert (await pages.load(cluster, OWNER)) == {BRIEF: book}
    assert book.experiments == book.records == 3


async def test_the_time_spent_stands_beside_the_records_on_every_page(cluster):
    book = await filled(cluster, count=2, size=90_000)
    book = dataclasses.replace(book, spent_s=60.0)
    book = await pages.append(cluster, OWNER, book, pages.line(book, "experiment", "2", {"x": "y" * 90_000}))
    assert len(book.pages) == 2
    book = dataclasses.replace(book, spent_s=90.0)
    book = await pages.append(cluster, OWNER, book, pages.line(book, "experiment", "3", {}))
    (read,) = (await pages.load(cluster, OWNER)).values()
    assert read.spent_s == 90.0
    marred = cluster.objects["configmaps", "team", book.names[-1]]["metadata"]["annotations"]
    marred["glia.dev/spent-seconds"] = "ages"
    (read,) = (await pages.load(cluster, OWNER)).values()
    assert read.spent_s == 0.0


async def test_a_long_study_takes_several_pages_each_below_512_kb(cluster):
    book = await filled(cluster, count=8, size=90_000)
    assert len(book.pages) == 4
    assert all(len(page["data"][pages.KEY]) < 512_000 for page in cluster.of(kube.CONFIG_MAPS))
    assert (await pages.load(cluster, OWNER))[BRIEF].lines == book.lines


async def test_a_record_of_almost_half_a_megabyte_has_a_page_for_itself(cluster):
    book = await filled(cluster, count=1)
    book = await pages.append(cluster, OWNER, book, pages.line(book, "experiment", "big", {"x": "y" * 400_000}))
    assert len(book.pages) == 2
    with pytest.raises(faults.InputFault, match="at most 500000 fit"):
        await pages.append(cluster, OWNER, book, pages.line(book, "experiment", "huge", {"x": "y" * 500_000}))


async def test_pages_are_owned_and_labelled(cluster):
    await filled(cluster, count=1)
    metadata = cluster.of(kube.CONFIG_MAPS)[0]["metadata"]
    assert metadata["ownerReferences"][0]["uid"] == OWNER.uid
    assert metadata["labels"] == {
        "glia.dev/optimization": "chat",
        "glia.dev/part": "notebook",
        "app.kubernetes.io/managed-by": "glia-operator",
    }
    assert metadata["annotations"]["glia.dev/sequence"] == "0"
    assert metadata["annotations"]["glia.dev/spent-seconds"] == "0"
    assert "finalizers" not in metadata


@pytest.mark.parametrize("verb", ["create", "patch"])
async def test_a_write_whose_answer_was_lost_is_written_once(cluster, verb):
    book = await filled(cluster, count=1 if verb == "patch" else 0)
    lost = iter([True, False, False, False])
    cluster.late_fault = lambda call: kube.Unavailable(call, "no answer") if call.verb == verb and next(lost) else None
    record = pages.line(book, "experiment", "n", {})
    with pytest.raises(kube.Unavailable):
        await pages.append(cluster, OWNER, book, record)
    again = await pages.append(cluster, OWNER, book, record)
    assert (await pages.load(cluster, OWNER))[BRIEF] == again
    assert again.lines.count(record) == 1


async def test_of_two_writers_the_second_learns_that_it_lost(cluster):
    book = await filled(cluster)
    await pages.append(cluster, OWNER, book, pages.line(book, "experiment", "theirs", {}))
    with pytest.raises(pages.LostNotebook):
        await pages.append(cluster, OWNER, book, pages.line(book, "experiment", "mine", {}))


async def test_a_page_whose_labels_were_touched_is_still_ours(cluster):
    book = await filled(cluster)
    touched = cluster.of(kube.CONFIG_MAPS)[0]
    touched["metadata"]["labels"]["seen"] = "yes"
    cluster.put(kube.CONFIG_MAPS, touched)
    book = await pages.append(cluster, OWNER, book, pages.line(book, "experiment", "more", {}))
    assert book.records == 4


async def test_a_deleted_page_ends_the_study_that_writes_to_it(cluster):
    book = await filled(cluster)
    await pages.discard(cluster, OWNER, book)
    with pytest.raises(pages.LostNotebook, match="deleted"):
        await pages.append(cluster, OWNER, book, pages.line(book, "experiment", "more", {}))


def changed_record(page):
    page["data"][pages.KEY] = page["data"][pages.KEY].replace("yyy", "zzz", 1)


def cut_record(page):
    page["data"][pages.KEY] = page["data"][pages.KEY][:40]


def other_schema(page):
    page["data"][pages.KEY] = page["data"][pages.KEY].replace('"schema": 1', '"schema": 2')


def no_number(page):
    del page["metadata"]["annotations"][pages.SEQUENCE]


def wrong_number(page):
    page["metadata"]["annotations"][pages.SEQUENCE] = "7"


@pytest.mark.parametrize("harm", [changed_record, cut_record, other_schema, no_number, wrong_number])
async def test_a_broken_notebook_is_named_with_what_to_delete(cluster, harm):
    await filled(cluster)
    page = cluster.of(kube.CONFIG_MAPS)[0]
    harm(page)
    cluster.put(kube.CONFIG_MAPS, page)
    with pytest.raises(pages.BrokenNotebook, match=f"delete ConfigMap {page['metadata']['name']}"):
        await pages.load(cluster, OWNER)


async def test_a_page_of_a_namesake_that_was_deleted_is_not_ours(cluster):
    await filled(cluster)
    heir = pages.Owner(namespace="team", name="chat", uid="ffff0000-0000-0000-0000-000000000002")
    assert await pages.load(cluster, heir) == {}
    assert pages.page_name(heir, BRIEF, 0) != pages.page_name(OWNER, BRIEF, 0)


async def test_another_question_with_the_same_brief_keeps_the_book(cluster):
    book = await filled(cluster)
    await pages.annotate(cluster, OWNER, book, "q2")
    found = (await pages.load(cluster, OWNER))[BRIEF]
    assert (found.question, found.records) == ("q2", 3)
