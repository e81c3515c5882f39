"""Room on the disk: runs that ended long ago -> gone, and with them what nothing else refers to.

Runs that have not ended are never touched, and those that have are written by nobody any more. So runs go in
small transactions, with room between them for those who write. Afterwards go the blobs and the plans that no
row names: whoever writes a row writes those in the same transaction, so what no row names then, none will.
Contents of files are written before their rows; how those are told from what nobody needs stands in
`artifacts.py`.

A dry run does the same in one transaction and takes it back."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from typing import Final

import attrs

from flowlang.hosts.sqlite.artifacts import Artifacts, artifacts_of
from flowlang.hosts.sqlite.mentions import mentioned
from flowlang.hosts.sqlite.opening import patiently
from flowlang.hosts.sqlite.problems import Busy, explained
from flowlang.hosts.sqlite.store import FINAL, Store

RUNS_AT_ONCE: Final = 50
BETWEEN: Final = 0.06  # seconds for those who want to write; longer than they wait between two tries

_ENDED = """SELECT number FROM runs
    WHERE ended IS NOT NULL AND ended < ? AND status IN (SELECT value FROM json_each(?)) AND number > ?
    ORDER BY number LIMIT ?"""
_UNNAMED = {
    "blobs": "DELETE FROM blobs WHERE NOT EXISTS (SELECT 1 FROM journal WHERE blob = hash)",
    "plans": "DELETE FROM plans WHERE hash NOT IN (SELECT plan FROM runs)",
}


@attrs.frozen
class Pruned:
    """How much went: `replies` are those that were cached and are too old by now, `bytes` are those of the
    contents of files."""

    runs: int
    rows: int
    replies: int
    blobs: int
    plans: int
    files: int
    bytes: int


def prune(store: Store, *, before: int, statuses: Sequence[str] = FINAL, dry_run: bool = False) -> Pruned:
    """Remove the runs that ended before an instant, with one of these statuses. Raises StoreProblem."""
    if dry_run:
        return _prune_in_vain(store, before, statuses)
    runs = rows = last = 0
    while True:
        with store.database.writing() as connection:
            numbers = _ended(connection, before, statuses, last, RUNS_AT_ONCE)
            rows += _remove(connection, numbers)
        if not numbers:
            break
        runs, last = runs + len(numbers), numbers[-1]
        time.sleep(BETWEEN)
    with store.database.writing() as connection:
        unnamed = _remove_unnamed(connection, before)
    files = _artifacts(store).sweep(store.owner_lives, lambda: _mentioned_in(store))
    return Pruned(runs, rows, **unnamed, files=len(files), bytes=sum(size for _, size in files))


def compact(store: Store) -> tuple[int, int]:
    """Give room that is free in the file back to the disk; gives its size before and after, in bytes. Raises
    Busy while others read or write."""
    before = store.path.stat().st_size
    with explained(store.path):
        patiently(lambda: _vacuum(store.database.connection), store.database.patience)
    return before, store.path.stat().st_size


class _TakenBack(Exception):
    """Ends a transaction that was only to try something."""


def _prune_in_vain(store: Store, before: int, statuses: Sequence[str]) -> Pruned:
    found: list[Pruned] = []
    try:
        with store.database.writing() as connection:
            numbers = _ended(connection, before, statuses, 0, -1)
            rows = _remove(connection, numbers)
            unnamed = _remove_unnamed(connection, before)
            spared = _artifacts(store).unneeded(store.owner_lives, lambda: mentioned(connection))
            found.append(
                Pruned(
                    len(numbers), rows, **unnamed, files=len(spared), bytes=sum(size for _, size in spared)
                )
            )
            raise _TakenBack
    except _TakenBack:
        return found[0]


def _artifacts(store: Store) -> Artifacts:
    return Artifacts(artifacts_of(store.path))


def _ended(
    connection: sqlite3.Connection, before: int, statuses: Sequence[str], after: int, most: int
) -> list[int]:
    """Numbers of runs that may go, in order."""
    wanted = "[" + ",".join(f'"{status}"' for status in statuses if status in FINAL) + "]"
    return [number for (number,) in connection.execute(_ENDED, (before, wanted, after, most))]


def _remove(connection: sqlite3.Connection, numbers: Sequence[int]) -> int:
    """Remove runs with all that is theirs; gives how many rows their journals had."""
    rows = 0
    for number in numbers:
        rows += connection.execute("DELETE FROM journal WHERE run = ?", (number,)).rowcount
        connection.execute("DELETE FROM waits WHERE run = ?", (number,))
        connection.execute("DELETE FROM inbox WHERE run = ?", (number,))
        connection.execute("DELETE FROM runs WHERE number = ?", (number,))
    return rows


def _remove_unnamed(connection: sqlite3.Connection, before: int) -> dict[str, int]:
    """Remove what nothing names, and replies that were too old before an instant; gives how many of each."""
    expired = connection.execute("DELETE FROM replies WHERE expires < ?", (before,)).rowcount
    unnamed = {name: connection.execute(delete).rowcount for name, delete in _UNNAMED.items()}
    return {"replies": expired, **unnamed}


def _mentioned_in(store: Store) -> set[str]:
    with store.database.reading() as connection:
        return mentioned(connection)


def _vacuum(connection: sqlite3.Connection) -> None:
    connection.execute("VACUUM")
    # Only now does the file itself become smaller.
    busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise Busy
