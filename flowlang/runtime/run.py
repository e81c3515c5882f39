"""A run: a flow of a program, with its inputs, on a host, until it has a result.

Whatever happens inside, a run ends in a `RunResult`; only a cancellation of the host from around it passes
through. A mistake of the interpreter ends the run with `InternalError`, after all cleanup, and nothing
else of the process."""

from __future__ import annotations

import traceback
from collections.abc import Mapping

import attrs

from flowlang.plan import model as plan
from flowlang.runtime import events
from flowlang.runtime.failures import INTERNAL, Failure, FlowFailure
from flowlang.runtime.frame import Counts, Frame
from flowlang.runtime.host import Group, Host
from flowlang.runtime.interpreter import Interpreter
from flowlang.runtime.program import Program
from flowlang.values.value import Value


@attrs.frozen
class RunResult:
    """`value` is a plan value of the flow's result type; None unless the run is done. `undone` are the paths
    of the steps that were compensated, `usage` is what calls have used, by agent. Instants in microseconds
    since 1970. A run whose undos could not all be carried out has failed, whatever else. The `failure` of one
    that was cancelled is why it was being undone at that time, if it was."""

    run: str
    flow: str
    status: events.Status
    value: Value
    failure: Failure | None
    undone: tuple[str, ...]
    undo_failures: tuple[Failure, ...]
    started: int
    ended: int
    steps_executed: int
    steps_skipped: int
    retries: int
    usage: Mapping[str, Mapping[str, int]] = attrs.field(factory=dict)


async def run(
    program: Program,
    flow: str,
    inputs: Mapping[str, Value],
    host: Host,
    on_event: events.OnEvent | None = None,
    *,
    run_id: str = "run",
) -> RunResult:
    """Carry out a flow. `inputs` are plan values that fit its parameters; those left out take their defaults.

    `run_id` names the run in idempotency keys, and seeds its jitter."""
    return await Run(program, flow, inputs, host, on_event, run_id).result()


@attrs.define
class Run:
    """A run that can be cancelled: `result` carries it out, once, and `cancel` may be called meanwhile.
    `seed` is that of its jitter, where it is not the run's own id. `counts` are those so far, but for loops
    that go on."""

    program: Program
    flow: str
    inputs: Mapping[str, Value]
    host: Host
    on_event: events.OnEvent | None = None
    run_id: str = "run"
    seed: str | None = None
    counts: Counts = attrs.field(factory=Counts)
    _interpreter: Interpreter | None = attrs.field(default=None, init=False)
    _group: Group | None = attrs.field(default=None, init=False)
    _cancelled: bool = attrs.field(default=False, init=False)

    def cancel(self) -> None:
        """Stop: what is under way is cancelled, undos and `finally` run, then the run ends as cancelled,
        unless its value or its failure came first."""
        self._cancelled = True
        if self._group is not None:
            self._group.cancel()

    def listen(self, on_event: events.OnEvent | None) -> None:
        """From now on tell somebody else of what happens, or nobody."""
        self.on_event = on_event
        if self._interpreter is not None:
            self._interpreter.on_event = on_event

    async def result(self) -> RunResult:
        started = self.host.now()
        ambient = {"id": self.run_id, "started": started}
        seed = self.seed or self.run_id
        program, host, counts = self.program, self.host, self.counts
        self._interpreter = interpreter = Interpreter(
            program, host, self.run_id, ambient, self.on_event, seed, counts
        )
        self._tell(events.RunStarted("", started, self.run_id, self.flow))
        given: list[Value] = []
        failure = None
        try:
            await self._carry_out(interpreter, given)
        except FlowFailure as failed:
            failure = failed.failure
        except Exception as mistake:
            failure = _internal(mistake)
        except BaseException:
            self._tell(events.RunEnded("", self.host.now(), "cancelled", None))
            raise
        return self._ended(interpreter, given, failure, started)

    async def _carry_out(self, interpreter: Interpreter, given: list[Value]) -> None:
        frame = Frame({}, "", "", [], interpreter.counts)
        flow = self.program.plan.flows[self.flow]

        async def whole(frame: Frame) -> Value:
            value = await interpreter.flow(flow, self._arguments(flow, interpreter, frame), frame)
            interpreter.limit(value, "the result is", frame, flow.at)
            return value

        async def child() -> None:
            given.append(await interpreter.scoped(frame, whole))

        async with self.host.group() as self._group:
            self._group.start(child)
            if self._cancelled:
                self._group.cancel()

    def _arguments(self, flow: plan.Flow, interpreter: Interpreter, frame: Frame) -> dict[str, Value]:
        defaults = {
            p.name: None if p.default is None else interpreter.evaluate(p.default, frame)
            for p in flow.parameters
            if not p.required
        }
        return {**defaults, **self.inputs}

    def _ended(
        self, interpreter: Interpreter, given: list[Value], failure: Failure | None, started: int
    ) -> RunResult:
        counts: Counts = interpreter.counts
        undo_failures = tuple(interpreter.undo_failures)
        failed = failure is not None or undo_failures
        status: events.Status = "failed" if failed else "done" if given else "cancelled"
        if status == "cancelled":
            failure = interpreter.failed
        ended = self.host.now()
        self._tell(events.RunEnded("", ended, status, failure))
        return RunResult(
            run=self.run_id,
            flow=self.flow,
            status=status,
            value=given[0] if status == "done" else None,
            failure=failure,
            undone=tuple(interpreter.undone),
            undo_failures=undo_failures,
            started=started,
            ended=ended,
            steps_executed=counts.executed,
            steps_skipped=counts.skipped,
            retries=counts.retries,
            usage=counts.usage,
        )

    def _tell(self, event: events.Event) -> None:
        if self.on_event:
            self.on_event(event)


def _internal(mistake: Exception) -> Failure:
    cause = "".join(traceback.format_exception(mistake))
    return Failure(INTERNAL, f"{type(mistake).__name__}: {mistake}", cause=cause)
