"""A store: all runs of a user or a service, in one SQLite file that many processes share.

One process at a time holds a run and writes its journal (`owners.py`). Taking a run adds 1 to its epoch, and
each commit says for which epoch it is; so somebody who was suspended and taken over writes nothing when they
wake (R20). Everybody may read, and put messages for the run into its inbox.

A Store belongs to the thread that opened it. Nothing here looks at a clock: instants are the caller's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from flowlang.hosts.sqlite import inbox
from flowlang.hosts.sqlite.opening import Database, Durability, open_database
from flowlang.hosts.sqlite.owners import Holder, Owner, holder_of, owners_of
from flowlang.hosts.sqlite.problems import (
    USE_ANOTHER,
    Ambiguous,
    Busy,
    Damaged,
    Ended,
    Held,
    NotStored,
    StoreProblem,
    Unknown,
    explained,
)
from flowlang.hosts.sqlite.records import Message, NewRun, RunRecord
from flowlang.hosts.sqlite.rows import read_rows
from flowlang.hosts.sqlite.writing import Creation, checksum_of_end, checksum_of_start, write_all
from flowlang.runtime.journal import Commit, Lease, NotWritten, Row, Wait
from flowlang.text.suggest import did_you_mean

FINAL: Final = ("done", "failed", "cancelled")
"""The statuses of runs that have ended."""

LISTED: Final = 10  # candidates that a message names
COMPARED: Final = 1_000  # ids that a misspelt one is held against

_RECORD: Final = """SELECT number, id, flow, plan, source, semantics, created,
    max(updated, ifnull((SELECT at FROM journal WHERE run = number ORDER BY seq DESC LIMIT 1), 0)),
    status, epoch, ended, owner FROM runs """


class Store:
    @classmethod
    def open(
        cls, path: Path | None = None, durability: Durability = "power", *, patience: float = 10.0
    ) -> Store:
        """Open a store, and make it if there is none; None is the user's own.

        `patience` is for how many seconds a method may sleep while other processes write, before it raises
        Busy. On an event loop it has to be 0; there see `writer.py`. Raises StoreProblem."""
        return cls(open_database(path, durability, patience), durability)

    def __init__(self, database: Database, durability: Durability) -> None:
        self.database = database
        self.durability = durability
        self._seen_version = -1

    @property
    def path(self) -> Path:
        return self.database.path

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # Ownership

    def new_owner(self) -> Owner:
        """Somebody who can hold runs of this store; one an engine, to be closed at its end."""
        try:
            return Owner(self._owners)
        except OSError as error:
            message = f"nobody can hold runs of the store {self.path}: {error.strerror}"
            raise StoreProblem("cannot_hold", message, USE_ANOTHER) from None

    def create(self, new: NewRun, owner: Owner, rows: Sequence[Row] = ()) -> Lease:
        """A new run with its first rows, and the right to write its journal. Raises NotStored."""
        [made] = write_all(self.database, [Creation(new, owner.name, rows)])
        if isinstance(made, Lease):
            return made
        raise made

    def take(self, run: int, owner: Owner, *, force: bool = False) -> Lease:
        """The right to write the journal of a run that nobody holds, or with `force` of any. Read its record
        and its journal afterwards: others may have gone on with it before. Raises Unknown, Ended, Held."""
        with self.database.writing() as connection:
            id, status, epoch, held = self._row(
                connection, "SELECT id, status, epoch, owner FROM runs WHERE number = ?", run
            )
            if status in FINAL:
                raise Ended(id, status)
            holder = self._holder(held)
            if holder is not None and not force:
                raise Held(id, holder)
            update = "UPDATE runs SET epoch = ?, owner = ? WHERE number = ?"
            connection.execute(update, (epoch + 1, owner.name, run))
            return Lease(run, epoch + 1)

    def keep_inputs(self, lease: Lease, inputs: str) -> None:
        """Keep other words of what a run was given, JSON. Nothing happens if somebody else has taken it."""
        with self.database.writing() as connection:
            select = "SELECT id, flow, plan, semantics FROM runs WHERE number = ?"
            id, flow, plan, semantics = self._row(connection, select, lease.run)
            crc = checksum_of_start(id, flow, plan, semantics, inputs)
            update = "UPDATE runs SET inputs = ?, crc = ? WHERE number = ? AND epoch = ?"
            connection.execute(update, (inputs, crc, lease.run, lease.epoch))

    def release(self, lease: Lease, at: int) -> None:
        """Give a run back that was held until `at`. Nothing happens if somebody else has taken it."""
        with self.database.writing() as connection:
            connection.execute(
                "UPDATE runs SET owner = NULL, updated = max(updated, ?) WHERE number = ? AND epoch = ?",
                (at, lease.run, lease.epoch),
            )

    def owner_lives(self, name: str) -> bool:
        """Whether the owner of that name still holds what it holds."""
        return self._holder(name) is not None

    # Writing

    def write_all(self, commits: Sequence[Commit]) -> list[NotWritten | None]:
        """Write the commits of any runs in one transaction: for each None, or why nothing of it was written.
        Those of a run are in order. In each, what is closed is closed before anything is opened."""
        try:
            results = write_all(self.database, commits)
        except Busy as busy:
            return [NotStored.because(busy) for _ in commits]
        return [None if isinstance(result, Lease) else result for result in results]

    # Looking

    def find(self, id: str) -> RunRecord:
        """The run whose id is, or is the only one to begin with, what is given. Raises Unknown, Ambiguous."""
        with self.database.reading() as connection:
            found = self._beginning_with(connection, id) if id.isprintable() and id else []
            if not found:
                raise self._unknown(connection, id)
            if len(found) > 1 and found[0][0] != id:
                raise Ambiguous(id, [candidate for candidate, _ in found])
            return self._record(self._row(connection, _RECORD + "WHERE number = ?", found[0][1]), {})

    def record(self, run: int) -> RunRecord:
        with self.database.reading() as connection:
            return self._record(self._row(connection, _RECORD + "WHERE number = ?", run), {})

    def runs(
        self,
        *,
        status: str | None = None,
        flow: str | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> list[RunRecord]:
        """The newest runs of that status and flow, newest first; `before` is the number of a run, to go on
        behind it."""
        records: list[RunRecord] = []
        with self.database.reading() as connection:
            for record in self._records(connection, status, flow, before):
                if len(records) == limit:
                    break
                if status is None or record.status == status:
                    records.append(record)
        return records

    def plan(self, hash: str) -> str:
        """A plan as it was given."""
        with self.database.reading() as connection:
            found = connection.execute("SELECT json FROM plans WHERE hash = ?", (hash,)).fetchone()
        if found is None or sha256(str(found[0]).encode()).hexdigest() != hash:
            raise Damaged(f"plan {hash[:12]} is not what was written")
        text: str = found[0]
        return text

    def inputs(self, run: int) -> str:
        """What a run was given, JSON."""
        select = "SELECT id, flow, plan, semantics, inputs, crc FROM runs WHERE number = ?"
        with self.database.reading() as connection:
            id, flow, plan, semantics, inputs, crc = self._row(connection, select, run)
        if checksum_of_start(id, flow, plan, semantics, inputs) != crc:
            raise Damaged(f"what run `{id}` began with is not what was written")
        text: str = inputs
        return text

    def result(self, run: int) -> str | None:
        """What a run that has ended said at its end, JSON. Raises Damaged."""
        select = "SELECT id, status, ended, result, end_crc FROM runs WHERE number = ?"
        with self.database.reading() as connection:
            id, status, ended, result, crc = self._row(connection, select, run)
        if crc is not None and checksum_of_end(status, ended, result) != crc:
            raise Damaged(f"the result of run `{id}` is not what was written")
        text: str | None = result
        return text

    def journal(self, run: int, *, after: int = -1) -> list[Row]:
        """The rows of a run behind number `after`, in order. Raises Damaged."""
        with self.database.reading() as connection:
            id = self._row(connection, "SELECT id FROM runs WHERE number = ?", run)[0]
            return read_rows(connection, run, id, after)

    def waits(self, run: int | None = None) -> list[tuple[int, Wait]]:
        """What one run waits for, or all, each with its run's number; the longest wait first."""
        with self.database.reading() as connection:
            found = connection.execute(
                "SELECT * FROM waits WHERE ?1 IS NULL OR run = ?1 ORDER BY since, run, path", (run,)
            ).fetchall()
        return [(number, Wait(*columns)) for number, *columns in found]

    def outcomes_with_files(self, run: int) -> list[tuple[str, str]]:
        """What was given to a run and refers to files, in order: the path of who gave it, and JSON."""
        select = """SELECT path, ifnull(outcome, text) AS given
            FROM journal LEFT JOIN blobs ON hash = blob
            WHERE run = ? AND instr(given, '"hash":"sha256:') ORDER BY seq"""
        with self.database.reading() as connection:
            return connection.execute(select, (run,)).fetchall()

    # The inbox

    def put_answer(self, run: int, path: str, value: str, at: int) -> None:
        """Answer a question that a run has open, with JSON. Raises Ended, NotAsked, AnsweredAlready."""
        self._put("answer", run, path, value, at)

    def put_signal(self, run: int, event: str, value: str, at: int) -> None:
        """Send a run an event with its fields, JSON. Raises Ended."""
        self._put("signal", run, event, value, at)

    def put_cancel(self, run: int, at: int) -> None:
        """Ask for a run to be cancelled. Raises Ended."""
        self._put("cancel", run, "", None, at)

    def messages(self, *, run: int | None = None, owner: Owner | None = None) -> list[Message]:
        """What was not taken yet, oldest first: of one run, of those that an owner holds, or of all."""
        with self.database.reading() as connection:
            return inbox.untaken(connection, run, None if owner is None else owner.name)

    def changed(self) -> bool:
        """Whether anybody, or this store's own inbox, has written since this was last asked. Costs
        microseconds; it may be true for nothing."""
        try:
            with explained(self.path):
                version: int = self.database.connection.execute("PRAGMA data_version").fetchone()[0]
        except Busy:
            return False
        seen, self._seen_version = self._seen_version, version
        return seen != version

    def _put(self, kind: str, run: int, path: str, value: str | None, at: int) -> None:
        if not _is_text(path + (value or "")):
            raise StoreProblem("not_text", "a message holds characters that are no text", "write it in UTF-8")
        with self.database.writing() as connection:
            select = "SELECT id, status FROM runs WHERE number = ?"
            id, status = self._row(connection, select, run)
            if status in FINAL:
                raise Ended(id, status)
            inbox.put(connection, kind, run, path, value, at)
        # Of its own connection SQLite does not say that it has written.
        self._seen_version = -1

    # Parts

    @property
    def _owners(self) -> Path:
        return owners_of(self.path)

    def _holder(self, owner: str | None) -> Holder | None:
        return None if owner is None else holder_of(self._owners, str(owner))

    def _row(self, connection: sqlite3.Connection, select: str, run: int) -> Any:
        found = connection.execute(select, (run,)).fetchone()
        if found is None:
            raise Unknown(f"number {run}", None)
        return found

    def _records(
        self, connection: sqlite3.Connection, status: str | None, flow: str | None, before: int | None
    ) -> Iterator[RunRecord]:
        """All that may be of that status."""
        stored = "running" if status == "interrupted" else status
        wanted = {"status = ?": stored, "flow = ?": flow, "number < ?": before}
        given = {condition: value for condition, value in wanted.items() if value is not None}
        # There is an index of the statuses of runs that have not ended.
        going = [] if stored is None or stored in FINAL else ["ended IS NULL"]
        where = " AND ".join([*going, *given]) or "TRUE"
        holders: dict[str | None, Holder | None] = {}
        select = f"{_RECORD} WHERE {where} ORDER BY number DESC"
        for columns in connection.execute(select, tuple(given.values())):
            yield self._record(columns, holders)

    def _record(self, columns: Sequence[Any], holders: dict[str | None, Holder | None]) -> RunRecord:
        """`holders` are the owners that have been looked at."""
        number, id, flow, plan, source, semantics, created, updated, status, epoch, ended, owner = columns
        if owner not in holders:
            holders[owner] = self._holder(owner)
        holder = holders[owner]
        if status == "running" and holder is None:
            status = "interrupted"
        return RunRecord(
            number, id, flow, plan, source, semantics, created, updated, status, epoch, ended, holder
        )

    def _beginning_with(self, connection: sqlite3.Connection, id: str) -> list[tuple[str, int]]:
        """Ids and numbers of the runs that may be meant, an exact match first."""
        # Nothing that people write sorts behind this character.
        last = id + "\U0010ffff"
        select = """SELECT id, number FROM runs WHERE id BETWEEN ?1 AND ?2
            ORDER BY id = ?1 DESC, number DESC LIMIT ?3"""
        return connection.execute(select, (id, last, LISTED)).fetchall()

    def _unknown(self, connection: sqlite3.Connection, id: str) -> Unknown:
        newest = connection.execute("SELECT id FROM runs ORDER BY number DESC LIMIT ?", (COMPARED,))
        ids = [found for (found,) in newest]
        if not ids:
            return Unknown(id, f"the store {self.path} has no runs")
        return Unknown(id, did_you_mean(id, ids) or f"the newest runs are {', '.join(ids[:LISTED])}")


def _is_text(text: str) -> bool:
    """Whether it can be written as UTF-8; the halves of a surrogate pair cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
