"""What may go wrong around a run, through the front door: `flow run` and `flow resume` on a full disk, in a
store that is locked, damaged, cut or from the future; with owners that sleep and clocks that lie.

Each is told clearly, nothing is half written, and the run goes on when the cause is gone. The command line is
called in a forked child, which costs no start of Python."""

from __future__ import annotations

import json
import math
import os
import resource
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import attrs
import pytest
import trio
import trio.testing
from support.kill_stories import acted, folder, story_of, untimed
from support.kills import RUN, Kill, Story, whole
from support.stores import child

from flowlang.hosts.sqlite import opening
from flowlang.hosts.sqlite.problems import Held
from flowlang.hosts.sqlite.records import NewRun
from flowlang.hosts.sqlite.store import Store
from flowlang.hosts.under_way import Activity
from flowlang.tools import cli, durable
from flowlang.tools.durable import Engine

FLOW = """
use python tools = "tools.py"

flow many(n: int = 30) -> int {
  step all = for each i in 0..n, 1 at once { step one = tools.large(n: i) yield one.size() }
  return all.sum()
}

flow slow() -> int {
  step first = tools.count(n: 1)
  step second = tools.hang(n: first)
  step third = tools.last(n: second)
  return third
}
"""

TOOLS = """
from pathlib import Path

import trio

from flowlang.agents import effect


def log(text):
    with open("calls", "a") as file:
        file.write(text + " ")


@effect("read")
async def large(n: int) -> str:
    log(f"large{n}")
    return "x" * 20_000


@effect("read")
async def count(n: int) -> int:
    log(f"count{n}")
    return n


@effect("idempotent")
async def last(n: int) -> int:
    log(f"count{n}")
    return n


@effect("idempotent")
async def hang(n: int) -> int:
    log("hang")
    while not Path("free").exists():
        await trio.sleep(0.01)
    return n + 41
"""


@attrs.define
class Process:
    """A command line that is carried out in a child."""

    pid: int
    output: Path

    def ended(self) -> tuple[int, str]:
        """Its exit code, and all that it said."""
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        said = self.output.read_text()
        assert "Traceback" not in said, said
        return status, said


@attrs.define
class Desk:
    """A folder with flows and a store of its own, and the processes that work in it."""

    folder: Path
    started: int = 0

    def start(self, *words: str, first: Callable[[], object] = lambda: None) -> Process:
        """Call `flow` with such words; the child does something `first`."""
        self.started += 1
        output = self.folder / f"output{self.started}"
        pid = os.fork()
        if pid == 0:
            self._be_the_child(words, output, first)
        return Process(pid, output)

    def _be_the_child(self, words: tuple[str, ...], output: Path, first: Callable[[], object]) -> NoReturn:
        code = 70
        try:
            file = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
            for kept in (1, 2):
                os.dup2(file, kept)
            sys.stdout, sys.stderr = (os.fdopen(kept, "w", closefd=False) for kept in (1, 2))
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.chdir(self.folder)
            os.environ["FLOW_STORE"] = str(self.store)
            first()
            code = cli.invoke(list(words))
            sys.stdout.flush(), sys.stderr.flush()
        finally:
            os._exit(code)

    def flow(self, *words: str, first: Callable[[], object] = lambda: None) -> tuple[int, str]:
        return self.start(*words, first=first).ended()

    @property
    def store(self) -> Path:
        return self.folder / "runs.db"

    def calls(self) -> list[str]:
        calls = self.folder / "calls"
        return calls.read_text().split() if calls.exists() else []

    def run_id(self) -> str:
        with Store.open(self.store, "none") as store:
            return store.runs()[0].id

    def killed(self) -> str:
        """The id of a run whose process was killed in its second call."""
        before = self.calls().count("hang")
        process = self.start("run", "main.flow", "slow")
        await_until(lambda: self.calls().count("hang") > before)
        os.kill(process.pid, signal.SIGKILL)
        os.waitpid(process.pid, 0)
        return self.run_id()

    def free(self) -> None:
        (self.folder / "free").touch()


