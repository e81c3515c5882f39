"""One engine for many runs: what a run that has ended leaves behind, and how long it waits for others."""

from __future__ import annotations

import gc
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import trio

import flowlang
from flowlang.tools.durable import Engine
from flowlang.tools.engine import Prepared
from tests.benchmarks import Figure

ROUNDS: Final = 6
AT_ONCE: Final = 500
ITEMS: Final = 10_000

AGENTS = """
agent inc(n: int) -> int effect read
agent undo(n: int) effect idempotent
"""
SHORT = """
flow main(n: int) -> int {
  step a = inc(n: n) undo undo(n: a)
  step b = inc(n: a) undo undo(n: b)
  return b
}
"""
LONG = """
flow main(n: int) -> int {
  step all = for each i in 0..ITEMS PACE { step one = inc(n: i) yield one }
  return all.size()
}
""".replace("ITEMS", str(ITEMS))


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        yield _memory(Path(folder) / "memory.db")
        yield from _fairness(Path(folder) / "paced.db", ", 100 at once", 100)
        # What the kernel does at once it does in one turn, and to start an item takes it 40 µs.
        yield from _fairness(Path(folder) / "unpaced.db", "", 1_000)


async def inc(n: int) -> int:
    return n + 1


async def undo(n: int) -> None:
    pass


def prepared(flow: str) -> Prepared:
    compiled = flowlang.compile("main.flow", text=AGENTS + flow)
    agents = {"inc": inc, "undo": undo}
    return flowlang.prepare(compiled, agents={n: a for n, a in agents.items() if n in compiled.agents})


def _memory(path: Path) -> Figure:
    """How much each run adds to what Python holds, once it has ended."""
    ready = prepared(SHORT)
    held: list[int] = []

    async def one(engine: Engine) -> None:
        async with engine.start(ready, {"n": 1}) as run:
            assert (await run.result()).data == 3

    async def main() -> None:
        async with Engine.open(path, durability="none") as engine:
            for _ in range(ROUNDS):
                async with trio.open_nursery() as nursery:
                    for _ in range(AT_ONCE):
                        nursery.start_soon(one, engine)
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    trio.run(main)
    tracemalloc.stop()
    runs = AT_ONCE * (ROUNDS - 2)
    value = (held[-1] - held[1]) / runs
    return Figure(
        f"engine: held for each of {runs:,} runs that have ended", value, "bytes", value, "1 byte", 32
    )


def _fairness(path: Path, pace: str, longest_ms: float) -> Iterator[Figure]:
    """How long short runs take beside one of many items, against alone."""
    short, long = prepared(SHORT), prepared(LONG.replace(" PACE", pace))
    alone: list[float] = []
    beside: list[float] = []
    late: list[float] = []

    async def one(engine: Engine, times: list[float]) -> None:
        started = time.perf_counter()
        async with engine.start(short, {"n": 1}) as run:
            await run.result()
        times.append(time.perf_counter() - started)

    async def watch() -> None:
        while True:
            asked = time.perf_counter()
            await trio.sleep(0.001)
            late.append(time.perf_counter() - asked)

    async def main() -> None:
        async with Engine.open(path, durability="none") as engine:
            for _ in range(100):
                await one(engine, alone)
            ended = trio.Event()

            async def to_the_end() -> None:
                async with engine.start(long, {"n": 1}) as run:
                    await run.result()
                ended.set()

            async with trio.open_nursery() as nursery:
                nursery.start_soon(watch)
                nursery.start_soon(to_the_end)
                while not ended.is_set():
                    await one(engine, beside)
                nursery.cancel_scope.cancel()

    trio.run(main)
    name = f"engine: a short run beside {ITEMS:,} items{pace or ' all at once'}"
    median, alone_median = statistics.median(beside) * 1e3, statistics.median(alone) * 1e3
    yield Figure(f"{name}, median", median, "ms", median / alone_median, "the same run alone", 800)
    yield Figure(f"{name}, longest", max(beside) * 1e3, "ms", max(beside) * 1e3, "1 ms", 2 * longest_ms)
    yield Figure(
        f"{name}, longest turn of the loop", max(late) * 1e3, "ms", max(late) * 1e3, "1 ms", longest_ms
    )
