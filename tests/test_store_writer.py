"""The writer: who writes where, what goes together, and that the loop goes on meanwhile."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import pytest
import trio
import trio.testing
from support.stores import NOW, child, commit, new_run, row

from flowlang.hosts.sqlite import writer as writing
from flowlang.hosts.sqlite.opening import Database
from flowlang.hosts.sqlite.owners import Owner
from flowlang.hosts.sqlite.problems import Busy
from flowlang.hosts.sqlite.store import Store
from flowlang.hosts.sqlite.writer import Writer
from flowlang.runtime.journal import Commit, Lease, NotWritten, TakenOver


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "runs.db", "none", patience=0) as opened:
        yield opened


@pytest.fixture
def leases(store):
    with store.new_owner() as owner:
        yield [store.create(new_run(f"run-{n}"), owner) for n in range(50)]


@pytest.fixture
def transactions(monkeypatch):
    """How many commits went together and whether the loop's thread wrote them, in order."""
    seen: list[tuple[int, bool]] = []
    main = threading.get_ident()

    def noted(database: Database, commits: Sequence[Commit]) -> list[NotWritten | None]:
        results = write_all(database, commits)
        seen.append((len(commits), threading.get_ident() == main))
        return results

    write_all = writing.write_all
    monkeypatch.setattr(writing, "write_all", noted)
    return seen


def journals(store: Store) -> list[int]:
    return [len(store.journal(record.number)) for record in store.runs()]


@contextmanager
def locked_elsewhere(store: Store) -> Iterator[int]:
    """Another process writes to the store until something is written to the pipe that is given."""
    (reading, writing), (locked, tell) = os.pipe(), os.pipe()

    def writes() -> None:
        with Store.open(store.path, "none") as same, same.database.writing():
            os.write(tell, b"x")
            os.read(reading, 1)

    with child(writes):
        os.read(locked, 1)
        try:
            yield writing
        finally:
            os.write(writing, b"x")


def test_R19_a_run_that_is_alone_is_written_on_the_loop(store, leases, transactions):
    async def main() -> None:
        async with Writer(store, idle=lambda: True) as writer:
            for seq in range(3):
                await writer.write(commit(leases[0], seq))

    trio.run(main)
    assert transactions == [(1, True)] * 3
    assert store.journal(leases[0].run) == [row(0), row(1), row(2)]


def test_R19_commits_that_come_while_one_is_written_go_together(store, leases, transactions):
    async def main() -> None:
        async with Writer(store) as writer, trio.open_nursery() as nursery:
            for lease in leases:
                nursery.start_soon(writer.write, commit(lease, 0))

    trio.run(main)
    assert journals(store) == [1] * len(leases)
    assert sum(count for count, _ in transactions) == len(leases)
    assert len(transactions) < 10
    assert not any(on_loop for _, on_loop in transactions)


@pytest.mark.parametrize("idle", [True, False])
def test_runs_are_made_like_commits_are_written(store, transactions, idle):
    made = {}

    async def create(writer: Writer, owner: Owner, id: str) -> None:
        try:
            made[id] = await writer.create(new_run(id), owner, [row(0)])
        except NotWritten as problem:
            made[id] = problem.code

    async def main() -> None:
        with store.new_owner() as owner:
            async with Writer(store, idle=lambda: idle) as writer:
                await create(writer, owner, "known")
                transactions.clear()
                known = made["known"]
                async with trio.open_nursery() as nursery:
                    for id in ("a", "known", "b"):
                        nursery.start_soon(create, writer, owner, id)
                await writer.write(commit(made["a"], 1))
            assert made["known"] == "id_taken"
            assert store.journal(known.run) == [row(0)]

    trio.run(main)
    assert sorted(journals(store)) == [1, 1, 2]
    assert sum(count for count, _ in transactions) == 4
    assert {on_loop for _, on_loop in transactions} == {idle}


def test_the_first_of_many_runs_that_begin_at_once_goes_with_the_others(store, transactions):
    begun = []

    async def begin(writer: Writer, owner: Owner, id: str) -> None:
        begun.append(id)
        await writer.create(new_run(id), owner, [row(0)])

    async def main() -> None:
        with store.new_owner() as owner:
            async with Writer(store, idle=lambda: len(begun) <= 1) as writer, trio.open_nursery() as nursery:
                for number in range(50):
                    nursery.start_soon(begin, writer, owner, f"r{number}")

    trio.run(main)
    assert journals(store) == [1] * 50
    assert not any(on_loop for _, on_loop in transactions)


def test_nothing_is_written_on_the_loop_while_the_thread_writes(store, leases, transactions):
    async def main() -> None:
        async with Writer(store) as writer, trio.open_nursery() as nursery:
            nursery.start_soon(writer.write, commit(leases[0], 0))
            await trio.testing.wait_all_tasks_blocked()
            writer.idle = lambda: True
            nursery.start_soon(writer.write, commit(leases[0], 1))

    trio.run(main)
    assert store.journal(leases[0].run) == [row(0), row(1)]


def test_each_is_told_what_became_of_its_own_commit(store, leases):
    told = {}

    async def write(writer: Writer, name: str, lease: Lease, seq: int) -> None:
        try:
            await writer.write(commit(lease, seq))
        except NotWritten as problem:
            told[name] = type(problem), getattr(problem, "code", None)

    async def main() -> None:
        async with Writer(store) as writer, trio.open_nursery() as nursery:
            nursery.start_soon(write, writer, "lost", Lease(leases[1].run, 7), 0)
            nursery.start_soon(write, writer, "good", leases[0], 0)
            nursery.start_soon(write, writer, "gone", Lease(99, 1), 0)
        writer.idle = lambda: True
        await write(writer, "alone", Lease(leases[1].run, 7), 0)

    trio.run(main)
    assert {name: issubclass(kind, TakenOver) for name, (kind, _) in told.items()} == dict.fromkeys(
        ("lost", "gone", "alone"), True
    )
    assert journals(store)[-2:] == [0, 1]


