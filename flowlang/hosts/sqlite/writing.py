"""Orders for many runs -> one transaction (R19, R20).

A commit of somebody who no longer holds the run is refused and spoils nobody else's. If one cannot be
written for what it contains, which is a mistake in the runtime, it must not take others along either: then
each is written by itself."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from hashlib import sha256
from typing import TypeAlias
from zlib import crc32

import attrs

from flowlang.hosts.sqlite.opening import Database
from flowlang.hosts.sqlite.problems import Busy, Lost, NotStored, StoreProblem
from flowlang.hosts.sqlite.records import NewRun
from flowlang.hosts.sqlite.rows import INSERT, INSERT_BLOB, columns_of
from flowlang.runtime.journal import Collapse, Commit, Lease, NotWritten, Row, Wait

UNWRITABLE = (sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, UnicodeError, OverflowError)
"""What SQLite and Python say of values that no store can hold, and of rows that are there already."""

PATHS = ("call", "answer", "started", "scope")
"""Kinds of rows whose path is a place in the flow; that of an event is the event's name."""

INSERT_RUN = """INSERT INTO runs
    (id, flow, plan, source, semantics, created, updated, status, epoch, owner, crc, inputs) VALUES
    (:id, :flow, :plan, :source, :semantics, :created, :created, 'running', 1, :owner, :crc, :inputs)"""


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
        return [NotStored(problem.code, problem.message, problem.help) for _ in orders]
    except UNWRITABLE as mistake:
        if len(orders) == 1:
            return [NotStored("unwritable", f"a commit cannot be written: {mistake}")]
        return [result for order in orders for result in write_all(database, [order])]


def _write(connection: sqlite3.Connection, orders: Sequence[Order]) -> list[Lease | NotWritten]:
    results = [_lease(connection, order) for order in orders]
    blobs: Blobs = []
    rows = [
        columns_of(lease.run, row, blobs)
        for lease, order in zip(results, orders, strict=True)
        if isinstance(lease, Lease)
        for row in order.rows
    ]
    connection.executemany(INSERT, rows)
    for lease, order in zip(results, orders, strict=True):
        if isinstance(lease, Lease) and isinstance(order, Commit):
            _write_around(connection, order, blobs)
    if blobs:
        connection.executemany(INSERT_BLOB, blobs)
    return results


def _lease(connection: sqlite3.Connection, order: Order) -> Lease | NotWritten:
    """The right to carry an order out, which for a new run is made here."""
    if isinstance(order, Creation):
        return _create(connection, order)
    lease = order.lease
    epoch = connection.execute("SELECT epoch FROM runs WHERE number = ?", (lease.run,)).fetchone()
    if epoch is None:
        return Lost("the run is no longer in the store")
    if epoch[0] != lease.epoch:
        return Lost("somebody else has taken the run over")
    return lease


def _create(connection: sqlite3.Connection, creation: Creation) -> Lease | NotWritten:
    new = creation.new
    plan = sha256(new.plan.encode()).hexdigest()
    crc = checksum_of_start(new.id, new.flow, plan, new.semantics, new.inputs)
    columns = attrs.asdict(new) | {"plan": plan, "owner": creation.owner, "crc": crc}
    try:
        run = connection.execute(INSERT_RUN, columns).lastrowid
    except sqlite3.IntegrityError:
        return NotStored("id_taken", f"there is a run `{new.id}` already", "give the run another id")
    connection.execute("INSERT OR IGNORE INTO plans VALUES (?, ?)", (plan, new.plan))
    assert run is not None
    return Lease(run, 1)


def checksum_of_start(id: str, flow: str, plan: str, semantics: int, inputs: str) -> int:
    """CRC-32 over what a run began with."""
    return crc32(f"{id} {flow} {plan} {semantics} {inputs}".encode())


def _write_around(connection: sqlite3.Connection, commit: Commit, blobs: Blobs) -> None:
    """What a commit says beside its rows."""
    run = commit.lease.run
    for collapse in commit.collapsed:
        _collapse(connection, run, collapse, blobs)
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
    connection.execute(INSERT, columns_of(run, row, blobs))


def lies_inside(path: str, scope: str) -> bool:
    """Whether a path is that of the scope or goes on from there: `a/b[0]` lies inside of `a/b`, `a/bc` does
    not."""
    return path.startswith(scope) and not (scope and re.match(r"\w", path[len(scope) :]))
