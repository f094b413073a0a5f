"""A notebook's file keeps every record, shows when one was changed, and is never worse for a write that failed."""

from __future__ import annotations

import json
import resource

import pytest

from glia_operator.research import notebook as notebooks
from glia_sim import faults


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study" / "notebook.jsonl"


@pytest.fixture
def book(path):
    """Two records, whole."""
    book = notebooks.File(path)
    book.append("finding", "1", {"kept": True})
    book.append("finding", "2", {"kept": False})
    return book


def test_records_come_back_from_disk(book, path):
    again = notebooks.File(path)
    assert again.recall("finding", "1") == {"kept": True}
    assert again.recall("finding", "2") == {"kept": False}
    assert again.recall("finding", "3") is None
    assert again.last == book.last


def test_every_record_names_the_schema(book, path):
    assert [json.loads(line)["schema"] for line in path.read_text().splitlines()] == [notebooks.SCHEMA] * 2


@pytest.mark.parametrize("body", [{"kept": False}, {"cost": float("nan")}, {"order": {"b": 1, "a": (2, 3)}}])
def test_appending_the_same_record_twice_leaves_the_file_as_it_was(book, path, body):
    book.append("finding", "2", body)
    before = path.read_bytes()
    notebooks.File(path).append("finding", "2", body)
    book.append("finding", "2", body)
    assert path.read_bytes() == before


def test_a_record_cut_short_by_an_interruption_is_dropped_and_the_rest_kept(book, path):
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"kind": "finding", "key": "3", "bo')
    again = notebooks.File(path)
    again.append("finding", "3", {"kept": True})
    book.append("finding", "1", {"kept": True})  # known: nothing is written
    assert path.read_bytes().startswith(whole)
    assert notebooks.File(path).recall("finding", "3") == {"kept": True}
    assert len(path.read_bytes().splitlines()) == 3


def test_to_look_at_a_notebook_changes_nothing(book, path):
    path.write_bytes(path.read_bytes() + b"half a rec")
    before = path.read_bytes()
    notebooks.File(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("field", ["kind", "key", "body", "digest"])
def test_a_changed_record_is_refused_with_its_line(book, path, field):
    first, second = path.read_text().splitlines()
    path.write_text(first + "\n" + json.dumps({**json.loads(second), field: "other"}) + "\n")
    with pytest.raises(faults.InputFault, match=r"line 2: the record was changed"):
        notebooks.File(path)


def test_a_record_that_is_missing_in_the_middle_is_noticed(book, path):
    path.write_text(path.read_text().splitlines()[1] + "\n")
    with pytest.raises(faults.InputFault, match=r"line 1: .* one before it is missing"):
        notebooks.File(path)


@pytest.mark.parametrize("half", ["hello", '{"digest": "sha', "[]", "1", '"text"', "{}", "null", "", "[" * 100_000])
def test_a_half_written_record_in_the_middle_is_refused_with_its_line(book, path, half):
    first, second = path.read_text().splitlines()
    path.write_text(f"{first}\n{half}\n{second}\n")
    with pytest.raises(faults.InputFault, match=r"line 2: not a whole notebook record; name another folder"):
        notebooks.File(path)


@pytest.mark.parametrize("schema", [0, 2, "1", None])
def test_a_notebook_of_another_schema_is_refused_with_both_versions(book, path, schema):
    records = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps({**one, "schema": schema}) + "\n" for one in records))
    with pytest.raises(faults.InputFault, match=rf"line 1: schema version {schema}, where .* reads and writes 1"):
        notebooks.File(path)


def test_a_notebook_from_before_schemas_is_refused(book, path):
    records = [json.loads(line) for line in path.read_text().splitlines()]
    for one in records:
        del one["schema"]
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    with pytest.raises(faults.InputFault, match="schema version none"):
        notebooks.File(path)


@pytest.fixture
def full_disk():
    """Makes files that may not grow beyond so many bytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("room", [0, 1, 50])
def test_a_record_that_the_disk_has_no_room_for_is_taken_back_whole(book, path, full_disk, room):
    before, last = path.read_bytes(), book.last
    full_disk(len(before) + room)
    with pytest.raises(faults.InputFault, match=r"notebook.jsonl: a record was not written: .* what stands there is"):
        book.append("finding", "3", {"kept": True})
    assert path.read_bytes() == before
    assert (book.last, book.recall("finding", "3")) == (last, None)
    full_disk(1_000_000)
    book.append("finding", "3", {"kept": True})
    assert notebooks.File(path).last == book.last


@pytest.mark.parametrize("inside", ["", "/notebook.jsonl"])
def test_a_place_that_cannot_be_written_is_named(tmp_path, inside):
    (tmp_path / "study").write_text("a file, no folder")
    with pytest.raises(faults.InputFault, match=r"(not read|not written): Not a directory"):
        notebooks.File(tmp_path / f"study{inside}" / "notebook.jsonl").append("finding", "1", {})


def test_a_notebook_that_cannot_be_read_is_named(path):
    path.mkdir(parents=True)
    with pytest.raises(faults.InputFault, match="not read: Is a directory"):
        notebooks.File(path)


def test_of_two_writers_the_second_learns_that_another_is_there(book, path):
    other = notebooks.File(path)
    other.append("finding", "3", {"kept": True})
    with pytest.raises(faults.InputFault, match="another process changed it"):
        book.append("finding", "3", {"kept": False})
    assert notebooks.File(path).last == other.last
