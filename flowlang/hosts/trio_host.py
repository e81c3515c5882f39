"""The trio host: groups are nurseries, shields and deadlines are cancel scopes, waits are trio's own.

It runs what needs no store. The rules that trio's own nurseries leave open are settled here: what of several
failures leaves a group (the first, bare), and that an agent cannot harm its run, whatever it raises.

Time is trio's clock, fixed to the wall clock when the host is made; so it never goes back, and under a
`MockClock` a run of days takes no time."""

from __future__ import annotations

import math
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from types import TracebackType
from typing import Final, TypeVar

import attrs
import trio

from flowlang.hosts.call_scopes import CallScope, answered
from flowlang.hosts.places import Places
from flowlang.hosts.turns import Turns
from flowlang.runtime.agents import Agent, AgentCall, Said, Used, amounts_of
from flowlang.runtime.connections import Connections
from flowlang.runtime.events import Admitted, AgentSaid, OnEvent, Waiting
from flowlang.runtime.files import Files
from flowlang.runtime.groups import news
from flowlang.runtime.hiding import hiding
from flowlang.runtime.host import Awaited, Question, Work
from flowlang.runtime.mailbox import Mailbox, Wait
from flowlang.values.value import Value

T = TypeVar("T")

CALLS_AT_ONCE: Final = 100
"""The engine's cap where none is asked for. It counts calls under way and nothing else, so a block that
waits for another can never keep it from starting."""

LONGEST_TURN: Final = 0.01  # seconds after which agents that never wait let others have a turn


