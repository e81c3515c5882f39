"""Running graphs of real workflows, whose agents do nothing but wait once, against trio written by hand."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import trio

from tests.benchmarks import Figure
from tests.benchmarks.bench_runtime import AGENT, Call, against_hands, carry_out, linked
from tests.support.workloads import Workload, workloads


def figures() -> Iterator[Figure]:
    for workload in workloads():
        program = linked(AGENT + workload.flow(lambda node: "noop(x: 1)"))
        by_hand = partial(hand, workload)
        yield from against_hands(workload.name, partial(carry_out, program), by_hand, len(workload.nodes))


async def hand(workload: Workload, call: Call) -> None:
    done = {node.id: trio.Event() for node in workload.nodes}

    async def step(name: str, waits_for: tuple[str, ...]) -> None:
        for other in waits_for:
            await done[other].wait()
        await call(1)
        done[name].set()

    async with trio.open_nursery() as nursery:
        for node in workload.nodes:
            nursery.start_soon(step, node.id, node.waits_for)
