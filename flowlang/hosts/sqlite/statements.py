"""Many rows in few statements.

While SQLite carries out a statement Python lets other threads run, and then has to wait for its turn again.
Beside an event loop that computes a turn may be milliseconds away, so what a thread writes must not take a
statement for each row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, Final, TypeAlias

Columns: TypeAlias = Sequence[object]

GROUPS: Final = (64, 8, 1)
"""How many rows a statement has. Few sizes, since SQLite reads the text of each only once."""


def execute_grouped(connection: sqlite3.Connection, statement: str, rows: Sequence[Columns]) -> list[Any]:
    """Carry out a statement in which `{rows}` stands for `VALUES (…), (…)`, and give all that it gives."""
    if len(rows) == 1:
        return connection.execute(_written_out(statement, 1, len(rows[0])), rows[0]).fetchall()
    found: list[Any] = []
    for group in _groups(rows):
        text = _written_out(statement, len(group), len(group[0]))
        found += connection.execute(text, tuple(chain.from_iterable(group)))
    return found


def _groups(rows: Sequence[Columns]) -> Iterator[Sequence[Columns]]:
    start = 0
    for size in GROUPS:
        while len(rows) - start >= size:
            yield rows[start : start + size]
            start += size


@cache
def _written_out(statement: str, rows: int, columns: int) -> str:
    row = f"({', '.join('?' * columns)})"
    return statement.format(rows=f"VALUES {', '.join([row] * rows)}")
