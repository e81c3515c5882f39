"""The interpreter: one coroutine for each node of a plan, over a `Host`.

It reads like the language's manual, because all it does by itself is the order of things: which statement
may start (`schedule`), what stands around what (guard, attempt, retry, timeout, catch, finally, from inside
out), and whose undos run when. Waiting, running side by side and cancelling are the host's.

Three things leave a node: a value, a `FlowFailure`, or a cancellation of the host, which passes through and
is never replaced by what goes wrong in a cleanup. Whoever opened a scope of undos hands them up with the
value, or runs them before anything else leaves.

The tasks stand in `tasks`, which this builds on; the rules are in RULES.md."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

import attrs

from flowlang.plan import model as plan
from flowlang.runtime import events
from flowlang.runtime.failures import ENSURE_FAILED, REQUIREMENT_FAILED, FlowFailure
from flowlang.runtime.frame import Frame, Undo
from flowlang.runtime.host import Group
from flowlang.runtime.running import note
from flowlang.runtime.schedule import Countdown, Schedule
from flowlang.runtime.tasks import Tasks
from flowlang.values.value import Value

DEEPEST: Final = 16
"""Levels of blocks on one stack. The next starts on a stack of its own, as a child of a group; so how deep
flows may call each other is a matter of memory, not of Python's recursion limit."""


@attrs.define
class _Execution:
    """One execution of a block: what of it is cut off, and what it has come to."""

    statements: tuple[plan.AnyStatement, ...]
    schedule: Schedule
    frame: Frame
    cut: dict[int, None] = attrs.field(factory=dict)
    value: Value = None
    ensures: tuple[plan.Ensure, ...] = ()


