"""The store as its users see it: runs are made, found, held, written, read, asked and answered."""

from __future__ import annotations

import errno
import fcntl
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stores import NOW, child, commit, in_a_child, new_run, row

from flowlang.hosts.sqlite.owners import Owner, clear_away_the_dead, holder_of
from flowlang.hosts.sqlite.problems import (
    Ambiguous,
    AnsweredAlready,
    Ended,
    Held,
    NotAsked,
    NotStored,
    StoreProblem,
    Unknown,
)
from flowlang.hosts.sqlite.records import Message, NewRun
from flowlang.hosts.sqlite.rows import LARGEST_INLINE
from flowlang.hosts.sqlite.store import Store
from flowlang.hosts.sqlite.writing import Creation, write_all
from flowlang.runtime.journal import Collapse, Commit, Ending, Lease, NotWritten, Row, TakenOver, Wait

QUESTION = Wait("approve", "question", "approve", '{"text":"ok?"}', NOW, NOW + 5)
SLEEP = Wait("pause", "time", "pause", None, NOW + 1, NOW + 9)


@pytest.fixture
def store(tmp_path):
    with Store.open(tmp_path / "state" / "runs.db", "none") as opened:
        yield opened


@pytest.fixture
def owner(store):
    with store.new_owner() as made:
        yield made


def write(store: Store, lease: Lease, **parts: object) -> None:
    assert store.write_all([Commit(lease, **parts)]) == [None]


def end(store: Store, lease: Lease, status: str = "done") -> None:
    write(store, lease, ending=Ending(NOW + 7, status, '{"data":1}'))


# Journals


texts = st.text(max_size=30)
instants = st.integers(-(2**62), 2**62)
journals = st.lists(
    st.builds(
        Row,
        seq=st.integers(0, 10_000),
        kind=st.sampled_from(["began", "call", "timer", "event", "answer", "cancel", "started", "scope"]),
        path=texts,
        at=instants,
        outcome=st.none() | texts | st.builds(lambda t: t * LARGEST_INLINE, st.text(min_size=1, max_size=2)),
        digest=st.none() | st.binary(max_size=8),
    ),
    unique_by=lambda row: row.seq,
    max_size=8,
)


@settings(deadline=None, max_examples=50)
@given(rows=journals, cut=st.integers(0, 8), text=texts.filter(bool))
def test_what_is_written_is_read_back_by_whoever_opens_the_store(tmp_path_factory, rows, cut, text):
    path = tmp_path_factory.mktemp("store") / "runs.db"
    new = NewRun(text, text, text, text, NOW, source=text)
    with Store.open(path, "none") as store, store.new_owner() as owner:
        lease = store.create(new, owner)
        assert store.write_all([Commit(lease, rows[:cut]), Commit(lease, rows[cut:])]) == [None, None]
    with Store.open(path, "none") as store:
        record = store.record(lease.run)
        assert store.journal(lease.run) == sorted(rows, key=lambda row: row.seq)
        assert (
            NewRun(
                record.id,
                record.flow,
                store.plan(record.plan),
                store.inputs(lease.run),
                record.created,
                record.source,
                record.semantics,
            )
            == new
        )


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 63, 64, 65, 200])
def test_a_commit_has_any_number_of_rows(store, owner, length):
    rows = [row(n) for n in range(length)]
    lease = store.create(new_run(), owner)
    write(store, lease, rows=rows)
    assert store.journal(lease.run) == rows


def test_a_journal_is_read_from_any_row_on(store, owner):
    lease = store.create(new_run(), owner)
    write(store, lease, rows=[row(0), row(1), row(2)])
    assert store.journal(lease.run, after=0) == [row(1), row(2)]


