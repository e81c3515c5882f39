"""Runs that are kept in a store and were made in virtual time: always the same, to the microsecond.

Their flows are those of a `main.flow` in the working folder. Agents do what their arguments say: `takes` so
long, `fails` with that error in the first calls, `times` of them, and answer with their `name`."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
import trio
import trio.testing

import flowlang
from flowlang.agents.places import Places
from flowlang.hosts.journaled import JournaledRun, World
from flowlang.hosts.sqlite.owners import Owner
from flowlang.hosts.sqlite.records import NewRun, RunRecord
from flowlang.hosts.sqlite.store import Store
from flowlang.hosts.trio_host import TrioHost
from flowlang.hosts.turns import turns_of
from flowlang.plan.load import dump_plan
from flowlang.runtime.agents import AgentCall, AgentError
from flowlang.runtime.journal import Commit, Ending
from flowlang.runtime.program import Program, link
from flowlang.runtime.replay import kernel_of
from flowlang.runtime.run import RunResult
from flowlang.tools.engine import narrow
from flowlang.tools.files import read_shown
from flowlang.tools.run_handle import result_of
from flowlang.tools.run_report import result_json
from flowlang.tools.stored import Begun
from flowlang.values.codec import write_json
from flowlang.values.times import parse_duration

CASES = Path(__file__).resolve().parent.parent / "cases" / "looking"

EPOCH = 1_714_564_800_000_000  # 2024-05-01T12:00:00Z, when each run begins


@attrs.frozen
class Scene:
    """A run to be made, to its end or until it is parked after some `seconds`; or, `lost`, is just left
    then. `acts` happen meanwhile: seconds, what is done to the run, and with what. `held`: its owner keeps
    it."""

    id: str
    flow: str
    inputs: dict[str, Any]
    seconds: float | None = None
    acts: tuple[tuple[Any, ...], ...] = ()
    lost: bool = False
    held: bool = False


@attrs.define
class Actor:
    seen: Counter[str] = attrs.field(factory=Counter)

    async def call(self, call: AgentCall) -> Any:
        name, fails = call.arguments["name"], call.arguments.get("fails", "")
        self.seen[name] += 1
        await trio.sleep(parse_duration(call.arguments.get("takes", "0s")) / 1e6)
        if fails and self.seen[name] <= call.arguments.get("times", 1000):
            raise _error(fails)
        return None if call.agent == "undo" else name


def _error(fails: str) -> AgentError:
    if fails == "Refused":
        return AgentError("Refused", fields={"code": 7})
    return AgentError("Unavailable", fails, cause=f"Traceback:\n  it is {fails}")


@attrs.frozen
class StoreKeeper:
    """Commits without leaving the event loop, so that time stands still."""

    store: Store

    async def write(self, commit: Commit) -> None:
        [refused] = self.store.write_all([commit])
        if refused is not None:
            raise refused


def make(store: Store, scene: Scene, owner: Owner) -> RunRecord:
    """Carry a run out and keep it."""
    compiled = narrow(flowlang.compile("main.flow"), scene.flow)
    actor = Actor()
    program = link(compiled, {name: actor for name, agent in compiled.agents.items() if not agent.asks})
    begun = Begun.of(compiled.flows[scene.flow], scene.inputs, os.getcwd(), ())
    new = NewRun(scene.id, scene.flow, dump_plan(compiled), begun.to_json(), EPOCH, "main.flow")
    lease = store.create(new, owner)

    async def carry_out() -> None:
        host = TrioHost(program.agents, calls_at_once=100, turns=turns_of(compiled.agents), epoch=EPOCH)
        kernel = kernel_of(program, scene.flow, scene.inputs, scene.id)
        world = World(StoreKeeper(store), host.call, clock=host.now)
        run = JournaledRun(compiled, kernel, lease, world, lambda ended, last: _ending(ended, program))
        async with trio.open_nursery() as nursery:
            for seconds, act, *arguments in scene.acts:
                nursery.start_soon(_later, seconds, getattr(run, act), *arguments)
            if scene.seconds is not None:
                leave = nursery.cancel_scope.cancel if scene.lost else run.park
                nursery.start_soon(_later, scene.seconds, leave)
            await run.carry_out()
            nursery.cancel_scope.cancel()

    trio.run(carry_out, clock=trio.testing.MockClock(autojump_threshold=0))
    if not scene.held:
        store.release(lease, EPOCH + round((scene.seconds or 0) * 1e6))
    return store.find(scene.id)


async def _later(seconds: float, act: Any, *arguments: Any) -> None:
    await trio.sleep(seconds)
    act(*arguments)


def _ending(ended: RunResult, program: Program) -> Ending:
    result = result_json(result_of(ended, program.plan), Places(program.plan, read_shown))
    return Ending(ended.ended, ended.status, write_json(result))
