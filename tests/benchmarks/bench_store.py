"""The store against SQLite that is told to do the same by hand: the same rows in the same table, as durable.

What a sync of the disk costs changes from second to second, so both take turns and the ratio is the median of
all rounds."""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import attrs
import trio

from flowlang.hosts.sqlite.records import NewRun
from flowlang.hosts.sqlite.store import Store
from flowlang.hosts.sqlite.writer import Writer
from flowlang.runtime.journal import Commit, Lease, Row
from tests.benchmarks import Figure

ROUNDS = 7
CHAIN = 1_000
TOGETHER = 200
JOURNAL = 20_000

INSERT = "INSERT INTO journal VALUES (?, ?, 'call', ?, ?, ?, NULL, ?, ?)"
DIGEST = b"12345678"
OUTCOME = '{"value":{"ok":true,"text":"as long as replies usually are, or so"}}'


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        by_hand = ByHand.open(Path(folder) / "raw.db")
        with Store.open(Path(folder) / "runs.db", patience=0) as store, store.new_owner() as owner:
            leases = [store.create(NewRun(f"run-{n}", "main", "{}", "{}", 0), owner) for n in range(TOGETHER)]
            ours = Ours(store, leases)
            yield compared(f"store: {CHAIN:,} commits of one row", CHAIN, ours.chain, by_hand.chain, 1.1)
            yield compared(
                f"store: {TOGETHER} commits at once", TOGETHER, ours.together, by_hand.together, 2.0
            )
            yield compared(f"store: write {JOURNAL:,} rows", JOURNAL, ours.many, by_hand.many, 2.0)
            yield compared(f"store: read {JOURNAL:,} rows", JOURNAL, ours.read, by_hand.read, 3.0)


def compared(
    name: str, steps: int, ours: Callable[[], float], by_hand: Callable[[], float], bound: float
) -> Figure:
    ours(), by_hand()  # once for the files to grow
    rounds = [(ours(), by_hand()) for _ in range(ROUNDS)]
    cost = statistics.median(mine for mine, _ in rounds) / steps * 1e6
    ratio = statistics.median(mine / theirs for mine, theirs in rounds)
    return Figure(name, cost, "µs each", ratio, "the same by hand", bound)


@attrs.frozen
class Ours:
    store: Store
    leases: list[Lease]
    numbers: Iterator[int] = attrs.field(factory=count)

    def chain(self) -> float:
        async def main() -> float:
            async with Writer(self.store, idle=lambda: True) as writer:
                commits = [self.commit(self.leases[0]) for _ in range(CHAIN)]
                started = time.perf_counter()
                for commit in commits:
                    await writer.write(commit)
                return time.perf_counter() - started

        return trio.run(main)

    def together(self) -> float:
        async def main() -> float:
            async with Writer(self.store) as writer:
                await writer.write(self.commit(self.leases[0]))  # so that the thread is there
                commits = [self.commit(lease) for lease in self.leases]
                started = time.perf_counter()
                async with trio.open_nursery() as nursery:
                    for commit in commits:
                        nursery.start_soon(writer.write, commit)
                return time.perf_counter() - started

        return trio.run(main)

    def many(self) -> float:
        commit = Commit(self.leases[0], [self.row() for _ in range(JOURNAL)])
        started = time.perf_counter()
        assert self.store.write_all([commit]) == [None]
        return time.perf_counter() - started

    def read(self) -> float:
        after = last_row(self.store.database.connection, self.leases[0].run) - JOURNAL
        started = time.perf_counter()
        assert len(self.store.journal(self.leases[0].run, after=after)) == JOURNAL
        return time.perf_counter() - started

    def commit(self, lease: Lease) -> Commit:
        return Commit(lease, [self.row()])

    def row(self) -> Row:
        seq = next(self.numbers)
        return Row(seq, "call", f"block/step{seq}", seq, OUTCOME, DIGEST)


@attrs.frozen
class ByHand:
    """As few statements as it takes, without any of the store's checks."""

    connection: sqlite3.Connection
    numbers: Iterator[int] = attrs.field(factory=count)

    @classmethod
    def open(cls, path: Path) -> ByHand:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(
            """CREATE TABLE journal (run INTEGER, seq INTEGER, kind TEXT, path TEXT, at INTEGER, outcome TEXT,
            blob BLOB, digest BLOB, crc INTEGER, PRIMARY KEY (run, seq)) STRICT, WITHOUT ROWID"""
        )
        return cls(connection)

    def chain(self) -> float:
        rows = [self.row() for _ in range(CHAIN)]
        execute = self.connection.execute
        started = time.perf_counter()
        for row in rows:
            execute("BEGIN IMMEDIATE")
            execute(INSERT, row)
            execute("COMMIT")
        return time.perf_counter() - started

    def together(self) -> float:
        """As many tasks that wait, and a thread that writes one transaction for all of them."""

        async def main() -> float:
            written = trio.Event()
            rows = [self.row(run) for run in range(TOGETHER)]
            started = time.perf_counter()
            async with trio.open_nursery() as nursery:
                for _ in rows:
                    nursery.start_soon(written.wait)
                await trio.to_thread.run_sync(self.at_once, rows)
                written.set()
            return time.perf_counter() - started

        return trio.run(main)

    def many(self) -> float:
        return self.at_once([self.row() for _ in range(JOURNAL)])

    def at_once(self, rows: list[tuple[object, ...]]) -> float:
        started = time.perf_counter()
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(INSERT, rows)
        self.connection.execute("COMMIT")
        return time.perf_counter() - started

    def read(self) -> float:
        after = last_row(self.connection, 0) - JOURNAL
        select = "SELECT * FROM journal WHERE run = 0 AND seq > ? ORDER BY seq"
        started = time.perf_counter()
        assert len(self.connection.execute(select, (after,)).fetchall()) == JOURNAL
        return time.perf_counter() - started

    def row(self, run: int = 0) -> tuple[object, ...]:
        seq = next(self.numbers)
        return run, seq, f"block/step{seq}", seq, OUTCOME, DIGEST, 1


def last_row(connection: sqlite3.Connection, run: int) -> int:
    [seq] = connection.execute("SELECT max(seq) FROM journal WHERE run = ?", (run,)).fetchone()
    return int(seq)