def test_a_reader_sees_one_state_while_another_process_writes(store, owner):
    lease = store.create(new_run(), owner)
    write(store, lease, rows=[row(0)])

    def goes_on() -> None:
        with Store.open(store.path, "none") as same:
            assert same.write_all([commit(lease, 1)]) == [None]

    with store.database.reading():
        before = store.database.connection.execute("SELECT count(*) FROM journal").fetchone()
        in_a_child(goes_on)
        assert store.database.connection.execute("SELECT count(*) FROM journal").fetchone() == before
    assert store.journal(lease.run) == [row(0), row(1)]


def test_a_run_may_be_made_with_its_first_rows(store, owner):
    lease = store.create(new_run(), owner, [row(0), row(1)])
    assert store.journal(lease.run) == [row(0), row(1)]
    with pytest.raises(NotWritten):
        store.create(new_run(plan='{"other":1}'), owner, [row(0)])
    assert store.journal(lease.run) == [row(0), row(1)]
    assert store.database.connection.execute("SELECT count(*) FROM plans").fetchone() == (1,)


def test_R18_a_plan_and_a_large_outcome_are_kept_once(store, owner):
    large = '"' + "x" * 100_000 + '"'
    first, second = store.create(new_run("a"), owner), store.create(new_run("b"), owner)
    write(store, first, rows=[row(0, large), row(1, large)])
    write(store, second, rows=[row(0, large)])
    kept = [
        store.database.connection.execute(f"SELECT count(*) FROM {t}").fetchone() for t in ("plans", "blobs")
    ]
    assert kept == [(1,), (1,)]
    assert [row.outcome for row in store.journal(first.run)] == [large, large]


# Commits


def test_a_commit_says_all_that_has_changed(store, owner):
    lease = store.create(new_run(), owner)
    write(store, lease, opened=[QUESTION, SLEEP], status="waiting")
    store.put_answer(lease.run, "approve", "true", NOW + 3)
    [message] = store.messages(run=lease.run)
    assert message == Message(message.number, lease.run, "answer", "approve", "true", NOW + 3)
    assert store.record(lease.run).status == "waiting"
    write(store, lease, rows=[row(0)], taken=[message.number], closed=["approve"], status="running")
    assert store.waits(lease.run) == store.waits() == [(lease.run, SLEEP)]
    assert store.messages() == []
    assert store.record(lease.run).status == "running"
    end(store, lease)
    record = store.record(lease.run)
    assert (record.status, record.ended, record.holder, store.result(lease.run)) == (
        "done",
        NOW + 7,
        None,
        '{"data":1}',
    )
    assert store.waits() == []


def test_what_is_closed_and_opened_in_one_commit_is_open(store, owner):
    lease = store.create(new_run(), owner)
    write(store, lease, opened=[QUESTION])
    later = attrs.evolve(QUESTION, since=NOW + 4)
    write(store, lease, closed=["approve"], opened=[later])
    assert store.waits(lease.run) == [(lease.run, later)]


def test_a_refused_commit_does_not_spoil_the_others(store, owner):
    mine, lost = store.create(new_run("a"), owner), store.create(new_run("b"), owner)
    now = store.take(lost.run, owner, force=True)
    results = store.write_all([commit(mine, 0), commit(lost, 0), commit(now, 5), commit(Lease(99, 1), 0)])
    assert [type(result) and isinstance(result, TakenOver) for result in results] == [
        False,
        True,
        False,
        True,
    ]
    assert [store.journal(run) for run in (mine.run, lost.run)] == [[row(0)], [row(5)]]


@st.composite
def any_commits(draw: st.DrawFn) -> list[Commit]:
    """Commits for some of 3 runs, in any order. Their leases name the runs 0, 1 and 2."""
    commits = []
    for seq in range(draw(st.integers(0, 30))):
        waits = st.lists(st.sampled_from("abc"), unique=True)
        run = draw(st.integers(0, 2))
        commit = Commit(
            Lease(run, draw(st.sampled_from([1, 1, 1, 2]))),
            [row(2 * seq + n) for n in range(draw(st.integers(0, 2)))],
            taken=draw(st.lists(st.integers(1, 6))),
            opened=[Wait(path, "time", path, None, seq, None) for path in draw(waits)],
            closed=draw(waits),
            status=draw(st.none() | st.sampled_from(["running", "waiting"])),
            ending=draw(st.none() | st.just(Ending(NOW + seq, "done", f"{seq}"))),
        )
        commits.append(commit)
    return commits