@pytest.mark.parametrize("idle", [True, False])
def test_a_commit_is_not_cancelled_in_the_middle(store, leases, idle):
    async def main() -> None:
        async with Writer(store, idle=lambda: idle) as writer:
            with trio.CancelScope() as scope:
                scope.cancel()
                await writer.write(commit(leases[0], 0))
                assert store.journal(leases[0].run) == [row(0)]

    trio.run(main)
    assert store.journal(leases[0].run) == [row(0)]


@pytest.mark.parametrize("idle", [True, False])
def test_R19_the_loop_goes_on_while_another_process_keeps_the_lock(store, leases, idle):
    async def main(free: int) -> None:
        async with Writer(store, idle=lambda: idle) as writer, trio.open_nursery() as nursery:
            nursery.start_soon(writer.write, commit(leases[0], 0))
            nursery.start_soon(writer.patiently, partial(store.put_cancel, leases[0].run, NOW))
            for _ in range(30):
                await trio.sleep(0.005)
            assert store.journal(leases[0].run) == store.messages() == []
            os.write(free, b"x")

    with locked_elsewhere(store) as free:
        trio.run(main, free)
    assert store.journal(leases[0].run) == [row(0)]
    assert len(store.messages()) == 1


def test_engines_in_several_processes_share_a_store(store):
    def works() -> None:
        with Store.open(store.path, "process", patience=0) as same, same.new_owner() as owner:
            trio.run(many_runs, same, owner)

    async def many_runs(same: Store, owner: Owner) -> None:
        async with Writer(same, idle=lambda: True) as writer, trio.open_nursery() as nursery:
            for n in range(5):
                nursery.start_soon(one_run, writer, owner, f"{os.getpid()}-{n}")

    async def one_run(writer: Writer, owner: Owner, id: str) -> None:
        lease = await writer.create(new_run(id), owner)
        for seq in range(20):
            await writer.write(commit(lease, seq))
            await trio.lowlevel.checkpoint()

    with child(works), child(works), child(works):
        pass
    assert journals(store) == [20] * 15


@pytest.mark.parametrize("idle", [True, False])
def test_who_keeps_the_lock_for_long_is_named(store, leases, idle, monkeypatch):
    monkeypatch.setattr(writing, "PATIENCE", 0.05)

    async def main(free: int) -> None:
        async with Writer(store, idle=lambda: idle) as writer:
            with pytest.raises(
                NotWritten, match=r"process \d+ \(`.*`\) has kept others from writing"
            ) as late:
                await writer.write(commit(leases[0], 0))
            assert late.value.code == "busy"
            with pytest.raises(Busy, match=r"process \d+"):
                await writer.patiently(partial(store.put_cancel, leases[0].run, NOW))
            os.write(free, b"x")
            monkeypatch.setattr(writing, "PATIENCE", 30.0)
            await writer.patiently(partial(store.put_cancel, leases[0].run, NOW))

    with locked_elsewhere(store) as free:
        trio.run(main, free)
    assert store.journal(leases[0].run) == []


def test_a_full_disk_parks_whoever_writes_and_is_forgotten(store, leases, monkeypatch):
    open_database = writing.open_database
    opened: list[Database] = []

    def in_no_room(*arguments: object) -> Database:
        opened.append(open_database(*arguments))
        [used] = opened[0].connection.execute("PRAGMA page_count").fetchone()
        opened[0].connection.execute(f"PRAGMA max_page_count = {used}")
        return opened[0]

    monkeypatch.setattr(writing, "open_database", in_no_room)
    large = Commit(leases[0], [row(0, '"' + "x" * 100_000 + '"')])

    async def main() -> None:
        async with Writer(store) as writer:
            with pytest.raises(NotWritten, match="no room left"):
                await writer.write(large)
            writer.idle = lambda: True
            await writer.write(large)

    trio.run(main)
    assert len(store.journal(leases[0].run)) == 1


def test_a_store_that_goes_away_is_a_problem_and_no_hang(store, leases, monkeypatch):
    def gone(*arguments: object) -> Database:
        raise writing.StoreProblem("cannot_open", "gone", "look for it")

    monkeypatch.setattr(writing, "open_database", gone)

    async def main() -> None:
        async with Writer(store) as writer:
            with pytest.raises(NotWritten, match="gone"):
                await writer.write(commit(leases[0], 0))

    trio.run(main)


def test_a_mistake_of_ours_in_the_thread_is_heard(store, leases, monkeypatch):
    def wrong(*arguments: object) -> Database:
        raise ZeroDivisionError

    monkeypatch.setattr(writing, "open_database", wrong)

    async def main() -> None:
        async with Writer(store) as writer:
            with pytest.raises(ZeroDivisionError):
                await writer.write(commit(leases[0], 0))

    trio.run(main)


def test_the_log_is_copied_into_the_store_now_and_then(store, leases, transactions, monkeypatch):
    monkeypatch.setattr(writing, "PAGES_IN_LOG", 10)
    store.database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    log = store.path.with_name("runs.db-wal")

    async def main() -> None:
        async with Writer(store, idle=lambda: True) as writer:
            for seq in range(100):
                await writer.write(commit(leases[0], seq))
            assert log.stat().st_size < 30 * 4096

    trio.run(main)
    assert len(store.journal(leases[0].run)) == 100
    assert sum(on_loop for count, on_loop in transactions if count) > 80
