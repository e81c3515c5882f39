"""What happened in a run: its events and the rows of its journal -> a tree of steps, each with its calls.

Where `run_progress` forgets what is over, a history keeps it. Steps know when they started and how they ended
from events; with which arguments something was called, and what it gave, from the kernel and the journal's
rows. A step that has not ended is what its calls and waits are, or what the steps below it are; that is
settled last, by `settle`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal, TypeAlias, TypeVar

import attrs

from flowlang.runtime import events
from flowlang.runtime.commands import OpenWait
from flowlang.runtime.failures import Failure
from flowlang.runtime.host import Awaited, Question
from flowlang.runtime.inputs import Answered, CallEnded, EventCame, Outcome, Raised, Replied, Stopped
from flowlang.runtime.journal import Row, input_of
from flowlang.runtime.kernel import Kernel
from flowlang.values.value import Value

T = TypeVar("T")

State: TypeAlias = Literal[
    "running", "interrupted", "unknown", "retrying", "waiting", "done", "failed", "cancelled", "skipped"
]
"""`interrupted`: under way when whoever held the run let go of it."""

OPEN: Final[tuple[State, ...]] = ("unknown", "running", "interrupted", "retrying", "waiting")
"""The states of what has not ended; a step is the first of these that a step below it is."""

_LAST_PART: Final = re.compile(r'(?:\[(?:\d+|"(?:[^"\\]|\\.)*")\]|[#@|]\d+|(?:^|/)[^/\[\]#@|"]+)$')

_REPEATED: Final = re.compile(r'\[(?:\d+|"(?:[^"\\]|\\.)*")\]|[#@]\d+')
_UNNAMED: Final = re.compile(r"(?:.*/)?!(?:return\d*|yield|next)(?=[@|]|/!|$)")

_ENDS: Final[dict[type, State]] = {Replied: "done", Raised: "failed", Stopped: "cancelled"}


@attrs.define(eq=False)
class Call:
    """A call of an agent, a question, or a wait for an event. `arguments` in JSON form; `again` are the
    instants at which it was made anew, because nobody knew what had become of it. `announced`: it is known to
    have been about to be made, `anew`: once more; `in_doubt`: somebody had to say what became of it. `row` is
    the one that says how it ended."""

    kind: Literal["call", "ask", "event"]
    path: str
    name: str
    arguments: Mapping[str, Value]
    started: int
    attempt: int = 1
    key: str | None = None
    again: list[int] = attrs.field(factory=list)
    announced: bool = False
    anew: bool = False
    in_doubt: bool = False
    row: Row | None = None

    @property
    def ended(self) -> int | None:
        return None if self.row is None else self.row.at

    @property
    def told(self) -> bool:
        """Whether its reply is what somebody said it had been, when the run was resumed."""
        return self.in_doubt and isinstance(self.outcome(), Replied)

    def outcome(self) -> Outcome | None:
        """None where it has not ended, as far as anybody knows."""
        if self.row is None:
            return None
        match input_of(self.row):
            case CallEnded(outcome=outcome) | Answered(outcome=outcome):
                return outcome
            case EventCame(fields=fields):
                return Replied(fields)
        raise AssertionError("no other row ends a call")

    def used(self) -> Mapping[str, int]:
        """What it has used, as far as it told."""
        ended = None if self.row is None else input_of(self.row)
        return (ended.used or {}) if isinstance(ended, CallEnded) else {}


@attrs.define(eq=False)
class Step:
    """A step, or (`unnamed`) a statement that calls something and is none, such as a `return`.

    `value` is what it gave, a value of its type; None before, too, and where it is unnamed. `latest` is what
    it last came to wait for, or to try again. `undone` None: it was not, or not yet; `undoable`: it would be,
    if the run failed; `undo_due`: it will be. `tolerated` counts items that were let fail. In a fork,
    `taken_over` is what was over when that began, in the run that it is a fork of, and `set` what the fork
    was told that it gave."""

    path: str
    started: int
    doing: str = ""
    target: str | None = None
    unnamed: bool = False
    taken_over: bool = False
    set: bool = False
    state: State = "running"
    ended: int | None = None
    skipped: str | None = None
    value: Value = None
    failure: Failure | None = None
    caught: Failure | None = None
    cleanup: Failure | None = None
    retries: list[events.AttemptFailed] = attrs.field(factory=list)
    latest: events.AttemptFailed | events.Waiting | None = None
    wait: OpenWait | None = None
    progress: tuple[int, int] | None = None
    tolerated: int = 0
    stopped_after: int | None = None
    undoable: bool = False
    undo_due: bool = False
    undone: events.Undone | None = None
    calls: list[Call] = attrs.field(factory=list)
    below: list[Step] = attrs.field(factory=list)

    @property
    def being_undone(self) -> bool:
        """Whether its undo has begun and not come to an end."""
        begun = any("/!undo" in call.path.removeprefix(self.path) for call in self.calls)
        return self.undone is None and begun


@attrs.define(eq=False)
class History:
    """Takes in events and rows. `steps` are all of them, in the order in which they started."""

    root: Step = attrs.field(factory=lambda: Step("", 0))
    steps: dict[str, Step] = attrs.field(factory=dict)
    ended: bool = False
    _calls: dict[str, Call] = attrs.field(factory=dict)  # that have not ended
    _waits: dict[str, Call] = attrs.field(factory=dict)
    _awaited: dict[str, list[Call]] = attrs.field(factory=dict)  # by the names of events
    _last: tuple[Row, ...] = ()  # the last two rows that are no announcement

    # Events

    def tell(self, event: events.Event) -> None:
        match event:
            case events.RunStarted(at=at):
                self.root.started = at
            case events.RunEnded(at=at, status=status):
                self.root.state, self.root.ended, self.ended = status, at, True
            case events.StepStarted(path=path, at=at, doing=doing, target=target):
                self._enter(Step(path, at, doing, target))
            case events.StepSkipped(path=path, at=at, reason=reason):
                self._enter(Step(path, at, state="skipped", skipped=reason, ended=at))
            case _:
                self._change(self.owner(event.path), event)

    def _enter(self, step: Step) -> None:
        self.owner(around(step.path)).below.append(step)
        self.steps[step.path] = step

    def _change(self, step: Step, event: events.Event) -> None:
        match event:
            case events.StepDone(at=at, value=value):
                step.state, step.ended, step.value = "done", at, value
            case events.StepFailed(at=at, failure=failure):
                step.state, step.ended, step.failure = "failed", at, failure
            case events.StepCancelled(at=at):
                step.state, step.ended = "cancelled", at
            case events.AttemptFailed(path=path):
                step.latest = event
                if "/!" not in path.removeprefix(step.path):  # of an undo or a handler
                    step.retries.append(event)
            case events.Waiting():
                step.latest = event
            case events.Caught(path=path) if path != step.path:
                step.tolerated += 1
            case events.Caught(failure=failure):
                step.caught = failure
            case events.Progress(done=done, of=of):
                step.progress = (done, of)
            case events.LoopStopped(rounds=rounds):
                step.stopped_after = rounds
            case events.Undone():
                step.undone = event
            case events.CleanupFailed(failure=failure):
                step.cleanup = failure

    def owner(self, path: str) -> Step:
        """The innermost step that a path is, or lies in."""
        while path:
            if path in self.steps:
                return self.steps[path]
            path = around(path)
        return self.root

    # Rows

    def take_in(self, kernel: Kernel, row: Row, late: bool) -> None:
        """What a row ended, unless it came too late, and what the kernel wants since it heard of it."""
        match row.kind:
            case "call":
                self._end(self._calls.pop(row.path), row)
            case "answer" if not late:
                self._end(self._waits[row.path], row)
            case "event":
                self._give(kernel, row)
            case "resumed" if self._still_being_resumed():
                self._take_up_later(row.at)
            case "resumed":
                self._take_up(row.at)
            case "started":
                self._announce(row)
            case "forked":
                self._begin_here(kernel, row.at)
        if row.kind != "started":
            self._last = (*self._last[-1:], row)
        for path in _added(kernel.calls, self._calls):
            made = kernel.calls[path].call
            self._calls[path] = call = Call(
                "call", path, made.agent, made.arguments, kernel.now(), made.attempt, made.idempotency_key
            )
            self._caller(call).calls.append(call)
        for path in _added(kernel.waits, self._waits):
            self._waits[path] = self._waited(kernel.waits[path])

    def _take_up(self, at: int) -> None:
        """What is outstanding is made anew; what may have been done, only where that was announced again."""
        for call in self._calls.values():
            call.in_doubt = call.announced and not call.anew
            if not call.in_doubt and call.started < at:  # what the same commit led to was not made before
                call.again.append(at)
            call.anew = False

    def _still_being_resumed(self) -> bool:
        """Whether a run that is resumed goes on hearing of what came meanwhile: of each message as of when it
        came, and of the instant before that, lest what was due then is missed."""
        match self._last:
            case (Row(kind="resumed", at=before), Row(kind="answer" | "event" | "cancel", at=came)):
                return came - before <= 1
            case _:
                return False

    def _take_up_later(self, at: int) -> None:
        """What was taken up as of an instant was not made before all was heard that had come."""
        before = self._last[0].at
        for call in self._calls.values():
            call.again = [at if instant == before else instant for instant in call.again]

    def _announce(self, row: Row) -> None:
        if (call := self._calls.get(row.path)) is not None:
            call.announced, call.anew = True, call.announced

    def _begin_here(self, kernel: Kernel, at: int) -> None:
        """What has not ended where another run's past ends begins here: its calls are made by this one."""
        self.root.started = at
        for step in self.steps.values():
            step.taken_over = step.ended is not None
            if not step.taken_over:
                step.started = at
        waits = (self._waits[path] for path in kernel.waits if path in self._waits)
        for call in (*self._calls.values(), *waits):
            call.started, call.again = at, []

    def _end(self, call: Call, row: Row) -> None:
        call.row = row
        step = self.owner(call.path)
        again = isinstance(step.latest, events.AttemptFailed) and step.latest.at == row.at
        if step.unnamed and not again:
            step.ended, step.state = row.at, _ENDS[type(call.outcome())]

    def _give(self, kernel: Kernel, row: Row) -> None:
        """Say which wait an event went to: the one whose step is done since. (It may be none: then the event
        is kept, and who takes it later is not known here.)"""
        awaited = self._awaited.get(row.path, [])
        self._awaited[row.path] = [call for call in awaited if call.path in kernel.waits]
        for call in awaited:
            step = self.owner(call.path)
            done = step.unnamed or (step.ended == row.at and step.state == "done")
            if done and call.path not in kernel.waits:
                self._end(call, row)

    def _waited(self, wait: OpenWait) -> Call:
        match wait.awaited:
            case Question(ask=ask, arguments=arguments):
                call = Call("ask", wait.path, ask, arguments, wait.since)
            case Awaited(event=event):
                call = Call("event", wait.path, event, {}, wait.since)
                self._awaited.setdefault(event, []).append(call)
        self._caller(call).calls.append(call)
        return call

    def _caller(self, call: Call) -> Step:
        """The step or other statement that makes a call."""
        step = self.owner(call.path)
        statement = _UNNAMED.match(call.path)
        if statement is None or len(step.path) > len(statement[0]):
            return step
        if statement[0] not in self.steps:
            doing = "wait" if call.kind == "event" else "call"
            self._enter(Step(statement[0], call.started, doing, call.name, unnamed=True))
        step = self.steps[statement[0]]
        step.state, step.ended = "running", None
        return step

    # At the end

    def mark_set(self, paths: Iterable[str]) -> None:
        """Say what a fork was told that these steps gave, which it has from no other run."""
        for path in paths:
            if (step := self.steps.get(path)) is not None:
                step.set, step.taken_over, step.started = True, False, self.root.started
                step.ended = step.ended and max(step.ended, step.started)

    def settle(self, kernel: Kernel, unknown: Iterable[str], *, held: bool) -> None:
        """Say of what has not ended how it stands. `unknown` are the calls that nobody knows of."""
        self._drop_the_cancelled(kernel)
        if self.ended:
            return
        under_way: State = "running" if held else "interrupted"
        states: dict[str, State] = dict.fromkeys(kernel.calls, under_way) | dict.fromkeys(unknown, "unknown")
        own: dict[Step, State] = {}
        for path, state in states.items():
            self._settle_own(own, path, state)
        for path, wait in kernel.waits.items():
            self._settle_own(own, path, "waiting").wait = wait
        for step in reversed([self.root, *self.steps.values()]):
            if step.ended is None:
                step.state = _open_state(step, own, under_way)

    def _drop_the_cancelled(self, kernel: Kernel) -> None:
        """No event tells the end of what has no name: it is over where nothing of it is wanted any more."""
        for step in self.steps.values():
            if not step.unnamed or step.ended is not None:
                continue
            wanted = any(call.path in kernel.calls or call.path in kernel.waits for call in step.calls)
            if self.ended or not (wanted or isinstance(step.latest, events.AttemptFailed)):
                step.state, step.ended = "cancelled", kernel.now()

    def _settle_own(self, own: dict[Step, State], path: str, state: State) -> Step:
        step = self.owner(path)
        own[step] = min(own.get(step, state), state, key=OPEN.index)
        return step


def _open_state(step: Step, own: Mapping[Step, State], under_way: State) -> State:
    below: list[State] = [inner.state for inner in step.below if inner.ended is None]
    found = [own[step], *below] if step in own else below
    if found:
        return min(found, key=OPEN.index)
    match step.latest:
        case events.AttemptFailed():
            return "retrying"
        case events.Waiting(waiting_for="time"):
            return "waiting"
        case _:
            return under_way


def around(path: str) -> str:
    """A path without its last part: a step's name, an item, a round, an attempt, an arm, a clause."""
    return _LAST_PART.sub("", path)


def without_items(path: str) -> str:
    """A path without its items, rounds and attempts: what it has in common with others of the same step."""
    return _REPEATED.sub("", path)


def _added(now: dict[str, T], known: Mapping[str, object]) -> list[str]:
    """The keys that stand behind the last known one; what is new always does."""
    added = []
    for path in reversed(now):
        if path in known:
            break
        added.append(path)
    return added[::-1]
