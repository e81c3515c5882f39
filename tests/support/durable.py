"""Durable runs in virtual time: as in `runs`, but a kernel decides and a journal in memory remembers."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import trio
import trio.testing
from support.runs import EPOCH, PRELUDE, Actor, Outside, Played, compile_text

from flowlang.hosts.journaled import JournaledRun, OutcomeUnknown, Parked, World
from flowlang.hosts.trio_host import TrioHost
from flowlang.hosts.turns import turns_of
from flowlang.runtime import events
from flowlang.runtime.inputs import Outcome
from flowlang.runtime.journal import Commit, Ending, Lease, NotWritten, Row, RunStatus, Wait
from flowlang.runtime.program import Program, link
from flowlang.runtime.replay import kernel_of, replay
from flowlang.runtime.run import RunResult
from flowlang.values.codec import parse_argument
from flowlang.values.value import Value


@attrs.define
class MemoryKeeper:
    """A journal in memory. `commits` counts those that were written; `fail_at` is the number of one that is
    not."""

    rows: list[Row] = attrs.field(factory=list)
    waits: dict[str, Wait] = attrs.field(factory=dict)
    status: RunStatus = "running"
    ending: Ending | None = None
    commits: int = 0
    fail_at: int | None = None

    async def write(self, commit: Commit) -> None:
        if self.commits == self.fail_at:
            raise NotWritten("the disk is full")
        self.commits += 1
        self.rows += commit.rows
        self.waits |= {wait.path: wait for wait in commit.opened}
        for path in commit.closed:
            self.waits.pop(path, None)
        self.status = commit.status or self.status
        if commit.ending:
            self.ending, self.status = commit.ending, commit.ending.status


@attrs.define
class Journaled:
    """One run of a program, which can be carried out in several pieces."""

    program: Program
    inputs: Mapping[str, Value]
    keeper: MemoryKeeper = attrs.field(factory=MemoryKeeper)
    told: list[events.Event] = attrs.field(factory=list)

    def open(self, host: TrioHost, *, resolved: Mapping[str, Outcome | None] | None = None) -> JournaledRun:
        """The run, as far as its journal goes. Events of the past are told again."""
        self.told.clear()
        flow = self.program.plan.main or "main"
        kernel = kernel_of(self.program, flow, self.inputs, "r1", self.told.append)
        replayed = replay(kernel, self.keeper.rows) if self.keeper.rows else None
        world = World(self.keeper, host.call, clock=host.now)
        return JournaledRun(
            self.program.plan,
            kernel,
            Lease(1, 1),
            world,
            lambda result: Ending(result.ended, result.status, "{}"),
            replayed=replayed,
            resolved=resolved,
        )


@attrs.define
class PlayedDurably(Played):
    actor: Actor
    rows: list[Row]


def play_durably(text: str, outside: Outside | None = None) -> PlayedDurably:
    """Carry out the main flow of a text, in virtual time, on the kernel."""
    outside = outside or Outside()
    compiled = compile_text(text + PRELUDE)
    actor = Actor({name: agent.result for name, agent in compiled.agents.items()})
    program = link(compiled, {name: actor for name, agent in compiled.agents.items() if not agent.asks})
    flow = program.plan.main or "main"
    parameters = {p.name: p.type for p in program.plan.flows[flow].parameters}
    inputs = {name: parse_argument(text, parameters[name]) for name, text in outside.inputs.items()}
    journaled = Journaled(program, inputs)
    clock = trio.testing.MockClock(autojump_threshold=0)
    result = trio.run(_play, journaled, actor, outside, clock=clock)
    return PlayedDurably(program, result, actor.log, journaled.told, actor, journaled.keeper.rows)


async def _play(journaled: Journaled, actor: Actor, outside: Outside) -> RunResult:
    program = journaled.program
    host = TrioHost(
        program.agents,
        calls_at_once=outside.calls_at_once,
        turns=turns_of(program.plan.agents),
        epoch=EPOCH,
        on_event=journaled.told.append,
    )
    run = journaled.open(host)
    actor.send = run.send

    async with trio.open_nursery() as nursery:
        outside.go_on(nursery, journaled.program, run, run.cancel)
        result = await run.carry_out()
        nursery.cancel_scope.cancel()
    assert not isinstance(result, Parked | OutcomeUnknown)
    return result
