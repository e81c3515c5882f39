"""Stores that are damaged, full, locked, foreign or out of reach: one clear problem each, nothing is half
written, and all is well once the cause is gone."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from support.stores import NOW, child, commit, in_a_child, new_run, row

from flowlang.hosts.sqlite import opening, schema
from flowlang.hosts.sqlite.filesystems import network_filesystem
from flowlang.hosts.sqlite.locks import who_writes
from flowlang.hosts.sqlite.problems import Busy, Damaged, StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import Store
from flowlang.runtime.journal import Commit, Lease, NotWritten

LARGE = '"' + "x" * 60_000 + '"'


@pytest.fixture
def path(tmp_path):
    return tmp_path / "runs.db"


def problem_of(work: Callable[[], object]) -> StoreProblem:
    with pytest.raises(StoreProblem) as caught:
        work()
    assert caught.value.message and caught.value.help
    return caught.value


def started(store: Store, id: str = "run-1") -> Lease:
    return store.create(new_run(id), store.new_owner())


# No room


def test_a_full_disk_refuses_whole_commits_and_is_forgotten_when_there_is_room(path):
    with Store.open(path, "none", patience=0) as store:
        lease, other = started(store), started(store, "run-2")
        [used] = store.database.connection.execute("PRAGMA page_count").fetchone()
        store.database.connection.execute(f"PRAGMA max_page_count = {used + 4}")
        commits = [commit(other, 0), Commit(lease, [row(0, LARGE), row(1, LARGE)])]
        refused = store.write_all(commits)
        assert [problem.code for problem in refused] == ["full", "full"]
        assert isinstance(refused[0], NotWritten) and "no room left" in refused[0].message
        assert store.journal(lease.run) == store.journal(other.run) == []
        store.database.connection.execute("PRAGMA max_page_count = 1000000")
        assert store.write_all(commits) == [None, None]
        assert store.journal(lease.run) == [row(0, LARGE), row(1, LARGE)]


def test_a_file_that_may_not_grow_refuses_whole_commits(path):
    def in_little_room() -> None:
        with Store.open(path, "power", patience=0) as store:
            lease = started(store)
            room = os.stat(f"{path}-wal").st_size + 20_000
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
            seq = 0
            while (problem := store.write_all([commit(lease, seq)])[0]) is None:
                seq += 1
            assert problem.code in ("io", "full"), problem
            assert store.journal(lease.run) == [row(n) for n in range(seq)]
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            assert store.write_all([commit(lease, seq)]) == [None]
            assert store.journal(lease.run) == [row(n) for n in range(seq + 1)]

    in_a_child(in_little_room)
    with Store.open(path) as store:
        assert store.journal(1)


# Damage


def test_a_flipped_byte_in_a_row_is_told(path):
    with Store.open(path, "none") as store:
        lease = started(store)
        store.write_all([Commit(lease, [row(0), row(1, '{"value":"precious"}'), row(2)])])
    flip(path, path.read_bytes().index(b"precious"))
    with Store.open(path) as store:
        problem = problem_of(lambda: store.journal(lease.run))
        assert isinstance(problem, Damaged)
        assert "row 1 of the journal of run `run-1`" in problem.message
        assert store.journal(lease.run, after=1) == [row(2)]


def test_a_flipped_byte_in_a_large_outcome_is_told(path):
    with Store.open(path, "none") as store:
        lease = started(store)
        store.write_all([Commit(lease, [row(0, '"' + "precious" * 20_000 + '"')])])
    flip(path, path.read_bytes().rindex(b"precious"))
    with Store.open(path) as store:
        assert "row 0 " in problem_of(lambda: store.journal(lease.run)).message


def test_text_that_is_no_text_any_more_is_told(path):
    with Store.open(path, "none") as store:
        lease = started(store)
        store.write_all([Commit(lease, [row(0), row(1, '{"value":"precious"}')])])
    flip(path, path.read_bytes().index(b"precious"), 0xFF)
    with Store.open(path) as store:
        assert "behind row 0" in problem_of(lambda: store.journal(lease.run)).message


@pytest.mark.parametrize(
    ("precious", "read"),
    [
        (b'{"plan":1}', lambda store: store.plan(store.record(1).plan)),
        (b'{"x":1}', lambda store: store.inputs(1)),
        (b'{"paid":1}', lambda store: store.messages()),
    ],
)
def test_a_flipped_byte_anywhere_else_is_told(path, precious, read):
    with Store.open(path, "none") as store:
        store.put_signal(started(store).run, "Paid", '{"paid":1}', NOW)
    flip(path, path.read_bytes().index(precious))
    with Store.open(path) as store:
        assert isinstance(problem_of(lambda: read(store)), Damaged)


def test_no_flipped_byte_makes_a_run_go_on_with_what_was_not_written(path, tmp_path):
    rows = [row(n, f'{{"value":"{n}"}}') for n in range(20)]
    with Store.open(path, "none") as store:
        lease = started(store)
        store.write_all([Commit(lease, rows)])
        store.put_cancel(lease.run, NOW)
    sound = path.read_bytes()
    chance = random.Random(3)
    copy = tmp_path / "copy.db"
    for _ in range(200):
        copy.write_bytes(sound)
        flip(copy, chance.randrange(len(sound)), chance.randrange(1, 256))
        try:
            with Store.open(copy, "none") as store:
                assert isinstance(store.record(lease.run), RunRecord)
                read = store.journal(lease.run)
                store.messages()
        except StoreProblem:
            continue
        assert [row for row in read if row not in rows] == []


@pytest.mark.parametrize("commits", range(1, 11))
def test_what_was_written_before_a_process_was_killed_is_there(path, commits):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        with Store.open(path, "process") as store:
            lease = started(store)
            for seq in count():
                assert store.write_all([commit(lease, 2 * seq, 2 * seq + 1)]) == [None]
                os.write(writing, b"x")
    for _ in range(commits):
        os.read(reading, 1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    with Store.open(path) as store:
        rows = store.journal(1)
        assert rows == [row(n) for n in range(len(rows))]
        assert len(rows) % 2 == 0 and len(rows) >= 2 * commits


def test_a_log_that_was_cut_ends_with_the_last_whole_commit(path, tmp_path):
    store = Store.open(path, "none")
    lease = started(store)
    store.database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for seq in range(0, 20, 2):
        store.write_all([commit(lease, seq, seq + 1)])
    log = Path(f"{path}-wal").read_bytes()
    copy, seen = tmp_path / "copy.db", []
    for length in range(0, len(log) + 100, 100):
        shutil.copy(path, copy)
        Path(f"{copy}-wal").write_bytes(log[:length])
        with Store.open(copy, "none") as cut:
            rows = cut.journal(lease.run)
            assert rows == [row(n) for n in range(len(rows))]
            assert len(rows) % 2 == 0
            seen.append(len(rows))
        Path(f"{copy}-shm").unlink(missing_ok=True)
    store.close()
    assert seen == sorted(seen)
    assert set(seen) == set(range(0, 22, 2))


def flip(path: Path, position: int, by: int = 1) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= by
    path.write_bytes(content)


# Others who write


def test_a_store_in_which_another_process_writes(path):
    with Store.open(path, "none", patience=0) as store:
        lease = started(store)
        reading, writing = os.pipe()
        locked, free = os.pipe()

        def writes() -> None:
            with Store.open(path, "none") as same, same.database.writing():
                os.write(free, b"x")
                os.read(reading, 1)

        with child(writes) as wait:
            os.read(locked, 1)
            assert [problem.code for problem in store.write_all([commit(lease, 0)])] == ["busy"]
            assert isinstance(problem_of(lambda: store.put_cancel(lease.run, NOW)), Busy)
            assert "process " in who_writes(path)
            # Looking is always possible, also for somebody who opens the store now.
            assert store.journal(lease.run) == []
            with Store.open(path, "none", patience=0) as other:
                assert other.find("run-1").number == lease.run
            os.write(writing, b"x")
            wait()
        assert store.write_all([commit(lease, 0)]) == [None]
        assert who_writes(path) is None


def test_whoever_may_wait_does(path):
    with Store.open(path, "none") as store:
        lease = started(store)
        locked, free = os.pipe()

        def writes_for_a_moment() -> None:
            with Store.open(path, "none") as same, same.database.writing():
                os.write(free, b"x")
                os.read(locked, 0)

        with child(writes_for_a_moment):
            os.read(locked, 1)
            assert store.write_all([commit(lease, 0)]) == [None]


def test_many_processes_may_make_the_store_at_once(path):
    def opens() -> None:
        with Store.open(path, "none") as store:
            started(store, f"run-{os.getpid()}")

    with child(opens), child(opens), child(opens), child(opens):
        pass
    with Store.open(path) as store:
        assert len(store.runs()) == 4


# Places where no store can be


def test_what_is_no_store(tmp_path):
    text, database, folder = tmp_path / "a.txt", tmp_path / "a.db", tmp_path / "folder"
    text.write_text("not a database" * 100)
    with sqlite3.connect(database) as other:
        other.execute("CREATE TABLE t (x)")
    folder.mkdir()
    for path in (text, database, folder):
        before = path.is_file() and path.read_bytes()
        assert problem_of(lambda path=path: Store.open(path)).code == "not_a_store"
        assert (path.is_file() and path.read_bytes()) == before


def test_an_empty_file_becomes_a_store(path):
    path.touch()
    with Store.open(path) as store:
        assert store.runs() == []


def test_a_place_that_cannot_be_written_to(tmp_path):
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents:
        if folder.stat().st_uid == os.getuid() and len(folder.parts) > 2:
            folder.chmod(folder.stat().st_mode | 0o011)
    path = tmp_path / "runs.db"
    with Store.open(path) as store:
        started(store)
    path.chmod(0o644)

    def as_a_stranger() -> None:
        os.setgid(65534)
        os.setuid(65534)
        assert problem_of(lambda: Store.open(path)).code in ("read_only", "cannot_open")
        assert problem_of(lambda: Store.open(tmp_path / "new.db")).code == "cannot_open"
        assert problem_of(lambda: Store.open(tmp_path / "new" / "new.db")).code == "cannot_open"

    if os.getuid() != 0:
        pytest.skip("only root can become a stranger")
    in_a_child(as_a_stranger)


def test_paths_that_lead_nowhere(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for path in ("file/runs.db", "loop/runs.db", "x" * 5_000, "nul\0", "/proc/none/runs.db"):
        assert problem_of(lambda path=path: Store.open(tmp_path / path)).code == "cannot_open"
    assert problem_of(lambda: Store.open(Path("~nobody-of-this-name/runs.db"))).code == "cannot_open"


def test_a_place_where_nobody_can_hold_runs(tmp_path):
    with Store.open(tmp_path / "runs.db") as store:
        (tmp_path / "runs.db-owners").touch()
        assert problem_of(store.new_owner).code == "cannot_hold"


MOUNTS = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:25 / /home rw - nfs4 server:/home rw,vers=4.2
31 30 0:26 / /home/ada/local rw shared:4 master:2 - xfs /dev/sdb1 rw
32 22 0:27 / /mnt/a\040b rw - fuse.sshfs ada@host:/ rw
33 22 0:28 / /over rw - ext4 /dev/sdc1 rw
34 22 0:29 / /over rw - cifs //server/share rw
broken line
"""


