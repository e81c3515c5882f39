"""A run seen from the program that started it: what happens in it, what it asks, what it is told.

The run goes on in a task of its own, inside of the block that opened it; a handle only reads its state and
puts things in. What comes from outside is compared with the flow's types before the run hears of it: an
answer or an event that does not fit is `NotAccepted`, and nothing has changed.

Who carries the run out, in memory or from a journal, is no concern of a handle: it knows a `Carrier`."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Literal, Protocol, TypeAlias
from weakref import ReferenceType, ref

import attrs
import trio

from flowlang.agents.python_values import to_json
from flowlang.plan import model as plan
from flowlang.plan.text import type_text
from flowlang.runtime.events import Event, OnEvent
from flowlang.runtime.failures import Failure
from flowlang.runtime.frame import Counts
from flowlang.runtime.host import Question
from flowlang.runtime.mailbox import MailboxFull
from flowlang.runtime.run import RunResult
from flowlang.text.suggest import did_you_mean
from flowlang.tools.run_artifacts import Artifact
from flowlang.tools.run_usage import Usage
from flowlang.values.codec import decode, encode
from flowlang.values.value import Misfit, Value


class Carrier(Protocol):
    """Carries a run out, once."""

    @property
    def questions(self) -> Mapping[str, Question]:
        """The questions that are open, by their addresses."""

    def answer(self, path: str, answer: Value) -> None:
        """Answer an open question, with JSON that fits."""

    def send(self, event: str, fields: Value) -> None:
        """Tell of an event, a plan value of its type. Raises MailboxFull."""

    def cancel(self) -> None:
        """Stop, with undos and `finally`."""

    def park(self) -> None:
        """Leave the run where it stands, to be resumed; where it cannot be, this cancels it."""

    async def carry_out(self) -> Result | Left: ...

    def past(self) -> Sequence[Event]:
        """What has happened in the run so far; asked before it is carried out."""


@attrs.frozen
class Left:
    """A run that was left before its end. `waiting`: for nothing but answers, events and time. `unknown`: it
    cannot go on before somebody says what became of the calls of `paths`. `reason` says what stood in the
    way, `counts` what the run did."""

    status: Literal["waiting", "interrupted", "unknown"]
    reason: str | None = None
    paths: tuple[str, ...] = ()
    counts: Counts = attrs.field(factory=Counts)


OpenCarrier: TypeAlias = Callable[[OnEvent | None], Carrier]
"""Makes the carrier of a run, given who is told of its events."""

ResultStatus: TypeAlias = Literal["done", "failed", "cancelled", "waiting", "interrupted", "unknown"]


class NotAccepted(Exception):
    """An answer or an event that a run does not take, and why. The run has not heard of it."""


@attrs.frozen
class Result:
    """How a run ended, or was left. `data` is the flow's result as JSON, None unless `status` is "done".

    `artifacts` are the files that it holds, and those that steps gave. `usage` is what calls have used, for
    each agent that tells: `{"summarize": {"input_tokens": 1234, "output_tokens": 56}}`.
    `undone` are the paths of the steps that were compensated; `undo_failures` say which could not be. A run
    that was left is `waiting`, `interrupted` or `unknown`, as `left` says; its time is that of this
    process."""

    run_id: str
    flow: str
    status: ResultStatus
    data: Value
    failure: Failure | None
    undone: tuple[str, ...]
    undo_failures: tuple[Failure, ...]
    execution_time_seconds: float
    steps_executed: int
    steps_skipped: int
    retries: int
    left: Left | None = None
    artifacts: tuple[Artifact, ...] = ()
    usage: Usage = attrs.field(factory=dict)


class RunHandle:
    """A run that goes on, once `carry_out` is started beside the block that opened it. It takes its first
    step at the first wait inside of that. One whose events nobody hears of takes less time.

    A handle belongs to its event loop; other threads reach it by `trio.from_thread`."""

    def __init__(
        self, compiled: plan.Plan, flow: str, run_id: str, open_carrier: OpenCarrier, on_event: OnEvent | None
    ) -> None:
        self.run_id, self.flow = run_id, flow
        self._plan = compiled
        self._listeners = _Listeners(on_event, self.cancel)
        self._begun = False
        self._answered: set[str] = set()
        self._ended = trio.Event()
        self._result: Result | None = None
        self._carrier = open_carrier(self._listeners)

    async def result(self) -> Result:
        """How the run ended, once it has. Raises RuntimeError where an exception left its block before."""
        await self._ended.wait()
        if self._result is None:
            raise RuntimeError("the block of this run was left, so it has no result")
        return self._result

    def cancel(self) -> None:
        """Stop: what is under way is cancelled, undos and `finally` run, then the run ends as cancelled,
        unless its value or its failure came first."""
        self._carrier.cancel()

    def park(self) -> None:
        """Leave the run: begin nothing more, give calls under way ten seconds to end, and undo nothing. It
        can be resumed from its store; a run without one is cancelled."""
        self._carrier.park()

    def events(self) -> AsyncIterator[Event]:
        """What happens from now on, to the end of the run; called before any wait, all of it, what happened
        before the run was resumed included.

        An event that has not been read yet is kept, for as long as the iterator is."""
        stream = _Stream(() if self._begun else self._carrier.past())
        if self._ended.is_set():
            stream.end()
        else:
            self._listeners.add(stream)
        return stream

    def questions(self) -> dict[str, Question]:
        """The questions that are open, by their addresses, which are the paths of their steps."""
        return dict(self._carrier.questions)

    def answer(self, path: str, value: object) -> None:
        """Answer the open question at an address. Raises NotAccepted."""
        question = self._carrier.questions.get(path)
        if question is None:
            raise NotAccepted(self._no_question(path))
        wanted = self._plan.agents[question.ask].result
        try:
            answer = to_json(value)
            decode(answer, wanted)
        except Misfit as misfit:
            said = f"the answer to `{path}` does not fit: {misfit}; it is to be {type_text(wanted)}"
            raise NotAccepted(said) from None
        self._answered.add(path)
        self._carrier.answer(path, answer)

    def _no_question(self, path: str) -> str:
        if path in self._answered:
            return f"the question `{path}` has been answered"
        if self._ended.is_set():
            return f"the run has ended, so `{path}` can no longer be answered"
        open_ones = sorted(self._carrier.questions)
        known = did_you_mean(path, open_ones) or f"open are {', '.join(f'`{p}`' for p in open_ones)}"
        return f"there is no open question `{path}`; {known if open_ones else 'none is open'}"

    def signal(self, event: str, fields: object = None) -> None:
        """Tell the run that something has happened, with the event's fields as a mapping or an object.

        It is kept until a step waits for it. Raises NotAccepted."""
        declared = self._plan.events.get(event)
        if declared is None:
            events = list(self._plan.events)
            known = did_you_mean(event, events) or f"it waits for {', '.join(events) or 'none'}"
            raise NotAccepted(f"nothing in the flow waits for an event `{event}`; {known}")
        if self._ended.is_set():
            raise NotAccepted(f"the run has ended, so it does not hear of `{event}`")
        try:
            given = to_json({} if fields is None else fields)
            self._carrier.send(event, decode(given, plan.RecordType(fields=declared.fields, name=event)))
        except Misfit as misfit:
            raise NotAccepted(f"the event `{event}` does not fit: {misfit}") from None
        except MailboxFull as full:
            raise NotAccepted(str(full)) from None

    # What the run does

    async def carry_out(self) -> None:
        """Carry the run out, once. Raises what `on_event` raised."""
        began = trio.current_time()
        self._begun = True
        try:
            ended = await self._carrier.carry_out()
            self._result = self._left(ended, began) if isinstance(ended, Left) else ended
        finally:
            self._ended.set()
            self._listeners.end()
        if self._listeners.raised is not None:
            raise self._listeners.raised

    def _left(self, left: Left, began: float) -> Result:
        return Result(
            run_id=self.run_id,
            flow=self.flow,
            status=left.status,
            data=None,
            failure=None,
            undone=(),
            undo_failures=(),
            execution_time_seconds=round(trio.current_time() - began, 6),
            steps_executed=left.counts.executed,
            steps_skipped=left.counts.skipped,
            retries=left.counts.retries,
            left=left,
            usage=left.counts.usage,
        )


def result_of(
    ended: RunResult,
    compiled: plan.Plan,
    artifacts: Callable[[Value], tuple[Artifact, ...]] = lambda data: (),
    *,
    created: int = 0,
) -> Result:
    """How a run ended, for the outside. `artifacts` gives its files. Of a fork, what happened before it was
    `created` was another run's time."""
    type = compiled.flows[ended.flow].result
    data = encode(ended.value, type) if ended.status == "done" else None
    took = max(0, ended.ended - max(ended.started, created))
    return Result(
        run_id=ended.run,
        flow=ended.flow,
        status=ended.status,
        data=data,
        failure=ended.failure,
        undone=ended.undone,
        undo_failures=ended.undo_failures,
        execution_time_seconds=round(took / 1e6, 6),
        steps_executed=ended.steps_executed,
        steps_skipped=ended.steps_skipped,
        retries=ended.retries,
        artifacts=artifacts(data),
        usage=ended.usage,
    )


