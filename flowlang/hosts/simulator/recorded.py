"""A run as it was recorded -> a world in which it goes the same way.

The rows say what came of every call and question, and when; when it was asked for is worked out by replaying
them. A time is how long somebody waited while the run was held: what nobody held it for, passes for nobody.

So a run of yesterday can be simulated: against another plan, with a crash, in another order. A call that it
did not make then (or whose rounds are forgotten) has no answer here, and goes to whoever else can say."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from flowlang.hosts.simulator.world import Answer, Ends, Reaction, Sent, TakeCall, World
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.commands import Command, OpenWait, StartCall
from flowlang.runtime.host import Question
from flowlang.runtime.inputs import (
    Answered,
    CallEnded,
    CancelAsked,
    EventCame,
    Forked,
    Input,
    Resumed,
    Stopped,
)
from flowlang.runtime.journal import Row, input_of
from flowlang.runtime.kernel import Kernel
from flowlang.runtime.replay import expect_progress


def recorded_world(kernel: Kernel, rows: Sequence[Row], otherwise: TakeCall) -> World:
    """The world that a journal tells of; `kernel` is a fresh one of the run that wrote it. What it does not
    tell of goes to `otherwise`. Raises JournalMisfit where the rows are not of this run."""
    expect_progress(kernel, rows)
    recording = _Recording()
    for row in rows:
        if row.kind != "started":
            input = input_of(row)
            recording.hear(input)
            recording.begin(kernel.advance(input))
    kernel.close()
    return World(
        call=_Cast(recording.calls, otherwise).call,
        answer=lambda path, question, now: recording.answers.get(path),
        sent=recording.sent,
        cancelled=recording.cancelled,
    )


@attrs.frozen
class _Cast:
    """Agents that do what they did."""

    calls: dict[str, Reaction]
    otherwise: TakeCall

    def call(self, path: str, call: AgentCall, now: int) -> Reaction:
        return self.calls.get(path) or self.otherwise(path, call, now)


@attrs.define
class _Recording:
    """`held` is how long the run was held before the input at hand. `asked` is the same of when something was
    asked for that is still outstanding."""

    held: int = 0
    calls: dict[str, Reaction] = attrs.field(factory=dict)
    answers: dict[str, Answer] = attrs.field(factory=dict)
    sent: list[Sent] = attrs.field(factory=list)
    cancelled: int | None = None
    _last: int | None = None
    _asked: dict[str, int] = attrs.field(factory=dict)

    def hear(self, input: Input) -> None:
        away = input.away if isinstance(input, Resumed | Forked) else 0
        self.held += 0 if self._last is None else max(0, input.at - self._last - away)
        self._last = input.at
        match input:
            case CallEnded(path=path, outcome=Stopped()):
                self.calls[path] = Reaction(None)
            case CallEnded(path=path, outcome=outcome):
                ends = Ends(outcome, self.held - self._asked.pop(path, self.held))
                self.calls[path] = Reaction(ends, ends)
            case Answered(path=path, outcome=outcome):
                self.answers[path] = Answer(outcome, self.held - self._asked.pop(path, self.held))
            case EventCame(event=event, fields=fields):
                self.sent.append(Sent(self.held, event, fields))
            case CancelAsked():
                self.cancelled = self.held

    def begin(self, commands: Sequence[Command]) -> None:
        for command in commands:
            match command:
                case StartCall(path=path) | OpenWait(path=path, awaited=Question()):
                    self._asked[path] = self.held
