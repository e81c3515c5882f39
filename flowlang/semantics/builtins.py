"""Names that need no declaration: built-in errors with their fields, and ambient values."""

from __future__ import annotations

from flowlang.semantics.types import DATETIME, INT, STRING, Record, RecordField, Type

MESSAGE = RecordField("message", STRING)
PATH = RecordField("path", STRING)

ERRORS: dict[str, tuple[RecordField, ...]] = {
    "Timeout": (),
    "AgentFailed": (MESSAGE,),
    "Unavailable": (MESSAGE,),
    "BadOutput": (PATH, MESSAGE),
    "BadValue": (PATH, MESSAGE),
    "BreakerOpen": (RecordField("until", DATETIME),),
    "LoopExhausted": (),
    "RequirementFailed": (MESSAGE,),
    "EnsureFailed": (MESSAGE,),
    "EvaluationFailed": (MESSAGE,),
}

AMBIENT: dict[str, Type] = {
    "run": Record((RecordField("id", STRING), RecordField("started", DATETIME)), "run"),
    "attempt": INT,
}


def failure_type(fields: list[tuple[RecordField, ...]]) -> Record:
    """The type of `e` in `catch E, F as e`: the name and message that every failure has, and the fields that
    all the caught errors share; given no errors, only the former."""
    common = [f for f in fields[0] if all(f in others for others in fields[1:])] if fields else []
    names = {f.name for f in common}
    always = [RecordField("error", STRING), MESSAGE]
    return Record((*(f for f in always if f.name not in names), *common), "failure")