def await_until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not true():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.005)


@pytest.fixture
def desk() -> Iterator[Desk]:
    with folder() as place:
        (place / "main.flow").write_text(FLOW)
        (place / "tools.py").write_text(TOOLS)
        yield Desk(place)


# No room


def little_room() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))


def test_a_full_disk_parks_the_run_until_there_is_room(desk: Desk) -> None:
    code, said = desk.flow("run", "main.flow", "many", first=little_room)
    run = desk.run_id()
    assert code == 1 and f"go on with `flow resume {run}`" in said, said
    assert "the disk refused to write" in said or "there is no room left" in said
    made = desk.calls()
    assert 3 < len(made) < 30
    code, said = desk.flow("resume", run)
    assert code == 0 and said.endswith("600000\n"), said
    again = desk.calls()[len(made) :]
    assert again[0] in made[-7:] and sorted({*made, *again}) == sorted(f"large{n}" for n in range(30))
    assert len(made) + len(again) <= 36  # of 20 kB each, a run does not make many in advance


def test_a_store_that_cannot_be_written_to_starts_and_resumes_nothing(desk: Desk) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become a stranger")
    run = desk.killed()
    made = desk.calls()
    desk.folder.chmod(0o755)
    desk.store.chmod(0o644)

    def stranger() -> None:
        cli.invoke(["run", "main.flow", "many", "n=1", "--ephemeral"])  # loads what a stranger may not
        os.setgid(65534)
        os.setuid(65534)

    for words in (["run", "main.flow", "slow"], ["resume", run], ["resume", "--all"]):
        code, said = desk.flow(*words, first=stranger)
        assert code == 1 and "cannot be" in said and "help: " in said, said
    assert [call for call in desk.calls() if call != "large0"] == made


# Others who write


def test_a_run_starts_once_another_process_lets_the_store_go(desk: Desk) -> None:
    desk.free()
    with locked(desk):
        process = desk.start("run", "main.flow", "slow")
        time.sleep(1)
        assert desk.calls() == []
    code, said = process.ended()
    assert (code, desk.calls()) == (0, ["count1", "hang", "count42"]), said


def test_a_run_goes_on_once_another_process_lets_the_store_go(desk: Desk) -> None:
    process = desk.start("run", "main.flow", "slow")
    await_until(lambda: "hang" in desk.calls())
    with locked(desk):
        desk.free()
        time.sleep(1)
        assert "count42" not in desk.calls()
    code, said = process.ended()
    assert (code, desk.calls()) == (0, ["count1", "hang", "count42"]), said


@contextmanager
def locked(desk: Desk) -> Iterator[None]:
    """Another process keeps all others from writing to the store."""
    telling, tell = os.pipe()
    freeing, free = os.pipe()

    def hold() -> None:
        with Store.open(desk.store, "none") as store, store.database.writing():
            os.write(tell, b"x")
            os.read(freeing, 1)

    with child(hold):
        os.read(telling, 1)
        try:
            yield
        finally:
            os.write(free, b"x")


def test_a_suspended_owner_that_wakes_after_a_takeover_writes_nothing_and_says_so(desk: Desk) -> None:
    process = desk.start("run", "main.flow", "slow")
    await_until(lambda: "hang" in desk.calls())
    os.kill(process.pid, signal.SIGSTOP)
    with Store.open(desk.store, "none") as store, store.new_owner() as owner:
        number = store.runs()[0].number
        lease = store.take(number, owner, force=True)
        rows = store.journal(number)
        desk.free()
        os.kill(process.pid, signal.SIGCONT)
        code, said = process.ended()
        assert code == 1 and "somebody else has taken the run over" in said, said
        assert store.journal(number) == rows and store.record(number).epoch == lease.epoch
        store.release(lease, 1)
    code, said = desk.flow("resume", desk.run_id())
    assert (code, desk.calls()) == (0, ["count1", "hang", "hang", "count42"]), said


