"""What it costs to simulate: whole runs with faults, and the kernel's steps, against the same flows on trio.

On trio every agent waits once and nothing goes wrong; in the simulator calls fail, take their time, do not
answer, and every third run crashes once and is brought back from its rows. Both are given linked programs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from random import Random

import trio

from flowlang.hosts.simulator.simulated import Simulated
from flowlang.hosts.simulator.simulation import simulate
from flowlang.hosts.simulator.world import Crash, Ends, Reaction, World
from flowlang.hosts.trio_host import TrioHost
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.inputs import Raised, Replied
from flowlang.runtime.program import Program
from flowlang.runtime.run import run
from tests.benchmarks import Figure, best_of
from tests.benchmarks.bench_runtime import chain, fan_out, flow_of, for_each, linked

ROUNDS = 7
RUNS = 60
STEPS = 20
AT_ONCE = Ends(Replied(1))
DOWN = Ends(Raised("Unavailable", "down"))


def figures() -> Iterator[Figure]:
    program = linked(faulty())
    simulated, on_trio = best_of(ROUNDS, partial(with_faults, program), partial(without_faults, program))
    yield Figure(
        f"simulate: a run of {STEPS} steps with faults",
        RUNS / simulated,
        "runs/s",
        simulated / on_trio,
        "the same flow on trio, where nothing goes wrong",
        1.5,
    )
    for name, flow, steps in (
        ("chain of 1,000", chain(1_000), 1_000),
        ("fan-out of 1,000", fan_out(1_000), 1_000),
        ("for each over 1,000, 2 steps", for_each(1_000), 2_000),
    ):
        program = linked(flow)
        ours, theirs = best_of(ROUNDS, partial(simulated_once, program), partial(carried_out_once, program))
        yield Figure(f"kernel: {name}", steps / ours, "steps/s", ours / theirs, "the same run on trio", 1.0)


def faulty() -> str:
    """Layers of 4 steps, each with what may go wrong."""
    lines = [
        f"  step s{n} = noop(x: {n if n < 4 else f's{n - 4} + s{n - 3}'})"
        f"\n    retry 2 times on Unavailable backoff 1s\n    catch Unavailable, Timeout -> 0"
        for n in range(STEPS)
    ]
    return flow_of(lines, f"s{STEPS - 1}")


def with_faults(program: Program) -> None:
    for seed in range(RUNS):
        order = Random(seed)
        crashes = [Crash(order.randint(1, 20), order.random() < 0.5, 1_000)] if seed % 3 == 0 else []
        simulated = simulate(program, "main", {}, World(partial(react, order), crashes=crashes), order=order)
        assert simulated.result is not None and simulated.result.status == "done"


def react(order: Random, path: str, call: AgentCall, now: int) -> Reaction:
    """One call in ten fails, one in fifty never answers, the others take up to a second."""
    drawn = order.random()
    if drawn < 0.1:
        return Reaction(DOWN)
    return Reaction(None if drawn < 0.12 else Ends(Replied(1), int(drawn * 1e6)))


def without_faults(program: Program) -> None:
    for _ in range(RUNS):
        carried_out_once(program)


def simulated_once(program: Program) -> Simulated:
    simulated = simulate(program, "main", {}, World(lambda path, call, now: Reaction(AT_ONCE)))
    assert simulated.result is not None and simulated.result.status == "done"
    return simulated


def carried_out_once(program: Program) -> None:
    async def main() -> None:
        ended = await run(program, "main", {}, TrioHost(program.agents))
        assert ended.status == "done", ended.failure

    trio.run(main)