@settings(deadline=None, max_examples=50)
@given(commits=any_commits())
def test_commits_that_are_written_together_come_to_what_they_come_to_one_by_one(tmp_path_factory, commits):
    seen = []
    for together in (True, False):
        with (
            Store.open(tmp_path_factory.mktemp("store") / "runs.db", "none") as store,
            store.new_owner() as owner,
        ):
            runs = [store.create(new_run(f"run-{n}"), owner).run for n in range(3)]
            for run in (*runs, *runs):
                store.put_cancel(run, NOW)
            leased = [attrs.evolve(c, lease=Lease(runs[c.lease.run], c.lease.epoch)) for c in commits]
            parts = [leased] if together else [[commit] for commit in leased]
            results = [type(result) for part in parts for result in store.write_all(part)]
            records = [attrs.evolve(record, holder=None) for record in store.runs()]
            journals = [store.journal(run) for run in runs]
            seen.append((results, records, journals, store.waits(), store.messages()))
    assert seen[0] == seen[1]


def test_a_commit_that_cannot_be_written_is_refused_alone(store, owner):
    good, bad = store.create(new_run("a"), owner), store.create(new_run("b"), owner)
    write(store, bad, rows=[row(0)])
    again, half, fine = store.write_all([commit(bad, 1, 0), Commit(bad, [row(2, "\ud800")]), commit(good, 0)])
    assert again.code == half.code == "unwritable"
    assert fine is None
    assert [store.journal(run) for run in (good.run, bad.run)] == [[row(0)], [row(0)]]


def test_R16_a_scope_that_is_over_is_one_row(store, owner):
    lease = store.create(new_run(), owner)
    paths = ["each[0]/a", "other", "each[1]/a", "eachother", "each", "each[1]/b#2@1"]
    rows = [Row(seq, "call", path, NOW + seq, "{}") for seq, path in enumerate(paths)]
    event, timer = Row(6, "event", "each", NOW + 6, "{}"), Row(7, "timer", "", NOW + 7)
    write(store, lease, rows=[*rows, event, timer, Row(8, "call", "each[2]", NOW + 8, "{}")])
    scope = Row(8, "scope", "each", NOW + 8, '{"value":[1,2]}')
    write(store, lease, collapsed=[Collapse(1, scope)])
    assert store.journal(lease.run) == [rows[0], rows[1], rows[3], event, timer, scope]


def test_a_scope_may_take_the_place_of_rows_that_come_with_it(store, owner):
    lease = store.create(new_run(), owner)
    scope = Row(1, "scope", "step", NOW, "{}")
    rows = [Row(0, "call", "step/a", NOW), Row(1, "call", "step/b", NOW)]
    write(store, lease, rows=rows, collapsed=[Collapse(0, scope)])
    assert store.journal(lease.run) == [scope]


# Finding runs


def test_runs_are_found_by_what_their_ids_begin_with(store, owner):
    for id in ("order-12", "order-123", "other-1"):
        store.create(new_run(id), owner)
    assert store.find("ot").id == "other-1"
    assert store.find("order-12").id == "order-12"
    with pytest.raises(Ambiguous) as several:
        store.find("order-1")
    assert several.value.candidates == ["order-123", "order-12"]


@pytest.mark.parametrize(
    ("asked", "help"),
    [
        ("ordr-12", "did you mean `order-12`?"),
        ("zzz", "the newest runs are other-1, order-12"),
        ("", "the newest runs are other-1, order-12"),
        ("order-%", "did you mean `order-12`?"),
        ("\udcff", "the newest runs are other-1, order-12"),
        ("x" * 1_000_000, "the newest runs are other-1, order-12"),
    ],
    ids=lambda value: value[:20],
)
def test_a_run_that_is_not_there(store, owner, asked, help):
    for id in ("order-12", "other-1"):
        store.create(new_run(id), owner)
    with pytest.raises(Unknown) as unknown:
        store.find(asked)
    assert unknown.value.help == help
    assert len(unknown.value.message) < 200