class Interpreter(Tasks):
    """Carries out the blocks, statements and clauses of one run."""

    async def block(self, block: plan.Block, frame: Frame) -> Value:
        """The value of a block. The frame's names belong to it, and grow by those of its statements."""
        schedule = self.program.schedules[id(block)]
        alone = schedule.chain and frame.depth < DEEPEST
        inner = frame.body([], frame.depth + 1 if alone else 0)
        execution = _Execution(block.statements, schedule, inner)
        try:
            if alone:
                for position in schedule.order:
                    if position in execution.cut or await self._carried_out(execution, position):
                        self._cut_off(execution, position)
            else:
                await self._in_strands(execution)
            for ensure in execution.ensures:
                self._ensure(ensure, execution)
        except BaseException as reason:
            if frame.path == "" and isinstance(reason, FlowFailure):
                self.failed = reason.failure
            await self.roll_back(inner.undos, reason)
            raise
        frame.undos.extend(inner.undos)
        return execution.value

    async def _in_strands(self, execution: _Execution) -> None:
        countdown = Countdown.of(execution.schedule)
        async with self.host.group() as group:
            group.start(self._strand, execution, countdown, group, execution.schedule.first)

    async def _strand(
        self, execution: _Execution, countdown: Countdown, group: Group, ready: Sequence[int]
    ) -> None:
        """Carry out statements that are ready, and what becomes ready by them: what need not wait at once,
        one of the others here, and the rest in strands of their own."""
        pending = list(ready)
        while pending:
            here = None
            for position in pending:  # grows while it is walked
                if position in execution.cut or execution.schedule.immediate[position]:
                    pending += await self._settled(execution, countdown, position)
                elif here is None:
                    here = position
                else:
                    group.start(self._strand, execution, countdown, group, (position,))
            pending = [] if here is None else await self._settled(execution, countdown, here)

    async def _settled(self, execution: _Execution, countdown: Countdown, position: int) -> list[int]:
        """Carry out a statement, or skip it where it is cut off; gives what became ready by it."""
        if position in execution.cut or await self._carried_out(execution, position):
            self._cut_off(execution, position)
        return countdown.settle(position)

    def _carried_out(self, execution: _Execution, position: int) -> Awaitable[bool]:
        """Carry out a statement; says whether it is a barrier that ended the block."""
        statement = execution.statements[position]
        return _STATEMENTS[statement.kind](self, statement, execution)

    def _cut_off(self, execution: _Execution, position: int) -> None:
        """Cut off what depends on a statement that is itself cut off, or ended the block."""
        execution.cut.update(dict.fromkeys(execution.schedule.dependents[position]))
        statement = execution.statements[position]
        if position in execution.cut:
            self._skipped(statement, execution.frame.of(statement), "cut off")

    # Statements; each says whether it is a barrier that ends the block

    def _step(self, step: plan.Step, execution: _Execution) -> Awaitable[bool]:
        frame = execution.frame.of(step, self.program.clauses.get(id(step)))
        return self._started(step, frame) if step.guard is None else self._guarded(step, step.guard, frame)

    async def _let(self, let: plan.Let, execution: _Execution) -> bool:
        execution.frame.names[let.name] = self.evaluate(let.value, execution.frame, let)
        return False

    async def _result(self, result: plan.Result, execution: _Execution) -> bool:
        task, frame = result.task, execution.frame
        if task.kind == "evaluate":
            execution.value = self.evaluate(task.value, frame, result)
        else:
            execution.value = await self.task(task, frame.of(result))
        return False

    async def _return_when(self, barrier: plan.ReturnWhen, execution: _Execution) -> bool:
        ends: bool = self.evaluate(barrier.condition, execution.frame, barrier)
        if ends:
            execution.value = await self.task(barrier.task, execution.frame.of(barrier))
        return ends

    async def _fail_when(self, barrier: plan.FailWhen, execution: _Execution) -> bool:
        frame = execution.frame
        if barrier.condition is None or self.evaluate(barrier.condition, frame, barrier):
            raise self.declared_failure(barrier.failure, frame.of(barrier))
        return False

    async def _require_statement(self, barrier: plan.Require, execution: _Execution) -> bool:
        frame = execution.frame.of(barrier)
        self._require(barrier, frame, REQUIREMENT_FAILED, "the requirement does not hold")
        return False

    async def _ensure_statement(self, ensure: plan.Ensure, execution: _Execution) -> bool:
        execution.ensures += (ensure,)
        return False

    def _ensure(self, ensure: plan.Ensure, execution: _Execution) -> None:
        frame = execution.frame.of(ensure).binding({"result": execution.value})
        self._require(ensure, frame, ENSURE_FAILED, "the result is not as ensured")

    def _require(
        self, statement: plan.Require | plan.Ensure, frame: Frame, error: str, otherwise: str
    ) -> None:
        if not self.evaluate(statement.condition, frame):
            message = otherwise if statement.message is None else self.evaluate(statement.message, frame)
            raise self.failure(error, message, frame, statement.at)

    # Steps: their clauses from outside in

    async def _guarded(self, step: plan.Step, guard: plan.Expr, frame: Frame) -> bool:
        """A step, or what stands for its value where its guard is false.

        A guard that fails is like a task that fails, but that the step has not started: no `finally` runs."""
        try:
            holds, value = self.evaluate(guard, frame), None
            if not holds:
                self._skipped(step, frame, "guard")
                value = None if step.otherwise is None else self.evaluate(step.otherwise, frame)
        except FlowFailure as failure:
            holds, value = False, await self._catch(step, failure, frame)
        if holds:
            return await self._started(step, frame)
        frame.names[step.name] = value
        return False

    async def _started(self, step: plan.Step, frame: Frame) -> bool:
        """A step whose guard held."""
        frame.counts.executed += 1
        if self.on_event:
            self.tell(events.StepStarted, frame, step.task.kind, _target(step.task))
        bare = frame.clauses is None
        try:
            value = await (self.task(step.task, frame) if bare else self._with_finally(step, frame))
        except FlowFailure as failure:
            self.tell(events.StepFailed, frame, failure.failure)
            raise
        except BaseException:
            self.tell(events.StepCancelled, frame)
            raise
        if self.on_event:
            self.tell(events.StepDone, frame, value)
        frame.names[step.name] = value
        return False

    def _skipped(self, statement: plan.AnyStatement, frame: Frame, reason: str) -> None:
        if isinstance(statement, plan.Step):
            frame.counts.skipped += 1
            self.tell(events.StepSkipped, frame, reason)

    def _with_finally(self, step: plan.Step, frame: Frame) -> Awaitable[Value]:
        if step.finally_ is None:
            return self._with_catches(step, frame)
        return self._finished(step, step.finally_, frame)

    async def _finished(self, step: plan.Step, last: plan.Block, frame: Frame) -> Value:
        """With `finally`, which runs however the step ended, and fails it only if it had succeeded."""
        inner = frame.inside("/!finally", {}).scope([])
        finish = partial(self.block, last, inner)
        try:
            value = await self._with_catches(step, frame)
        except BaseException as reason:
            try:
                await self.host.shielded(finish)
            except FlowFailure as late:
                note(reason, late.failure)
                self.tell(events.CleanupFailed, inner, late.failure)
            raise
        await self.host.shielded(finish)
        return value

    def _with_catches(self, step: plan.Step, frame: Frame) -> Awaitable[Value]:
        return self._caught(step, frame) if step.catches else self._in_time(step, frame)

    async def _caught(self, step: plan.Step, frame: Frame) -> Value:
        try:
            return await self._in_time(step, frame)
        except FlowFailure as failure:
            return await self._catch(step, failure, frame)

    async def _catch(self, step: plan.Step, failure: FlowFailure, frame: Frame) -> Value:
        """The value of the first handler that the failure is for; without one it goes on its way."""
        caught = failure.failure
        catch = next((c for c in step.catches if not c.errors or caught.error in c.errors), None)
        if catch is None:
            raise failure
        self.tell(events.Caught, frame, caught)
        known = {"error": caught.error, "message": caught.message, **caught.fields}
        try:
            return await self.task(
                catch.handler, frame.inside("/!catch", {catch.binding: known} if catch.binding else {})
            )
        except FlowFailure as of_handler:
            of_handler.note(caught)
            raise

    def _in_time(self, step: plan.Step, frame: Frame) -> Awaitable[Value]:
        if step.timeout is None:
            return self._undoable(step, frame)
        allowed, waits = self.evaluate(step.timeout, frame), self.program.clauses[id(step)].waits
        return self.timed(allowed, frame, step.at, partial(self._undoable, step), waits=waits)

    def _undoable(self, step: plan.Step, frame: Frame) -> Awaitable[Value]:
        """The task with its attempts. What it leaves to undo is in a scope that ends before a handler starts;
        a call leaves nothing by itself."""
        if step.undo is not None:
            return self.scoped(frame, partial(self._registered, step, step.undo))
        if isinstance(step.task, plan.CallAgent):
            return self._tried(step, frame)
        return self.scoped(frame, partial(self._tried, step))

    def _tried(self, step: plan.Step, frame: Frame) -> Awaitable[Value]:
        if step.retry is None:
            return self.task(step.task, frame)
        policy, work = self.policy(step.retry, frame), partial(self.task, step.task)
        again = not isinstance(step.task, plan.CallAgent)
        return self.retried(policy, frame, step.at, work, again=again)

    async def _registered(self, step: plan.Step, undo: plan.Task, frame: Frame) -> Value:
        value = await self._tried(step, frame)
        self._register(step, undo, value, frame)
        await self.sleep_until(self.host.now())  # a cancellation that waited for the call ends the step
        return value

    def _register(self, step: plan.Step, undo: plan.Task, value: Value, frame: Frame) -> None:
        self.completions += 1
        inner = frame.inside("/!undo", {step.name: value}).scope([])
        frame.undos.append(Undo(self.completions, undo, inner, step.at))


_STATEMENTS: Final[dict[str, Callable[..., Awaitable[bool]]]] = {
    "step": Interpreter._step,
    "let": Interpreter._let,
    "return_when": Interpreter._return_when,
    "fail_when": Interpreter._fail_when,
    "require": Interpreter._require_statement,
    "result": Interpreter._result,
    "ensure": Interpreter._ensure_statement,
}


def _target(task: plan.Task) -> str | None:
    """The agent or flow that a task calls."""
    match task:
        case plan.CallAgent(agent=name) | plan.CallFlow(flow=name):
            return name
        case _:
            return None
