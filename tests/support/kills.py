"""Runs that are killed: a child process carries a run out on a real store and dies at its n-th commit.

The interpreter, the kernel and SQLite are imported once; each life of a run is a fork, which costs
milliseconds. A child kills itself with SIGKILL, inside of the transaction just before it is committed, or
just after; or it interrupts itself there, as somebody at a terminal would, and parks. What is turned to
agents for is written to a file of one line a call, so that it outlives the process.

Whatever the instants, the result is that of a run that nobody killed; no call is made again whose outcome was
committed, and any other at most once more for each kill, with the same idempotency key. And no call is ever
made but one that the journal tells of, or that follows from it; unless its agent changes nothing, for then
nobody can tell that it was made."""

from __future__ import annotations

import json
import os
import shutil
import signal
import traceback
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any, Literal
from unittest.mock import patch

import attrs
import trio
import trio.testing

from flowlang.hosts.call_scopes import CallScope
from flowlang.hosts.journaled import HARMLESS, wall_clock
from flowlang.hosts.sqlite.opening import Database
from flowlang.hosts.sqlite.store import FINAL, Store
from flowlang.hosts.trio_host import TrioHost
from flowlang.plan.paths import lies_inside
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.journal import Row
from flowlang.runtime.replay import kernel_of, replay
from flowlang.tools import durable
from flowlang.tools.durable import Engine, Resolve, leave_unknown
from flowlang.tools.engine import Prepared
from flowlang.tools.run_handle import RunHandle

When = Literal["before", "after", "interrupt"]
RUN = "r1"


@attrs.frozen
class Kill:
    """At which commit of a life, counted from 1, and when. An interrupt comes after it."""

    commit: int
    when: When


@attrs.frozen
class Made:
    """A call that was made, in which life."""

    life: int
    agent: str
    path: str
    key: str
    attempt: int


@attrs.frozen
class Lived:
    """What is known of a run from outside, after one of its lives. `follows` are the calls that it is about
    to make, by its journal, and `loops` those of whose rounds that tells no longer. `commits` counts those of
    that life and `beside` those of them that a thread wrote, where it ended by itself."""

    status: str
    result: Any
    committed: frozenset[str]
    follows: frozenset[str] = frozenset()
    loops: tuple[str, ...] = ()
    commits: int = 0
    beside: int = 0


@attrs.frozen(eq=False)
class Story:
    """A flow whose run is killed. `outside` acts beside it in each life: it answers and signals. `settle`
    says what became of calls whose outcome is unknown. `begin_anew` puts the world back to where it was
    before the run. `told` is what has to be alike whenever it is killed. In `virtual` time all that waits is
    over as soon as nothing else happens. `forked`: also lives that are not killed have processes of their
    own, since agents leave threads behind."""

    folder: Path
    prepared: Prepared
    inputs: dict[str, Any] = attrs.field(factory=dict)
    outside: Callable[[RunHandle], Awaitable[None]] | None = None
    settle: Resolve = leave_unknown
    begin_anew: Callable[[], None] = lambda: None
    told: Callable[[Any], object] = lambda result: result["data"]
    virtual: bool = False
    forked: bool = False

    @property
    def log(self) -> Path:
        return self.folder / "calls"

    @property
    def store(self) -> Path:
        return self.folder / "runs.db"

    def forget(self) -> None:
        """Put everything back to before the run; its store is there and empty."""
        template = self.folder / "empty"
        if not template.exists():
            Store.open(template, "none").close()
        for left in self.folder.glob("runs.db*"):
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        shutil.copyfile(template, self.store)
        self.log.write_text("")
        self.begin_anew()

    def live(self, life: int, kill: Kill | None) -> Lived | None:
        """One life of the run, in a process of its own where it may be killed; None if it was."""
        if kill is None and not self.forked:
            count = self._be_alive(life, None)
            return attrs.evolve(self.look(), **count)
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            self._be_the_child(write, life, kill)
        os.close(write)
        with os.fdopen(read) as pipe:
            told = pipe.read()
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL, told
            return None
        assert os.WEXITSTATUS(status) == 0, told
        return attrs.evolve(self.look(), **json.loads(told))

    def _be_the_child(self, pipe: int, life: int, kill: Kill | None) -> None:
        try:
            os.write(pipe, json.dumps(self._be_alive(life, kill)).encode())
            os._exit(0)
        except BaseException:
            os.write(pipe, traceback.format_exc().encode())
            os._exit(1)

    def _be_alive(self, life: int, kill: Kill | None) -> Counter[str]:
        with counted_commits(kill) as count, self._logged_calls(life):
            if self.virtual:
                with patch.object(durable, "LISTENING", 1e9):  # nobody writes to the inbox
                    clock = trio.testing.MockClock(autojump_threshold=0.0005)
                    trio.run(self._carry_out, lambda: virtual_clock(life), clock=clock)
            else:
                trio.run(self._carry_out, wall_clock)
        return count

    async def _carry_out(self, clock: Callable[[], int]) -> None:
        with trio.open_signal_receiver(signal.SIGINT) as interrupts:
            await self._carry_out_until(interrupts, clock)

    async def _carry_out_until(self, interrupts: AsyncIterator[int], clock: Callable[[], int]) -> None:
        async with Engine.open(self.store, durability="none", clock=clock) as engine:
            known = engine.store.runs()
            if known and known[0].ended is not None:
                return
            if known:
                agents = {**self.prepared.program.agents, **self.prepared.answerers}
                opened = engine.resume(RUN, agents=agents, resolve=self.settle)
            else:
                opened = engine.start(self.prepared, self.inputs, run_id=RUN)
            async with opened as run, trio.open_nursery() as nursery:
                nursery.start_soon(_heed, interrupts, run)
                if self.outside is not None:
                    nursery.start_soon(self.outside, run)
                await run.result()
                nursery.cancel_scope.cancel()

    @contextmanager
    def _logged_calls(self, life: int) -> Iterator[None]:
        """Write down whenever an agent is turned to."""
        turn_to = TrioHost.call

        def logged(host: TrioHost, path: str, call: AgentCall, scope: CallScope) -> Awaitable[Any]:
            made = Made(life, call.agent, path, call.idempotency_key, call.attempt)
            file.write(json.dumps(attrs.asdict(made)) + "\n")
            file.flush()
            return turn_to(host, path, call, scope)

        with self.log.open("a") as file, patch.object(TrioHost, "call", logged):
            yield

    def look(self) -> Lived:
        with Store.open(self.store, "none") as store:
            if not store.runs():
                return Lived("none", None, frozenset())
            record = store.find(RUN)
            rows = store.journal(record.number)
            result = json.loads(store.result(record.number) or "null")
        committed = frozenset(row.path for row in rows if row.kind == "call")
        loops = tuple(row.path for row in rows if row.kind == "scope")
        return Lived(record.status, result, committed, self._follows(rows), loops)

    def _follows(self, rows: Sequence[Row]) -> frozenset[str]:
        prepared = self.prepared
        kernel = kernel_of(prepared.program, prepared.flow, prepared.read(self.inputs), RUN)
        replay(kernel, rows)
        follows = frozenset(kernel.calls)
        kernel.close()
        return follows

    def changes_something(self, call: Made) -> bool:
        return self.prepared.program.plan.agents[call.agent].effect not in HARMLESS

    def calls(self) -> list[Made]:
        return [Made(**json.loads(line)) for line in self.log.read_text().splitlines()]


