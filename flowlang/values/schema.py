"""JSON Schema (draft 2020-12) of a type of the plan: what its JSON form looks like to other tools.

What the schema admits, `decode` takes, but for what JSON Schema cannot say (64 bits, valid UTF-8, the
calendar). Decoding is more lenient in one point: it drops fields that a record does not have, where the
schema forbids them, since those who follow a schema write better answers when it is closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from flowlang.plan import model as plan
from flowlang.values.value import Value


def schema(type: plan.Type) -> dict[str, Value]:
    """The JSON Schema of a type's JSON form."""
    return _SCHEMAS[type.kind](type)


def _scalar(**keywords: Value) -> Callable[[plan.Type], dict[str, Value]]:
    return lambda type: dict(keywords)


def _list(type: plan.ListType) -> dict[str, Value]:
    return {"type": "array", "items": schema(type.item)}


def _map(type: plan.MapType) -> dict[str, Value]:
    return {"type": "object", "additionalProperties": schema(type.value)}


def _optional(type: plan.OptionalType) -> dict[str, Value]:
    return {"anyOf": [schema(type.inner), {"type": "null"}]}


def _secret(type: plan.SecretType) -> dict[str, Value]:
    return {**schema(type.inner), "writeOnly": True}


def _record(type: plan.RecordType) -> dict[str, Value]:
    titled = {"title": type.name} if type.name else {}
    return titled | _object(type.fields)


def _enum(type: plan.EnumType) -> dict[str, Value]:
    titled = {"title": type.name} if type.name else {}
    return titled | {"type": "string", "enum": list(type.values)}


def _union(type: plan.UnionType) -> dict[str, Value]:
    return {"title": type.name, "oneOf": [_case(case) for case in type.cases]}


def _case(case: plan.CaseType) -> dict[str, Value]:
    fields = _object(case.fields)
    fields["properties"] = {"case": {"const": case.name}, **fields["properties"]}
    fields["required"] = ["case", *fields["required"]]
    return {"title": case.name, **fields}


def _object(fields: tuple[plan.FieldType, ...]) -> dict[str, Value]:
    return {
        "type": "object",
        "properties": {field.name: _field(field) for field in fields},
        "required": [field.name for field in fields if field.type.kind not in ("optional", "null")],
        "additionalProperties": False,
    }


def _field(field: plan.FieldType) -> dict[str, Value]:
    described = {"description": field.doc} if field.doc else {}
    return schema(field.type) | described


_SCHEMAS: Final[dict[str, Callable[..., dict[str, Value]]]] = {
    "string": _scalar(type="string"),
    "int": _scalar(type="integer"),
    "float": _scalar(type="number"),
    "bool": _scalar(type="boolean"),
    "null": _scalar(type="null"),
    "duration": _scalar(
        type="string",
        pattern=r"^-?(?=\d)(\d+(\.\d+)?d)?(\d+(\.\d+)?h)?(\d+(\.\d+)?m)?(\d+(\.\d+)?s)?(\d+(\.\d+)?ms)?$",
        description="A duration of days, hours, minutes, seconds and milliseconds, like 1h30m or 250ms",
    ),
    "datetime": _scalar(type="string", format="date-time"),
    "json": _scalar(),
    "file": _scalar(
        type="object",
        properties={
            "hash": {"type": "string"},
            "size": {"type": "integer", "minimum": 0},
            "media_type": {"type": "string"},
        },
        required=["hash", "size", "media_type"],
        additionalProperties=False,
    ),
    "list": _list,
    "map": _map,
    "optional": _optional,
    "secret": _secret,
    "record": _record,
    "enum": _enum,
    "union": _union,
}
