"""Decoders: a type of the plan -> a function from plain data to values of that type.

A type is read once. What comes of it are closures, one for each of its parts, so that whoever decodes a type
again and again pays for the data only. What they take and give stands in `codec`, which also sees to the
size of what comes in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from flowlang.plan import model as plan
from flowlang.values import times
from flowlang.values.value import (
    Misfit,
    Value,
    check_float,
    check_int,
    check_text,
    described,
    normalise,
    quoted,
)

Decoder: TypeAlias = Callable[[object], Value]
Fields: TypeAlias = Callable[[dict[str, object]], dict[str, Value]]


def decoder_of(wanted: plan.Type) -> Decoder:
    """The decoder of a type. It raises Misfit with the path of what does not fit."""
    match wanted:
        case plan.ScalarType(kind=kind):
            return _SCALARS[kind]
        case plan.ListType(item=item):
            return _list(decoder_of(item))
        case plan.MapType(value=value):
            return _map(decoder_of(value))
        case plan.OptionalType(inner=inner):
            return _optional(decoder_of(inner))
        case plan.SecretType(inner=inner):
            return decoder_of(inner)
        case plan.RecordType(fields=fields, name=name):
            return _record(_fields(fields), name or "an object")
        case plan.EnumType(values=values):
            return _enum(values)
        case plan.UnionType():
            return _union(wanted)


def _expected(wanted: str, found: object, help: str | None = None) -> Misfit:
    return Misfit(f"expected {wanted}, found {described(found)}", help=help)


# Scalars


def _string(value: object) -> Value:
    if type(value) is not str:
        raise _expected("a string", value)
    return check_text(value)


def _int(value: object) -> Value:
    if type(value) is int:
        return check_int(value)
    if type(value) is float and value == value // 1 and abs(value) <= 1 << 53:
        return int(value)  # 3.0 is an integer in JSON, and in its schema
    raise _expected("an int", value)


def _float(value: object) -> Value:
    if type(value) is float:
        return check_float(value)
    if type(value) is int:
        return float(check_int(value))
    raise _expected("a float", value)


def _bool(value: object) -> Value:
    if type(value) is not bool:
        raise _expected("a bool", value)
    return value


def _null(value: object) -> Value:
    if value is not None:
        raise _expected("null", value)
    return None


def _duration(value: object) -> Value:
    if type(value) is not str:
        raise _expected("a duration", value, help='write a duration as text with its unit, like "30s"')
    return _read(times.parse_duration, value)


def _datetime(value: object) -> Value:
    if type(value) is not str:
        raise _expected("a datetime", value, help='write a datetime as text, like "2024-05-01T12:00:00Z"')
    return _read(times.parse_datetime, value)


def _read(parse: Callable[[str], int], text: str) -> int:
    try:
        return parse(text)
    except ValueError as error:
        raise Misfit(str(error)) from None


# Parts


def _list(read: Decoder) -> Decoder:
    def decode(value: object) -> Value:
        if type(value) is not list and type(value) is not tuple:
            raise _expected("a list", value)
        made: list[Value] = []
        try:
            for item in value:
                made.append(read(item))
        except Misfit as misfit:
            raise misfit.inside(len(made)) from None
        return made

    return decode


def _map(read: Decoder) -> Decoder:
    def decode(value: object) -> Value:
        made: dict[str, Value] = {}
        for key, item in _object(value, "an object (a map)").items():
            if type(key) is not str:
                raise Misfit(f"a key must be a string, not {described(key)}")
            try:
                made[check_text(key)] = read(item)
            except Misfit as misfit:
                raise misfit.inside(key) from None
        return made

    return decode


def _optional(read: Decoder) -> Decoder:
    return lambda value: None if value is None else read(value)


def _record(read: Fields, wanted: str) -> Decoder:
    return lambda value: read(_object(value, wanted))


def _enum(values: tuple[str, ...]) -> Decoder:
    def decode(value: object) -> Value:
        if type(value) is not str or value not in values:
            raise _expected("one of " + ", ".join(map(quoted, values)), value)
        return value

    return decode


def _union(wanted: plan.UnionType) -> Decoder:
    cases = {case.name: _fields(case.fields) for case in wanted.cases}
    names = ", ".join(map(quoted, cases))

    def decode(value: object) -> Value:
        fields = _object(value, wanted.name)
        name = fields.get("case")
        if type(name) is str and name in cases:
            return {"case": name, **cases[name](fields)}
        if "case" in fields:
            raise _expected(f"one of {names}", name).inside("case")
        raise Misfit(f'expected {wanted.name}, an object whose "case" is one of {names}; it has no "case"')

    return decode


def _object(value: object, wanted: str) -> dict[str, object]:
    if type(value) is not dict:
        raise _expected(wanted, value)
    return value


def _fields(fields: tuple[plan.FieldType, ...]) -> Fields:
    parts = [(field.name, decoder_of(field.type), _may_be_null(field.type)) for field in fields]

    def decode(given: dict[str, object]) -> dict[str, Value]:
        made: dict[str, Value] = {}
        for name, read, nullable in parts:
            if name in given:
                try:
                    made[name] = read(given[name])
                except Misfit as misfit:
                    raise misfit.inside(name) from None
            elif nullable:
                made[name] = None
            else:
                raise Misfit(f'the field "{name}" is missing')
        return made

    return decode


def _may_be_null(type: plan.Type) -> bool:
    return type.kind in ("optional", "null")


_SCALARS: Final[dict[str, Decoder]] = {
    "string": _string,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "null": _null,
    "duration": _duration,
    "datetime": _datetime,
    "json": normalise,
}

_SCALARS["file"] = decoder_of(
    plan.RecordType(
        fields=(
            plan.FieldType(name="hash", type=plan.ScalarType(kind="string")),
            plan.FieldType(name="size", type=plan.ScalarType(kind="int")),
            plan.FieldType(name="media_type", type=plan.ScalarType(kind="string")),
        ),
        name="file",
    )
)
