"""What every node of a plan needs of the run that it is carried out in.

To evaluate and to fail with a place, to report events, to bound and to repeat work, and to keep the undos of
what has been done. None of it knows which kind of node asks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias, TypeVar

import attrs

from flowlang.plan import model as plan
from flowlang.runtime import events
from flowlang.runtime.combinators import Expired, within
from flowlang.runtime.failures import (
    BAD_VALUE,
    EVALUATION_FAILED,
    LOOP_EXHAUSTED,
    TIMEOUT,
    Failure,
    FlowFailure,
)
from flowlang.runtime.frame import Counts, Frame, Undo
from flowlang.runtime.host import Host
from flowlang.runtime.policy import UNDO_POLICY, Policy, policy_of
from flowlang.runtime.program import Program
from flowlang.values.evaluation import BUDGET, Budget, EvaluationError
from flowlang.values.times import format_duration
from flowlang.values.value import Value

T = TypeVar("T")
Work: TypeAlias = Callable[[Frame], Awaitable[Value]]


class _NotYet(Exception):
    """The value of an attempt is not what `until` asks for."""


@attrs.define
class Running(ABC):
    """The state of a run. `ambient` is what flows see as `run`. `given` counts the values given at each key
    where more than one may be given. `budget` is that of the evaluation at hand. `undone` are the paths of
    the steps that were compensated, `undo_failures` those of undos that failed for good, `failed` is why
    the run is being undone. `seed` is that of its jitter. `waits` counts the waits begun (for fairness),
    `completions` the undos registered."""

    program: Program
    host: Host
    run: str
    ambient: dict[str, Value]
    on_event: events.OnEvent | None = None
    seed: str = attrs.field(default=attrs.Factory(lambda self: self.run, takes_self=True))
    counts: Counts = attrs.field(factory=Counts)
    waits: int = 0
    completions: int = 0
    budget: Budget = attrs.field(factory=Budget)
    given: dict[str, int] = attrs.field(factory=dict)
    undone: list[str] = attrs.field(factory=list)
    undo_failures: list[Failure] = attrs.field(factory=list)
    failed: Failure | None = None

    # Values and failures

    def evaluate(self, expr: plan.Expr, frame: Frame, statement: plan.AnyStatement | None = None) -> Value:
        """The value of an expression of the plan; `statement` says of which, where the frame is that of its
        block. Raises FlowFailure."""
        try:
            self.budget.left = BUDGET
            return self.program.code[id(expr)](frame.names, self.budget)
        except EvaluationError as error:
            place = frame if statement is None else frame.of(statement)
            raise FlowFailure(_evaluation_failure(error, place)) from None

    def failure(self, error: str, message: str, frame: Frame, at: plan.Place) -> FlowFailure:
        """A built-in failure that has at most a message."""
        fields = {} if error in (TIMEOUT, LOOP_EXHAUSTED) else {"message": message}
        return FlowFailure(Failure(error, message, fields, at, frame.path, frame.attempt))

    def count(self, expr: plan.Expr, frame: Frame, what: str, at: plan.Place, *, least: int = 0) -> int:
        """The value of an int that counts something. Raises FlowFailure where it is too small."""
        number: int = self.evaluate(expr, frame)
        if number < least:
            raise self.failure(EVALUATION_FAILED, f"{what} must be at least {least}, not {number}", frame, at)
        return number

    # Events

    def tell(self, event: Callable[..., events.Event], frame: Frame, *rest: object) -> None:
        """Report an event of the kind `event` here and now, if anyone listens."""
        if self.on_event:
            self.on_event(event(frame.path, self.host.now(), *rest))

    # Time

    async def sleep_until(self, instant: int) -> None:
        self.waits += 1
        await self.host.sleep_until(instant)

    async def breathe(self) -> None:
        """Wait once. A loop does so after a round in which no wait was counted, and so is never deaf to
        cancellation. (Where nobody waits, nobody else runs and counts.)"""
        await self.sleep_until(self.host.now())

    async def timed(self, allowed: int, frame: Frame, at: plan.Place, work: Work, *, waits: bool) -> Value:
        """The value of some work within a duration, which is running time unless something in the work waits
        for the outside. Raises FlowFailure with Timeout."""
        deadline = self.host.now() + allowed
        try:
            return await within(self.host, deadline, lambda: work(frame), running_time=not waits)
        except Expired:
            message = f"not done within {format_duration(allowed)}"
            raise self.failure(TIMEOUT, message, frame, at) from None

    # Attempts

    def policy(self, retry: plan.Retry, frame: Frame) -> Policy:
        constant = self.program.policies.get(id(retry))
        return constant or policy_of(retry, lambda expr: self.evaluate(expr, frame))

    async def retried(
        self, policy: Policy, frame: Frame, at: plan.Place, work: Work, *, again: bool
    ) -> Value:
        """The value of the first attempt that succeeds. `again` says that what is below may have given a
        value in an attempt that failed; only then is there something to undo, and each attempt a scope."""
        started = self.host.now()
        accepted = work if policy.until is None else partial(self._accepted, policy.until, work)
        tried = partial(self.scoped, work=accepted) if again else accepted
        for attempt in range(1, policy.attempts + 1):
            trial = frame.trial(attempt, again=again or policy.until is not None)
            try:
                return await tried(trial)
            except _NotYet:
                failure = self.failure(LOOP_EXHAUSTED, "the value is still not the one asked for", trial, at)
                told = None
            except FlowFailure as caught:
                failure, told = caught, caught.failure
                if not policy.covers(told):
                    raise
            again_at = self.host.now() + policy.delays.before(attempt + 1, self.seed, frame.path)
            if attempt == policy.attempts or again_at > started + policy.within:
                raise failure
            self.tell(events.AttemptFailed, frame, attempt, policy.attempts, told, again_at)
            await self.sleep_until(again_at)
            frame.counts.retries += 1
        raise AssertionError("there is at least one attempt")

    async def _accepted(self, until: plan.Until, work: Work, frame: Frame) -> Value:
        value = await work(frame)
        if not self.evaluate(until.condition, frame.binding({until.binding: value})):
            raise _NotYet
        return value

    # Undos

    async def scoped(self, frame: Frame, work: Work) -> Value:
        """Work in a scope of undos: they are handed up with its value, or run before anything else leaves."""
        undos: list[Undo] = []
        try:
            value = await work(frame.scope(undos))
        except BaseException as reason:
            await self.roll_back(undos, reason)
            raise
        frame.undos.extend(undos)
        return value

    async def roll_back(self, undos: list[Undo], reason: BaseException | None = None) -> None:
        """Run undos in reverse order of completion, whatever is cancelled meanwhile. One that fails is put
        on record and noted on the `reason`, and the others go on."""
        if undos:
            await self.host.shielded(lambda: self._undo_all(undos, reason))

    async def _undo_all(self, undos: list[Undo], reason: BaseException | None) -> None:
        for undo in sorted(undos, key=lambda undo: undo.order, reverse=True):
            failed = None
            try:
                await self._undo(undo)
                self.undone.append(undo.frame.path.removesuffix("/!undo"))
            except FlowFailure as late:
                failed = late.failure
                self.undo_failures.append(failed)
                note(reason, failed)
            self.tell(events.Undone, undo.frame, failed)
        undos.clear()

    async def _undo(self, undo: Undo) -> None:
        task = undo.task
        if isinstance(task, plan.CallAgent) and self.program.plan.agents[task.agent].retry:
            await self.task(task, undo.frame)
        else:
            await self.retried(
                UNDO_POLICY, undo.frame, undo.at, lambda frame: self.task(task, frame), again=True
            )

    @abstractmethod
    def task(self, task: plan.Task, frame: Frame) -> Awaitable[Value]:
        """The value of a task."""


def note(reason: BaseException | None, later: Failure) -> None:
    """Keep a later failure on an earlier one; a cancellation has no place for it."""
    if isinstance(reason, FlowFailure):
        reason.note(later)


def _evaluation_failure(error: EvaluationError, frame: Frame) -> Failure:
    fields = {"message": error.message}
    if error.error == BAD_VALUE:
        fields = {"path": error.path or "", **fields}
    return Failure(error.error, error.message, fields, error.at, frame.path, frame.attempt)
