"""A finished table is not measured again until something it is made from changes."""

from __future__ import annotations

import pytest

from paper import shelf, tables


def test_the_page_holds_the_table_and_a_second_run_recalls_it(command, module, tmp_path, capsys):
    assert command() == 0
    page = (tmp_path / "results.md").read_text()
    assert page.startswith("# Results\n")
    assert "| llq | 50 | 45 |" in page
    assert command() == 0
    assert module.calls == 1
    assert (tmp_path / "results.md").read_text() == page
    assert "counted: recalled" in capsys.readouterr().err


def test_other_data_or_other_code_means_another_measurement(command, module, tmp_path, monkeypatch):
    command()
    (tmp_path / "data" / "trace.csv").write_text("arrival_s,prompt_tokens,output_tokens\n0,1,1\n")
    command()
    assert module.calls == 2
    monkeypatch.setattr(shelf, "version", lambda: "another")
    command()
    assert module.calls == 3


def test_a_table_without_its_data_or_model_says_so_and_is_no_error(command, module, tmp_path):
    def table(asked):
        asked.recorded("trace.csv")

    module.table = table
    assert command() == 0
    page = (tmp_path / "results.md").read_text()
    assert "## Routers\n\nNot run: there is no trace.csv in the data folder" in page
    assert "|" not in page


def test_an_interrupted_run_keeps_what_was_finished_and_says_how_to_go_on(command, module, tmp_path, capsys):
    def table(asked):
        raise KeyboardInterrupt

    whole, module.table = module.table, table
    assert command() == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert not (tmp_path / "results.md").exists()
    module.table = whole
    assert command() == 0
    assert module.calls == 1


def test_one_table_alone_is_printed_and_leaves_the_page_as_it_is(command, module, tmp_path, capsys):
    assert command("--only", "counted") == 0
    assert "| llq | 50 | 45 |" in capsys.readouterr().out
    assert not (tmp_path / "results.md").exists()


def test_a_half_written_table_is_measured_again(command, module, tmp_path):
    command()
    (kept,) = (tmp_path / "out").rglob("counted-*.json")
    kept.write_text(kept.read_text()[:100])
    command()
    assert module.calls == 2


def test_a_table_comes_back_from_disk_as_it_was(example, tmp_path):
    finished = shelf.Finished(table=example, not_run="", wall_s=1.0, cpu_s=2.0)
    shelf.keep(tmp_path / "t.json", finished)
    back = shelf.recall(tmp_path / "t.json")
    assert tables.markdown(back.table) == tables.markdown(example)
    assert back == finished


@pytest.mark.parametrize("content", ["", "{}", "not json"])
def test_what_is_no_table_is_not_recalled(tmp_path, content):
    (tmp_path / "t.json").write_text(content)
    assert shelf.recall(tmp_path / "t.json") is None
