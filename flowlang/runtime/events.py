"""Events: what a run reports while it goes on, for live trees, JSON lines and traces.

Each event says where (`path`) and when (`at`, microseconds since 1970 UTC). They are told in the order in
which they happen; nothing in a run depends on who listens. A path is made of the names of steps, `/` between
a step and what runs inside it: `pages[3]/page` is the step `page` of the fourth item of the step `pages`,
`["key"]` an entry of a map, `#i` a round of a `while`, `@n` the n-th further attempt, `|i` an arm or branch,
`!undo`, `!finally` and `!catch` the clauses.

No event is ever changed. (That steps start and are done is most of what a run tells, and so not of the
classes that attrs freezes, which take four times as long to make.)"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import attrs

from flowlang.runtime.failures import Failure
from flowlang.values.value import Value

Status: TypeAlias = Literal["done", "failed", "cancelled"]


@attrs.frozen
class RunStarted:
    path: str  # always ""
    at: int
    run: str
    flow: str


@attrs.frozen
class RunEnded:
    path: str
    at: int
    status: Status
    failure: Failure | None


@attrs.define
class StepStarted:
    """Its guard held. `doing` is the kind of its task, `target` the agent or flow that it calls."""

    path: str
    at: int
    doing: str
    target: str | None


@attrs.define
class StepDone:
    """`value` is what others see of the step, a value of its type. As JSON, an event goes without."""

    path: str
    at: int
    value: Value = None


@attrs.frozen
class StepFailed:
    path: str
    at: int
    failure: Failure


@attrs.frozen
class StepCancelled:
    path: str
    at: int


@attrs.frozen
class StepSkipped:
    """`guard`: its condition was false; `cut off`: the block ended above it."""

    path: str
    at: int
    reason: Literal["guard", "cut off"]


@attrs.frozen
class AttemptFailed:
    """Another attempt follows at `again_at`. `attempt` counts from 1, `attempts` is the most there can be.
    `failure` None: the value was not yet what `until` asks for."""

    path: str
    at: int
    attempt: int
    attempts: int
    failure: Failure | None
    again_at: int


@attrs.frozen
class Caught:
    """A `catch` of the step handles the failure."""

    path: str
    at: int
    failure: Failure


@attrs.frozen
class Waiting:
    """For an answer, an event, a time, or (a call) what the limits of an agent allow. `name` is that of the
    ask, event or agent; `deadline` is the instant of a sleep."""

    path: str
    at: int
    waiting_for: Literal["answer", "event", "time", "limit"]
    name: str | None
    deadline: int | None


@attrs.frozen
class Admitted:
    """A call that waited for a limit is made now."""

    path: str
    at: int


@attrs.frozen
class AgentSaid:
    """A line of an agent's log, or how far its call is: `done` of `of`, where it knows."""

    path: str
    at: int
    agent: str
    text: str
    level: Literal["debug", "info", "warning", "error"]
    done: float | None
    of: float | None


@attrs.frozen
class AgentUsed:
    """What a call that has ended has used, such as `input_tokens`."""

    path: str
    at: int
    agent: str
    amounts: dict[str, int]


@attrs.frozen
class Progress:
    """Of the items of a `for each`, or the rounds of a `while`: `done` of `of`."""

    path: str
    at: int
    done: int
    of: int


@attrs.frozen
class LoopStopped:
    """A `while` came to its limit with its condition still true."""

    path: str
    at: int
    rounds: int


@attrs.frozen
class Undone:
    """What a step did was compensated, or (with `failure`) could not be."""

    path: str
    at: int
    failure: Failure | None


@attrs.frozen
class CleanupFailed:
    """A `finally` failed where that changes nothing: the step had failed or was cancelled."""

    path: str
    at: int
    failure: Failure


Event: TypeAlias = (
    RunStarted | RunEnded | StepStarted | StepDone | StepFailed | StepCancelled | StepSkipped | AttemptFailed
    | Caught | Waiting | Admitted | AgentSaid | AgentUsed | Progress | LoopStopped | Undone | CleanupFailed
)  # fmt: skip

OnEvent: TypeAlias = Callable[[Event], None]
"""Hears of events. Where it is falsy nobody listens at present, and events need not be made."""

Listen: TypeAlias = Callable[[OnEvent | None], None]
"""Says who hears of events from then on; None: nobody."""


def to_json(event: Event) -> dict[str, Value]:
    """The event as one JSON object, its kind under "event"; values, which may be large, are left out."""
    fields: dict[str, Value] = {"event": type(event).__name__}
    for name in attrs.fields_dict(type(event)):
        value = getattr(event, name)
        if name != "value":
            fields[name] = value.to_json() if isinstance(value, Failure) else value
    return fields
