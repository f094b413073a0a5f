"""The notebook keeps every record, in order, and shows when one was changed."""

from __future__ import annotations

import json

import pytest

from glia_operator.research import notebook as notebooks
from glia_sim import faults


def test_records_come_back_from_disk(tmp_path):
    book = notebooks.Notebook(tmp_path / "notebook.jsonl")
    book.append("experiment", "1", {"cost": -0.5})
    again = notebooks.Notebook(tmp_path / "notebook.jsonl")
    assert again.recall("experiment", "1") == {"cost": -0.5}
    assert again.last == book.last
    assert again.recall("experiment", "2") is None


def test_appending_the_same_record_twice_leaves_the_file_as_it_was(tmp_path):
    book = notebooks.Notebook(tmp_path / "notebook.jsonl")
    book.append("finding", "1", {"kept": True})
    before = book.path.read_bytes()
    book.append("finding", "1", {"kept": True})
    assert book.path.read_bytes() == before


def test_a_record_cut_short_by_an_interruption_is_dropped_and_the_rest_kept(tmp_path):
    book = notebooks.Notebook(tmp_path / "notebook.jsonl")
    book.append("finding", "1", {"kept": True})
    whole = book.path.read_bytes()
    book.path.write_bytes(whole + b'{"kind": "finding", "key": "2", "bo')
    again = notebooks.Notebook(book.path)
    assert again.recall("finding", "1") == {"kept": True}
    assert book.path.read_bytes() == whole


@pytest.mark.parametrize("field", ["kind", "key", "body", "digest"])
def test_a_changed_record_is_refused_with_its_line(tmp_path, field):
    book = notebooks.Notebook(tmp_path / "notebook.jsonl")
    book.append("finding", "1", {"kept": True})
    book.append("finding", "2", {"kept": False})
    first, second = book.path.read_text().splitlines()
    record = {**json.loads(first), field: "other"}
    book.path.write_text(json.dumps(record) + "\n" + second + "\n")
    with pytest.raises(faults.InputFault, match=r"line 1: the record was changed"):
        notebooks.Notebook(book.path)


def test_what_is_not_a_notebook_is_refused(tmp_path):
    path = tmp_path / "notebook.jsonl"
    path.write_text("hello\n")
    with pytest.raises(faults.InputFault, match=r"line 1: not a notebook record"):
        notebooks.Notebook(path)