def virtual_clock(life: int) -> int:
    """Between two lives an hour goes by at least."""
    return life * 10**15 + round(trio.current_time() * 1e6)


async def _heed(interrupts: AsyncIterator[int], run: RunHandle) -> None:
    async for _ in interrupts:
        run.park()


@contextmanager
def counted_commits(kill: Kill | None) -> Iterator[Counter[str]]:
    """Count what this process commits, and die or be interrupted at the right one."""
    writing, count = Database.writing, Counter(commits=0, beside=0)

    def die(when: When) -> None:
        if kill == Kill(count["commits"], when):
            os.kill(os.getpid(), signal.SIGINT if when == "interrupt" else signal.SIGKILL)

    @contextmanager
    def watched(self: Database) -> Iterator[Any]:
        with writing(self) as connection:
            yield connection
            count["commits"] += 1
            count["beside"] += current_thread() is not main_thread()
            die("before")
        die("after")
        die("interrupt")

    with patch.object(Database, "writing", watched):
        yield count


def whole(story: Story) -> Lived:
    """A run of the story that nobody kills."""
    story.forget()
    lived = story.live(1, None)
    assert lived is not None
    return lived


def killed_everywhere(story: Story, *later: Kill, step: int = 1) -> Iterator[Kill]:
    """Kill a run of the story before and after each of its commits, or each `step`th, and at the `later` ones
    of its further lives. Whenever one is given, the run has ended, and what it left can be looked at."""
    expected = whole(story)
    for commit in range(1, expected.commits + 1, step):
        for kill in (Kill(commit, "before"), Kill(commit, "after")):
            outlives(story, expected, [kill, *later])
            yield kill


def outlives(story: Story, expected: Lived, kills: Sequence[Kill]) -> int:
    """Kill a run so often, and see what becomes of it; gives how often it was really killed."""
    story.forget()
    committed: frozenset[str] = frozenset()
    died = 0
    for life, kill in enumerate([*kills, None], 1):
        lived = story.live(life, kill)
        calls = [call for call in story.calls() if call.life == life]
        made = Counter(call.path for call in calls)
        assert not made.keys() & committed, f"{kills}: made again in life {life}, though committed: {made}"
        assert set(made.values()) <= {1}, f"{kills}: made twice in life {life}: {made}"
        seen = lived or story.look()
        for call in filter(story.changes_something, calls):
            assert is_told_of(call.path, seen), f"{kills}: {call} follows from nothing that is written"
        committed = seen.committed
        died += lived is None or lived.status not in FINAL
        if seen.status in FINAL and lived is not None:
            break
    _insist_on_keys(story.calls())
    assert (seen.status, story.told(seen.result)) == (expected.status, story.told(expected.result)), kills
    return died


def is_told_of(path: str, seen: Lived) -> bool:
    """Whether the journal tells of a call, or will, or told of it once."""
    return path in seen.committed | seen.follows or any(lies_inside(path, loop) for loop in seen.loops)


def _insist_on_keys(calls: Sequence[Made]) -> None:
    """That a call which is made again is the same one."""
    keys: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
    for call in calls:
        keys[call.path].add((call.key, call.attempt))
    assert all(len(found) == 1 for found in keys.values()), keys