def test_of_two_processes_that_resume_a_run_at_the_same_moment_one_wins() -> None:
    """A hundred times, and then it is carried to its end."""
    with story_of("questions") as story:
        expected = whole(story)
        story.forget()
        assert story.live(1, Kill(2, "after")) is None
        unanswered = attrs.evolve(story, outside=None)
        for _ in range(100):
            told = race(unanswered)
            assert sorted(kind for kind, *_ in told) == ["has", "held"], told
            [[_, winner]] = [rest for rest in told if rest[0] == "has"]
            [[_, holder]] = [rest for rest in told if rest[0] == "held"]
            assert winner == holder
        with Store.open(story.store, "none") as store:
            assert store.find(RUN).epoch == 101
        ended = story.live(2, None)
        assert ended is not None and untimed(ended.result) == untimed(expected.result)


def race(story: Story) -> list[list[Any]]:
    """What two processes say that resume the run of a story at once; then both are killed."""
    starting, start = os.pipe()
    hearing, tell = os.pipe()
    pids = [os.fork() or resume_and_tell(story, (starting, start), tell) for _ in range(2)]
    os.close(starting)
    os.close(tell)
    os.close(start)  # both read from it
    with os.fdopen(hearing) as lines:
        told = [json.loads(lines.readline()) for _ in pids]
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    return told


def resume_and_tell(story: Story, pipe: tuple[int, int], tell: int) -> NoReturn:
    starting, start = pipe
    os.close(start)

    async def resume() -> None:
        async with Engine.open(story.store, durability="none") as engine:
            os.read(starting, 1)
            try:
                async with engine.resume(RUN, agents=story.prepared.program.agents):
                    os.write(tell, f'["has", {os.getpid()}]\n'.encode())
                    await trio.sleep_forever()
            except Held as held:
                os.write(tell, f'["held", {held.by.pid}]\n'.encode())
                await trio.sleep_forever()

    try:
        trio.run(resume)
    finally:
        os._exit(1)


# Damage