@pytest.mark.parametrize(
    ("path", "type"),
    [
        ("/var/runs.db", None),
        ("/home/ada/runs.db", "nfs4"),
        ("/homes/runs.db", None),
        ("/home/ada/local/x/runs.db", None),
        ("/mnt/a b/runs.db", "fuse.sshfs"),
        ("/over/runs.db", "cifs"),
    ],
)
def test_R20_a_store_does_not_lie_on_a_network_file_system(path, type, monkeypatch):
    assert network_filesystem(Path(path), MOUNTS) == type
    monkeypatch.setattr(opening, "known_mounts", lambda: MOUNTS)
    if type is not None:
        problem = problem_of(lambda: Store.open(Path(path)))
        assert problem.code == "network" and type in problem.message
    assert network_filesystem(Path(path), "") is None


def test_an_old_sqlite(path, monkeypatch):
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    assert problem_of(lambda: Store.open(path)).code == "old_sqlite"


# Versions


def test_a_store_of_a_newer_version_is_left_alone(path):
    with Store.open(path) as store, Store.open(path) as other:
        store.database.connection.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
        # Also by those who had opened it before.
        for use in (other.runs, lambda: other.put_cancel(1, NOW), lambda: Store.open(path)):
            assert problem_of(use).code == "newer"


@pytest.mark.parametrize("version", range(schema.VERSION))
def test_a_store_of_an_earlier_version_becomes_one_of_this(path, version):
    with sqlite3.connect(path) as old:
        for statement in [statement for step in schema.STEPS[:version] for statement in step]:
            old.execute(statement)
        old.execute(f"PRAGMA application_id = {schema.APPLICATION_ID if version else 0}")
        old.execute(f"PRAGMA user_version = {version}")
    with Store.open(path) as store:
        assert tables(store.path) == tables_of_a_new_store(path.with_name("new.db"))