class TrioHost:
    """Carries out a run inside a trio event loop.

    `agents` are the bindings by the agents' names in the plan. `calls_at_once` is the engine's cap, or the
    semaphore that several runs share; `turns` are the lines before protected agents, which they share too.
    `epoch` is the instant now; None: by the wall clock. `on_event` hears of calls that wait for their turn,
    of which only the host knows, and of what agents say. `files` is where agents find and keep contents,
    `connections` what they share between calls. `secrets` are the writings of what no agent may give back."""

    def __init__(
        self,
        agents: Mapping[str, Agent],
        *,
        calls_at_once: int | Places = CALLS_AT_ONCE,
        turns: Mapping[str, Turns] | None = None,
        epoch: int | None = None,
        on_event: OnEvent | None = None,
        files: Files | None = None,
        connections: Connections | None = None,
        secrets: tuple[str, ...] = (),
    ) -> None:
        self._agents = agents
        self._secrets = secrets
        self._files, self._connections = files, connections
        self._on_event = on_event
        self._turns = turns or {}
        self._places = trio.Semaphore(calls_at_once) if isinstance(calls_at_once, int) else calls_at_once
        now = time.time_ns() // 1000 if epoch is None else epoch
        self._offset = now - round(trio.current_time() * 1e6)
        self._turn_ends = 0.0
        self._answered_at_once = False
        self._mailbox = Mailbox()
        self._woken: dict[Wait, trio.Event] = {}
        self._asked: dict[str, _Asked] = {}
        self._used: dict[str, Mapping[str, int]] = {}

    # Time and structure

    def now(self) -> int:
        return round(trio.current_time() * 1e6) + self._offset

    async def sleep_until(self, instant: int) -> None:
        await trio.sleep_until(self._trio_time(instant))

    def group(
        self, deadline: int | None = None, *, running_time: bool = False
    ) -> AbstractAsyncContextManager[TrioGroup]:
        return TrioGroup(math.inf if deadline is None else self._trio_time(deadline))

    async def shielded(self, work: Callable[[], Awaitable[T]]) -> T:
        with trio.CancelScope(shield=True):
            value = await work()
        return value

    def _trio_time(self, instant: int) -> float:
        return (instant - self._offset) / 1e6

    async def recall(self, path: str) -> Value:
        return None

    def keep(self, path: str, progress: Value) -> None:
        """Nobody takes a run up that this host has left."""

    # Calls

    def call(self, path: str, call: AgentCall, scope: CallScope | None = None) -> Awaitable[Value]:
        """See `Host`; `scope` is the one that the call is made in, if it is there."""
        tell = partial(self._tell_said, path, call.agent)
        call = call._replace(files=self._files, connections=self._connections, tell=tell)
        turns = self._turns.get(call.agent)
        if turns is None:
            return self._in_a_place(call, scope)
        tell_waiting = partial(self._tell_waiting, path, call.agent)
        return turns.call(self, call, lambda: self._in_a_place(call, scope), tell_waiting)

    def _tell_waiting(self, path: str, agent: str, waiting: bool) -> None:
        if self._on_event is not None:
            now = self.now()
            self._on_event(Waiting(path, now, "limit", agent, None) if waiting else Admitted(path, now))

    def _tell_said(self, path: str, agent: str, said: Said | Used) -> None:
        if isinstance(said, Used):
            self._used[path] = amounts_of(said)
        elif self._on_event is not None:
            self._on_event(AgentSaid(path, self.now(), agent, *said))

    def used(self, path: str) -> Mapping[str, int] | None:
        return self._used.pop(path, None) if self._used else None

    async def _in_a_place(self, call: AgentCall, scope: CallScope | None) -> Value:
        """The reply to a call that is made under the engine's cap."""
        await trio.lowlevel.checkpoint_if_cancelled()
        if self._answered_at_once and time.monotonic() > self._turn_ends:
            await trio.lowlevel.checkpoint()
            self._answered_at_once = False
        if not self._answered_at_once:
            self._turn_ends = time.monotonic() + LONGEST_TURN
        try:
            self._places.acquire_nowait()
        except trio.WouldBlock:
            await self._places.acquire()
        task = trio.lowlevel.current_task()
        task.custom_sleep_data = self  # trio takes it away whenever a task has waited
        try:
            agent = self._agents[call.agent]
            if not self._secrets:
                return await answered(agent, call, scope)
            return await hiding(lambda call: answered(agent, call, scope), call, lambda: self._secrets)
        finally:
            self._answered_at_once = task.custom_sleep_data is self
            self._places.release()

    # Answers and events

    async def wait(self, path: str, awaited: Question | Awaited) -> Value:
        if isinstance(awaited, Question):
            return await self._await_answer(path, awaited)
        await trio.lowlevel.checkpoint()
        wait = self._mailbox.open(awaited)
        if not wait.settled:
            await self._await_event(wait)
        if wait.failure is not None:
            raise wait.failure
        return wait.event

    async def _await_answer(self, path: str, question: Question) -> Value:
        self._asked[path] = asked = _Asked(question)
        try:
            await asked.answered.wait()
        finally:
            del self._asked[path]
        return asked.answer

    async def _await_event(self, wait: Wait) -> None:
        self._woken[wait] = trio.Event()
        try:
            await self._woken[wait].wait()
        except BaseException:
            self._wake(self._mailbox.close(wait))
            raise
        finally:
            del self._woken[wait]

    def _wake(self, waits: list[Wait]) -> None:
        for wait in waits:
            self._woken[wait].set()

    @property
    def questions(self) -> Mapping[str, Question]:
        """The questions that are open, by their address."""
        return {path: asked.question for path, asked in self._asked.items() if not asked.answered.is_set()}

    def answer(self, path: str, answer: Value) -> None:
        """Answer an open question, as JSON. Raises LookupError where there is none at this address."""
        if path not in self.questions:
            raise LookupError(f"there is no open question {path}")
        asked = self._asked[path]
        asked.answer = answer
        asked.answered.set()

    def send(self, event: str, fields: Value) -> None:
        """Tell the run that something has happened; a plan value of the event's type. Raises MailboxFull."""
        self._wake(self._mailbox.deliver(event, fields))


@attrs.define
class _Asked:
    question: Question
    answered: trio.Event = attrs.field(factory=trio.Event)
    answer: Value = None


class TrioGroup:
    """A nursery that ends with at most one exception, bare."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline
        self._manager = trio.open_nursery(strict_exception_groups=True)
        self._satisfied = False

    async def __aenter__(self) -> TrioGroup:
        self._nursery = await self._manager.__aenter__()
        self._nursery.cancel_scope.deadline = self._deadline
        return self

    def start(self, work: Work, *arguments: object) -> None:
        self._nursery.start_soon(work, *arguments)

    def cancel(self) -> None:
        if not self._nursery.cancel_scope.cancel_called:
            self._satisfied = True
            self._nursery.cancel_scope.cancel()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._manager.__aexit__(kind, error, trace)
            return
        except BaseExceptionGroup as group:
            raised = group.exceptions
        except BaseException as alone:
            raised = (alone,)
        if reason := news(raised, trio.Cancelled, satisfied=self._satisfied):
            raise reason
