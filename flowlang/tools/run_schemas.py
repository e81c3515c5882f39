"""JSON Schemas of what commands print of stored runs with `--json`.

Written by hand, as what is printed is; a test holds both to each other. What a flow has declared itself
(data, inputs, arguments, fields of errors) has the types of that flow, and is anything here. Where a command
ends with a problem instead, it prints `{"error": {"code", "message", "help"}}`."""

from __future__ import annotations

from typing import Any, Final, TypeAlias, get_args

from flowlang.runtime import events
from flowlang.tools.run_history import State
from flowlang.tools.schemas import DIAGNOSTICS, object_of

Schema: TypeAlias = dict[str, Any]

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

_TEXT: Final[Schema] = {"type": "string"}
_TEXT_OR_NONE: Final[Schema] = {"type": ["string", "null"]}
_TRUTH: Final[Schema] = {"type": "boolean"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_COUNT_OR_NONE: Final[Schema] = {"type": ["integer", "null"], "minimum": 0}
_SECONDS: Final[Schema] = {"type": "number", "minimum": 0}
_ANY: Final[Schema] = {}
_VALUES: Final[Schema] = {"type": "object"}
_INSTANT: Final[Schema] = {"type": "string", "format": "date-time"}
_INSTANT_OR_NONE: Final[Schema] = {"type": ["string", "null"], "format": "date-time"}
_MICROSECONDS: Final[Schema] = {"type": "integer", "description": "microseconds since 1970 UTC"}
_FAILURE: Final[Schema] = {"$ref": "#/$defs/failure"}

_STATUSES: Final = ("running", "waiting", "interrupted", "unknown", "done", "failed", "cancelled")


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_none(schema: Schema) -> Schema:
    return {"anyOf": [{"type": "null"}, schema]}


def _one_of(*values: str) -> Schema:
    return {"enum": list(values)}


# Parts

_USED: Final[Schema] = {"type": "object", "additionalProperties": _COUNT}

_FAILURE_OF_RUN: Final = object_of(
    {
        "error": _TEXT,
        "message": _TEXT,
        "fields": _VALUES,
        "step": _TEXT,
        "attempt": _COUNT,
        "agent": _TEXT_OR_NONE,
        "cause": _TEXT_OR_NONE,
        "path": _TEXT_OR_NONE | {"description": "of the file where it happened"},
        "line": _COUNT_OR_NONE,
        "column": _COUNT_OR_NONE,
        "end_line": _COUNT_OR_NONE,
        "end_column": _COUNT_OR_NONE,
        "notes": _list(_FAILURE),
    }
)

_HOLDER: Final = _or_none(object_of({"pid": _COUNT, "host": _TEXT, "command": _TEXT, "since": _MICROSECONDS}))

_UNHEARD: Final = _list(object_of({"kind": _one_of("answer", "signal", "cancel"), "path": _TEXT_OR_NONE}))

_LISTED_RUN: Final = object_of(
    {
        "run_id": _TEXT,
        "flow": _TEXT,
        "status": _one_of(*_STATUSES),
        "file": _TEXT_OR_NONE,
        "started": _INSTANT,
        "ended": _INSTANT_OR_NONE,
        "updated": _INSTANT,
        "seconds": _SECONDS,
        "holder": _HOLDER,
        "waits": _list(
            object_of(
                {
                    "path": _TEXT,
                    "kind": _one_of("question", "event", "time"),
                    "name": _TEXT,
                    "since": _INSTANT,
                    "deadline": _INSTANT_OR_NONE,
                }
            )
        ),
        "unheard": _UNHEARD,
        "error": _or_none(object_of({"error": _TEXT, "message": _TEXT})),
    }
)

_AWAITED: Final = {"path": _TEXT, "since": _INSTANT, "deadline": _INSTANT_OR_NONE}

_WAIT: Final[Schema] = {
    "anyOf": [
        object_of({"kind": {"const": "event"}, "event": _TEXT, **_AWAITED}),
        object_of(
            {
                "kind": {"const": "question"},
                "ask": _TEXT,
                **_AWAITED,
                "arguments": _VALUES,
                "type": _TEXT,
                "command": _TEXT,
            }
        ),
    ]
}

_STEP: Final[Schema] = {
    "path": _TEXT,
    "status": _one_of(*get_args(State)),
    "doing": _TEXT_OR_NONE,
    "target": _TEXT_OR_NONE,
    "started": _INSTANT,
    "ended": _INSTANT_OR_NONE,
    "attempts": _COUNT,
    "again_at": _INSTANT_OR_NONE,
    "skipped": _TEXT_OR_NONE,
    "taken_over": _TRUTH | {"description": "a fork has it from the run that it is a fork of"},
    "set": _TRUTH | {"description": "what it gave was said when the run was forked"},
    "progress": _or_none(object_of({"done": _COUNT, "of": _COUNT})),
    "error": _or_none(_FAILURE),
    "caught": _or_none(_FAILURE),
    "undo": {"enum": [None, "ready", "due", "under_way", "undone", "failed"]},
    "undo_error": _or_none(_FAILURE),
}

_CALL: Final = object_of(
    {
        "kind": _one_of("call", "ask", "event"),
        "path": _TEXT,
        "name": _TEXT,
        "attempt": _COUNT,
        "key": _TEXT_OR_NONE,
        "started": _INSTANT,
        "made_again": _list(_INSTANT),
        "ended": _INSTANT_OR_NONE,
        "told": _TRUTH,
        "unknown": _TRUTH,
        "arguments": _VALUES,
        "reply": _ANY,
        "error": _or_none(
            object_of({"error": _TEXT, "message": _TEXT, "fields": _VALUES, "cause": _TEXT_OR_NONE})
        ),
        "used": _USED,
    }
)

# What commands print


def _printed(title: str, schema: Schema, **parts: Schema) -> Schema:
    defined = {"$defs": parts} if parts else {}
    return {"$schema": _DRAFT, "title": title, **schema, **defined}


RUNS: Final = _printed("flow runs --json", _list(_LISTED_RUN))

SHOWN_RUN: Final = _printed(
    "flow show RUN --json",
    object_of(
        {
            "run_id": _TEXT,
            "flow": _TEXT,
            "file": _TEXT_OR_NONE,
            "status": _one_of(*_STATUSES),
            "holder": _HOLDER,
            "started": _INSTANT,
            "updated": _INSTANT,
            "ended": _INSTANT_OR_NONE,
            "forked": _or_none(object_of({"run_id": _TEXT, "step": _TEXT})),
            "inputs": _VALUES,
            "data": _ANY,
            "resume": _TEXT_OR_NONE | {"description": "what to type to go on with it"},
            "errors": _list(_FAILURE),
            "usage": {"type": "object", "additionalProperties": _USED},
            "waits": _list(_WAIT),
            "unheard": _UNHEARD,
            "too_late": _list(_TEXT),
            "kept": _list(_TEXT),
            "unknown": _list(object_of({"path": _TEXT, "agent": _TEXT, "redo": _TEXT, "skip": _TEXT})),
            "steps": _list(object_of(_STEP)),
        }
    ),
    failure=_FAILURE_OF_RUN,
)

SHOWN_STEP: Final = _printed(
    "flow show RUN STEP --json",
    object_of(
        {
            "run_id": _TEXT,
            **_STEP,
            "wait": _or_none(_WAIT),
            "retries": _list(
                object_of(
                    {
                        "attempt": _COUNT,
                        "attempts": _COUNT,
                        "at": _INSTANT,
                        "again_at": _INSTANT,
                        "error": _or_none(_FAILURE),
                    }
                )
            ),
            "value": _ANY,
            "calls": _list(_CALL),
        }
    ),
    failure=_FAILURE_OF_RUN,
)

QUESTIONS: Final = _printed(
    "flow questions --json",
    _list(
        object_of(
            {
                "address": _TEXT,
                "run_id": _TEXT,
                "path": _TEXT,
                "flow": _TEXT,
                "ask": _TEXT,
                "arguments": _VALUES,
                "type": _TEXT,
                "schema": _VALUES | {"description": "the JSON Schema of an answer"},
                "since": _INSTANT,
                "deadline": _INSTANT_OR_NONE,
                "held": _TRUTH,
                "command": _TEXT,
            }
        )
    ),
)

LOGS: Final = _printed(
    "a line of flow logs RUN --json",
    {
        "type": "object",
        "properties": {
            "event": {"enum": [event.__name__ for event in get_args(events.Event)]},
            "path": _TEXT | {"description": "of the step; empty of the run itself"},
            "at": _MICROSECONDS,
            "run_id": _TEXT,
        },
        "required": ["event", "path", "at"],
    },
)

_RESULT: Final = object_of(
    {
        "run_id": _TEXT_OR_NONE,
        "flow": _TEXT_OR_NONE,
        "status": _one_of("done", "failed", "cancelled", "waiting", "interrupted", "unknown", "refused"),
        "data": _ANY,
        "summary": _TEXT,
        "artifacts": _list(
            object_of(
                {
                    "hash": _TEXT,
                    "size": _COUNT,
                    "media_type": _TEXT,
                    "path": _TEXT_OR_NONE,
                    "step": _TEXT_OR_NONE,
                    "in_result": _TRUTH,
                }
            )
        ),
        "errors": _list({"anyOf": [_FAILURE, {"$ref": "#/$defs/diagnostic"}]}),
        "undone": _list(_TEXT),
        "not_undone": _list(_TEXT),
        "execution_time_seconds": _SECONDS,
        "steps_executed": _COUNT,
        "steps_skipped": _COUNT,
        "retries": _COUNT,
        "usage": {"type": "object", "additionalProperties": _USED},
    }
)

RESULT: Final = _printed(
    "flow run --json, flow result RUN --json; of a run that has not ended, what flow runs says of it",
    {"anyOf": [_RESULT, _LISTED_RUN]},
    failure=_FAILURE_OF_RUN,
    diagnostic=DIAGNOSTICS["items"],
)
