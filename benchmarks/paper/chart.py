"""A table's two columns as bars in an SVG, readable on light and dark pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jinja2

from glia_operator.report import numbers

if TYPE_CHECKING:
    from paper import tables

LINE, LABELS, WIDTH = 34, 300, 760
"""Height of a row, room for its label, and width of the picture, in pixels."""
BARS, MARGIN = WIDTH - LABELS - 70, 40

SVG = jinja2.Environment(autoescape=True).from_string(
    """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {{ width }} {{ height }}" role="img" \
font-family="sans-serif" font-size="12">
<title>{{ title }}</title>
<rect width="{{ width }}" height="{{ height }}" fill="#ffffff"/>
<text x="10" y="22" font-size="14">{{ title }}</text>
{% for row in rows %}<text x="{{ labels - 8 }}" y="{{ row.y + 16 }}" text-anchor="end">{{ row.label }}</text>
{% for bar in row.bars %}<rect x="{{ labels }}" y="{{ bar.y }}" width="{{ bar.width }}" height="12" \
fill="{{ bar.colour }}"/><text x="{{ labels + bar.width + 5 }}" y="{{ bar.y + 10 }}" font-size="10">{{ bar.text }}\
</text>
{% endfor %}{% endfor %}<text x="{{ labels }}" y="{{ height - 10 }}" fill="#b0b0b0">&#9632; paper</text>
<text x="{{ labels + 80 }}" y="{{ height - 10 }}" fill="#1f6feb">&#9632; this project</text>
</svg>
"""
)
COLOURS = ("#b0b0b0", "#1f6feb")


def bars(table: tables.Table) -> str:
    """Paper and ours, row by row, for rows that hold a number of either."""
    rows = [(row.label, [_number(row.paper), _number(row.ours)]) for row in table.rows]
    drawn = [(label, values) for label, values in rows if any(values)]
    most = max((value for _, values in drawn for value in values), default=1.0)
    return SVG.render(
        title=f"{table.title}: {table.measure}",
        width=WIDTH,
        height=2 * MARGIN + LINE * len(drawn),
        labels=LABELS,
        rows=[
            {"label": label, "y": MARGIN + LINE * place, "bars": _bars(values, MARGIN + LINE * place, most)}
            for place, (label, values) in enumerate(drawn)
        ],
    )


def _bars(values: list[float], top: int, most: float) -> list[dict[str, object]]:
    return [
        {"y": top + 13 * k, "width": round(BARS * value / most, 1), "colour": COLOURS[k], "text": numbers.short(value)}
        for k, value in enumerate(values)
        if value
    ]


def _number(cell: tables.Cell) -> float:
    """The cell's number; 0 where it holds none."""
    return 0.0 if cell is None or isinstance(cell, str) else float(cell)
