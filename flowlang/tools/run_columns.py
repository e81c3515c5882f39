"""Rows of cells -> lines whose columns stand below each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from flowlang.plan.styled import Line, Stretch
from flowlang.text.display import cells, clean, width

Row: TypeAlias = Sequence[Stretch]
"""Its cells; the last takes as much room as it needs."""

GAP = "  "


def aligned(rows: Sequence[Row], *, right: Sequence[int] = (), limit: int | None = None) -> list[Line]:
    """One line a row. Columns whose numbers are in `right` end below each other. No line is wider than the
    `limit`: the last cell is cut. Text that comes from outside cannot steer the terminal."""
    shown = [[Stretch(_flat(cell.text), cell.style) for cell in row] for row in rows]
    columns = max(map(len, shown), default=0) - 1
    widths = [max(width(row[n].text) for row in shown if len(row) > n + 1) for n in range(columns)]
    return [_line(row, widths, right, limit) for row in shown]


def _line(row: Row, widths: Sequence[int], right: Sequence[int], limit: int | None) -> Line:
    line: Line = []
    used = 0
    for number, cell in enumerate(row[:-1]):
        gap = " " * (widths[number] - width(cell.text))
        line += [Stretch(gap), cell] if number in right else [cell, Stretch(gap)]
        line.append(Stretch(GAP))
        used += widths[number] + len(GAP)
    last = row[-1]
    return [*line, Stretch(last.text if limit is None else _cut(last.text, max(limit - used, 8)), last.style)]


def _flat(text: str) -> str:
    """On one line, with its indentation."""
    indent = len(text) - len(text.lstrip(" "))
    return " " * indent + clean(" ".join(text.split()))


def _cut(text: str, room: int) -> str:
    if width(text) <= room:
        return text
    ends = [start for start in cells(text).starts if start < room]
    return text[: len(ends) - 1] + "…"
