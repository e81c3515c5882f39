"""Commits of many runs -> one transaction (R19, R20).

A commit of somebody who no longer holds the run is refused and spoils nobody else's. If one cannot be
written for what it contains, which is a mistake in the runtime, it must not take others along either: then
each is written by itself."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence

from flowlang.hosts.sqlite.opening import Database
from flowlang.hosts.sqlite.problems import Busy, Lost, NotStored, StoreProblem
from flowlang.hosts.sqlite.rows import INSERT, INSERT_BLOB, columns_of
from flowlang.runtime.journal import Collapse, Commit, Lease, NotWritten, Wait

UNWRITABLE = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, UnicodeError, OverflowError)
"""What SQLite and Python say of values that no store can hold, and of rows that are there already."""

PATHS = ("call", "answer", "started", "scope")
"""Kinds of rows whose path is a place in the flow; that of an event is the event's name."""


def write_all(database: Database, commits: Sequence[Commit]) -> list[NotWritten | None]:
    """For each commit None, or why nothing of it was written. Raises Busy, and then nothing was."""
    try:
        with database.writing() as connection:
            return _write(connection, commits)
    except Busy:
        raise
    except StoreProblem as problem:
        return [NotStored(problem.code, problem.message, problem.help) for _ in commits]
    except UNWRITABLE as mistake:
        if len(commits) == 1:
            return [NotStored("unwritable", f"a commit cannot be written: {mistake}")]
        return [result for commit in commits for result in write_all(database, [commit])]


def _write(connection: sqlite3.Connection, commits: Sequence[Commit]) -> list[NotWritten | None]:
    results = [_refusal(connection, commit.lease) for commit in commits]
    held = [commit for commit, refused in zip(commits, results, strict=True) if refused is None]
    blobs: list[tuple[bytes, str]] = []
    rows = [columns_of(commit.lease.run, row, blobs) for commit in held for row in commit.rows]
    connection.executemany(INSERT, rows)
    for commit in held:
        if commit.collapsed:
            _collapse(connection, commit.lease.run, commit.collapsed, blobs)
        _write_around(connection, commit)
    if blobs:
        connection.executemany(INSERT_BLOB, blobs)
    return results


def _refusal(connection: sqlite3.Connection, lease: Lease) -> NotWritten | None:
    epoch = connection.execute("SELECT epoch FROM runs WHERE number = ?", (lease.run,)).fetchone()
    if epoch is None:
        return Lost("the run is no longer in the store")
    if epoch[0] != lease.epoch:
        return Lost("somebody else has taken the run over")
    return None


def _write_around(connection: sqlite3.Connection, commit: Commit) -> None:
    """What a commit says beside its rows."""
    run = commit.lease.run
    if commit.taken:
        taken = [(message, run) for message in commit.taken]
        connection.executemany("UPDATE inbox SET taken = 1 WHERE number = ? AND run = ?", taken)
    if commit.closed:
        closed = [(run, path) for path in commit.closed]
        connection.executemany("DELETE FROM waits WHERE run = ? AND path = ?", closed)
    if commit.opened:
        opened = [_wait_columns(run, wait) for wait in commit.opened]
        connection.executemany("INSERT OR REPLACE INTO waits VALUES (?, ?, ?, ?, ?, ?, ?)", opened)
    if commit.status is not None:
        connection.execute("UPDATE runs SET status = ? WHERE number = ?", (commit.status, run))
    if commit.ending is not None:
        end = commit.ending
        connection.execute("DELETE FROM waits WHERE run = ?", (run,))
        connection.execute(
            "UPDATE runs SET status = ?, ended = ?, updated = ?, result = ?, owner = NULL WHERE number = ?",
            (end.status, end.at, end.at, end.result, run),
        )


def _wait_columns(run: int, wait: Wait) -> tuple[object, ...]:
    return run, wait.path, wait.kind, wait.name, wait.arguments, wait.since, wait.deadline


def _collapse(
    connection: sqlite3.Connection, run: int, collapsed: Sequence[Collapse], blobs: list[tuple[bytes, str]]
) -> None:
    """Put one row in the place of all those of a scope. Their blobs stay until somebody clears up."""
    for collapse in collapsed:
        row = collapse.row
        found = connection.execute(
            "SELECT seq, kind, path FROM journal WHERE run = ? AND seq BETWEEN ? AND ?",
            (run, collapse.first, row.seq),
        ).fetchall()
        gone = [
            (run, seq)
            for seq, kind, path in found
            if seq == row.seq or (kind in PATHS and lies_inside(path, row.path))
        ]
        connection.executemany("DELETE FROM journal WHERE run = ? AND seq = ?", gone)
        connection.execute(INSERT, columns_of(run, row, blobs))


def lies_inside(path: str, scope: str) -> bool:
    """Whether a path is that of the scope or goes on from there: `a/b[0]` lies inside of `a/b`, `a/bc` does
    not."""
    return path.startswith(scope) and not (scope and re.match(r"\w", path[len(scope) :]))