def test_a_log_that_is_cut_in_its_middle_loses_whole_commits_and_no_more() -> None:
    with story_of("chain") as story:
        expected = whole(story)
        story.forget()
        assert story.live(1, Kill(4, "after")) is None
        log = story.store.with_name("runs.db-wal")
        written, kept = log.read_bytes(), story.store.read_bytes()
        seen = set()
        for length in range(0, len(written) + 1, len(written) // 12):
            shutil.rmtree(story.folder / "runs.db-owners")
            story.store.write_bytes(kept)
            log.write_bytes(written[:length])
            story.store.with_name("runs.db-shm").unlink(missing_ok=True)
            seen.add(len(story.look().committed))
            ended = story.live(2, None)
            assert ended is not None and untimed(ended.result) == untimed(expected.result)
        assert seen == {0, 1, 2}


def test_a_flipped_byte_in_a_journal_stops_its_run_and_no_other(desk: Desk) -> None:
    damaged = desk.killed()
    other = desk.killed()
    connection = sqlite3.connect(desk.store)
    [outcome] = connection.execute("SELECT outcome FROM journal WHERE seq = 2").fetchone()
    connection.execute("UPDATE journal SET outcome = '{\"value\":7}' WHERE run = 1 AND seq = 2")
    connection.commit()
    connection.close()
    assert outcome == '{"value":1}'
    desk.free()
    made = desk.calls()
    code, said = desk.flow("resume", damaged)
    assert code == 1 and f"row 2 of the journal of run `{damaged}` is not what was written" in said, said
    code, said = desk.flow("resume", "--all")
    assert code == 1 and f"{other}  done in" in said and f"{damaged}  cannot be resumed" in said, said
    assert desk.calls() == [*made, "hang", "count42"]


# Other versions, other places


def test_a_store_of_a_newer_version(desk: Desk) -> None:
    Store.open(desk.store, "none").close()
    connection = sqlite3.connect(desk.store)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for words in (["run", "main.flow", "slow"], ["resume", "x"], ["resume", "--all"]):
        code, said = desk.flow(*words)
        assert code == 1 and "written by a newer flowlang" in said and "update flowlang" in said, said


def test_a_run_of_a_newer_meaning(desk: Desk) -> None:
    with Store.open(desk.store, "none") as store, store.new_owner() as owner:
        store.create(NewRun("future", "main", "{}", "{}", 1, semantics=99), owner)
    for words in (["resume", "future"], ["resume", "--all"]):
        code, said = desk.flow(*words)
        assert code == 1 and "started by a newer flowlang" in said, said


def test_a_store_on_a_network(desk: Desk) -> None:
    mounts = f"32 22 0:27 / {desk.folder} rw - nfs4 server:/home rw\n"

    def far_away() -> None:
        opening.known_mounts = lambda: mounts

    for words in (["run", "main.flow", "slow"], ["resume", "x"]):
        code, said = desk.flow(*words, first=far_away)
        assert code == 1 and "network file system" in said and "--store" in said, said
    assert desk.calls() == []


def test_a_plan_whose_agents_are_gone(desk: Desk) -> None:
    run = desk.killed()
    (desk.folder / "tools.py").write_text("import trio")
    for words in (["resume", run], ["resume", "--all"]):
        code, said = desk.flow(*words)
        assert code == 1 and "count" in said, said
    with Store.open(desk.store, "none") as store:
        assert store.find(run).status == "interrupted"


# Clocks

HOUR = 3_600.0
EPOCH = 1_700_000_000_000_000
LISTENING = 60.0  # nobody writes to the inbox


@pytest.mark.parametrize(
    ("passed", "then"),
    [(0.0, HOUR), (0.5 * HOUR, HOUR / 2), (24 * HOUR, 0.0), (-HOUR, 2 * HOUR)],
    ids=["at once", "half an hour", "a day", "set back an hour"],
)
def test_a_sleep_is_over_when_the_clock_says_so(desk: Desk, passed: float, then: float) -> None:
    """It is left after one of two hours; so many seconds have passed when it is resumed."""
    text = 'flow main() -> string { step s = sleep 2h step a = work(name: "a") after s return a }'
    assert carried(desk, text, shown=0.0, leave_after=HOUR) == (None, HOUR)
    assert carried(desk, text, shown=HOUR + passed) == ("a", pytest.approx(then, abs=LISTENING))


@pytest.mark.parametrize(
    ("passed", "given", "then"),
    [(0.0, "late", 360), (24 * HOUR, "late", 360), (-HOUR, "c", 480)],
    ids=["at once", "a day", "set back an hour"],
)
def test_running_time_stands_still_while_nobody_holds_the_run(
    desk: Desk, passed: float, given: str, then: float
) -> None:
    """And for as long as a clock that was set back shows what it has shown before."""
    text = """
flow main() -> string {
  step a = do {
    step b = work(name: "b", takes: 5m)
    step c = work(name: "c", takes: 8m) after b
    yield c
  } timeout 12m catch Timeout -> "late"
  return a
}
"""
    assert carried(desk, text, shown=0.0, leave_after=360) == (None, 360)
    assert carried(desk, text, shown=360 + passed) == (given, pytest.approx(then, abs=LISTENING))


def carried(desk: Desk, text: str, shown: float, leave_after: float = math.inf) -> tuple[Any, float]:
    """What a run gives that is started or resumed when the clock shows so many seconds, and how long it
    took."""
    prepared = acted(text)

    def clock() -> int:
        return EPOCH + round((shown + trio.current_time()) * 1e6)

    async def main() -> tuple[Any, float]:
        async with Engine.open(desk.store, durability="none", clock=clock) as engine:
            known = engine.store.runs()
            agents = prepared.program.agents
            opened = engine.resume(RUN, agents=agents) if known else engine.start(prepared, run_id=RUN)
            with trio.move_on_after(leave_after):
                async with opened as run:
                    return (await run.result()).data, trio.current_time()
            return None, trio.current_time()

    # Commits on the loop: while a thread wrote, this clock would jump.
    with patch.object(durable, "LISTENING", LISTENING), patch.object(Activity, "idle", lambda self: True):
        return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
