"""Durable runs in virtual time: as in `runs`, but a kernel decides and a journal in memory remembers.

A process may be killed before or after any commit. What it had under way is gone, time goes by, and another
one takes the run up from its rows. Agents and messages live outside, and stay."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias
from unittest.mock import patch

import attrs
import trio
import trio.testing
from support.runs import EPOCH, PATH, PRELUDE, Actor, Outside, Played, acted

from flowlang.hosts import journaled as journaled_host
from flowlang.hosts.call_scopes import CallScope
from flowlang.hosts.journaled import HARMLESS, JournaledRun, OutcomeUnknown, World
from flowlang.hosts.trio_host import TrioHost
from flowlang.hosts.turns import turns_of
from flowlang.hosts.withheld import Telling
from flowlang.plan.paths import lies_inside
from flowlang.runtime import events
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.host import Question
from flowlang.runtime.inputs import Outcome
from flowlang.runtime.journal import Collapse, Commit, Ending, Lease, NotWritten, Row, RunStatus, Wait
from flowlang.runtime.kernel import Kernel
from flowlang.runtime.program import Program
from flowlang.runtime.replay import feed, kernel_of, replay
from flowlang.runtime.run import RunResult
from flowlang.values.codec import parse_argument
from flowlang.values.value import Value

Message: TypeAlias = Callable[[JournaledRun, int], None]


class Killed(BaseException):
    """The process is no more."""


@attrs.frozen
class Kill:
    """At a commit, counted over all processes; then nobody holds the run for `away` seconds."""

    commit: int
    written: bool = True
    away: float = 0.0


@attrs.define
class MemoryKeeper:
    """A journal in memory. `commits` counts those that were tried, each takes `latency` seconds; `fail_at` is
    the number of one that is not written."""

    rows: list[Row] = attrs.field(factory=list)
    waits: dict[str, Wait] = attrs.field(factory=dict)
    inbox: dict[int, Message] = attrs.field(factory=dict)
    status: RunStatus = "running"
    ending: Ending | None = None
    commits: int = 0
    fail_at: int | None = None
    latency: float = 0.0
    kills: Sequence[Kill] = ()
    die: Callable[[], None] = lambda: None
    kept: Callable[[Sequence[Row]], object] = lambda rows: None
    sizes: list[int] = attrs.field(factory=list)  # rows of each commit
    ended: set[str] = attrs.field(factory=set)  # calls whose outcome is written

    async def write(self, commit: Commit) -> None:
        number, self.commits = self.commits, self.commits + 1
        if self.latency:
            with trio.CancelScope(shield=True):
                await trio.sleep(self.latency)
        if number == self.fail_at:
            raise NotWritten("the disk is full")
        kill = next((kill for kill in self.kills if kill.commit == number), None)
        if kill is None or kill.written:
            self._keep(commit)
        if kill is not None:
            self.die()
            raise Killed

    def _keep(self, commit: Commit) -> None:
        self.rows += commit.rows
        self.kept(commit.rows)
        self.sizes.append(len(commit.rows))
        for collapse in commit.collapsed:
            self._collapse(collapse)
        self.ended |= {row.path for row in commit.rows if row.kind == "call"}
        self.waits |= {wait.path: wait for wait in commit.opened}
        for path in commit.closed:
            self.waits.pop(path, None)
        for message in commit.taken:
            del self.inbox[message]
        self.status = commit.status or self.status
        if commit.ending:
            self.ending, self.status = commit.ending, commit.ending.status

    def _collapse(self, collapse: Collapse) -> None:
        row = collapse.row
        kept = [
            row if known.seq == row.seq else known
            for known in self.rows
            if not (
                collapse.first <= known.seq < row.seq
                and known.kind in ("call", "started", "scope")
                and lies_inside(known.path, row.path)
            )
        ]
        self.rows[:] = kept


@attrs.define
class Journaled:
    """One run of a program, which can be carried out in several pieces, and everything outside of it.

    `told` are the events of the present process, those of the past told again. `made` are the calls that each
    process made, by their paths. `skew`: the wall clock is wrong by so many microseconds.

    `witness` hears of what is written, and of nothing else. Whatever others can see of the run is held
    against it: an event has to be the next that it told of (`witnessed`), a question one that it asks, and a
    call one that it makes. Of agents that change nothing there may be others; `ahead` are their paths."""

    program: Program
    actor: Actor
    inputs: Mapping[str, Value]
    calls_at_once: int = 100
    keeper: MemoryKeeper = attrs.field(factory=MemoryKeeper)
    told: list[events.Event] = attrs.field(factory=list)
    told_by_host: list[events.Event] = attrs.field(factory=list)
    witness: Kernel = attrs.field(factory=Kernel)
    witnessed: list[events.Event] = attrs.field(factory=list)
    ahead: list[str] = attrs.field(factory=list)
    made: list[dict[str, AgentCall]] = attrs.field(factory=list)
    run: JournaledRun | None = None
    posted: int = 0
    skew: int = 0

    def kernel(self, tell: events.OnEvent) -> Kernel:
        return kernel_of(self.program, self.program.plan.main or "main", self.inputs, "r1", tell)

    def open(
        self, resolved: Mapping[str, Outcome | None] | None = None, *, leave_waiting: bool = False
    ) -> JournaledRun:
        """A process takes the run up, as far as its journal goes."""
        host = TrioHost(
            self.program.agents,
            calls_at_once=self.calls_at_once,
            turns=turns_of(self.program.plan.agents),
            epoch=EPOCH + round(trio.current_time() * 1e6),
            on_event=self.told_by_host.append,
        )
        self._call_a_witness()
        self.told.clear()
        telling = Telling(self._tell)
        kernel = self.kernel(telling)
        replayed = replay(kernel, self.keeper.rows) if self.keeper.rows else None
        stopped = {path for path, call in kernel.calls.items() if call.given_up}
        self.made.append({})

        async def make_call(path: str, call: AgentCall, scope: CallScope) -> Value:
            assert path not in self.keeper.ended, f"{path} has ended and is made again"
            assert path not in stopped, f"{path} was to stop and is made again"
            assert path not in self.made[-1], f"{path} is made twice"
            self._hold_against_the_witness(path, call)
            self.made[-1][path] = call
            PATH.set(path)
            return await host.call(path, call, scope)

        self.run = run = JournaledRun(
            self.program.plan,
            kernel,
            Lease(1, 1),
            World(self.keeper, make_call, clock=lambda: host.now() + self.skew),
            lambda result, last: Ending(result.ended, result.status, "{}"),
            replayed=replayed,
            resolved=resolved,
            telling=telling,
            leave_waiting=leave_waiting,
        )
        self.actor.dead, self.keeper.die = False, self._die
        for number in [*self.keeper.inbox]:
            self._deliver(number)
        return run

    def _call_a_witness(self) -> None:
        self.witness.close()
        self.witnessed.clear()
        self.witness = witness = self.kernel(self.witnessed.append)
        replay(witness, self.keeper.rows)
        self.keeper.kept = lambda rows: feed(witness, rows)

    def _tell(self, event: events.Event) -> None:
        assert event == self.witnessed[len(self.told)], "it could still be forgotten"
        self.told.append(event)

    def _hold_against_the_witness(self, path: str, call: AgentCall) -> None:
        known = self.witness.calls.get(path)
        if known is not None and known.call == call:
            return
        assert self.program.plan.agents[call.agent].effect in HARMLESS, f"what led to {path} may be forgotten"
        self.ahead.append(path)

    async def carry_out(self) -> RunResult:
        """Carry the run to its end, however often it is killed; writes in doubt are made again."""
        result: object = None
        again: dict[str, None] | None = None
        while not isinstance(result, RunResult):
            unknown, again = again, None
            try:
                result = await self.open(unknown).carry_out()
                again = dict.fromkeys(result.paths) if isinstance(result, OutcomeUnknown) else None
                assert isinstance(result, RunResult | OutcomeUnknown), result
            except* Killed:
                last = self.keeper.commits - 1
                await trio.sleep(next(kill.away for kill in self.keeper.kills if kill.commit == last))
        return result

    def _die(self) -> None:
        self.actor.dead, self.run = True, None

    # From outside, whoever holds the run

    @property
    def questions(self) -> Mapping[str, Question]:
        questions = self.run.questions if self.run else {}
        assert questions.keys() <= self.witness.waits.keys(), "nobody may know of a question yet"
        return questions

    def answer(self, path: str, answer: Value) -> None:
        self._post(lambda run, number: run.answer(path, answer, number))

    def send(self, event: str, fields: Value) -> None:
        self._post(lambda run, number: run.send(event, fields, number))

    def cancel(self) -> None:
        self._post(lambda run, number: run.cancel(number))

    def _post(self, message: Message) -> None:
        self.posted += 1
        self.keeper.inbox[self.posted] = message
        self._deliver(self.posted)

    def _deliver(self, number: int) -> None:
        if self.run is None:
            return
        try:
            self.keeper.inbox[number](self.run, number)
        except LookupError:
            if not self.keeper.kills:
                raise
            self.run.pass_over(number)


@attrs.define
class PlayedDurably(Played):
    journaled: Journaled


def play_durably(
    text: str, outside: Outside | None = None, *, kills: Sequence[Kill] = (), latency: float = 0.0
) -> PlayedDurably:
    """Carry out the main flow of a text, in virtual time, on the kernel."""
    outside = outside or Outside()
    run = journaled(text, outside)
    run.keeper.kills, run.keeper.latency = kills, latency
    clock = trio.testing.MockClock(autojump_threshold=0)
    with patch.object(journaled_host, "LONGEST_SLEEP", math.inf):  # nobody sets this clock
        result = trio.run(_play, run, outside, clock=clock)
    told = [*run.told, *run.told_by_host]
    return PlayedDurably(run.program, result, run.actor.log, told, run)


def journaled(text: str, outside: Outside | None = None) -> Journaled:
    """A run of the main flow of a text, which nobody carries out yet."""
    outside = outside or Outside()
    program, actor = acted(text + PRELUDE)
    parameters = {p.name: p.type for p in program.plan.flows[program.plan.main or "main"].parameters}
    inputs = {name: parse_argument(text, parameters[name]) for name, text in outside.inputs.items()}
    run = Journaled(program, actor, inputs, outside.calls_at_once)
    actor.send = run.send
    return run


async def _play(journaled: Journaled, outside: Outside) -> RunResult:
    async with trio.open_nursery() as nursery:
        outside.go_on(nursery, journaled.program, journaled, journaled.cancel)
        result = await journaled.carry_out()
        nursery.cancel_scope.cancel()
    return result