class _Listeners:
    """Who hears of the events of a run: a function, and whoever reads them, for as long as they do. Falsy
    while there is nobody. What the function raises it raises once, and then `stop` is called."""

    def __init__(self, on_event: OnEvent | None, stop: Callable[[], None]) -> None:
        self._on_event, self._stop = on_event, stop
        self._references: list[ReferenceType[_Stream]] = []
        self._listening = on_event is not None
        self.raised: Exception | None = None

    def __bool__(self) -> bool:
        return self._listening

    @property
    def streams(self) -> list[_Stream]:
        """Those that somebody still reads."""
        return [stream for reference in self._references if (stream := reference()) is not None]

    def add(self, stream: _Stream) -> None:
        self._references = [ref(each) for each in (*self.streams, stream)]
        self._listening = True

    def __call__(self, event: Event) -> None:
        streams = self.streams
        for stream in streams:
            stream.put(event)
        if self._on_event is None:
            self._listening = bool(streams)
            return
        try:
            self._on_event(event)
        except Exception as raised:
            self._on_event, self.raised = None, raised
            self._stop()

    def end(self) -> None:
        """No more happens."""
        for stream in self.streams:
            stream.end()


class _Stream:
    """The events of a run for one reader, who may be slower than the run."""

    def __init__(self, told: Iterable[Event]) -> None:
        self._unread = deque(told)
        self._ended = False
        self._reader = trio.lowlevel.ParkingLot()

    def put(self, event: Event) -> None:
        self._unread.append(event)
        self._reader.unpark_all()

    def end(self) -> None:
        self._ended = True
        self._reader.unpark_all()

    def __aiter__(self) -> _Stream:
        return self

    async def __anext__(self) -> Event:
        await trio.lowlevel.checkpoint()
        while not self._unread:
            if self._ended:
                raise StopAsyncIteration
            await self._reader.park()
        return self._unread.popleft()