def test_an_empty_store_says_so(store):
    with pytest.raises(Unknown, match="there is no run `x`") as unknown:
        store.find("x")
    assert "has no runs" in unknown.value.help
    with pytest.raises(Unknown):
        store.journal(1)


def test_an_id_is_given_once(store, owner):
    store.create(new_run("a"), owner)
    with pytest.raises(StoreProblem) as taken:
        store.create(new_run("a"), owner)
    assert taken.value.code == "id_taken"


def test_an_id_is_given_once_in_one_transaction(store, owner):
    ids = ("a", "b", "a")
    creations = [Creation(new_run(id), owner.name, [row(n)]) for n, id in enumerate(ids)]
    first, other, again = write_all(store.database, creations)
    assert isinstance(again, NotStored) and again.code == "id_taken"
    assert [store.record(lease.run).id for lease in (first, other)] == ["a", "b"]
    assert store.journal(first.run) == [row(0)]
    assert store.plan(store.record(first.run).plan) == new_run().plan


def test_runs_are_listed_by_status_and_flow_newest_first(store, owner):
    leases = {id: store.create(new_run(id, flow="main" if id < "d" else "other"), owner) for id in "abcdef"}
    end(store, leases["a"], "failed")
    write(store, leases["b"], status="waiting")
    store.release(leases["b"], NOW + 50)
    store.release(leases["e"], NOW + 60)
    write(store, leases["f"], status="unknown")

    def listed(**filters: object) -> str:
        return "".join(record.id for record in store.runs(**filters))

    assert listed() == "fedcba"
    assert listed(flow="main") == "cba"
    assert listed(status="running") == "dc"
    assert listed(status="interrupted") == "e"
    assert listed(status="waiting") == "b"
    assert listed(status="failed") == "a"
    assert listed(status="running", flow="other") == "d"
    assert listed(limit=2) == "fe"
    assert listed(limit=1, status="running") == "d"
    assert listed(before=leases["c"].run) == "ba"


def test_when_a_run_was_last_held(store, owner):
    lease = store.create(new_run(), owner)
    assert store.record(lease.run).updated == NOW
    write(store, lease, rows=[row(0), row(1)])
    assert store.record(lease.run).updated == NOW + 1
    store.release(lease, NOW + 30)
    assert store.record(lease.run).updated == NOW + 30


# Owners


def test_a_run_is_taken_only_from_the_dead(store, owner):
    with store.new_owner() as other:
        lease = store.create(new_run(), other)
        with pytest.raises(Held, match=f"process {os.getpid()}") as held:
            store.take(lease.run, owner)
        assert held.value.by.pid == os.getpid()
    assert store.record(lease.run).status == "interrupted"
    assert store.take(lease.run, owner) == Lease(lease.run, 2)
    with pytest.raises(Held):
        store.take(lease.run, owner)


def test_a_run_that_was_given_back_is_free(store, owner):
    lease = store.create(new_run(), owner)
    store.release(lease, NOW)
    with store.new_owner() as other:
        taken = store.take(lease.run, other)
        store.release(lease, NOW + 99)  # by somebody who no longer has it
        assert store.record(lease.run).holder is not None
        assert taken.epoch == 2


def test_a_run_that_has_ended_is_not_taken(store, owner):
    lease = store.create(new_run(), owner)
    end(store, lease, "cancelled")
    with pytest.raises(Ended, match="cancelled"):
        store.take(lease.run, owner)
    with pytest.raises(Unknown):
        store.take(99, owner)


