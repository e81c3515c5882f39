"""Carry out a test: in virtual time, and in several orders of what happens at one instant.

A test that holds in one order and not in another tests chance, and fails as such, with both orders; where no
two things ever arrived together there is only one. All orders are drawn from seeds, so a test fails today as
it failed yesterday."""

from __future__ import annotations

import time
from collections.abc import Mapping
from random import Random
from typing import Final

import attrs

from flowlang.hosts.simulator.simulated import Simulated
from flowlang.hosts.simulator.simulation import simulate
from flowlang.plan import tests
from flowlang.runtime.commands import OpenWait
from flowlang.runtime.failures import Failure
from flowlang.runtime.host import Question
from flowlang.runtime.inputs import Answered, CallEnded, EventCame
from flowlang.runtime.program import Program
from flowlang.runtime.run import RunResult
from flowlang.tools.testing_parts import explained
from flowlang.tools.testing_script import (
    AMBIENT,
    Asked,
    Evaluator,
    Problem,
    Script,
    TestFails,
    cut,
    shown,
    without_value,
)
from flowlang.values.codec import encode
from flowlang.values.evaluation import EvaluationError
from flowlang.values.value import Value

ORDERS: Final = 10
MOST_HEARD: Final = 20_000  # inputs, after which no further order is tried
MOST_OF_ORDER: Final = 8  # arrivals that are shown of an order


@attrs.frozen
class Ran:
    """A run of a test, and what its questions were answered."""

    run: tests.Run
    simulated: Simulated
    asked: tuple[Asked, ...]


@attrs.frozen
class Verdict:
    """What came of a test; `problem` is None where it passed. `ran` are its runs in the order that tells
    most, `orders` counts the orders that were tried. `seconds` is the time that all took."""

    test: tests.Test
    problem: Problem | None
    ran: tuple[Ran, ...]
    orders: int
    seconds: float

    @property
    def passed(self) -> bool:
        return self.problem is None


@attrs.frozen
class _Played:
    """A test in one order."""

    problem: Problem | None
    ran: tuple[Ran, ...]

    @property
    def choices(self) -> int:
        return sum(ran.simulated.choices for ran in self.ran)

    @property
    def heard(self) -> int:
        return sum(len(ran.simulated.heard) for ran in self.ran)


def run_test(program: Program, test: tests.Test, *, orders: int = ORDERS) -> Verdict:
    """Carry out a test on a program that holds all that it mentions."""
    started = time.perf_counter()
    if not any(isinstance(line, tests.Run) for line in test.lines):
        return Verdict(test, _runs_nothing(test), (), 0, 0.0)
    evaluate = Evaluator()
    told = first = _played(program, test, evaluate, None)
    tried, heard = 1, first.heard
    while first.choices and told is first and tried < orders and heard < MOST_HEARD:
        other = _played(program, test, evaluate, Random(tried))
        tried, heard = tried + 1, heard + other.heard
        told = _compared(first, other)
    return Verdict(test, told.problem, told.ran, tried, time.perf_counter() - started)


def _runs_nothing(test: tests.Test) -> Problem:
    """What is wrong with a test that could not fail."""
    return Problem("this test runs nothing", test.at, help="run a flow in it: `run out = …`")


def _compared(first: _Played, other: _Played) -> _Played:
    """The first order, unless the test holds in one of two and not in the other."""
    if (first.problem is None) == (other.problem is None):
        return first
    passed, failed = (first, other) if first.problem is None else (other, first)
    assert failed.problem is not None
    message = f"whether this holds depends on an order that is not defined: {failed.problem.message}"
    help = "tie down the order with `after`, or expect what holds in each"
    problem = attrs.evolve(failed.problem, message=message, help=help, orders=_orders(passed, failed))
    return _Played(problem, failed.ran)


