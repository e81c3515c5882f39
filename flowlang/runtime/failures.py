"""Failures: what went wrong in a run, as data that survives the run.

A `Failure` is the run's mistake, as a `Diagnostic` is the author's: an error's name, its fields, the place
in the source and the path in the run. `FlowFailure` carries it through the interpreter, and only it may be
caught by a flow; a cancellation is not a failure and never becomes one.

Fields and `to_json` hold plan values (a duration is an int of microseconds), so a failure can be written
down and read back without types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs

from flowlang.plan.model import ErrorType, FieldType, Place, ScalarType
from flowlang.values.value import Value

TIMEOUT: Final = "Timeout"
AGENT_FAILED: Final = "AgentFailed"
UNAVAILABLE: Final = "Unavailable"
BAD_OUTPUT: Final = "BadOutput"
BAD_VALUE: Final = "BadValue"
BREAKER_OPEN: Final = "BreakerOpen"
LOOP_EXHAUSTED: Final = "LoopExhausted"
REQUIREMENT_FAILED: Final = "RequirementFailed"
ENSURE_FAILED: Final = "EnsureFailed"
EVALUATION_FAILED: Final = "EvaluationFailed"

_STRING: Final = ScalarType(kind="string")
_MESSAGE: Final = (FieldType(name="message", type=_STRING),)
_PATH_AND_MESSAGE: Final = (FieldType(name="path", type=_STRING), *_MESSAGE)

BUILT_IN: Final[Mapping[str, ErrorType]] = {
    TIMEOUT: ErrorType(),
    AGENT_FAILED: ErrorType(fields=_MESSAGE),
    UNAVAILABLE: ErrorType(fields=_MESSAGE),
    BAD_OUTPUT: ErrorType(fields=_PATH_AND_MESSAGE),
    BAD_VALUE: ErrorType(fields=_PATH_AND_MESSAGE),
    BREAKER_OPEN: ErrorType(fields=(FieldType(name="until", type=ScalarType(kind="datetime")),)),
    LOOP_EXHAUSTED: ErrorType(),
    REQUIREMENT_FAILED: ErrorType(fields=_MESSAGE),
    ENSURE_FAILED: ErrorType(fields=_MESSAGE),
    EVALUATION_FAILED: ErrorType(fields=_MESSAGE),
}

RETRIED_ONLY_BY_NAME: Final = (EVALUATION_FAILED, BAD_VALUE, LOOP_EXHAUSTED)
"""What `retry` without `on` leaves alone: another attempt would fail the same way."""

INTERNAL: Final = "InternalError"
"""A mistake of the interpreter itself. It ends its run, no flow can catch it, and it is never an outcome."""


MOST_NOTES: Final = 10


@attrs.frozen
class Failure:
    """`message` is one line for people. `attempt` counts from 1. `agent` is the one whose call failed, by its
    name in the plan, and `cause` what it really raised, for the trace. `notes` are failures that came after
    this one and changed nothing: of siblings, of cleanups."""

    error: str
    message: str
    fields: dict[str, Value] = attrs.field(factory=dict)
    at: Place | None = None
    path: str = ""
    attempt: int = 1
    cause: str | None = None
    notes: tuple[Failure, ...] = ()
    agent: str | None = None

    def to_json(self) -> dict[str, Value]:
        return {
            "error": self.error,
            "message": self.message,
            "fields": self.fields,
            "at": list(self.at) if self.at else None,
            "path": self.path,
            "attempt": self.attempt,
            "agent": self.agent,
            "cause": self.cause,
            "notes": [note.to_json() for note in self.notes],
        }


class FlowFailure(Exception):
    """A failure on its way up through the steps, blocks and flows around it."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure

    def __str__(self) -> str:
        return f"{self.failure.error}: {self.failure.message}"

    def note(self, later: Failure) -> None:
        """Keep a failure that came after this one and is not news; of very many only the first."""
        if len(self.failure.notes) < MOST_NOTES:
            self.failure = attrs.evolve(self.failure, notes=(*self.failure.notes, later))