def test_R20_the_runs_of_a_process_that_was_killed_are_free(store, owner):
    def holds(tell: Callable[[int], None]) -> None:
        with Store.open(store.path, "none") as same:
            other = same.new_owner()
            for number in range(1_000):
                same.create(new_run(f"r{number}"), other)
            tell(os.getpid())
            signal.pause()

    with killed(holds) as (pid, kill):
        with pytest.raises(Held, match=f"process {pid}"):
            store.take(1, owner)
        assert len(os.listdir(store.path.parent / "runs.db-owners")) == 2, "one lock serves them all"
        assert len(store.runs(status="running", limit=10_000)) == 1_000
        kill()
        assert len(store.runs(status="interrupted", limit=10_000)) == 1_000
        assert [store.take(number, owner).epoch for number in (1, 500, 1_000)] == [2, 2, 2]


def test_a_forked_child_does_not_hold_what_its_dead_parent_held(store, owner):
    def holds_and_forks(tell: Callable[[int], None]) -> None:
        with Store.open(store.path, "none") as same:
            other = same.new_owner()
            same.create(new_run(), other)
            if os.fork() == 0:
                other.close()
                tell(os.getpid())
            signal.pause()

    with killed(holds_and_forks) as (grandchild, kill):
        with pytest.raises(Held):
            store.take(1, owner)
        kill()
        assert store.take(1, owner).epoch == 2
        os.kill(grandchild, signal.SIGKILL)


def test_an_owner_that_could_not_say_who_it_is_owns_all_the_same(store, owner, monkeypatch):
    monkeypatch.setattr(os, "write", lambda file, content: full())

    def full() -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with store.new_owner() as other:
        lease = store.create(new_run(), other)
        with pytest.raises(Held, match="is held by another process"):
            store.take(lease.run, owner)


def test_the_files_of_the_dead_are_cleared_away(store, owner):
    folder = store.path.parent / "runs.db-owners"
    for name in ("dead", "empty"):
        (folder / f"{name}.owner").touch()
    with store.new_owner() as other:
        assert {path.stem for path in folder.iterdir()} == {owner.name, other.name}
    assert [path.stem for path in folder.iterdir()] == [owner.name]


