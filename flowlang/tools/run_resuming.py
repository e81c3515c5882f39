"""`flow resume`: runs of a store -> carried on, one on the screen or all at once.

One run looks as it would have under `flow run`. All of them are told in lines, each with the id of its run
before it; those that only wait are left alone, unless this is to watch: then it holds every run that nobody
else does, for as long as it lives."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from functools import partial
from typing import Final

import attrs
import trio

from flowlang.agents.places import Places
from flowlang.hosts.sqlite.problems import Held, StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import Store
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.inputs import Outcome, Replied
from flowlang.text.suggest import did_you_mean
from flowlang.tools.cli import terminal
from flowlang.tools.durable import Engine
from flowlang.tools.files import read_shown
from flowlang.tools.frontend import NotRunnable
from flowlang.tools.run_command import (
    DONE,
    FAILED,
    INTERRUPTED,
    INTERRUPTS,
    WAITING,
    RunOptions,
    carry_out,
    engine_of,
    refuse_store,
    stdout_kept_clean,
    store_path,
)
from flowlang.tools.run_display import Lines, Silent
from flowlang.tools.run_handle import RunHandle
from flowlang.tools.run_report import summary
from flowlang.tools.run_taken_up import given_inputs, given_value, refuse_unreachable, taken_up
from flowlang.tools.stored import begun_of, plan_of

LOOKING: Final = 1.0  # seconds between two looks for runs that nobody holds
RESUMABLE: Final = ("interrupted", "waiting")


@attrs.frozen
class Settled:
    """What a person says of calls whose outcome is unknown: to make them again, or what they gave."""

    redo: tuple[str, ...] = ()
    skip: tuple[tuple[str, str], ...] = ()


def resume_one(wanted: str, settled: Settled, options: RunOptions) -> int:
    """Carry one run on, on the screen; gives the exit code. `wanted` is its id or how that begins."""
    try:
        with Store.open(store_path(options), options.durability) as store:
            record = store.find(wanted)
            if record.ended is not None:
                return _ended_already(record, options)
            if settled == Settled() and record.holder is not None:
                raise Held(record.id, record.holder)
            compiled, begun = plan_of(store, record), begun_of(store, record)
        secrets = given_inputs(options.texts, compiled.flows[record.flow])
        resolve = partial(_resolved, settled, compiled)
        resume = partial(Engine.resume, run=record, secrets=secrets, resolve=resolve)
        opened = partial(taken_up, resume, compiled, options)
        return carry_out(opened, Places(compiled, read_shown), options)
    except StoreProblem as problem:
        return refuse_store(problem, options)
    except NotRunnable as problem:
        return refuse_unreachable(problem, record, begun, options)


def _ended_already(record: RunRecord, options: RunOptions) -> int:
    help = f"look at it with `flow show {record.id}`, or start it anew with `flow run`"
    return refuse_store(StoreProblem("ended", f"run `{record.id}` has ended: {record.status}", help), options)


def _resolved(
    settled: Settled, compiled: plan.Plan, calls: Mapping[str, AgentCall]
) -> Mapping[str, Outcome | None]:
    """What is said of the calls that are unknown. Raises StoreProblem where it does not fit them."""
    resolved: dict[str, Outcome | None] = {}
    for path in settled.redo:
        _insist(path, calls)
        resolved[path] = None
    for path, text in settled.skip:
        _insist(path, calls)
        wanted = compiled.agents[calls[path].agent].result
        resolved[path] = Replied(given_value(text, wanted, f"what `{path}` gave"))
    return resolved


def _insist(path: str, calls: Mapping[str, AgentCall]) -> None:
    if path in calls:
        return
    known = ", ".join(f"`{call}`" for call in calls)
    help = did_you_mean(path, calls) or (f"unknown is what became of {known}" if calls else None)
    message = f"what became of `{path}` is not unknown"
    raise StoreProblem("not_unknown", message, help or "resume the run without `--redo` and `--skip`")


# All


def resume_all(options: RunOptions, *, watch: bool) -> int:
    """Carry on all runs that nobody holds; gives the exit code: 0 unless one of them failed."""
    try:
        with stdout_kept_clean():
            return trio.run(_resume_all, options, watch)
    except StoreProblem as problem:
        return refuse_store(problem, options)


async def _resume_all(options: RunOptions, watch: bool) -> int:
    async with (
        engine_of(options) as engine,
        trio.open_nursery() as nursery,
    ):
        round = _Round(engine, options, watch)
        await nursery.start(round.heed_signals)
        await round.carry_on()
        nursery.cancel_scope.cancel()
    return round.exit_code()


@attrs.define
class _Round:
    """Runs that are carried on together. `refused` are those that could not be, which are not tried again."""

    engine: Engine
    options: RunOptions
    watch: bool
    runs: dict[int, RunHandle | None] = attrs.field(factory=dict)
    refused: set[int] = attrs.field(factory=set)
    failed: int = 0
    waiting: int = 0
    interrupted: bool = False
    stopped: trio.Event = attrs.field(factory=trio.Event)

    async def carry_on(self) -> None:
        async with trio.open_nursery() as nursery:
            found = self._take_up(nursery)
            if not found and not self.watch:
                terminal.say("there is no run to resume")
            while self.watch and not self.interrupted:
                with trio.move_on_after(LOOKING):
                    await self.stopped.wait()
                if not self.interrupted:
                    self._take_up(nursery)

    def _take_up(self, nursery: trio.Nursery) -> int:
        """Start on every run that nobody holds; gives how many."""
        records = [r for status in RESUMABLE for r in self.engine.store.runs(status=status, limit=10_000)]
        wanted = [
            record
            for record in records
            if record.holder is None and record.number not in self.runs and record.number not in self.refused
        ]
        for record in wanted:
            self.runs[record.number] = None
            nursery.start_soon(self._carry_on, record)
        return len(wanted)

    async def _carry_on(self, record: RunRecord) -> None:
        head = f"{record.id}  "
        display = Silent() if self.options.quiet else Lines(sys.stderr, head)
        display.past = True
        try:
            async with self.engine.resume(record, on_event=display.tell, wait=self.watch) as run:
                display.go_on(record.created)
                self.runs[record.number] = run
                if self.interrupted:
                    run.park()
                result = await run.result()
            self._count(result.status)
            terminal.say(f"{record.id}  {summary(result, self.options.shown_store)}")
        except Held:
            pass  # Somebody else was faster and carries it on. Should they leave it, it is found again.
        except StoreProblem as problem:
            self._refuse(record, problem.message)
        except NotRunnable as problem:
            self._refuse(record, str(problem))
        finally:
            self.runs.pop(record.number, None)

    def _count(self, status: str) -> None:
        self.failed += status in ("failed", "cancelled", "unknown")
        self.waiting += status == "waiting"

    def _refuse(self, record: RunRecord, why: str) -> None:
        self.refused.add(record.number)
        self.failed += 1
        terminal.say(f"{record.id}  cannot be resumed: {why}")

    async def heed_signals(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, *INTERRUPTS) as signals:
            task_status.started()
            async for _ in signals:
                self.interrupted = True
                self.stopped.set()
                for run in [*self.runs.values()]:
                    if run is not None:
                        run.park()

    def exit_code(self) -> int:
        if self.interrupted:
            return INTERRUPTED
        if self.failed:
            return FAILED
        return WAITING if self.waiting else DONE
