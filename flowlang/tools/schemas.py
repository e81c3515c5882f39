"""JSON Schemas of what has no pydantic model: the diagnostics, which `flow check` writes without pydantic."""

from __future__ import annotations

from typing import Any, Final

_PLACE: Final = {
    "line": {"type": "integer", "minimum": 1},
    "column": {"type": "integer", "minimum": 1, "description": "in characters"},
    "end_line": {"type": "integer", "minimum": 1},
    "end_column": {"type": "integer", "minimum": 1, "description": "exclusive"},
}


def object_of(properties: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties | (optional or {}),
        "required": list(properties),
        "additionalProperties": False,
    }


_OF_PLANS: Final = {
    "pointer": {
        "type": ["string", "null"],
        "description": "of plans in YAML and JSON: a JSON Pointer to the value (RFC 6901)",
    },
    "repair": {
        "type": ["array", "null"],
        "description": "of plans in YAML and JSON: a JSON Patch that makes the fix (RFC 6902)",
        "items": {"type": "object", "required": ["op", "path"]},
    },
}

DIAGNOSTICS: Final[dict[str, Any]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Diagnostics",
    "type": "array",
    "items": object_of(
        {
            "code": {"type": "string", "pattern": "^[EW][0-9]{3}$"},
            "slug": {"type": "string"},
            "severity": {"enum": ["error", "warning"]},
            "message": {"type": "string"},
            "help": {"type": ["string", "null"]},
            "path": {"type": "string"},
            **_PLACE,
            "related": {
                "type": "array",
                "items": object_of({"path": {"type": "string"}, **_PLACE, "message": {"type": "string"}}),
            },
            "fix": {
                "anyOf": [
                    {"type": "null"},
                    object_of(
                        {
                            "title": {"type": "string"},
                            "edits": {
                                "type": "array",
                                "description": "all of them together, in the file of the diagnostic",
                                "items": object_of({**_PLACE, "text": {"type": "string"}}),
                            },
                        }
                    ),
                ]
            },
        },
        _OF_PLANS,
    ),
}