def test_a_step_that_fails_leaves_the_store_as_it_was(path, monkeypatch):
    Store.open(path).close()
    before = tables(path)
    monkeypatch.setattr(schema, "STEPS", (*schema.STEPS, ("CREATE TABLE more (x)", "CREATE TABLE runs (x)")))
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 1)
    problem_of(lambda: Store.open(path))
    monkeypatch.undo()
    assert tables(path) == before
    Store.open(path).close()


def tables_of_a_new_store(path: Path) -> list[tuple[str, str]]:
    Store.open(path).close()
    return tables(path)


def tables(path: Path) -> list[tuple[str, str]]:
    with sqlite3.connect(path) as connection:
        return connection.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()


# Made for the user alone, and durable


def test_a_store_is_for_its_user_alone(tmp_path):
    path = tmp_path / "state" / "runs.db"
    with Store.open(path) as store, store.new_owner():
        modes = [entry.stat().st_mode & 0o077 for entry in (path.parent, *path.parent.rglob("*"))]
        assert not any(modes)


@pytest.mark.parametrize(("durability", "synchronous"), [("power", 2), ("process", 1), ("none", 0)])
def test_what_a_commit_survives_is_chosen(path, durability, synchronous):
    with Store.open(path, durability) as store:
        execute = store.database.connection.execute
        assert execute("PRAGMA synchronous").fetchone() == (synchronous,)
        assert execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert execute("PRAGMA busy_timeout").fetchone() == (0,)


def test_the_users_own_store(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with Store.open() as store:
        assert store.path.name == "runs.db" and store.path.parent.name == "flowlang"
