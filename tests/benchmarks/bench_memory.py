"""Memory over an hour's worth of runs: one engine, run after run, and what has grown at the end.

The runs are of the examples' shapes (a saga that fails and is undone, questions, events, loops), a hundred at
once. Some are told by others through the store, some are left and resumed, and what has ended is pruned, as a
service does. A process of its own carries them out in rounds and measures between two of them, when no run
is under way: pages of the process, and objects of Python's. The first tenth fills caches and is not counted.

It takes half a minute; `BENCH_MEMORY_SECONDS=3600` makes an hour of it. Who keeps anything of each run keeps
a thousand objects of 1,000. Pages come and go by one or two MiB at a time: much in half a minute, nothing in
an hour."""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs
import trio

import flowlang
from flowlang import Engine, Result, StoredRuns
from flowlang.hosts.sqlite.pruning import prune
from flowlang.hosts.sqlite.store import Store
from flowlang.tools.run_handle import RunHandle
from tests.benchmarks import Figure
from tests.test_engine_many import FLOWS, TEXT, Shop, expected, flow_of, is_cancelled, is_told, tell

SECONDS: Final = float(os.environ.get("BENCH_MEMORY_SECONDS", "25"))
ROUND, AT_ONCE = 300, 100
LEAST: Final = 10 * ROUND
WARMING: Final = 0.1  # of the rounds, at least three
UNCOUNTED: Final = (tuple, trio.CancelScope)
"""Of deadlines that are not needed any more trio keeps up to a thousand, each a tuple with its scope."""


@attrs.frozen
class Sample:
    """What the process holds after so many runs."""

    runs: int
    kib: int
    objects: int


def figures() -> Iterator[Figure]:
    samples = _measured(SECONDS)
    settled = samples[max(3, round(len(samples) * WARMING)) :]
    over = f"over {settled[-1].runs:,} runs"
    kib = _slope([(sample.runs, sample.kib) for sample in settled])
    objects = _slope([(sample.runs, sample.objects) for sample in settled])
    yield Figure("memory: pages that runs leave behind", kib, "KiB/1,000 runs", kib, f"1 KiB, {over}", 500.0)
    name = "memory: objects that runs leave behind"
    yield Figure(name, objects, "objects/1,000 runs", objects, f"1 object, {over}", 50.0)


def _measured(seconds: float) -> list[Sample]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", __name__, f"{seconds}", f"{folder}/runs.db"]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return [Sample(**json.loads(line)) for line in done.stdout.splitlines()]


def _slope(points: list[tuple[int, int]]) -> float:
    """By how much it grows in 1,000 runs: the line of least squares through all samples."""
    middle = sum(runs for runs, _ in points) / len(points)
    mean = sum(held for _, held in points) / len(points)
    spread = sum((runs - middle) ** 2 for runs, _ in points)
    return 1_000 * sum((runs - middle) * (held - mean) for runs, held in points) / spread


# The process that is measured


class Service:
    """Carries out runs in rounds, as whoever holds a store for good does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        plan = flowlang.compile("shop.flow", text=TEXT)
        self.shop = Shop()
        self.flows = {flow: flowlang.prepare(plan, flow=flow, agents=self.shop.agents()) for flow in FLOWS}
        self.others = StoredRuns(path, durability="none")
        self.runs = 0

    async def serve(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        async with Engine.open(self.path, durability="none") as engine:
            while time.monotonic() < until or self.runs < LEAST:
                await self._round(engine)
                print(json.dumps(attrs.asdict(self._sample())), flush=True)

    async def _round(self, engine: Engine) -> None:
        room = trio.CapacityLimiter(AT_ONCE)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, self._prune)
            for n in range(self.runs, self.runs + ROUND):
                nursery.start_soon(self._one, engine, n, room)
        self.runs += ROUND
        self.shop.booked.clear()

    async def _one(self, engine: Engine, n: int, room: trio.CapacityLimiter) -> None:
        async with room:
            async with engine.start(self.flows[flow_of(n)], {"order": f"{n}"}, run_id=f"r{n}") as run:
                if is_told(n):
                    await _tell_or_leave(run, n)
                result = await run.result()
            if result.status == "waiting":
                result = await self._resumed(engine, n)
        assert (result.status, result.data) == expected(n), (n, result)

    async def _resumed(self, engine: Engine, n: int) -> Result:
        """Half of those that were left are told before they are resumed."""
        if n % 8 == 0:
            await tell(self.others, n)
        called = self.flows[flow_of(n)].program.plan.agents
        agents = {name: agent for name, agent in self.shop.agents().items() if name in called}
        async with engine.resume(f"r{n}", agents=agents) as run:
            if n % 8:
                await tell(self.others, n)
            return await run.result()

    def _prune(self) -> None:
        with Store.open(self.path, "none") as store:
            prune(store, before=time.time_ns() // 1000)

    def _sample(self) -> Sample:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        objects = sum(not isinstance(one, UNCOUNTED) for one in gc.get_objects())
        return Sample(self.runs, pages * resource.getpagesize() // 1024, objects)


async def _tell_or_leave(run: RunHandle, n: int) -> None:
    """Say what the run waits for, or leave it to others, once it waits."""
    async for event in run.events():
        if isinstance(event, flowlang.events.Waiting):
            break
    if n % 4 == 0:
        run.park()
    elif is_cancelled(n):
        run.cancel()
    elif flow_of(n) == "order":
        run.signal("Paid", {"order": f"{n}", "amount": n})
    else:
        run.answer("yes", n % 2 == 0)


if __name__ == "__main__":
    trio.run(Service(Path(sys.argv[2])).serve, float(sys.argv[1]))
