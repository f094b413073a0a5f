"""docs/results.md, whole: generated, so that no number in it is older than the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paper import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from paper import shelf

DRAWN = "routers"
"""The table that a picture beside the page shows."""
HEAD = """# Results

<!-- Written by `make paper`; change benchmarks/paper/, not this page. -->

What Glia's authors report, beside what this project measures. `ratio` is ours over the paper's. Times are from arrival
at the router to the last token. The paper's numbers are those of its authors' article and code, or an independent
reproduction's where a note says so. Their simulator and arrivals differ from ours: a ratio says how alike the two are,
and policies are compared within a column.
"""


def render(titles: Mapping[str, str], found: Mapping[str, shelf.Finished]) -> str:
    """The page from every table, in order."""
    wall_s = sum(one.wall_s for one in found.values())
    cpu_s = sum(one.cpu_s for one in found.values())
    spent = (
        f"`make paper` measured all of this in {wall_s / 60:.0f} minutes with {cpu_s / 60:.0f} minutes of processor "
        "time, what tables share counted once.\n"
    )
    sections = [section(titles[name], one) for name, one in found.items()]
    if DRAWN in found and found[DRAWN].table is not None:
        spent += f"\n![{titles[DRAWN]}](results.svg)\n"
    return "\n".join([HEAD, spent, *sections])


def section(title: str, one: shelf.Finished) -> str:
    """One table's part of the page."""
    return tables.unrun(title, one.not_run) if one.table is None else tables.markdown(one.table)
