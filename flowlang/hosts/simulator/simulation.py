"""Simulate: a program, inputs and a world -> how the run goes, in virtual time.

The kernel says what it wants, the world says what becomes of that, and an agenda holds what is yet to
arrive. The time is that of whatever stands first there, or is due in the kernel. What arrives at one instant
may reach a run in any order, together or one after the other: with an `order` (a seeded generator) that is
drawn, without one it arrives together, in the order in which it began.

A crash throws the kernel away, with all calls under way and everything that was not committed; another is
brought to where the rows end, as `hosts/journaled.py` does it. What people, other programs and clocks do goes
on meanwhile: answers and events wait in the inbox until somebody holds the run.

A simulation ends: a run that neither ends nor waits for anything that will come is a `problem`, and so is one
that hears or tells more than `most`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

import attrs

from flowlang.hosts.simulator.agenda import Agenda, Arrival, AskAgain
from flowlang.hosts.simulator.calls import CALLS_AT_ONCE, Calls
from flowlang.hosts.simulator.ledger import Ledger
from flowlang.hosts.simulator.simulated import Problem, Simulated
from flowlang.hosts.simulator.world import Crash, Ends, Jump, World
from flowlang.plan import model as plan
from flowlang.plan.paths import lies_inside
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.commands import CloseWait, Command, KeepProgress, OpenWait, StartCall, StopCall
from flowlang.runtime.events import Event
from flowlang.runtime.host import Question
from flowlang.runtime.inputs import (
    Answered,
    Began,
    CallEnded,
    CancelAsked,
    EventCame,
    Input,
    Resumed,
    Stopped,
    TimeCame,
)
from flowlang.runtime.journal import JournalMisfit
from flowlang.runtime.kernel import Cancelled, Closed, Kernel
from flowlang.runtime.program import Program, link
from flowlang.runtime.replay import kernel_of, replay
from flowlang.runtime.run import RunResult
from flowlang.values.value import Value

EPOCH: Final = 1_767_225_600_000_000
"""When simulated runs begin where nobody says otherwise: 2026-01-01T00:00:00Z."""

MOST: Final = 100_000
"""Inputs that a run may hear, and events that it may tell."""


def link_simulated(compiled: plan.Plan) -> Program:
    """A plan, ready to be simulated: nothing is bound to its agents."""
    return link(compiled, dict.fromkeys(compiled.agents, _Nobody()))


def simulate(
    program: Program,
    flow: str,
    inputs: Mapping[str, Value],
    world: World,
    *,
    order: Random | None = None,
    start: int = EPOCH,
    run_id: str = "run",
    most: int = MOST,
    calls_at_once: int = CALLS_AT_ONCE,
) -> Simulated:
    """Carry out a flow in a world. `inputs` are plan values that fit its parameters. No more than
    `calls_at_once` are under way, as in an engine.

    The same arguments, and a generator in the same state, give the same. Only a mistake in the runtime
    raises: JournalMisfit, where rows do not bring the run back, or whatever left the kernel."""
    simulation = _Simulation(program, flow, inputs, world, order, start, run_id, most, calls_at_once)
    return simulation.to_the_end()


class _Nobody:
    async def call(self, call: AgentCall) -> Value:
        raise AssertionError(f"{call.agent} is simulated")


class _Crashed(Exception):
    def __init__(self, crash: Crash) -> None:
        self.crash = crash


class _Over(Exception):
    def __init__(self, problem: Problem) -> None:
        self.problem = problem


class _Simulation:
    """`at` is the last instant that the run has heard of. `taken` has left the agenda and is not written yet.
    `answering` holds the questions that somebody was asked, with the number of the answer, 0 where none will
    come."""

    def __init__(
        self,
        program: Program,
        flow: str,
        inputs: Mapping[str, Value],
        world: World,
        order: Random | None,
        start: int,
        run_id: str,
        most: int,
        calls_at_once: int,
    ) -> None:
        self._program, self._flow, self._inputs, self._run_id = program, flow, inputs, run_id
        self._world, self._order, self._start, self._most = world, order, start, most
        self._crashes = {crash.commit: crash for crash in world.crashes}
        self._agenda = Agenda(start)
        self._told: list[Event] = []
        self._calls = Calls(
            program.plan.agents, world.call, self._agenda, order, self._told, self._tell, calls_at_once
        )
        self._ledger = Ledger()
        self._kernel = Kernel()
        self._at = 0
        self._heard = self._commits = self._choices = 0
        self._taken: list[Arrival] = []
        self._announced: list[StartCall] = []
        self._answering: dict[str, int] = {}
        self._unbounded: dict[str, OpenWait] = {}

    def to_the_end(self) -> Simulated:
        self._happen()
        problem: Problem | None = None
        try:
            while problem is None and not self._kernel.ended:
                try:
                    self._carry_out()
                except _Crashed as crashed:
                    self._fall(crashed.crash)
                except _Over as over:
                    problem = over.problem
                except (Closed, Cancelled, JournalMisfit):
                    if not self._kernel.closed:
                        raise
                    problem = "too long"
            return self._simulated(problem)
        finally:
            self._kernel.close()

    def _carry_out(self) -> None:
        """Raises _Crashed, _Over; and whatever leaves a kernel that was closed by `_tell`."""
        self._enter()
        while not self._kernel.ended:
            self._commit(self._next())

    def _simulated(self, problem: Problem | None) -> Simulated:
        result = None if problem else self._kernel.result
        assert result is None or isinstance(result, RunResult), "the kernel carries out a run"
        waiting = tuple(self._kernel.waits.values())
        self._calls.forget()
        return Simulated(
            result=result,
            problem=problem,
            events=tuple(self._told),
            calls=self._calls.all_made(),
            unbounded=tuple(self._unbounded.values()),
            waiting=waiting,
            commits=self._commits,
            choices=self._choices,
            ended=self._at,
            ledger=self._ledger,
        )

    def _happen(self) -> None:
        """Put what the world does by itself on the agenda."""
        for sent in self._world.sent:
            at = self._start + sent.after
            self._agenda.add(at, EventCame(at, sent.event, sent.fields))
        if self._world.cancelled is not None:
            at = self._start + self._world.cancelled
            self._agenda.add(at, CancelAsked(at))
        for jump in self._world.jumps:
            self._agenda.add(self._start + jump.after, jump)

    # Entering, and falling

    def _enter(self) -> None:
        """Begin the run, or bring it to where its rows end and take up what is outstanding."""
        self._kernel = kernel_of(self._program, self._flow, self._inputs, self._run_id, self._tell)
        rows = self._ledger.rows() if self._commits else []
        if not rows:
            return self._commit([Began(self._agenda.clock)])
        replayed = replay(self._kernel, rows)
        self._at = replayed.at
        calls = {path: call.call for path, call in self._kernel.calls.items() if not call.given_up}
        said = {path: self._world.unknown(path, calls[path]) for path in replayed.started if path in calls}
        self._commit(self._on_entering(), taking_up=True)
        for wait in [*self._kernel.waits.values()]:
            self._open(wait)
        for path, pending in [*self._kernel.calls.items()]:
            outcome = Stopped() if pending.given_up else said.get(path)
            if outcome is None:
                self._start_call(StartCall(path, pending.call))
            else:
                self._calls.begin(path, pending.call)
                self._calls.end(path, Ends(outcome))

    def _on_entering(self) -> list[Input]:
        """That the run is held again, and what has come since it was left. Where something became due
        meanwhile, each is heard as of when it came: what came in time is in time."""
        now, before, due = max(self._at, self._agenda.clock), self._at, self._kernel.next_instant
        arrived = [self._take(arrival) for arrival in self._ready()]
        if due is None or due > now:
            return [Resumed(now, now - before), *(attrs.evolve(input, at=now) for input in arrived)]
        heard: list[Input] = []
        for input in arrived:
            came = min(max(before, input.at + self._agenda.offset), now)
            # An instant before, since what comes at a deadline is in time.
            heard += [Resumed(max(before, came - 1), came - before), attrs.evolve(input, at=came)]
            before = came
        return [*heard, Resumed(now, now - before)]

    def _fall(self, crash: Crash) -> None:
        """Lose all that was not written, but for what waits in the inbox; be away for a while."""
        self._kernel.close()
        self._calls.forget()
        self._announced.clear()
        self._told.clear()
        self._ledger.drop_progress()
        self._agenda.put_back(self._taken)
        self._taken.clear()
        self._agenda.drop(lambda item: isinstance(item, CallEnded | AskAgain))
        self._agenda.passed += crash.away

    # What the run hears next

    def _next(self) -> list[Input]:
        """What is committed next. Time passes until there is something. Raises _Over."""
        if self._announced:
            return self._chosen(self._ready(), least=0)
        agenda = self._agenda
        while True:
            due, first = self._kernel.next_instant, agenda.next_instant
            passed = None if due is None else max(agenda.passed, due - agenda.offset)
            if first is not None and (passed is None or first <= passed):
                agenda.passed = max(agenda.passed, first)
                if ready := self._ready():
                    return self._chosen(ready, least=1)
            elif passed is not None:
                agenda.passed = passed
                return [TimeCame(max(self._at, agenda.clock))]
            else:
                raise _Over("no progress")

    def _ready(self) -> list[Arrival]:
        """The inputs that have arrived by now; what is none happens here. A call may have ended in another
        way meanwhile, and a question may be closed."""
        ready: list[Arrival] = []
        while arrival := self._agenda.take():
            _, number, item = arrival
            match item:
                case CallEnded(path=path):
                    if self._calls.ends_by(path, number):
                        ready.append(arrival)
                case Answered(path=path):
                    if self._answering.get(path) == number:
                        ready.append(arrival)
                case Jump(by=by):
                    self._agenda.offset += by
                case AskAgain(agent):
                    self._calls.admit(agent, again=True)
                case _:
                    ready.append(arrival)
        return ready

    def _chosen(self, ready: list[Arrival], *, least: int) -> list[Input]:
        """Of what is ready, what is heard next, and in which order; the rest stays ready. Events keep theirs:
        they have one sender."""
        if len(ready) > least:
            self._choices += 1
        if self._order is not None and len(ready) > least:
            self._order.shuffle(ready)
            events = iter(sorted(arrival for arrival in ready if isinstance(arrival[2], EventCame)))
            ready = [next(events) if isinstance(arrival[2], EventCame) else arrival for arrival in ready]
            count = self._order.randint(least, len(ready))
            self._agenda.put_back(ready[count:])
            del ready[count:]
        at = max(self._at, self._agenda.clock)
        inputs = [self._take(arrival) for arrival in ready]
        return [input if input.at == at else attrs.evolve(input, at=at) for input in inputs]

    def _take(self, arrival: Arrival) -> Input:
        self._taken.append(arrival)
        input = arrival[2]
        assert not isinstance(input, (Jump, AskAgain)), "it has happened"
        return input

    def _commit(self, inputs: Sequence[Input], *, taking_up: bool = False) -> None:
        """Write what has arrived and what is announced, then let the run hear of it. `taking_up`: what it
        wants is asked for when it has heard all. Raises _Crashed, _Over."""
        self._commits += 1
        self._heard += len(inputs)
        if self._heard > self._most:
            raise _Over("too long")
        at = inputs[-1].at if inputs else max(self._at, self._agenda.clock)
        crash = self._crashes.get(self._commits)
        announced, self._announced = self._announced, []
        written = crash is None or crash.written
        heard = [
            (input, self._calls.heard(input, recorded=written) if isinstance(input, CallEnded) else None)
            for input in inputs
        ]
        if written:
            self._ledger.write(heard, announced, at)
            self._taken.clear()
        if crash is not None:
            raise _Crashed(crash)
        self._at = at
        for start in announced:
            self._calls.go_ahead(start.path)
        for input in inputs:
            self._hear(input, taking_up)

    def _hear(self, input: Input, taking_up: bool) -> None:
        commands = self._kernel.advance(input)
        if self._kernel.closed:
            raise _Over("too long")
        for command in commands:
            if not taking_up or isinstance(command, CloseWait):
                self._do(command, input)

    def _tell(self, event: Event) -> None:
        """Note what the run tells. One that tells too much is closed there, since it may never wait again."""
        self._told.append(event)
        if len(self._told) > self._most:
            self._kernel.closed = True
            self._kernel.listen(None)
            raise Closed

    # What the kernel commands

    def _do(self, command: Command, input: Input) -> None:
        match command:
            case StartCall():
                self._start_call(command)
            case StopCall(path=path):
                self._calls.stop(path)
                self._announced = [start for start in self._announced if start.path != path]
            case OpenWait():
                self._open(command)
            case CloseWait(path=path):
                self._answering.pop(path, None)
            case KeepProgress(path, progress):
                if isinstance(input, CallEnded) and lies_inside(input.path, path):
                    self._ledger.keep(input, path, progress)

    def _start_call(self, start: StartCall) -> None:
        """Make a call; one that must not be made twice is announced before."""
        self._calls.begin(start.path, start.call)
        if start.call.once:
            self._announced.append(start)
        else:
            self._calls.go_ahead(start.path)

    def _open(self, wait: OpenWait) -> None:
        """Somebody is asked, once: what people do goes on when the process does not."""
        if wait.deadline is None:
            self._unbounded[wait.path] = wait
        if not isinstance(wait.awaited, Question) or wait.path in self._answering:
            return
        answer = self._world.answer(wait.path, wait.awaited, self._agenda.clock)
        self._answering[wait.path] = 0
        if answer is not None:
            at = self._agenda.passed + answer.delay
            self._answering[wait.path] = self._agenda.add(at, Answered(at, wait.path, answer.outcome))
