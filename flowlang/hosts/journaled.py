"""The journaled host: a kernel decides, a journal remembers, trio does.

Whatever the run can hear arrives in one queue. What has arrived is committed together, as rows of the
journal; then the kernel hears of it, and what it commands is begun: each call in a task of its own. So a
process that ends at any instant has lost nothing that the run knew.

A run is left in one of three ways. It ends. It is parked: what is under way is dropped, nothing is undone,
and whoever takes the run over goes on from the journal. Or it stops where nobody but a person can say whether
a call was made that must not be made twice."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Final, TypeAlias, TypeVar

import attrs
import trio

from flowlang.plan import model as plan
from flowlang.plan.paths import lies_inside
from flowlang.runtime.agents import AgentCall, AgentError
from flowlang.runtime.commands import CloseWait, Command, KeepProgress, OpenWait, StartCall, StopCall
from flowlang.runtime.host import Awaited, Question
from flowlang.runtime.inputs import (
    Answered,
    Began,
    CallEnded,
    CancelAsked,
    EventCame,
    Input,
    Outcome,
    Raised,
    Replied,
    Resumed,
    Stopped,
    TimeCame,
)
from flowlang.runtime.journal import (
    Collapse,
    Commit,
    Ending,
    Keeper,
    Lease,
    NotWritten,
    Row,
    RunStatus,
    Wait,
    digest_of,
    input_of,
    row_of,
)
from flowlang.runtime.kernel import Kernel
from flowlang.runtime.mailbox import MOST_KEPT, MailboxFull
from flowlang.runtime.outcomes import outcome_of_error, outcome_of_reply
from flowlang.runtime.replay import Replayed
from flowlang.runtime.run import RunResult
from flowlang.values.codec import write_json
from flowlang.values.value import Value

T = TypeVar("T")

MakeCall: TypeAlias = Callable[[str, AgentCall], Awaitable[Value]]
"""Carries out one attempt of a call, given its path. Raises AgentError."""

FindAnswer: TypeAlias = Callable[[str, Question], Callable[[], Awaitable[Value]] | None]
"""What answers a question, given its address; None where it waits for somebody. That raises AgentError."""

LONGEST_SLEEP: Final = 30.0  # seconds between two looks at the wall clock
SHORT_WAIT: Final = 1_000_000  # microseconds for which nobody is told that a run waits for the time
IN_A_TURN: Final = 100  # inputs heard, or calls begun, before other runs have their turn
GRACE: Final = 10.0  # seconds that calls under way are given to end when a run is parked


def wall_clock() -> int:
    return time.time_ns() // 1000


@attrs.frozen
class Parked:
    """The run was left where it stands: as somebody wished, or because of a problem with its journal. It is
    `waiting` where nothing was under way."""

    waiting: bool
    problem: NotWritten | None = None


@attrs.frozen
class OutcomeUnknown:
    """Calls that may have been made, and must not be made twice, by their paths."""

    paths: tuple[str, ...]


@attrs.define
class Activity:
    """What is under way in a process, so that a commit holds nobody up."""

    runs: int = 0
    calls: int = 0

    def idle(self) -> bool:
        """Whether nothing is under way but the one run that asks."""
        return self.calls == 0 and self.runs <= 1


@attrs.frozen
class World:
    """Where a run is carried out; the runs of an engine share it."""

    keeper: Keeper
    make_call: MakeCall
    answer: FindAnswer = lambda path, question: None
    activity: Activity = attrs.field(factory=Activity)
    clock: Callable[[], int] = wall_clock


@attrs.frozen
class _Arrival:
    """Something that the run is to hear, once it is committed. `message` is the inbox's number of it, `came`
    the instant at which it was put there. It is heard as of `at`, None as of its commit."""

    input: Callable[[int], Input]
    digest: bytes | None = None
    message: int | None = None
    came: int = 0
    at: int | None = None


class JournaledRun:
    """A run that is carried out, or carried on, by `carry_out`.

    `replayed` is how far the journal has brought the kernel, None where it is yet empty; `resumed` says that
    nobody held the run since. `resolved` says what became of calls whose outcome is unknown: a reply, or None
    to make them again.
    `leave_waiting`: it is parked as soon as it only waits for answers, events or time."""

    def __init__(
        self,
        compiled: plan.Plan,
        kernel: Kernel,
        lease: Lease,
        world: World,
        conclude: Callable[[RunResult], Ending],
        *,
        replayed: Replayed | None = None,
        resumed: bool = True,
        resolved: Mapping[str, Outcome | None] | None = None,
        leave_waiting: bool = False,
    ) -> None:
        self._plan, self._kernel, self._lease, self._world = compiled, kernel, lease, world
        self._conclude = conclude
        self._replayed, self._resumed = replayed, resumed
        self._resolved = resolved or {}
        self._leave_waiting = leave_waiting
        self._seq = replayed.seq if replayed else 0
        self._at = replayed.at if replayed else 0
        self._arrived: list[_Arrival] = []
        self._passed_over: list[int] = []
        self._forgotten: dict[int, Collapse] = {}
        self._kept_at: dict[str, int] = {}  # the rows of loops whose progress was kept
        self._announced: list[StartCall] = []
        self._arrival = trio.Event()
        self._scopes: dict[str, trio.CancelScope] = {}
        self._answering: dict[str, trio.CancelScope] = {}
        self._answered: set[str] = set()
        self._opened: dict[str, Wait] = {}
        self._closed: list[str] = [*replayed.closed] if replayed else []
        self._status: RunStatus | None = None if replayed else "running"  # as it is written
        self._parking = False
        self._leave_at = math.inf  # trio's time
        self._nursery: trio.Nursery

    # From outside

    @property
    def questions(self) -> Mapping[str, Question]:
        """The questions that are open and not answered, by their addresses."""
        waits = self._kernel.waits.items()
        return {
            path: wait.awaited
            for path, wait in waits
            if isinstance(wait.awaited, Question) and path not in self._answered
        }

    def answer(self, path: str, answer: Value, message: int | None = None, came: int = 0) -> None:
        """Answer an open question, as JSON. Raises LookupError where there is none at this address."""
        if path not in self.questions:
            raise LookupError(f"there is no open question {path}")
        self._answered.add(path)
        self._arrive(_Arrival(lambda at: Answered(at, path, Replied(answer)), message=message, came=came))

    def send(self, event: str, fields: Value, message: int | None = None, came: int = 0) -> None:
        """Tell the run that something has happened; a plan value of the event's type. Raises MailboxFull."""
        if self._kernel.events_kept + len(self._arrived) >= MOST_KEPT:
            raise MailboxFull(f"{MOST_KEPT:,} events are waiting to be waited for")
        self._arrive(_Arrival(lambda at: EventCame(at, event, fields), message=message, came=came))

    def pass_over(self, message: int) -> None:
        """A message that the run does not take: it is taken out of the inbox, and nothing else happens."""
        self._passed_over.append(message)

    def cancel(self, message: int | None = None, came: int = 0) -> None:
        """Stop: what is under way is cancelled, undos and `finally` run, then the run ends as cancelled."""
        self._arrive(_Arrival(CancelAsked, message=message, came=came))

    def park(self) -> None:
        """Begin nothing more, give calls under way a while to end, and leave the run to be resumed."""
        if not self._parking:
            self._parking, self._leave_at = True, trio.current_time() + GRACE
            self._arrival.set()

    # The run

    async def carry_out(self) -> RunResult | Parked | OutcomeUnknown:
        """Carry the run out, or on. It is parked where it cannot be written, and where this is cancelled."""
        ended: RunResult | Parked | OutcomeUnknown | Exception
        try:
            async with trio.open_nursery() as self._nursery:
                try:
                    ended = await self._to_the_end()
                except NotWritten as problem:
                    ended = Parked(False, problem)
                except Exception as mistake:
                    ended = mistake
                self._nursery.cancel_scope.cancel()
        finally:
            self._kernel.close()
        if isinstance(ended, Exception):
            raise ended
        return ended

    async def _to_the_end(self) -> RunResult | Parked | OutcomeUnknown:
        if unknown := self._unknown():
            await self._write(Commit(self._lease, status="unknown"))
            return OutcomeUnknown(unknown)
        await self._enter()
        while not self._kernel.ended:
            await self._show_waits()
            await self._wait()
            if not self._has_news():
                return Parked(self._status == "waiting")
            async for row in _in_turns(await self._commit()):
                async for command in _in_turns(self._kernel.advance(input_of(row))):
                    self._do(command, row)
        result = self._kernel.result
        assert isinstance(result, RunResult), "the kernel carries out a run"
        await self._write(Commit(self._lease, closed=self._closed, ending=self._conclude(result)))
        return result

    def _unknown(self) -> tuple[str, ...]:
        started = self._replayed.started if self._replayed else ()
        calls = self._kernel.calls
        return tuple(p for p in started if p not in self._resolved and not calls[p].given_up)

    async def _enter(self) -> None:
        """Hear that the run begins or is resumed, and take up what is outstanding."""
        self._arrived = self._on_entering(self._arrived)
        if self._has_news():
            for row in await self._commit():
                for command in self._kernel.advance(input_of(row)):
                    if isinstance(command, CloseWait):
                        self._do(command)
        for wait in [*self._kernel.waits.values()]:
            self._do(wait)
        async for path, pending in _in_turns([*self._kernel.calls.items()]):
            if pending.given_up:
                self._end_call(path, pending.call, Stopped())
            elif outcome := self._resolved.get(path):
                self._end_call(path, pending.call, outcome)
            else:
                self._do(StartCall(path, pending.call))

    def _on_entering(self, arrived: Sequence[_Arrival]) -> list[_Arrival]:
        """What is heard first, with what has arrived already. Where something became due while nobody held
        the run, each is heard as of when it came: what came in time is in time."""
        if self._replayed is None:
            return [_Arrival(Began), *arrived]
        if not self._resumed:
            return [*arrived]
        now, due = max(self._at, self._world.clock()), self._kernel.next_instant
        if due is None or due > now:
            return [_resumed(now, now - self._at), *arrived]
        heard, before = list[_Arrival](), self._at
        for arrival in arrived:
            came = min(max(before, arrival.came), now)
            # An instant before, since what comes at a deadline is in time.
            heard += [_resumed(max(before, came - 1), came - before), attrs.evolve(arrival, at=came)]
            before = came
        return [*heard, _resumed(now, now - before)]

    async def _wait(self) -> None:
        """Wait until something has arrived or is due; or, where the run is to be parked, for a while."""
        await trio.lowlevel.checkpoint()
        while not self._has_news():
            if self._parking:
                return await self._wait_for_calls()
            if self._leave_waiting and self._status == "waiting":
                return None
            due, now = self._kernel.next_instant, self._world.clock()
            if due is not None and due <= now:
                return self._arrive(_Arrival(TimeCame))
            self._arrival = trio.Event()
            if due is None:
                await self._arrival.wait()
                continue
            with trio.move_on_after(min((due - now) / 1e6, LONGEST_SLEEP)):
                await self._arrival.wait()

    async def _wait_for_calls(self) -> None:
        """Give calls under way the time that is left to end."""
        with trio.move_on_at(self._leave_at):
            while self._scopes and not self._has_news():
                self._arrival = trio.Event()
                await self._arrival.wait()

    def _has_news(self) -> bool:
        return bool(self._arrived or self._announced)

    async def _commit(self) -> list[Row]:
        """Write what has arrived, and what is announced; gives what the kernel may now hear."""
        arrived, self._arrived = self._arrived, []
        announced, self._announced = self._announced, []
        self._at = at = max(self._at, self._world.clock())
        rows = [self._row(arrival, at if arrival.at is None else arrival.at) for arrival in arrived]
        rows += [self._started_row(start, at) for start in announced]
        passed_over, self._passed_over = self._passed_over, []
        taken = [arrival.message for arrival in arrived if arrival.message is not None] + passed_over
        forgotten, self._forgotten = self._forgotten, {}
        opened = [*self._opened.values()]
        await self._write(Commit(self._lease, rows, taken, opened, self._closed, [*forgotten.values()]))
        for start in announced:
            self._start(start)
        return [row for row in rows if row.kind != "started"]

    def _row(self, arrival: _Arrival, at: int) -> Row:
        self._seq += 1
        return row_of(self._seq, arrival.input(at), arrival.digest)

    def _started_row(self, start: StartCall, at: int) -> Row:
        self._seq += 1
        return Row(self._seq, "started", start.path, at, None, digest_of(start.call))

    async def _show_waits(self) -> None:
        """Write what the run waits for, before it does, for those who look."""
        if self._has_news():
            return
        status = self._present_status()
        if self._opened or self._closed or status != self._status:
            opened = [*self._opened.values()]
            await self._write(Commit(self._lease, opened=opened, closed=self._closed, status=status))
            self._status = status

    def _present_status(self) -> RunStatus:
        if self._kernel.calls:
            return "running"
        due = self._kernel.next_instant
        soon = due is not None and due < self._world.clock() + SHORT_WAIT
        return "running" if soon and not self._kernel.waits else "waiting"

    async def _write(self, commit: Commit) -> None:
        await self._world.keeper.write(commit)
        self._opened, self._closed = {}, []

    def _arrive(self, arrival: _Arrival) -> None:
        self._arrived.append(arrival)
        self._arrival.set()

    # What the kernel commands

    def _do(self, command: Command, row: Row | None = None) -> None:
        """Begin what the kernel wants; `row` is that of the input which made it want that."""
        match command:
            case KeepProgress(path, progress):
                if row is not None and row.kind == "call" and lies_inside(row.path, path):
                    self._forget(row, path, progress)
            case StartCall(call=call) if not self._parking:
                if call.once:
                    self._announced.append(command)
                    self._arrival.set()
                else:
                    self._start(command)
            case StopCall(path=path):
                self._stop(path)
            case OpenWait():
                self._open(command)
            case CloseWait(path=path):
                self._close(path)

    def _forget(self, row: Row, loop: str, progress: Value) -> None:
        """Let how far a loop has come take the place of the rows that led there. Of loops inside of each
        other the outer one comes last, and counts."""
        kept = Row(row.seq, "scope", loop, row.at, write_json(progress))
        self._forgotten[row.seq] = Collapse(self._kept_at.get(loop, 1), kept)
        self._kept_at[loop] = row.seq

    def _start(self, start: StartCall) -> None:
        self._scopes[start.path] = scope = trio.CancelScope()
        self._world.activity.calls += 1
        self._nursery.start_soon(self._make, start.path, start.call, scope)

    async def _make(self, path: str, call: AgentCall, scope: trio.CancelScope) -> None:
        outcome: Outcome = Stopped()
        try:
            with scope:
                outcome = await self._outcome(path, call)
        finally:
            del self._scopes[path]
            self._world.activity.calls -= 1
        self._end_call(path, call, outcome)

    async def _outcome(self, path: str, call: AgentCall) -> Outcome:
        try:
            reply = await self._world.make_call(path, call)
        except AgentError as error:
            return outcome_of_error(call.agent, error)
        return outcome_of_reply(self._plan, call.agent, reply)

    def _end_call(self, path: str, call: AgentCall, outcome: Outcome) -> None:
        self._arrive(_Arrival(lambda at: CallEnded(at, path, outcome), digest_of(call)))

    def _stop(self, path: str) -> None:
        """Ask a call to stop. One that was announced and not begun has stopped; one that has ended is about
        to be recorded; one that was not begun because the run is parked stops when that is resumed."""
        if path in self._scopes:
            self._scopes[path].cancel()
        elif any(start.path == path for start in self._announced):
            self._announced = [start for start in self._announced if start.path != path]
            self._end_call(path, self._kernel.calls[path].call, Stopped())

    def _open(self, wait: OpenWait) -> None:
        self._opened[wait.path] = _shown(wait)
        if not isinstance(wait.awaited, Question):
            return
        answer = self._world.answer(wait.path, wait.awaited)
        if answer is not None:
            self._answering[wait.path] = scope = trio.CancelScope()
            self._nursery.start_soon(self._answer, wait.path, wait.awaited.ask, answer, scope)

    async def _answer(
        self, path: str, ask: str, answer: Callable[[], Awaitable[Value]], scope: trio.CancelScope
    ) -> None:
        with scope:
            try:
                outcome: Replied | Raised = outcome_of_reply(self._plan, ask, await answer())
            except AgentError as error:
                outcome = outcome_of_error(ask, error)
            if path in self.questions:
                self._answered.add(path)
                self._arrive(_Arrival(lambda at: Answered(at, path, outcome)))

    def _close(self, path: str) -> None:
        self._answered.discard(path)
        if scope := self._answering.pop(path, None):
            scope.cancel()
        if self._opened.pop(path, None) is None:
            self._closed.append(path)


async def _in_turns(items: Sequence[T]) -> AsyncIterator[T]:
    """Of many things that are to be heard or begun a few, then other runs have their turn."""
    for number, item in enumerate(items, 1):
        yield item
        if number % IN_A_TURN == 0:
            await trio.lowlevel.checkpoint()


def _shown(wait: OpenWait) -> Wait:
    match wait.awaited:
        case Question(ask=ask, arguments=arguments):
            return Wait(wait.path, "question", ask, write_json(arguments), wait.since, wait.deadline)
        case Awaited(event=event):
            return Wait(wait.path, "event", event, None, wait.since, wait.deadline)


def _resumed(at: int, away: int) -> _Arrival:
    """Somebody holds the run, as of `at`, and nobody did for `away` microseconds."""
    return _Arrival(lambda heard: Resumed(heard, away), at=at)
