"""Durable runs against the least that durability costs: the same rows, written to SQLite by hand.

What a sync of the disk costs changes from second to second, so both take turns and the ratio is the median of
all rounds. A chain of agents that only read makes its calls while its journal is written, so it may take less
time than the commits by hand; one of agents that change something waits for the disk at each step.

The bounds are what holds today, also where others use the machine. One is not yet what it should be: of many
short runs at once the aim is 50 µs a step. What they take is all computing. A short run of five steps costs
about this:

    a fifth      garbage collection: 200 runs at once are some 45,000 objects, looked at twice
    a quarter    trio: three tasks, two groups, one scope for the calls, the timeout of each
    a seventh    the kernel, and the interpreter on it
    a seventh    the driver: what is heard, begun, written and let go
    a tenth      rows and results in SQLite, in the writer's thread
    a tenth      its beginning and its end: inputs, keys, the result as JSON
    the rest     the agents and their host, JSON and digests of the rows"""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import count
from pathlib import Path
from typing import TypeVar

import attrs
import trio

import flowlang
from flowlang.hosts.journaled import JournaledRun, World
from flowlang.hosts.sqlite.records import NewRun
from flowlang.hosts.sqlite.store import Store
from flowlang.hosts.trio_host import TrioHost
from flowlang.plan.load import dump_plan
from flowlang.runtime.commands import StartCall
from flowlang.runtime.inputs import Began, CallEnded, Replied
from flowlang.runtime.journal import Commit, Ending, Lease, Row, digest_of, row_of
from flowlang.runtime.replay import kernel_of
from flowlang.runtime.run import Run, RunResult
from flowlang.tools.durable import Engine
from flowlang.tools.engine import Prepared
from flowlang.tools.stored import Begun, anywhere
from tests.benchmarks import Figure, best_of
from tests.benchmarks.bench_store import ByHand

T = TypeVar("T")

ROUNDS = 7
CHAIN = 1_000
TOGETHER, STEPS = 200, 5
JOURNAL = 100_000

AGENT = "agent inc(n: int) -> int effect {}\n"
HERE = str(Path.cwd())


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        by_hand = ByHand.open(Path(folder) / "raw.db")
        yield _chain(Path(folder) / "reads.db", by_hand, "read", 1.3)
        yield _chain(Path(folder) / "calls.db", by_hand, "idempotent", 5.0)
        yield from _together(Path(folder) / "together.db", by_hand)
        yield from _resume(Path(folder) / "resume.db")
    yield _kernel()


async def inc(n: int) -> int:
    return n + 1


def prepared(steps: int, effect: str = "read") -> Prepared:
    lines = [f"  step s{n + 1} = inc(n: s{n})" for n in range(1, steps)]
    body = "\n".join(["  step s1 = inc(n: n)", *lines, f"  return s{steps}"])
    return _prepared(f"{AGENT.format(effect)}flow main(n: int) -> int {{\n{body}\n}}")


def _prepared(text: str) -> Prepared:
    return flowlang.prepare(flowlang.compile("main.flow", text=text), agents={"inc": inc})


def _chain(path: Path, by_hand: ByHand, effect: str, bound: float) -> Figure:
    chain = prepared(CHAIN, effect)

    async def ours(engine: Engine) -> float:
        started = time.perf_counter()
        async with engine.start(chain, {"n": 1}) as run:
            assert (await run.result()).data == CHAIN + 1
        return time.perf_counter() - started

    rounds = _rounds(path, ours, by_hand.chain)
    value = statistics.median(mine for mine, _ in rounds) / CHAIN * 1e6
    ratio = statistics.median(mine / theirs for mine, theirs in rounds)
    against = "as many commits of one row by hand"
    return Figure(f"durable: chain of {CHAIN:,}, effect {effect}", value, "µs/step", ratio, against, bound)


def _together(path: Path, by_hand: ByHand) -> Iterator[Figure]:
    short = prepared(STEPS)

    async def ours(engine: Engine) -> float:
        async def one() -> None:
            async with engine.start(short, {"n": 1}) as run:
                assert (await run.result()).data == STEPS + 1

        started = time.perf_counter()
        async with trio.open_nursery() as nursery:
            for _ in range(TOGETHER):
                nursery.start_soon(one)
        return time.perf_counter() - started

    def theirs() -> float:
        """A row for the beginning, for each step and for the end of each run."""
        return sum(by_hand.together() for _ in range(STEPS + 2))

    rounds = _rounds(path, ours, theirs)
    value = statistics.median(mine for mine, _ in rounds) / TOGETHER / STEPS * 1e6
    ratio = statistics.median(mine / theirs for mine, theirs in rounds)
    name = f"durable: {TOGETHER} runs of {STEPS} steps at once"
    yield Figure(name, value, "µs/step", value, "1 µs", 150.0)
    yield Figure(name, value, "µs/step", ratio, "the same rows in groups by hand", 3.0)


