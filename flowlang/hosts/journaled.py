"""The journaled host: a kernel decides, a journal remembers, trio does.

Whatever arrives becomes a row of the journal, and the kernel hears of it at once; what it commands is begun,
each call in a task of its own. Beside that, what has been heard is committed, all of it that came meanwhile
together. Nobody else sees what came of a row before that is written: until then calls, questions and events
are held back (`withheld`). Only a call that changes nothing, of an agent that is `pure` or `read`, need not
wait, since nobody can tell whether it was made. So a process that ends at any instant has lost nothing that
anybody could have seen.

A run is left in one of three ways. It ends. It is parked: what is under way is dropped, nothing is undone,
and whoever takes the run over goes on from the journal. Or it stops where nobody but a person can say whether
a call was made that must not be made twice."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

import attrs
import trio

from flowlang.hosts.under_way import IN_A_TURN, Activity, Answers, Calls, FindAnswer, FindUsed, MakeCall
from flowlang.hosts.unwritten import Unwritten
from flowlang.hosts.withheld import Telling
from flowlang.plan import model as plan
from flowlang.plan.paths import lies_inside
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.commands import CloseWait, Command, KeepProgress, OpenWait, StartCall, StopCall
from flowlang.runtime.frame import Counts
from flowlang.runtime.host import Question
from flowlang.runtime.inputs import (
    Answered,
    Began,
    CancelAsked,
    EventCame,
    Outcome,
    Replied,
    Resumed,
    TimeCame,
)
from flowlang.runtime.journal import (
    Commit,
    Ending,
    Keeper,
    Lease,
    NotWritten,
    Row,
    RunStatus,
    digest_of,
    input_of,
    outcome_text,
    row_of,
)
from flowlang.runtime.kernel import Kernel
from flowlang.runtime.mailbox import MOST_KEPT, MailboxFull
from flowlang.runtime.replay import Replayed
from flowlang.runtime.run import RunResult
from flowlang.values.value import Value

Conclude: TypeAlias = Callable[[RunResult, Sequence[Row]], Ending]
"""How a run has ended, given its result and its last rows, which are written together with that."""

HARMLESS: Final = ("pure", "read")
"""Effects of agents whose calls change nothing."""

LONGEST_SLEEP: Final = 30.0  # seconds between two looks at the wall clock
SHORT_WAIT: Final = 1_000_000  # microseconds for which nobody is told that a run waits for the time
ROW_SIZE: Final = 1_000  # characters that a row counts beside its outcome
MOST_AHEAD: Final = 100_000  # characters of rows not yet written, when a call is begun because of them
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


@attrs.frozen
class World:
    """Where a run is carried out; the runs of an engine share it."""

    keeper: Keeper
    make_call: MakeCall
    answer: FindAnswer = lambda path, question: None
    activity: Activity = attrs.field(factory=Activity)
    clock: Callable[[], int] = wall_clock
    used: FindUsed = lambda path: None


@attrs.define
class _Arrival:
    """Something that the run is to hear: a row that has yet no number and no instant. `message` is the
    inbox's number of it, `came` the instant at which it was put there. It is heard as of `at`, None as of
    when it is."""

    row: Row
    message: int | None = None
    came: int = 0
    at: int | None = None


class JournaledRun:
    """A run that is carried out, or carried on, by `carry_out`.

    `replayed` is how far the journal has brought the kernel, None where it is yet empty; `resumed` says that
    nobody held the run since. `resolved` says what became of calls whose outcome is unknown: a reply, or None
    to make them again. `telling` is what the kernel tells of events.
    `leave_waiting`: it is parked as soon as it only waits for answers, events or time."""

    def __init__(
        self,
        compiled: plan.Plan,
        kernel: Kernel,
        lease: Lease,
        world: World,
        conclude: Conclude,
        *,
        replayed: Replayed | None = None,
        resumed: bool = True,
        resolved: Mapping[str, Outcome | None] | None = None,
        telling: Telling | None = None,
        leave_waiting: bool = False,
    ) -> None:
        self._plan, self._kernel, self._lease, self._world = compiled, kernel, lease, world
        self._conclude = conclude
        self._replayed, self._resumed = replayed, resumed
        self._resolved = resolved or {}
        self._telling = telling
        self._leave_waiting = leave_waiting
        self._at = replayed.at if replayed else 0
        self._heard = self._written = replayed.seq if replayed else 0  # rows, up to this one
        # What has arrived, and what is to be written of it
        self._arrived: deque[_Arrival] = deque()
        self._arrival = trio.Event()
        self._unwritten = Unwritten()
        self._ahead = 0  # characters of rows not yet written
        self._status: RunStatus | None = None if replayed and resumed else "running"  # as it is written
        self._calls = Calls(compiled, world.make_call, world.used, world.activity, self._call_ended)
        self._answers = Answers(compiled, world.answer, self._answer_came)
        self._answered: set[str] = set()
        self._parking = False
        self._ended = False
        self._leave_at = math.inf  # trio's time
        self._mistake: Exception | None = None
        self._nursery: trio.Nursery

    # From outside

    @property
    def questions(self) -> Mapping[str, Question]:
        """The questions that are open and not answered, by their addresses."""
        waits = self._kernel.waits.items()
        return {
            path: wait.awaited
            for path, wait in waits
            if isinstance(wait.awaited, Question)
            and path not in self._answered
            and not self._answers.withholds(path)
        }

    @property
    def ended(self) -> bool:
        """Whether the end of the run is written."""
        return self._ended

    @property
    def counts(self) -> Counts:
        """What the run has counted, of its past too."""
        return self._kernel.counts

    def answer(self, path: str, answer: Value, message: int | None = None, came: int = 0) -> None:
        """Answer an open question, as JSON. Raises LookupError where there is none at this address."""
        if path not in self.questions:
            raise LookupError(f"there is no open question {path}")
        self._answered.add(path)
        self._arrive(_Arrival(row_of(0, Answered(0, path, Replied(answer))), message, came))

    def send(self, event: str, fields: Value, message: int | None = None, came: int = 0) -> None:
        """Tell the run that something has happened; a plan value of the event's type. Raises MailboxFull."""
        if self._kernel.events_kept + len(self._arrived) >= MOST_KEPT:
            raise MailboxFull(f"{MOST_KEPT:,} events are waiting to be waited for")
        self._arrive(_Arrival(row_of(0, EventCame(0, event, fields)), message, came))

    def pass_over(self, message: int) -> None:
        """A message that the run does not take: it is taken out of the inbox, and nothing else happens."""
        self._unwritten.taken.append(message)

    def cancel(self, message: int | None = None, came: int = 0) -> None:
        """Stop: what is under way is cancelled, undos and `finally` run, then the run ends as cancelled."""
        self._arrive(_Arrival(row_of(0, CancelAsked(0)), message, came))

    def park(self) -> None:
        """Begin nothing more, give calls under way a while to end, and leave the run to be resumed."""
        if not self._parking:
            self._parking, self._leave_at = True, trio.current_time() + GRACE
            self._calls.leave()
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
                if self._nursery.child_tasks:
                    self._nursery.cancel_scope.cancel()
        finally:
            self._calls.leave()
            self._kernel.close()
        if isinstance(ended, Exception):
            raise ended
        return ended

    async def _to_the_end(self) -> RunResult | Parked | OutcomeUnknown:
        if unknown := self._unknown():
            await self._world.keeper.write(Commit(self._lease, status="unknown"))
            return OutcomeUnknown(unknown)
        self._enter()
        while not self._ended:
            await self._hear_all()
            self._let_go()
            self._begin()
            if self._has_to_write():
                await self._write()
            elif not await self._wait():
                return Parked(self._status == "waiting")
        self._let_go()
        return self._result()

    def _unknown(self) -> tuple[str, ...]:
        started = self._replayed.started if self._replayed else ()
        calls = self._kernel.calls
        return tuple(p for p in started if p not in self._resolved and not calls[p].given_up)

    def _enter(self) -> None:
        """Hear that the run begins or is resumed, and take up what is outstanding."""
        if self._telling is not None:
            self._telling.let_go(self._written)
        self._arrived = deque(self._on_entering(self._arrived))
        for wait in self._kernel.waits.values():
            self._open(wait)
        for path, pending in self._kernel.calls.items():
            if pending.given_up:
                self._end_call(path, pending.call, None)
            elif outcome := self._resolved.get(path):
                self._end_call(path, pending.call, outcome_text(outcome))
            else:
                self._start(path, pending.call)

    def _on_entering(self, arrived: Iterable[_Arrival]) -> list[_Arrival]:
        """What is heard first, with what has arrived already. Where something became due while nobody held
        the run, each is heard as of when it came: what came in time is in time."""
        if self._replayed is None:
            return [_Arrival(row_of(0, Began(0))), *arrived]
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

    def _result(self) -> RunResult:
        result = self._kernel.result
        assert isinstance(result, RunResult), "the kernel carries out a run"
        return result

    # Hearing

    def _arrive(self, arrival: _Arrival) -> None:
        self._arrived.append(arrival)
        self._arrival.set()

    async def _hear_all(self) -> None:
        """Hear what has arrived. Of much that arrives at once some is heard, then other runs have their
        turn."""
        while True:
            self._hear()
            if self._mistake is not None:
                raise self._mistake
            if not self._arrived or self._kernel.ended:
                return
            await trio.lowlevel.checkpoint()

    def _hear(self) -> None:
        for _ in range(min(len(self._arrived), IN_A_TURN)):
            if self._kernel.ended:
                return
            arrival = self._arrived.popleft()
            at = arrival.at
            self._at = max(self._at, self._world.clock()) if at is None else at
            row = self._add(arrival.row)
            if arrival.message is not None:
                self._unwritten.taken.append(arrival.message)
            for command in self._kernel.advance(input_of(row)):
                self._do(command, row)

    def _add(self, row: Row) -> Row:
        """The next row of the journal, as of now."""
        self._heard += 1
        row = Row(self._heard, row.kind, row.path, self._at, row.outcome, row.digest)
        self._unwritten.rows.append(row)
        self._ahead += ROW_SIZE + len(row.outcome or "")
        if self._telling is not None:
            self._telling.heard = self._heard
        return row

    # Writing

    def _has_to_write(self) -> bool:
        """Whether there is more than the journal says. Of a run that has ended that is at least its end."""
        return bool(self._unwritten) or self._kernel.ended or self._present_status() != self._status

    def _present_status(self) -> RunStatus:
        if self._kernel.calls:
            return "running"
        due = self._kernel.next_instant
        soon = due is not None and due < self._world.clock() + SHORT_WAIT
        return "running" if soon and not self._kernel.waits else "waiting"

    async def _write(self) -> None:
        """Write what was heard and not written yet."""
        commit, heard, ahead = self._commit(), self._heard, self._ahead
        await self._world.keeper.write(commit)
        self._status, self._written = commit.status or self._status, heard
        self._ahead -= ahead
        self._ended = commit.ending is not None

    def _commit(self) -> Commit:
        if self._kernel.ended:
            ending = self._conclude(self._result(), self._unwritten.rows)
            return self._unwritten.commit(self._lease, None, ending)
        status = self._present_status()
        return self._unwritten.commit(self._lease, None if status == self._status else status, None)

    def _let_go(self) -> None:
        self._calls.let_go(self._written)
        self._answers.let_go(self._written)
        if self._telling is not None:
            self._telling.let_go(self._written)

    # Waiting

    async def _wait(self) -> bool:
        """Wait until there is something to do; false where the run is to be left."""
        if self._has_work():
            await trio.lowlevel.checkpoint()
        while not self._has_work():
            if self._parking:
                return await self._wait_for_calls()
            if self._leave_waiting and self._status == "waiting":
                return False
            due, now = self._kernel.next_instant, self._world.clock()
            if due is not None and due <= now:
                await trio.lowlevel.checkpoint()
                self._arrive(_Arrival(row_of(0, TimeCame(0))))
                return True
            self._arrival = trio.Event()
            if due is None:
                await self._arrival.wait()
                continue
            with trio.move_on_after(min((due - now) / 1e6, LONGEST_SLEEP)):
                await self._arrival.wait()
        return True

    async def _wait_for_calls(self) -> bool:
        """Give calls under way the time that is left to end."""
        with trio.move_on_at(self._leave_at):
            while self._calls.under_way and not self._has_work():
                self._arrival = trio.Event()
                await self._arrival.wait()
        return self._has_work()

    def _has_work(self) -> bool:
        if self._arrived or self._unwritten.rows or self._mistake:
            return True
        return not self._parking and (self._calls.may_begin > 0 or self._answers.may_begin > 0)

    # What the kernel commands

    def _do(self, command: Command, row: Row) -> None:
        """Begin what the kernel wants; `row` is that of the input which made it want that."""
        match command:
            case StartCall(path, call) if not self._parking:
                self._start(path, call)
            case StopCall(path):
                self._stop(path)
            case OpenWait():
                self._open(command)
            case CloseWait(path):
                self._close(path)
            case KeepProgress(path, progress):
                if row.kind == "call" and lies_inside(row.path, path):
                    self._unwritten.collapse(row, path, progress)

    def _begin(self, *, taken: int = 0) -> None:
        """Begin what may be, but for so many calls that somebody is about to take."""
        if not self._parking:
            self._calls.begin(self._nursery, taken=taken)
            self._answers.begin(self._nursery)

    # Calls

    def _start(self, path: str, call: AgentCall) -> None:
        """Make a call: at once if nobody can tell, else when nothing can be forgotten that led to it. Not too
        far ahead of what is written: all of it would be done again if the process died."""
        if self._is_harmless(call) and self._ahead < MOST_AHEAD:
            return self._calls.make(path, call)
        if call.once:
            self._add(Row(0, "started", path, 0, None, digest_of(call)))
        self._calls.hold(path, call, self._heard)

    def _is_harmless(self, call: AgentCall) -> bool:
        return self._plan.agents[call.agent].effect in HARMLESS and not call.shielded

    def _stop(self, path: str) -> None:
        """Ask a call to stop. One that has not begun has stopped; one that has ended is about to be heard;
        one that was not begun because the run is parked stops when that is resumed."""
        if self._calls.stop(path):
            self._end_call(path, self._kernel.calls[path].call, None)

    def _end_call(self, path: str, call: AgentCall, outcome: str | None) -> None:
        self._arrive(_Arrival(Row(0, "call", path, 0, outcome, digest_of(call))))

    def _call_ended(self, path: str, call: AgentCall, outcome: str | None) -> None:
        """In the task of the call, which goes on with the next."""
        self._end_call(path, call, outcome)
        try:
            self._hear()
            self._begin(taken=1)
        except Exception as mistake:
            self._mistake = mistake

    # Waits

    def _open(self, wait: OpenWait) -> None:
        self._unwritten.open(wait)
        if isinstance(wait.awaited, Question):
            self._answers.hold(wait.path, wait.awaited, self._heard)

    def _answer_came(self, path: str, outcome: str) -> None:
        if path in self.questions:
            self._answered.add(path)
            self._arrive(_Arrival(Row(0, "answer", path, 0, outcome)))

    def _close(self, path: str) -> None:
        self._unwritten.close(path)
        self._answered.discard(path)
        self._answers.close(path)


def _resumed(at: int, away: int) -> _Arrival:
    """Somebody holds the run, as of `at`, and nobody did for `away` microseconds."""
    return _Arrival(row_of(0, Resumed(0, away)), at=at)
