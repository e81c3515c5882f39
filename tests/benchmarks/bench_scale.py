"""What a step costs where there are very many: in time from the text to the run, and in memory in a loop.

50,000 steps are as many as the text of a flow can hold. The memory of a loop is held against one by hand that
keeps the results and nothing else."""

from __future__ import annotations

import gc
import itertools
import string
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from statistics import median

import trio

from flowlang.runtime.program import Program
from tests.benchmarks import Figure
from tests.benchmarks.bench_runtime import carry_out, flow_of, linked, noop, seconds

FEW, MANY = 1_000, 50_000
ROUNDS = 3
FEW_ITEMS, MANY_ITEMS, AT_ONCE = 10_000, 100_000, 64


def figures() -> Iterator[Figure]:
    few, compiled_few = cost(lambda: linked(chain(FEW)), FEW)
    many, compiled_many = cost(lambda: linked(chain(MANY)), MANY)
    against = f"a chain of {FEW:,}"
    yield Figure(f"compile: chain of {MANY:,}", many, "µs/step", many / few, against, 2.0)
    rounds = [(run_cost(compiled_few, FEW), run_cost(compiled_many, MANY)) for _ in range(ROUNDS)]
    ratio = median(large / small for small, large in rounds)
    value = median(large for _, large in rounds)
    yield Figure(f"run: chain of {MANY:,}", value, "µs/step", ratio, against, 1.2)

    programs = {items: linked(paced(items)) for items in (FEW_ITEMS, MANY_ITEMS)}
    ours = growth(lambda items: carry_out(programs[items]))
    theirs = growth(hand_paced)
    name = f"for each over {MANY_ITEMS:,}, {AT_ONCE} at once: memory"
    yield Figure(name, ours, "bytes/item", ours / theirs, "trio by hand that keeps the results", 1.5)


def chain(steps: int) -> str:
    """With the shortest names, and without a blank too many: all of it is at most 1 MiB."""
    letters = string.ascii_letters + string.digits
    names = ["s" + "".join(name) for name in itertools.islice(itertools.product(letters, repeat=3), steps)]
    later = [f"step {name}=f(x:{before})" for before, name in itertools.pairwise(names)]
    return "\n".join(
        [
            "agent f(x:int)->int effect read",
            "flow main()->int{",
            f"step {names[0]}=f(x:0)",
            *later,
            f"return {names[-1]}",
            "}",
        ]
    )


def paced(items: int) -> str:
    lines = [
        "  step all = for each n in 0..ITEMS, PACE at once {",
        "    step a = noop(x: n)",
        "    yield a",
        "  }",
    ]
    return flow_of(lines, "all.size()").replace("ITEMS", str(items)).replace("PACE", str(AT_ONCE))


def cost(make: Callable[[], Program], steps: int) -> tuple[float, Program]:
    """Microseconds a step of making something, and what was made."""
    gc.collect()
    started = time.process_time()
    made = make()
    return (time.process_time() - started) / steps * 1e6, made


def run_cost(program: Program, steps: int) -> float:
    return seconds(partial(carry_out, program)) / steps * 1e6


def growth(work: Callable[[int], Awaitable[None]]) -> float:
    """By how many bytes an item the most memory grows that some work needs."""
    most = [peak(partial(work, items)) for items in (FEW_ITEMS, MANY_ITEMS)]
    return (most[1] - most[0]) / (MANY_ITEMS - FEW_ITEMS)


def peak(work: Callable[[], Awaitable[None]]) -> int:
    gc.collect()
    tracemalloc.start()
    trio.run(work)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


async def hand_paced(items: int) -> None:
    values = [0] * items
    waiting = iter(range(items))

    async def worker() -> None:
        for n in waiting:
            values[n] = await noop(n)

    async with trio.open_nursery() as nursery:
        for _ in range(AT_ONCE):
            nursery.start_soon(worker)