def _rounds(
    path: Path, ours: Callable[[Engine], Awaitable[float]], theirs: Callable[[], float]
) -> list[tuple[float, float]]:
    async def main() -> float:
        async with Engine.open(path) as engine:
            return await ours(engine)

    def measured() -> tuple[float, float]:
        gc.collect()  # what earlier rounds have left is not this one's
        return trio.run(main), theirs()

    measured()  # once for the files to grow
    return [measured() for _ in range(ROUNDS)]


def _resume(path: Path) -> Iterator[Figure]:
    seconds = {rows: _to_resume(path, rows) for rows in (JOURNAL, JOURNAL // 10)}
    long, short = seconds.values()
    yield Figure(f"durable: resume {JOURNAL:,} rows", long, "s", long, "1 s", 1.5)
    against = f"a tenth of {JOURNAL:,} rows"
    yield Figure(f"durable: resume {JOURNAL // 10:,} rows", short, "s", short / long * 10, against, 1.2)


def _to_resume(path: Path, rows: int) -> float:
    """How long it takes until a run stands again where it stood, from its id on."""
    loop = f"for each n in 0..{rows} {{ step one = inc(n: n) yield one }}"
    text = f"{AGENT.format('read')}flow main() -> int {{ step all = {loop} return all.size() }}"
    looped = _prepared(text)
    with Store.open(path, "none") as store, store.new_owner() as owner:
        begun = Begun.of(looped.program.plan.flows["main"], {}, HERE, ())
        new = NewRun(f"of {rows}", "main", dump_plan(anywhere(looped.program.plan)), begun.to_json(), 1)
        lease = store.create(new, owner)
        made = _journal(looped, rows)
        assert store.write_all([Commit(lease, made)]) == [None]
        store.release(lease, 1)
    times = []

    async def resume() -> None:
        async with Engine.open(path) as engine:
            with trio.CancelScope() as scope:
                started = time.perf_counter()
                async with engine.resume(f"of {rows}", agents={"inc": inc}):
                    times.append(time.perf_counter() - started)
                    scope.cancel()
                    await trio.lowlevel.checkpoint()

    for _ in range(3):
        trio.run(resume)
    return min(times)


def _journal(looped: Prepared, rows: int) -> list[Row]:
    """The rows of a run that has made all its calls but one."""
    kernel = kernel_of(looped.program, "main", {}, "r")
    journal, numbers = [row_of(1, Began(1))], count(2)
    waiting = list(kernel.advance(Began(1)))
    for command in waiting:  # grows while it is walked
        assert isinstance(command, StartCall)
        if len(journal) == rows:
            break
        ended = CallEnded(1, command.path, Replied(command.call.arguments["n"]))
        journal.append(row_of(next(numbers), ended, digest_of(command.call)))
        waiting += kernel.advance(ended)
    kernel.close()
    return journal


def _kernel() -> Figure:
    """A kernel with a journal that keeps nothing, against trio's host alone."""
    chain = prepared(CHAIN)

    async def durable() -> None:
        kernel = kernel_of(chain.program, "main", {"n": 1}, "r")
        host = TrioHost(chain.program.agents, calls_at_once=100, turns=chain.turns)
        run = JournaledRun(
            chain.program.plan,
            kernel,
            Lease(1, 1),
            World(KeepsNothing(), host.call),
            lambda result, last: Ending(result.ended, result.status, "{}"),
        )
        _insist(await run.carry_out())

    async def in_memory() -> None:
        host = TrioHost(chain.program.agents, calls_at_once=100, turns=chain.turns)
        _insist(await Run(chain.program, "main", {"n": 1}, host, None, "r").result())

    ours, theirs = best_of(5, lambda: trio.run(durable), lambda: trio.run(in_memory))
    value = ours / CHAIN * 1e6
    return Figure(
        f"durable: chain of {CHAIN:,}, kept nowhere", value, "µs/step", ours / theirs, "trio's host", 3.0
    )


def _insist(ended: object) -> None:
    assert isinstance(ended, RunResult) and ended.status == "done", ended


@attrs.frozen
class KeepsNothing:
    async def write(self, commit: Commit) -> None:
        pass
