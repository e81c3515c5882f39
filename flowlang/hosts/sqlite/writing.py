"""Orders for many runs -> one transaction (R19, R20).

A commit of somebody who no longer holds the run is refused and spoils nobody else's. If one cannot be
written for what it contains, which is a mistake in the runtime, it must not take others along either: then
each is written by itself."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from typing import TypeAlias
from zlib import crc32

import attrs

from flowlang.hosts.sqlite.opening import Database
from flowlang.hosts.sqlite.problems import Busy, Lost, NotStored, StoreProblem
from flowlang.hosts.sqlite.records import NewRun
from flowlang.hosts.sqlite.rows import INSERT, INSERT_BLOB, columns_of
from flowlang.hosts.sqlite.statements import Columns, execute_grouped
from flowlang.plan.paths import lies_inside
from flowlang.runtime.journal import Collapse, Commit, Ending, Lease, NotWritten, Row, Wait

UNWRITABLE = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, UnicodeError, OverflowError)
"""What SQLite and Python say of values that no store can hold, and of rows that are there already."""

PATHS = ("call", "answer", "started", "scope")
"""Kinds of rows whose path is a place in the flow; that of an event is the event's name."""

INSERT_RUNS = """INSERT INTO runs
    (id, flow, plan, source, semantics, created, updated, status, epoch, owner, crc, inputs) {rows}
    ON CONFLICT (id) DO NOTHING RETURNING id, number"""
INSERT_PLANS = "INSERT OR IGNORE INTO plans {rows}"

SELECT_LOST = """WITH given(run, epoch) AS ({rows})
    SELECT run, given.epoch FROM given LEFT JOIN runs ON number = run WHERE runs.epoch IS NOT given.epoch"""
TAKE = """WITH given(run, message) AS ({rows})
    UPDATE inbox SET taken = 1 FROM given WHERE number = message AND inbox.run = given.run"""
# The first condition is what the table is searched by; for the second alone SQLite would read all of it.
CLOSE = """WITH given(run, path) AS ({rows})
    DELETE FROM waits WHERE run IN (SELECT run FROM given) AND (run, path) IN (SELECT run, path FROM given)"""
OPEN = "INSERT OR REPLACE INTO waits {rows}"
SET_STATUS = """WITH given(run, status) AS ({rows})
    UPDATE runs SET status = given.status FROM given WHERE number = run"""
CLOSE_ALL = "DELETE FROM waits WHERE run IN ({rows})"
END = """WITH given(run, status, at, result, crc) AS ({rows})
    UPDATE runs SET status = given.status, ended = at, updated = at, result = given.result, owner = NULL,
    end_crc = given.crc FROM given WHERE number = run"""


@attrs.frozen
class Creation:
    """A run to be made and its first rows; `owner` is the name of who holds it."""

    new: NewRun
    owner: str
    rows: Sequence[Row] = ()


Order: TypeAlias = Commit | Creation

Blobs: TypeAlias = list[tuple[bytes, str]]


def write_all(database: Database, orders: Sequence[Order]) -> list[Lease | NotWritten]:
    """For each order the lease that it was carried out under, or why nothing of it was. Those for one run
    are in order. Raises Busy, and then nothing was done."""
    try:
        with database.writing() as connection:
            return _write(connection, orders)
    except Busy:
        raise
    except StoreProblem as problem:
        return [NotStored.because(problem) for _ in orders]
    except UNWRITABLE as mistake:
        if len(orders) == 1:
            return [NotStored("unwritable", f"a commit cannot be written: {mistake}")]
        return [_write_alone(database, order) for order in orders]


def _write_alone(database: Database, order: Order) -> Lease | NotWritten:
    try:
        [result] = write_all(database, [order])
    except Busy as busy:
        return NotStored.because(busy)
    return result


def _write(connection: sqlite3.Connection, orders: Sequence[Order]) -> list[Lease | NotWritten]:
    lost = _lost(connection, orders)
    created = _create(connection, [order for order in orders if isinstance(order, Creation)])
    results = [_result(order, created, lost) for order in orders]
    done = [(lease, order) for lease, order in zip(results, orders, strict=True) if isinstance(lease, Lease)]
    blobs: Blobs = []
    rows = [columns_of(lease.run, row, blobs) for lease, order in done for row in order.rows]
    execute_grouped(connection, INSERT, rows)
    for commits in _turns([order for _, order in done if isinstance(order, Commit) and _says_more(order)]):
        _write_around(connection, commits, blobs)
    execute_grouped(connection, INSERT_BLOB, blobs)
    return results


