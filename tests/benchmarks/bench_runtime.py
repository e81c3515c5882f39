"""Running flows whose agents do nothing but wait once, against trio written by hand for the same graph.

Every call of a plan has a deadline, and a cancel scope costs trio twice what a wait does. So each graph is
held against two hands: one that writes `fail_after` around each call too, and a careless one. They take
turns, and the ratio is the median of all rounds."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import TypeAlias

import trio

from flowlang.hosts.trio_host import TrioHost
from flowlang.plan.lower import lower
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.program import Program, link
from flowlang.runtime.run import run
from flowlang.semantics.check import check
from flowlang.semantics.modules import load
from flowlang.semantics.providers import Description
from flowlang.text.source import Source
from tests.benchmarks import Figure

Work: TypeAlias = Callable[[], Awaitable[None]]
Call: TypeAlias = Callable[[int], Awaitable[int]]

ROUNDS = 7
AGENT = "agent noop(x: int) -> int effect read\n"
WIDTH, DEPTH, DEPENDENCIES = 50, 20, 3


def figures() -> Iterator[Figure]:
    for name, flow, by_hand, steps in (
        ("chain of 1,000", chain(1_000), hand_chain, 1_000),
        ("fan-out of 1,000", fan_out(1_000), hand_fan_out, 1_000),
        ("20 layers of 50, 3 dependencies each", layers(), hand_layers, DEPTH * WIDTH),
        ("for each over 1,000, 2 steps", for_each(1_000), hand_for_each, 2_000),
    ):
        yield from against_hands(name, partial(carry_out, linked(flow)), by_hand, steps)


def against_hands(
    name: str, ours: Work, by_hand: Callable[[Call], Awaitable[None]], steps: int
) -> Iterator[Figure]:
    """Figures of a run of so many steps against both hands."""
    careful, careless = partial(by_hand, noop_in_time), partial(by_hand, noop)
    rounds = [[seconds(work) for work in (ours, careful, careless)] for _ in range(ROUNDS)]
    cost = statistics.median(ours for ours, *_ in rounds) / steps * 1e6
    for position, against, bound in (
        (1, "trio by hand, with the same deadlines", 3.0),
        (2, "trio by hand, without deadlines", 9.0),
    ):
        ratio = statistics.median(times[0] / times[position] for times in rounds)
        yield Figure(f"run: {name}", cost, "µs/step", ratio, against, bound)


def seconds(work: Work) -> float:
    """The processor time that some work takes inside an event loop."""

    async def main() -> float:
        started = time.process_time()
        await work()
        return time.process_time() - started

    gc.collect()
    return trio.run(main)


# Flows


def chain(steps: int) -> str:
    lines = [f"  step s{n} = noop(x: s{n - 1})" for n in range(1, steps)]
    return flow_of(["  step s0 = noop(x: 0)", *lines], f"s{steps - 1}")


def fan_out(steps: int) -> str:
    return flow_of([f"  step s{n} = noop(x: {n})" for n in range(steps)], "s0")


def layers() -> str:
    lines = []
    for layer, node in ((layer, node) for layer in range(DEPTH) for node in range(WIDTH)):
        before = [f"s{layer - 1}_{other}" for other in above(node)] if layer else ["1"]
        lines.append(f"  step s{layer}_{node} = noop(x: {' + '.join(before)} - {node})")
    return flow_of(lines, f"s{DEPTH - 1}_0")


def above(node: int) -> list[int]:
    return [(node + shift) % WIDTH for shift in range(DEPENDENCIES)]


def for_each(items: int) -> str:
    return flow_of(
        [
            f"  step all = for each n in 0..{items} {{",
            "    step a = noop(x: n)",
            "    step b = noop(x: a)",
            "    yield b",
            "  }",
        ],
        "all.size()",
    )


def flow_of(lines: list[str], result: str) -> str:
    return "\n".join([AGENT + "flow main() -> int {", *lines, f"  return {result}", "}"])


def linked(text: str) -> Program:
    source = Source("bench.flow", text)
    checked = check(load("bench.flow", read=lambda path: source, describe=nothing))
    assert not any(found.severity == "error" for found in checked.diagnostics), checked.diagnostics[0].message
    compiled = lower(checked)
    return link(compiled, dict.fromkeys(compiled.agents, Noop()))


def nothing(provider: str, target: str, using_path: str) -> Description:
    return Description(target)


class Noop:
    async def call(self, call: AgentCall) -> object:
        await trio.lowlevel.checkpoint()
        return call.arguments["x"]


async def carry_out(program: Program) -> None:
    ended = await run(program, "main", {}, TrioHost(program.agents, calls_at_once=10_000))
    assert ended.status == "done", ended.failure


# The same by hand


async def noop(x: int) -> int:
    await trio.lowlevel.checkpoint()
    return x


async def noop_in_time(x: int) -> int:
    with trio.fail_after(600):
        return await noop(x)


async def hand_chain(call: Call) -> None:
    value = 0
    for _ in range(1_000):
        value = await call(value)


async def hand_fan_out(call: Call) -> None:
    values = [0] * 1_000

    async def step(n: int) -> None:
        values[n] = await call(n)

    async with trio.open_nursery() as nursery:
        for n in range(1_000):
            nursery.start_soon(step, n)


async def hand_layers(call: Call) -> None:
    values = [[0] * WIDTH for _ in range(DEPTH)]
    done = [[trio.Event() for _ in range(WIDTH)] for _ in range(DEPTH)]

    async def step(layer: int, node: int) -> None:
        total = 1
        if layer:
            for other in above(node):
                await done[layer - 1][other].wait()
            total = sum(values[layer - 1][other] for other in above(node))
        values[layer][node] = await call(total - node)
        done[layer][node].set()

    async with trio.open_nursery() as nursery:
        for layer in range(DEPTH):
            for node in range(WIDTH):
                nursery.start_soon(step, layer, node)


async def hand_for_each(call: Call) -> None:
    values = [0] * 1_000

    async def item(n: int) -> None:
        values[n] = await call(await call(n))

    async with trio.open_nursery() as nursery:
        for n in range(1_000):
            nursery.start_soon(item, n)
