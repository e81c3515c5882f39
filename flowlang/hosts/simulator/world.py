"""The world around a simulated run: what becomes of its calls and questions, and what else happens.

Functions answer for agents and people; everything that happens by itself is data. All durations are
microseconds. `after` counts from the beginning of the run, in time that really passes; only the run's clock
jumps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

import attrs

from flowlang.runtime.agents import AgentCall
from flowlang.runtime.host import Question
from flowlang.runtime.inputs import Outcome, Raised, Replied, Stopped
from flowlang.values.value import Value


@attrs.frozen
class Ends:
    """`outcome` comes after `delay`. What is replied or raised is JSON that can be written down."""

    outcome: Outcome
    delay: int = 0


STOPS: Final = Ends(Stopped())


@attrs.frozen
class Reaction:
    """How an agent takes a call. `ends` None: it never answers. `asked_to_stop` is how it ends when the call
    is cancelled before (a late answer, if it is an answer); None: it takes no notice."""

    ends: Ends | None
    asked_to_stop: Ends | None = STOPS


@attrs.frozen
class Answer:
    """What a person answers after `delay`, or that nobody can."""

    outcome: Replied | Raised
    delay: int = 0


@attrs.frozen
class Sent:
    """An event comes in; `fields` is a plan value of its type."""

    after: int
    event: str
    fields: Value


@attrs.frozen
class Jump:
    """Somebody sets the clock: forward by `by`, or back where that is negative."""

    after: int
    by: int


@attrs.frozen
class Crash:
    """The process ends at a commit, counted from 1 over all processes of a run: when it was `written` and
    nothing has heard of it, or just before. Somebody takes the run up `away` later."""

    commit: int
    written: bool = True
    away: int = 0


TakeCall: TypeAlias = Callable[[str, AgentCall, int], Reaction]
"""What becomes of a call that is made now, given its path and the instant. It is asked each time that the
call is really made: again after a crash, with the same key, and not for what a cache answers."""

TakeQuestion: TypeAlias = Callable[[str, Question, int], Answer | None]
"""What is answered to a question that is opened now, given its address; None: nobody answers."""

SayUnknown: TypeAlias = Callable[[str, AgentCall], Outcome | None]
"""What became of a call that must not be made twice and may have been made; None: it is made again."""


def nobody(path: str, question: Question, now: int) -> Answer | None:
    """Answers no question."""
    return None


def again(path: str, call: AgentCall) -> Outcome | None:
    """Has every call made again."""
    return None


@attrs.frozen
class World:
    """`cancelled` is when the run is asked to stop. An event that comes twice stands here twice."""

    call: TakeCall
    answer: TakeQuestion = nobody
    sent: Sequence[Sent] = ()
    cancelled: int | None = None
    jumps: Sequence[Jump] = ()
    crashes: Sequence[Crash] = ()
    unknown: SayUnknown = again
