"""The kernel: a host without a clock, threads or I/O. An input goes in, commands come out.

It carries out the coroutines of a run until all of them wait, and then says what it needs from outside:
calls to start and to stop, questions, events, and the next instant at which something is due. Fed the same
inputs it does the same things, so a run can be brought back from a list of its inputs. There is nothing here
of trio, and yet a run cannot tell the two apart:

1. Tasks take turns in the order in which they became ready; that order follows from the order of the inputs.
2. A cancelled scope cancels all that waits in it and in the scopes inside of it, but not through a shield.
   Whoever comes to a wait in a cancelled scope does not wait, but is cancelled there; so it goes on until the
   scope is left. Nothing is cancelled that does not wait.
3. A call that is cancelled is asked to stop, and awaited. What it then gives counts, but an error does not:
   the cancellation is raised instead.
4. A wait for an answer, an event or a time is given up at once. An event it had got is passed on.
5. The end of a group awaits its children, whatever is cancelled meanwhile. A child that raises cancels the
   others. What leaves the group is settled in `groups`; a cancellation stops at the scope that it came from.
6. A deadline cancels its group. What is due before an input happens before it, what is due at the same
   instant after it; so an input that came in time wins.
7. What is due late is done when it is: `now` is the instant of the input at hand, and never goes back.
8. A deadline in running time stands still while nobody holds the run.
9. A loop whose progress was kept waits for it before its first round, and nothing cancels that wait: what
   cancelled the loop came later."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, suppress
from types import TracebackType, coroutine
from typing import Any, TypeVar

from flowlang.runtime.agents import AgentCall
from flowlang.runtime.commands import CloseWait, Command, KeepProgress, OpenWait, StartCall
from flowlang.runtime.events import Listen
from flowlang.runtime.frame import Counts
from flowlang.runtime.groups import news
from flowlang.runtime.host import Awaited, Question, Work
from flowlang.runtime.inputs import (
    Answered,
    Began,
    CallEnded,
    CancelAsked,
    EventCame,
    Forked,
    Input,
    Outcome,
    ProgressKept,
    Raised,
    Replied,
    Resumed,
    Stopped,
    TimeCame,
)
from flowlang.runtime.journal import JournalMisfit
from flowlang.runtime.mailbox import Mailbox
from flowlang.runtime.mailbox import Wait as EventWait
from flowlang.runtime.scopes import HearEnd, PendingCall, Scope, Task, deadline_of
from flowlang.runtime.timers import Timers
from flowlang.values.value import Value

T = TypeVar("T")


class Cancelled(BaseException):
    """Thrown into a wait."""


class Closed(BaseException):
    """The run is not carried out any longer."""


class Kernel:
    """Carries out one run; implements `Host`. `begin` says what to carry out, then `advance` does."""

    def __init__(self) -> None:
        self._now = 0
        self._ready: deque[tuple[Task, Value, BaseException | None]] = deque()
        self._timers = Timers()
        self._commands: list[Command] = []
        self._root = Scope(None)
        self._current: Task
        self._cancel_run: Callable[[], None]
        self.listen: Listen = lambda on_event: None
        self._asked: dict[str, Task] = {}
        self._mailbox = Mailbox()
        self._awaiting: dict[EventWait, Task] = {}
        self._kept: dict[str, None] = {}
        self.recalling: dict[str, Task] = {}
        self.closed = False
        self.counts = Counts()
        self.calls: dict[str, PendingCall] = {}
        self._used: dict[str, Mapping[str, int]] = {}
        self.waits: dict[str, OpenWait] = {}
        self.on_taken: Callable[[str, Value], None] | None = None
        """Is told which wait, by its path, took an event with which fields."""
        self.ended = False
        self.result: object = None
        """What the run came to, once it has `ended`."""

    # From outside

    def begin(self, main: Coroutine[None, Any, object], cancel: Callable[[], None], listen: Listen) -> None:
        """Make `main` the run; it starts with the first input. `cancel` is called where it shall stop,
        `listen` says who is told of its events from then on."""
        self._cancel_run, self.listen = cancel, listen
        self._spawn(main, self._root, None)

    def expect(self, paths: Iterable[str]) -> None:
        """The progress of these loops is kept, and an input will tell it; until then they do not begin."""
        self._kept.update(dict.fromkeys(paths))

    def advance(self, input: Input) -> list[Command]:
        """Hear an input, and go on until everything waits. Gives what is to be done, in order.

        Raises JournalMisfit where nothing waits for the input; and whatever left the run itself, which is a
        mistake in the runtime."""
        if input.at > self._now:
            self._now = input.at
        if self._timers:
            self._pass_time(input)
        self._hear(input)
        self._run()
        commands = self._commands.copy()
        self._commands.clear()
        return commands

    @property
    def next_instant(self) -> int | None:
        """When something is due."""
        return self._timers.next_instant

    @property
    def events_kept(self) -> int:
        """Events that came before anybody waited for them."""
        return len(self._mailbox.kept)

    @property
    def kept_events(self) -> list[str]:
        """The names of these events, in the order in which they came."""
        return [name for name, _ in self._mailbox.kept]

    def close(self) -> None:
        """Leave a run where it stands: nothing of it goes on, no undo and no `finally`; nobody is told."""
        self.closed = True
        self.listen(None)
        reached = [self._root]
        for scope in reached:  # grows while it is walked
            for task in scope.tasks:
                with suppress(Closed):
                    task.coroutine.close()
            reached += scope.inner

    # Host

    def now(self) -> int:
        return self._now

    async def sleep_until(self, instant: int) -> None:
        task = self._waiting_task()
        if instant <= self._now:
            self._ready.append((task, None, None))
            await _suspend()
            self._waiting_task()
            return
        timer = self._timers.add(instant, lambda: self._wake(task, None))
        task.abort = lambda: self._timers.drop(timer)
        await _suspend()

    def group(
        self, deadline: int | None = None, *, running_time: bool = False
    ) -> AbstractAsyncContextManager[KernelGroup]:
        self._insist()
        return KernelGroup(self, deadline, running_time)

    async def shielded(self, work: Callable[[], Awaitable[T]]) -> T:
        self._insist()
        scope = self._enter(Scope(self._current.scope, shield=True))
        try:
            return await work()
        finally:
            self._insist()
            self._leave(scope)

    def call(self, path: str, call: AgentCall) -> Awaitable[Value]:
        task = self._waiting_task()
        assert path not in self.calls, "a call's path is its own"
        self.calls[path] = pending = PendingCall(path, call, task, self._commands)
        self._commands.append(StartCall(path, call))
        task.abort = pending.stop
        return _suspend()

    def used(self, path: str) -> Mapping[str, int] | None:
        return self._used.pop(path, None) if self._used else None

    async def wait(self, path: str, awaited: Question | Awaited) -> Value:
        task = self._waiting_task()
        if isinstance(awaited, Question):
            return await self._answer(path, awaited, task)
        return await self._event(path, awaited, task)

    async def recall(self, path: str) -> Value:
        if path not in self._kept:
            return None
        self.recalling[path] = self._current
        return await _suspend()

    def keep(self, path: str, progress: Value) -> None:
        self._commands.append(KeepProgress(path, progress))

    # Waits

    def _waiting_task(self) -> Task:
        """The current task, about to wait. Raises Cancelled."""
        self._insist()
        if self._current.scope.reached:
            raise Cancelled
        return self._current

    def _insist(self) -> None:
        """Let nothing begin in a run that was left."""
        if self.closed:
            raise Closed

    async def _answer(self, path: str, question: Question, task: Task) -> Value:
        assert path not in self._asked, "a question's address is its own"
        self._asked[path] = task
        try:
            return await self._look_out(path, question, task)
        finally:
            self._asked.pop(path, None)

    async def _event(self, path: str, awaited: Awaited, task: Task) -> Value:
        wait = self._mailbox.open(awaited)
        if not wait.settled:
            self._awaiting[wait] = task
            try:
                await self._look_out(path, awaited, task)
            except Cancelled:
                self._wake_all(self._mailbox.close(wait))
                raise
            finally:
                del self._awaiting[wait]
        if wait.failure is not None:
            raise wait.failure
        if self.on_taken is not None:
            self.on_taken(path, wait.event)
        return wait.event

    async def _look_out(self, path: str, awaited: Question | Awaited, task: Task) -> Value:
        """Wait, for everybody to see."""
        self.waits[path] = wait = OpenWait(path, awaited, self._now, deadline_of(task.scope))
        self._commands.append(wait)
        task.abort = lambda: True
        try:
            return await _suspend()
        finally:
            del self.waits[path]
            self._commands.append(CloseWait(path))

    def _wake_all(self, settled: list[EventWait]) -> None:
        for wait in settled:
            self._wake(self._awaiting[wait], None)

    # Inputs

    def _pass_time(self, input: Input) -> None:
        """Do what is due before an input happens, or at the instant to which time has passed."""
        if isinstance(input, (Resumed, Forked)):
            self._timers.shift(input.away, fixed=isinstance(input, Forked))
        at_instant = isinstance(input, (TimeCame, Resumed, Forked))
        while timer := self._timers.due(input.at, including=at_instant):
            timer.action()
            self._run()

    def _hear(self, input: Input) -> None:
        match input:
            case CallEnded():
                self._end_call(input)
            case Answered(path=path, outcome=outcome):
                if path in self._asked:  # or else the answer came too late
                    self._wake_with(self._asked.pop(path), outcome)
            case EventCame(event=event, fields=fields):
                self._wake_all(self._mailbox.deliver(event, fields))
            case CancelAsked():
                self._cancel_run()
            case ProgressKept(path=path, progress=progress):
                if path not in self.recalling:
                    raise JournalMisfit(f"there is no loop {path} that could go on")
                self._wake(self.recalling.pop(path), progress)
            case Began() | TimeCame() | Resumed() | Forked():
                pass

    def _end_call(self, ended: CallEnded) -> None:
        path = ended.path
        if ended.used:
            self._used[path] = ended.used
        pending = self.calls.pop(path, None)
        if pending is None:
            raise JournalMisfit(f"there is no call {path} that could have ended")
        if isinstance(ended.outcome, Stopped) and not pending.stopping:
            raise JournalMisfit(f"nobody asked the call {path} to stop")
        self._wake_with(pending.task, ended.outcome)

    def _wake_with(self, task: Task, outcome: Outcome) -> None:
        match outcome:
            case Replied():
                self._wake(task, outcome.value)
            case Raised():
                self._wake(task, None, Cancelled() if task.scope.reached else outcome.exception())
            case Stopped():
                self._wake(task, None, Cancelled())

    def _wake(self, task: Task, value: Value, error: BaseException | None = None) -> None:
        task.abort = None
        self._ready.append((task, value, error))

    # Tasks and scopes

    def _run(self) -> None:
        while self._ready:
            task, value, error = self._ready.popleft()
            self._current = task
            try:
                if error is None:
                    task.coroutine.send(value)
                else:
                    task.coroutine.throw(error)
            except StopIteration as end:
                self._end(task, end.value, None)
            except BaseException as raised:
                self._end(task, None, raised)

    def _spawn(self, main: Coroutine[None, Any, object], scope: Scope, ended: HearEnd | None) -> None:
        task = Task(main, scope, ended)
        scope.tasks[task] = None
        self._ready.append((task, None, None))

    def _end(self, task: Task, value: object, raised: BaseException | None) -> None:
        del task.scope.tasks[task]
        if task.ended is not None:
            return task.ended(raised)
        if raised is not None:
            raise raised
        self.ended, self.result = True, value

    def _enter(self, scope: Scope) -> Scope:
        """Make a scope the innermost of the current task."""
        assert scope.parent is not None, "only the run itself has no scope around it"
        scope.parent.inner[scope] = None
        scope.reached = scope.parent.reached and not scope.shield
        self._move(scope.parent, scope)
        return scope

    def _leave(self, scope: Scope) -> None:
        assert scope.parent is not None, "only the run itself has no scope around it"
        del scope.parent.inner[scope]
        self._move(scope, scope.parent)

    def _move(self, old: Scope, new: Scope) -> None:
        del old.tasks[self._current]
        new.tasks[self._current] = None
        self._current.scope = new

    def _cancel(self, scope: Scope) -> None:
        """Cancel a scope, and wake all that waits in it."""
        if scope.cancelled:
            return
        scope.cancelled = True
        reached = [scope]
        for each in reached:  # grows while it is walked
            each.reached = True
            for task in [*each.tasks]:
                if task.abort is not None and task.abort():
                    self._wake(task, None, Cancelled())
            reached += [inner for inner in each.inner if not (inner.shield or inner.cancelled)]


class KernelGroup:
    """See `Group`."""

    def __init__(self, kernel: Kernel, deadline: int | None, running_time: bool) -> None:
        self._kernel, self._deadline, self._running_time = kernel, deadline, running_time
        self._children = 0
        self._raised: list[BaseException] = []
        self._satisfied = False
        self._joining: Task | None = None

    async def __aenter__(self) -> KernelGroup:
        kernel = self._kernel
        self._scope = scope = kernel._enter(Scope(kernel._current.scope))
        if self._deadline is not None:
            scope.deadline = kernel._timers.add(
                self._deadline, lambda: kernel._cancel(scope), running_time=self._running_time
            )
        return self

    def start(self, work: Work, *arguments: object) -> None:
        self._children += 1
        self._kernel._spawn(work(*arguments), self._scope, self._child_ended)

    def cancel(self) -> None:
        if not self._scope.cancelled:
            self._satisfied = True
            self._kernel._cancel(self._scope)

    def _child_ended(self, raised: BaseException | None) -> None:
        self._children -= 1
        if raised is not None:
            self._raised.append(raised)
            self._kernel._cancel(self._scope)
        if not self._children and self._joining is not None:
            self._kernel._wake(self._joining, None)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            self._raised.append(error)
            self._kernel._cancel(self._scope)
        if self._children:
            self._joining = self._kernel._current
            await _suspend()
        self._close()
        if (reason := news(self._raised, Cancelled, satisfied=self._satisfied)) not in (None, error):
            raise reason

    def _close(self) -> None:
        """Leave the scope, and drop the cancellations that came from it."""
        kernel, scope = self._kernel, self._scope
        kernel._leave(scope)
        if scope.deadline is not None:
            kernel._timers.drop(scope.deadline)
        if scope.cancelled and not kernel._current.scope.reached:
            self._raised = [raised for raised in self._raised if not isinstance(raised, Cancelled)]


@coroutine
def _suspend() -> Generator[None, Value, Value]:
    """Wait until the kernel wakes the task; gives what it wakes it with."""
    return (yield)