def test_an_owner_whose_file_is_cleared_away_before_it_is_locked_begins_anew(tmp_path, monkeypatch):
    flock, cleared = fcntl.flock, []

    def cleared_first(file: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX and not cleared:
            cleared.extend(tmp_path.glob("*.owner"))
            clear_away_the_dead(tmp_path)
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", cleared_first)
    with Owner(tmp_path) as owner:
        assert owner.name != cleared[0].stem
        assert holder_of(tmp_path, owner.name).pid == os.getpid()
        assert holder_of(tmp_path, cleared[0].stem) is None


def test_R20_of_two_processes_that_take_a_run_at_the_same_moment_one_wins(store, owner):
    runs = [store.create(new_run(f"r{n}"), owner).run for n in range(100)]
    owner.close()
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(2), context.SimpleQueue()

    def takes_all() -> None:
        with Store.open(store.path, "none") as same, same.new_owner() as other:
            told = []
            for run in runs:
                barrier.wait(60)
                try:
                    told.append((os.getpid(), same.take(run, other).epoch))
                except Held as held:
                    told.append((held.by.pid, None))
            barrier.wait(60)
            results.put(told)

    with child(takes_all), child(takes_all):
        first, second = results.get(), results.get()
    for one, other in zip(first, second, strict=True):
        assert {one[1], other[1]} == {2, None}, "exactly one has it"
        assert one[0] == other[0], "and the other says who"


def test_R20_a_suspended_owner_that_wakes_after_a_takeover_writes_nothing(store, owner):
    lease = store.create(new_run(), owner)
    write(store, lease, rows=[row(0)])
    with Store.open(store.path, "none") as elsewhere, elsewhere.new_owner() as other:
        taken = elsewhere.take(lease.run, other, force=True)
        write(elsewhere, taken, rows=[row(1)])
        wait = Wait("late", "question", "late", None, NOW, None)
        late = Commit(lease, [row(1)], opened=[wait], ending=Ending(NOW, "done", "{}"))
        [refused] = store.write_all([late])
        assert isinstance(refused, TakenOver)
        assert store.journal(lease.run) == [row(0), row(1)]
        assert (store.waits(), store.record(lease.run).ended) == ([], None)


# The inbox


def test_messages_wait_until_a_commit_takes_them(store, owner):
    lease = store.create(new_run(), owner)
    other = store.create(new_run("other"), owner)
    store.put_signal(lease.run, "Paid", '{"id":1}', NOW)
    store.put_cancel(other.run, NOW + 1)
    store.put_signal(lease.run, "Paid", '{"id":2}', NOW + 2)
    messages = store.messages(owner=owner)
    assert [(m.run, m.kind, m.path, m.value) for m in messages] == [
        (lease.run, "signal", "Paid", '{"id":1}'),
        (other.run, "cancel", "", None),
        (lease.run, "signal", "Paid", '{"id":2}'),
    ]
    # A message is taken by its own run only.
    write(store, lease, taken=[message.number for message in messages[:2]])
    assert store.messages() == [messages[1], messages[2]]
    assert store.messages(run=other.run) == [messages[1]]
    with store.new_owner() as nobody:
        assert store.messages(owner=nobody) == []


def test_R20_a_question_is_answered_once(store, owner):
    lease = store.create(new_run(), owner)
    with pytest.raises(NotAsked) as early:
        store.put_answer(lease.run, "approve", "true", NOW)
    assert early.value.help == "no question of it is open"
    write(store, lease, opened=[QUESTION, SLEEP])
    with pytest.raises(NotAsked) as other:
        store.put_answer(lease.run, "pause", "true", NOW)
    assert other.value.help == "open are: approve"
    store.put_answer(lease.run, "approve", "true", NOW)
    with pytest.raises(AnsweredAlready):
        store.put_answer(lease.run, "approve", "false", NOW)
    [message] = store.messages()
    write(store, lease, taken=[message.number], closed=["approve"])
    with pytest.raises(AnsweredAlready):
        store.put_answer(lease.run, "approve", "false", NOW)


def test_a_run_that_has_ended_hears_nothing(store, owner):
    lease = store.create(new_run(), owner)
    end(store, lease)
    for put in (
        lambda: store.put_answer(lease.run, "approve", "true", NOW),
        lambda: store.put_signal(lease.run, "Paid", "{}", NOW),
        lambda: store.put_cancel(lease.run, NOW),
    ):
        with pytest.raises(Ended, match="has ended: done"):
            put()
    with pytest.raises(Unknown):
        store.put_cancel(99, NOW)


@pytest.mark.parametrize(("path", "value"), [("\udcff", "{}"), ("Paid", "\ud800")])
def test_a_message_is_text(store, owner, path, value):
    lease = store.create(new_run(), owner)
    with pytest.raises(StoreProblem) as problem:
        store.put_signal(lease.run, path, value, NOW)
    assert problem.value.code == "not_text"


def test_an_owner_hears_that_something_has_changed(store, owner):
    lease = store.create(new_run(), owner)
    store.changed()
    assert not store.changed()
    store.put_cancel(lease.run, NOW)
    assert store.changed()
    assert not store.changed()

    def puts() -> None:
        with Store.open(store.path) as same:
            same.put_cancel(lease.run, NOW)

    in_a_child(puts)
    assert store.changed()
    assert not store.changed()


@contextmanager
def killed(work: Callable[[Callable[[int], None]], None]) -> Iterator[tuple[int, Callable[[], None]]]:
    """A child process that tells a number, and what kills it."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        signal.alarm(60)
        with suppress(BaseException):
            work(lambda number: os.write(writing, b"%d" % number) and None)
        os._exit(1)
    alive = [pid]

    def kill() -> None:
        if alive:
            os.kill(alive.pop(), signal.SIGKILL)
            os.waitpid(pid, 0)

    try:
        yield int(os.read(reading, 20)), kill
    finally:
        kill()
        os.close(reading)
        os.close(writing)
