"""Inputs: everything that a run can hear from outside, in the order in which it hears it.

A run is a function of its plan, its arguments and this list; so the list is what a journal keeps, and
feeding it again brings a run back to where it stood. `at` is when the input was taken up, microseconds since
1970 UTC, never before the input ahead of it; between two inputs no time passes in a run.

Replies, answers and the fields of errors are JSON as the outside gave it, since it is the interpreter that
checks them. The fields of an event are a plan value that fits.

No input is ever changed. (Ends of calls are most of what a run hears, and so not of the classes that attrs
freezes, which take four times as long to make.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import attrs

from flowlang.runtime.agents import AgentError
from flowlang.values.value import Value


@attrs.define
class Replied:
    value: Value


@attrs.frozen
class Raised:
    """An `AgentError`, as data."""

    error: str
    message: str = ""
    fields: dict[str, Value] = attrs.field(factory=dict)
    cause: str | None = None

    def exception(self) -> AgentError:
        return AgentError(self.error, self.message, fields=self.fields, cause=self.cause)


@attrs.frozen
class Stopped:
    """It was cancelled, and ended without a value or an error."""


Outcome: TypeAlias = Replied | Raised | Stopped


@attrs.frozen
class Began:
    """The first input of every run."""

    at: int


@attrs.define
class CallEnded:
    """`path` is that of the call, as the host was given it; `used` what it has used, if it told of that."""

    at: int
    path: str
    outcome: Outcome
    used: Mapping[str, int] | None = None


@attrs.frozen
class Answered:
    """`path` is the address of a question. It may also turn out that nobody can answer it."""

    at: int
    path: str
    outcome: Replied | Raised


@attrs.frozen
class EventCame:
    at: int
    event: str
    fields: Value


@attrs.frozen
class TimeCame:
    """Nothing happened but that time passed, and something was due."""

    at: int


@attrs.frozen
class CancelAsked:
    at: int


@attrs.frozen
class Resumed:
    """Somebody holds the run again. Nobody did for `away` microseconds; so long running time stood still."""

    at: int
    away: int


@attrs.frozen
class Forked:
    """Here another run's past ends, `away` microseconds ago; all that is due later moves on by that."""

    at: int
    away: int


@attrs.frozen
class ProgressKept:
    """How far the loop of `path` had come; what happened in it before is not known any longer."""

    at: int
    path: str
    progress: Value


Input: TypeAlias = (
    Began | CallEnded | Answered | EventCame | TimeCame | CancelAsked | Resumed | Forked | ProgressKept
)