def _lost(connection: sqlite3.Connection, orders: Sequence[Order]) -> dict[Lease, NotWritten]:
    """The leases that hold no longer."""
    leases = dict.fromkeys(order.lease for order in orders if isinstance(order, Commit))
    found = execute_grouped(connection, SELECT_LOST, [(lease.run, lease.epoch) for lease in leases])
    return {Lease(run, epoch): Lost() for run, epoch in found}


def _result(order: Order, created: dict[str, Lease], lost: dict[Lease, NotWritten]) -> Lease | NotWritten:
    """What came of an order; of several runs with one id the first takes what was created."""
    if isinstance(order, Commit):
        return lost.get(order.lease, order.lease)
    id = order.new.id
    return created.pop(id, None) or NotStored(
        "id_taken", f"there is a run `{id}` already", "give the run another id"
    )


def _says_more(commit: Commit) -> bool:
    """Whether there is more to a commit than rows; most have no more."""
    lists = commit.taken or commit.opened or commit.closed or commit.collapsed
    return bool(lists) or commit.status is not None or commit.ending is not None


def _turns(commits: Sequence[Commit]) -> list[list[Commit]]:
    """In each turn one commit a run, in order: within a turn it does not matter which is written first."""
    turns: list[list[Commit]] = []
    before: Counter[int] = Counter()
    for commit in commits:
        turn = before[commit.lease.run]
        before[commit.lease.run] += 1
        if turn == len(turns):
            turns.append([])
        turns[turn].append(commit)
    return turns


def _create(connection: sqlite3.Connection, creations: Sequence[Creation]) -> dict[str, Lease]:
    """The leases of new runs, by their ids; those whose id is taken get none."""
    plans = dict.fromkeys(creation.new.plan for creation in creations)
    hashes = {plan: sha256(plan.encode()).hexdigest() for plan in plans}
    rows = [_run_columns(creation.new, hashes[creation.new.plan], creation.owner) for creation in creations]
    leases = {id: Lease(run, 1) for id, run in execute_grouped(connection, INSERT_RUNS, rows)}
    used = dict.fromkeys(creation.new.plan for creation in creations if creation.new.id in leases)
    execute_grouped(connection, INSERT_PLANS, [(hashes[plan], plan) for plan in used])
    return leases


def _run_columns(new: NewRun, plan: str, owner: str) -> Columns:
    crc = checksum_of_start(new.id, new.flow, plan, new.semantics, new.inputs)
    start = (new.id, new.flow, plan, new.source, new.semantics, new.created)
    return *start, new.created, "running", 1, owner, crc, new.inputs


def checksum_of_start(id: str, flow: str, plan: str, semantics: int, inputs: str) -> int:
    """CRC-32 over what a run began with."""
    return crc32(f"{id} {flow} {plan} {semantics} {inputs}".encode())


def checksum_of_end(status: str, at: int, result: str | None) -> int:
    """CRC-32 over how a run ended."""
    return crc32(f"{status} {at} {result}".encode())


def _write_around(connection: sqlite3.Connection, commits: Sequence[Commit], blobs: Blobs) -> None:
    """What commits of different runs say beside their rows."""
    for commit in commits:
        for collapse in commit.collapsed:
            _collapse(connection, commit.lease.run, collapse, blobs)
    ended = [(commit.lease.run, commit.ending) for commit in commits if commit.ending is not None]
    for statement, rows in (
        (TAKE, [(c.lease.run, message) for c in commits for message in c.taken]),
        (CLOSE, [(c.lease.run, path) for c in commits for path in c.closed]),
        (OPEN, [_wait_columns(c.lease.run, wait) for c in commits for wait in c.opened]),
        (SET_STATUS, [(c.lease.run, c.status) for c in commits if c.status is not None]),
        (CLOSE_ALL, [(run,) for run, _ in ended]),
        (END, [_end_columns(run, end) for run, end in ended]),
    ):
        execute_grouped(connection, statement, rows)


def _end_columns(run: int, end: Ending) -> Columns:
    return run, end.status, end.at, end.result, checksum_of_end(end.status, end.at, end.result)


def _wait_columns(run: int, wait: Wait) -> Columns:
    return run, wait.path, wait.kind, wait.name, wait.arguments, wait.since, wait.deadline


def _collapse(connection: sqlite3.Connection, run: int, collapse: Collapse, blobs: Blobs) -> None:
    """Put one row in the place of all those of a scope. Their blobs stay until somebody clears up."""
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
    execute_grouped(connection, INSERT, [columns_of(run, row, blobs)])
