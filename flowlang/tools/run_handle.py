"""A run seen from the program that started it: what happens in it, what it asks, what it is told.

The run goes on in a task of its own, inside of the block that opened it; a handle only reads its state and
puts things in. What comes from outside is compared with the flow's types before the run hears of it: an
answer or an event that does not fit is `NotAccepted`, and nothing has changed."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeAlias
from weakref import WeakSet

import attrs
import trio

from flowlang.agents.python_values import to_json
from flowlang.hosts.trio_host import TrioHost
from flowlang.hosts.turns import Turns
from flowlang.plan import model as plan
from flowlang.plan.text import type_text
from flowlang.runtime.agents import Agent, AgentCall, AgentError, agent_failed
from flowlang.runtime.events import Event, OnEvent, Status
from flowlang.runtime.failures import UNAVAILABLE, Failure
from flowlang.runtime.host import Awaited, Group, Question
from flowlang.runtime.mailbox import MailboxFull
from flowlang.runtime.program import Program
from flowlang.runtime.run import Run, RunResult
from flowlang.text.suggest import did_you_mean
from flowlang.values.codec import decode, encode
from flowlang.values.value import Misfit, Value

Answer: TypeAlias = Callable[[str, Question], Awaitable[Value]]
"""Answers a question, given its address and itself, with JSON that fits the result type of the ask."""


OpenHost: TypeAlias = Callable[[OnEvent | None], "AnsweringHost"]
"""Makes the host of a run, given who is told of events."""


class NotAccepted(Exception):
    """An answer or an event that a run does not take, and why. The run has not heard of it."""


@attrs.frozen
class Result:
    """How a run ended. `data` is the flow's result as JSON, None unless `status` is "done".

    `undone` are the paths of the steps that were compensated; `undo_failures` say which could not be."""

    run_id: str
    flow: str
    status: Status
    data: Value
    failure: Failure | None
    undone: tuple[str, ...]
    undo_failures: tuple[Failure, ...]
    execution_time_seconds: float
    steps_executed: int
    steps_skipped: int
    retries: int


@asynccontextmanager
async def started(
    program: Program,
    flow: str,
    inputs: Mapping[str, Value],
    open_host: OpenHost,
    on_event: OnEvent | None,
    run_id: str | None,
    *,
    followed: bool,
) -> AsyncIterator[RunHandle]:
    """Carry a run out beside the block that this opens. `inputs` are plan values that fit. A run that nobody
    follows tells `on_event` alone, and takes less time where there is none."""
    run_id = run_id or secrets.token_hex(6)
    handle = RunHandle(program, flow, inputs, open_host, on_event, run_id, followed=followed)
    async with handle.group() as group:
        group.start(handle.carry_out)
        yield handle


class RunHandle:
    """A run that goes on. It takes its first step at the first wait inside the block that opened it.

    A handle belongs to its event loop; other threads reach it by `trio.from_thread`."""

    def __init__(
        self,
        program: Program,
        flow: str,
        inputs: Mapping[str, Value],
        open_host: OpenHost,
        on_event: OnEvent | None,
        run_id: str,
        *,
        followed: bool,
    ) -> None:
        tell = self._tell if followed or on_event is not None else None
        self._plan = program.plan
        self._host = open_host(tell)
        self._run = Run(program, flow, inputs, self._host, tell, run_id)
        self._on_event = on_event
        self._raised: Exception | None = None  # by `on_event`
        self._streams: WeakSet[_Stream] = WeakSet()
        self._answered: set[str] = set()
        self._ended = trio.Event()
        self._result: Result | None = None

    @property
    def run_id(self) -> str:
        return self._run.run_id

    @property
    def flow(self) -> str:
        return self._run.flow

    async def result(self) -> Result:
        """How the run ended, once it has. Raises RuntimeError where an exception left its block before."""
        await self._ended.wait()
        if self._result is None:
            raise RuntimeError("the block of this run was left, so it has no result")
        return self._result

    def cancel(self) -> None:
        """Stop: what is under way is cancelled, undos and `finally` run, then the run ends as cancelled,
        unless its value or its failure came first."""
        self._run.cancel()

    def events(self) -> AsyncIterator[Event]:
        """What happens from now on, to the end of the run; called before any wait, all of it.

        An event that has not been read yet is kept, for as long as the iterator is."""
        stream = _Stream()
        if self._ended.is_set():
            stream.end()
        else:
            self._streams.add(stream)
        return stream

    def questions(self) -> dict[str, Question]:
        """The questions that are open, by their addresses, which are the paths of their steps."""
        return dict(self._host.questions)

    def answer(self, path: str, value: object) -> None:
        """Answer the open question at an address. Raises NotAccepted."""
        question = self._host.questions.get(path)
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
        self._host.answer(path, answer)

    def _no_question(self, path: str) -> str:
        if path in self._answered:
            return f"the question `{path}` has been answered"
        if self._ended.is_set():
            return f"the run has ended, so `{path}` can no longer be answered"
        open_ones = sorted(self._host.questions)
        known = did_you_mean(path, open_ones) or f"open are {', '.join(f'`{p}`' for p in open_ones)}"
        return f"there is no open question `{path}`; {known if open_ones else 'none is open'}"

    def signal(self, event: str, fields: object = None) -> None:
        """Tell the run that something has happened, with the event's fields as a mapping or an object.

        It is kept until a step waits for it. Raises NotAccepted."""
        declared = self._plan.events.get(event)
        if declared is None:
            events = list(self._plan.events)
            known = did_you_mean(event, events) or f"it waits for {', '.join(events) or 'none'}"
            raise NotAccepted(f"the flow knows no event `{event}`; {known}")
        if self._ended.is_set():
            raise NotAccepted(f"the run has ended, so it does not hear of `{event}`")
        try:
            given = to_json({} if fields is None else fields)
            self._host.send(event, decode(given, plan.RecordType(fields=declared.fields, name=event)))
        except Misfit as misfit:
            raise NotAccepted(f"the event `{event}` does not fit: {misfit}") from None
        except MailboxFull as full:
            raise NotAccepted(str(full)) from None

    # What the run does

    def group(self) -> AbstractAsyncContextManager[Group]:
        return self._host.group()

    async def carry_out(self) -> None:
        """Carry the run out, once. Raises what `on_event` raised."""
        try:
            self._result = self._result_of(await self._run.result())
        finally:
            self._ended.set()
            for stream in self._streams:
                stream.end()
        if self._raised is not None:
            raise self._raised

    def _tell(self, event: Event) -> None:
        for stream in self._streams:
            stream.put(event)
        if self._on_event is None:
            return
        try:
            self._on_event(event)
        except Exception as raised:
            self._on_event, self._raised = None, raised
            self._run.cancel()

    def _result_of(self, ended: RunResult) -> Result:
        type = self._plan.flows[self.flow].result
        return Result(
            run_id=ended.run,
            flow=ended.flow,
            status=ended.status,
            data=encode(ended.value, type) if ended.status == "done" else None,
            failure=ended.failure,
            undone=ended.undone,
            undo_failures=ended.undo_failures,
            execution_time_seconds=round((ended.ended - ended.started) / 1e6, 6),
            steps_executed=ended.steps_executed,
            steps_skipped=ended.steps_skipped,
            retries=ended.retries,
        )


class _Stream:
    """The events of a run for one reader, who may be slower than the run."""

    def __init__(self) -> None:
        self._unread: deque[Event] = deque()
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


# Who answers


class AnsweringHost(TrioHost):
    """Has questions answered by the agents or the function that it is given; else they wait for `answer`."""

    def __init__(
        self,
        agents: Mapping[str, Agent],
        on_event: OnEvent | None,
        *,
        answerers: Mapping[str, Agent],
        answer: Answer | None,
        calls_at_once: trio.Semaphore,
        turns: Mapping[str, Turns],
    ) -> None:
        super().__init__(agents, calls_at_once=calls_at_once, turns=turns, on_event=on_event)
        self._answerers, self._answer = answerers, answer

    async def wait(self, path: str, awaited: Question | Awaited) -> Value:
        if not isinstance(awaited, Question):
            return await super().wait(path, awaited)
        agent = self._answerers.get(awaited.ask)
        try:
            if agent is not None:
                return await agent.call(AgentCall(awaited.ask, awaited.arguments))
            if self._answer is not None:
                return await self._answer(path, awaited)
        except (trio.Cancelled, KeyboardInterrupt, AgentError):
            raise
        except BaseException as raised:
            await trio.lowlevel.checkpoint_if_cancelled()
            raise agent_failed(raised) from None
        return await super().wait(path, awaited)


async def nobody(path: str, question: Question) -> Value:
    """The `Answer` of a run that has nobody to ask."""
    message = f"nobody is there to answer `{question.ask}`: no terminal, no program, and no binding"
    raise AgentError(UNAVAILABLE, message, fields={"message": message})
