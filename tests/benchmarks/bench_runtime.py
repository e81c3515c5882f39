"""Running flows whose agents do nothing but wait once, against trio written by hand for the same graph.

Every call of a plan has a deadline, and a cancel scope costs trio twice what a wait does. So each graph is
held against two hands: one that writes `fail_after` around each call too, and a careless one."""

from __future__ import annotations

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

ROUNDS = 5
AGENT = "agent noop(x: int) -> int effect read\n"
LONG = 50_000
WIDTH, DEPTH, DEPENDENCIES = 50, 20, 3


def figures() -> Iterator[Figure]:
    for name, flow, by_hand, steps in (
        ("chain of 1,000", chain(1_000), hand_chain, 1_000),
        ("fan-out of 1,000", fan_out(1_000), hand_fan_out, 1_000),
        ("20 layers of 50, 3 dependencies each", layers(), hand_layers, DEPTH * WIDTH),
        ("for each over 1,000, 2 steps", for_each(1_000), hand_for_each, 2_000),
    ):
        program = linked(flow)
        ours = best(partial(carry_out, program))
        for call, against, bound in (
            (noop_in_time, "trio by hand, with the same deadlines", 3.0),
            (noop, "trio by hand, without deadlines", 9.0),
        ):
            theirs = best(partial(by_hand, call))
            yield Figure(f"run: {name}", ours / steps * 1e6, "µs/step", ours / theirs, against, bound)
    short, long = (best(partial(carry_out, long_chain(steps))) / steps for steps in (1_000, LONG))
    yield Figure(f"run: chain of {LONG:,}", long * 1e6, "µs/step", long / short, "a chain of 1,000", 1.2)


def best(work: Callable[[], Awaitable[object]], rounds: int = ROUNDS) -> float:
    """The least processor time in seconds that some work takes inside an event loop."""

    async def main() -> float:
        started = time.process_time()
        await work()
        return time.process_time() - started

    return min(trio.run(main) for _ in range(rounds))


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
    return link(lower(checked), {"noop": Noop()})


def long_chain(steps: int) -> Program:
    """A chain of the same call, put together as a plan."""
    program = linked(flow_of(["  step s0 = noop(x: 0)"], "s0"))
    flow = program.plan.flows["main"]
    first, result = flow.body.statements
    later = [
        first.model_copy(update={"name": f"s{n}", "depends": (f"s{n - 1}",), "wave": n})
        for n in range(1, steps)
    ]
    body = flow.body.model_copy(update={"statements": (first, *later, result)})
    flows = {"main": flow.model_copy(update={"body": body})}
    return link(program.plan.model_copy(update={"flows": flows}), program.agents)


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

Call: TypeAlias = Callable[[int], Awaitable[int]]


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
