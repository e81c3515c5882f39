"""What the import needs beyond the flow: reading CSV, and writing files that are whole or not there."""

from __future__ import annotations

import csv
import os
from dataclasses import dataclass
from pathlib import Path

from flowlang.agents import effect

COLUMNS = ["order", "day", "customer", "product", "quantity", "price"]


class NotAnExport(Exception):
    """The error of that name in the flow: its message is the exception's attribute."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass
class Row:
    file: str
    line: int
    order: str
    day: str
    customer: str
    product: str
    quantity: str
    price: str


@dataclass
class Total:
    product: str
    orders: int
    quantity: int
    cents: int


@effect("pure")
def rows(file: str, text: str) -> list[Row]:
    """The rows of an export, as they stand there. What a row has too few of is empty."""
    reader = csv.reader(text.splitlines())
    head = [name.strip().lower() for name in next(reader, [])]
    if head != COLUMNS:
        raise NotAnExport(f"it starts with `{','.join(head)[:60]}`, not with `{','.join(COLUMNS)}`")
    return [Row(file, reader.line_num, *_cells(row)) for row in reader if any(row)]


def _cells(row: list[str]) -> list[str]:
    """As many cells as there are columns; what is too much stays with the last one, and spoils it."""
    cells = [cell.strip() for cell in row]
    last = len(COLUMNS) - 1
    cells = [*cells[:last], ",".join(cells[last:])]
    return cells + [""] * (len(COLUMNS) - len(cells))


@effect("idempotent")
def save_lines(folder: str, name: str, lines: list[str]) -> str:
    """Writes a file of lines, and says where it is."""
    return _write(Path(folder) / name, "".join(f"{line}\n" for line in lines))


@effect("idempotent")
def save_totals(folder: str, name: str, totals: list[Total]) -> str:
    """Writes a table for a spreadsheet."""
    lines = ["product,orders,quantity,revenue"]
    lines += [f'"{t.product}",{t.orders},{t.quantity},{t.cents / 100:.2f}' for t in totals]
    return _write(Path(folder) / name, "\n".join(lines) + "\n")


def _write(path: Path, text: str) -> str:
    """Writes beside the file and then takes its place, so that nobody ever reads half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
    return str(path)
