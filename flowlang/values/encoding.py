"""Encoders: a type of the plan -> a function from values of that type to their JSON form.

The reverse of `decoding`, and made like it: closures, once for a type. Most scalars are their own JSON form.
What is made of parts is copied, so that whoever gets it may change it: no value of a run ever changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from flowlang.plan import model as plan
from flowlang.values import times
from flowlang.values.value import Value

Encoder: TypeAlias = Callable[[Value], Value]


def encoder_of(type: plan.Type) -> Encoder:
    """The encoder of a type."""
    match type:
        case plan.ScalarType(kind=kind):
            return _SCALARS.get(kind, _same)
        case plan.EnumType():
            return _same
        case plan.ListType(item=item):
            return _list(encoder_of(item))
        case plan.MapType(value=value):
            return _map(encoder_of(value))
        case plan.OptionalType(inner=inner) | plan.SecretType(inner=inner):
            return _optional(encoder_of(inner))
        case plan.RecordType(fields=fields):
            return _fields(fields)
        case plan.UnionType(cases=cases):
            return _union({case.name: _fields(case.fields) for case in cases})


def _same(value: Value) -> Value:
    return value


def _json(value: Value) -> Value:
    if isinstance(value, list):
        return [_json(item) for item in value]
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    return value


_SCALARS: Final[dict[str, Encoder]] = {
    "json": _json,
    "duration": times.format_duration,
    "datetime": times.format_datetime,
}


def _list(write: Encoder) -> Encoder:
    if write is _same:
        return list
    return lambda value: [write(item) for item in value]


def _map(write: Encoder) -> Encoder:
    if write is _same:
        return dict
    return lambda value: {key: write(item) for key, item in value.items()}


def _optional(write: Encoder) -> Encoder:
    if write is _same:
        return _same
    return lambda value: None if value is None else write(value)


def _fields(fields: tuple[plan.FieldType, ...]) -> Encoder:
    parts = [(field.name, encoder_of(field.type)) for field in fields]
    return lambda value: {name: write(value.get(name)) for name, write in parts}


def _union(cases: dict[str, Encoder]) -> Encoder:
    def encode(value: Value) -> Value:
        name = value["case"]
        return {"case": name, **cases[name](value)}

    return encode