def _orders(passed: _Played, failed: _Played) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What arrived in two orders, from shortly before where they part."""
    holds, fails = _arrivals(passed), _arrivals(failed)
    part = next((n for n, pair in enumerate(zip(holds, fails, strict=False)) if pair[0] != pair[1]), 0)
    shown = slice(max(0, part - 1), max(0, part - 1) + MOST_OF_ORDER)
    return tuple(holds[shown]), tuple(fails[shown])


def _arrivals(played: _Played) -> list[str]:
    found: list[str] = []
    for ran in played.ran:
        agents = {made.path: made.call.agent for made in ran.simulated.calls}
        for input in ran.simulated.heard:
            match input:
                case CallEnded(path=path):
                    found.append(f"{agents.get(path, '')} ({path})")
                case Answered(path=path) | EventCame(event=path):
                    found.append(path)
    return found


def _played(program: Program, test: tests.Test, evaluate: Evaluator, order: Random | None) -> _Played:
    """A test in one order; without one, what arrives together is heard as it began."""
    playing = _Playing(program, evaluate, order)
    try:
        for line in test.lines:
            playing.line(line)
    except TestFails as fails:
        return _Played(fails.problem, tuple(playing.ran))
    return _Played(None, tuple(playing.ran))


@attrs.define
class _Playing:
    """A test as far as it has been played. `names` are the results of its runs, and the calls of the last."""

    program: Program
    evaluate: Evaluator
    order: Random | None
    givens: list[tests.Given] = attrs.field(factory=list)
    sends: list[tests.Send] = attrs.field(factory=list)
    names: dict[str, Value] = attrs.field(factory=lambda: dict(AMBIENT))
    ran: list[Ran] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self._record({})

    def line(self, line: tests.Line) -> None:
        """Raises TestFails."""
        match line:
            case tests.Given():
                self.givens.append(line)
            case tests.Send():
                self.sends.append(line)
            case tests.Run():
                self._run(line)
            case tests.Expect():
                self._expect(line)

    def _run(self, run: tests.Run) -> None:
        compiled = self.program.plan
        script = Script(compiled, self.evaluate, self.names, run, self.givens, self.sends)
        world, inputs = script.world(), self._inputs(run)
        simulated = simulate(self.program, run.flow, inputs, world, order=self.order)
        self.ran.append(Ran(run, simulated, tuple(script.asked)))
        self._record(script.recorded)
        if script.problem is not None:
            raise TestFails(script.problem)
        if simulated.result is None:
            raise TestFails(_without_end(run, simulated))
        self.names[run.name] = self._outcome(run, simulated.result)

    def _inputs(self, run: tests.Run) -> dict[str, Value]:
        try:
            return {name: self.evaluate(value, self.names) for name, value in run.arguments.items()}
        except EvaluationError as error:
            raise TestFails(without_value(error, run.at)) from None

    def _record(self, recorded: Mapping[str, list[Value]]) -> None:
        for agent in self.program.plan.agents:
            self.names[tests.recorded(agent)] = recorded.get(agent, [])

    def _outcome(self, run: tests.Run, result: RunResult) -> Value:
        """What the run's name stands for. Raises TestFails where it ended otherwise than it should."""
        failure = result.failure or next(iter(result.undo_failures), None)
        if failure is None and run.fails is None:
            return result.value
        if failure is None:
            gave = shown(encode(result.value, self.program.plan.flows[run.flow].result))
            raise TestFails(Problem(f"the run should fail with {run.fails}, but it gave {gave}", run.at))
        if failure.error != run.fails:
            raise TestFails(Problem(_failed_text(run, failure), run.at, "this run", failure=failure))
        return {"error": failure.error, "message": failure.message, **failure.fields}

    def _expect(self, expect: tests.Expect) -> None:
        condition = expect.condition
        try:
            if self.evaluate(condition.value, self.names):
                return
            message = f"`{cut(condition.text)}` does not hold"
        except EvaluationError as error:
            message = f"`{cut(condition.text)}` has no value: {error.message}"
        parts = explained(condition, self.evaluate, self.names)
        raise TestFails(Problem(message, expect.at, parts=parts))


def _failed_text(run: tests.Run, failure: Failure) -> str:
    wanted = f"should fail with {run.fails}, but it failed" if run.fails else "failed"
    return f"the run {wanted} with {failure_words(failure)}"


def failure_words(failure: Failure) -> str:
    """`Unavailable: down`; an error without a message is told by its fields, and has its name in front."""
    told = failure.message.startswith(failure.error)
    return failure.message if told else f"{failure.error}: {failure.message}"


def _without_end(run: tests.Run, simulated: Simulated) -> Problem:
    """Why a run has no result."""
    if simulated.problem == "too long":
        return Problem("the run goes on and on", run.at, help="bound its loops more tightly")
    waits = [_wait_text(wait) for wait in simulated.waiting]
    message = f"the run makes no progress: it waits for {' and '.join(waits) or 'something that never comes'}"
    event = next((w.awaited.event for w in simulated.waiting if not isinstance(w.awaited, Question)), None)
    help = f"add `send {event}(…)` to the test, or a `timeout` to the step" if event else None
    return Problem(message, run.at, "this run never ends", help=help)


def _wait_text(wait: OpenWait) -> str:
    name = wait.awaited.ask if isinstance(wait.awaited, Question) else wait.awaited.event
    return f"{name} in the step `{wait.path}`"
