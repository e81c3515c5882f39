"""The codec: JSON at a boundary <-> values inside a run, by a type of the plan.

Inside, a duration and a datetime are ints of microseconds, a record holds every field of its type and an
int where a float is asked for is a float; outside they are what people write. Decoding checks all that
the evaluator relies on, so it may be given whatever a foreign tool produced: what comes back is a value
of the type, copied, or a Misfit that names the part. Fields that a type does not have are dropped, and
optional ones that are missing are null, so that both sides can grow.

The JSON form of a file is its reference: `{"hash", "size", "media_type"}`. A secret is encoded like what
it holds; to keep it out of sight is the business of whoever asks."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from flowlang.plan import model as plan
from flowlang.values import times
from flowlang.values.value import (
    MAX_BOUNDARY,
    MAX_DEPTH,
    TOO_LARGE_HELP,
    Misfit,
    Value,
    check_float,
    check_int,
    check_text,
    described,
    normalise,
    quoted,
    weight,
)


def decode(json_value: object, wanted: plan.Type, *, limit: int = MAX_BOUNDARY) -> Value:
    """Plain data as a value of a type. Raises Misfit with the path of what does not fit.

    `limit` is in characters of JSON text, see `value.weight`."""
    if weight(json_value, limit) > limit:
        raise Misfit("the value is larger than 1 MiB of JSON, or nests too deep", help=TOO_LARGE_HELP)
    return _decode(json_value, wanted)


def encode(value: Value, type: plan.Type) -> Value:
    """A value of a type in its JSON form; the reverse of `decode`."""
    return _ENCODERS[type.kind](value, type)


def widen(value: Value, type: plan.Type) -> Value:
    """A value made what a wider type says: ints floats, missing optional fields null; null stays null.

    Parts that no widening can change are shared with the old value."""
    if value is None or not _can_widen(type):
        return value
    match type:
        case plan.ScalarType():
            return float(value)
        case plan.ListType(item=item):
            return [widen(part, item) for part in value]
        case plan.MapType(value=item):
            return {key: widen(part, item) for key, part in value.items()}
        case plan.OptionalType(inner=inner) | plan.SecretType(inner=inner):
            return widen(value, inner)
        case plan.RecordType(fields=fields):
            return {field.name: widen(value.get(field.name), field.type) for field in fields}
        case plan.EnumType() | plan.UnionType():
            return value


def read_json(text: str | bytes) -> Value:
    """JSON text as a value. Raises Misfit for what is too large, no JSON, or no value."""
    if len(text) > MAX_BOUNDARY:
        raise Misfit(f"the JSON text is larger than 1 MiB ({len(text):,} bytes)", help=TOO_LARGE_HELP)
    try:
        return normalise(json.loads(text, parse_constant=_no_constant))
    except UnicodeDecodeError:
        raise Misfit("the JSON text is not valid UTF-8") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise Misfit(f"this is no JSON: {error.msg[:1].lower()}{error.msg[1:]} at {place}") from None
    except RecursionError:
        raise Misfit(f"the value nests deeper than {MAX_DEPTH} levels") from None
    except Misfit:
        raise
    except ValueError:
        raise Misfit("the JSON text holds a number of more than 4,300 digits") from None


def write_json(json_value: Value, *, canonical: bool = False) -> str:
    """The compact JSON text of a value in its JSON form; canonical text has its keys sorted and no -0.0."""
    if canonical:
        return json.dumps(
            _without_negative_zero(json_value), ensure_ascii=False, separators=(",", ":"), sort_keys=True
        )
    return json.dumps(json_value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def parse_argument(text: str, type: plan.Type) -> Value:
    """The value of an argument given as text, as in `flow run … NAME=VALUE`.

    A string is the text as it stands, a duration or a datetime is written like in a flow, `null` is null
    where the type allows it (but for an optional string, where it is text), anything else is JSON.
    Raises Misfit."""
    match type:
        case plan.SecretType(inner=inner):
            return parse_argument(text, inner)
        case plan.OptionalType(inner=inner):
            raw = _is_raw(inner)
            return None if text == "null" and not raw else parse_argument(text, inner)
        case plan.ScalarType(kind="string" | "duration" | "datetime") | plan.EnumType():
            return decode(text, type)
        case plan.ScalarType(kind="int" | "float" | "bool") | plan.ScalarType(kind="null"):
            return decode(_literal(text, type), type)
        case _:
            return decode(_parsed(text, type), type)


def _can_widen(type: plan.Type) -> bool:
    """Whether a value of a narrower type may have to change to be one of `type`."""
    match type:
        case plan.ScalarType(kind=kind):
            return kind == "float"
        case plan.ListType(item=inner) | plan.MapType(value=inner):
            return _can_widen(inner)
        case plan.OptionalType(inner=inner) | plan.SecretType(inner=inner):
            return _can_widen(inner)
        case plan.RecordType():
            return True
        case plan.EnumType() | plan.UnionType():
            return False


def _is_raw(type: plan.Type) -> bool:
    if isinstance(type, plan.SecretType):
        return _is_raw(type.inner)
    return isinstance(type, plan.ScalarType) and type.kind == "string"


def _literal(text: str, type: plan.Type) -> Value:
    """A number, bool or null; any other text stays a string, so that decoding says what was expected."""
    try:
        found = json.loads(text.replace("_", "") if type.kind in ("int", "float") else text)
    except (ValueError, RecursionError):
        return text
    return found if found is None or isinstance(found, int | float) else text


def _parsed(text: str, type: plan.Type) -> Value:
    try:
        return read_json(text)
    except Misfit as misfit:
        raise Misfit(misfit.message, help=f"write it as JSON, for example {_EXAMPLES[type.kind]}") from None


_EXAMPLES: Final = {
    "list": "'[\"a\", \"b\"]'",
    "map": "'{\"key\": …}'",
    "record": "'{\"field\": …}'",
    "union": "'{\"case\": \"Name\", …}'",
    "file": "'{\"hash\": \"sha256:…\", \"size\": 1, \"media_type\": \"text/plain\"}'",
    "json": "'{\"a\": [1, true, null]}'",
}  # fmt: skip


def _no_constant(name: str) -> Value:
    raise Misfit(f"{name} is not a finite number")


def _without_negative_zero(value: Value) -> Value:
    if type(value) is float:
        return value + 0.0  # -0.0 + 0.0 is 0.0, and equal values shall have equal texts
    if type(value) is list:
        return [_without_negative_zero(item) for item in value]
    if type(value) is dict:
        return {key: _without_negative_zero(item) for key, item in value.items()}
    return value


# Decoding, by kind of type


def _decode(value: object, wanted: plan.Type) -> Value:
    return _DECODERS[wanted.kind](value, wanted)


def _expected(wanted: str, found: object, help: str | None = None) -> Misfit:
    return Misfit(f"expected {wanted}, found {described(found)}", help=help)


def _decode_string(value: object, wanted: plan.ScalarType) -> Value:
    if type(value) is not str:
        raise _expected("a string", value)
    return check_text(value)


def _decode_int(value: object, wanted: plan.ScalarType) -> Value:
    if type(value) is int:
        return check_int(value)
    if type(value) is float and value == value // 1 and abs(value) <= 1 << 53:
        return int(value)  # 3.0 is an integer in JSON, and in its schema
    raise _expected("an int", value)


def _decode_float(value: object, wanted: plan.ScalarType) -> Value:
    if type(value) is float:
        return check_float(value)
    if type(value) is int:
        return float(check_int(value))
    raise _expected("a float", value)


def _decode_bool(value: object, wanted: plan.ScalarType) -> Value:
    if type(value) is not bool:
        raise _expected("a bool", value)
    return value


def _decode_null(value: object, wanted: plan.ScalarType) -> Value:
    if value is not None:
        raise _expected("null", value)
    return None


def _decode_duration(value: object, wanted: plan.ScalarType) -> Value:
    if type(value) is not str:
        raise _expected("a duration", value, help='write a duration as text with its unit, like "30s"')
    return _read(times.parse_duration, value)


def _decode_datetime(value: object, wanted: plan.ScalarType) -> Value:
    if type(value) is not str:
        raise _expected("a datetime", value, help='write a datetime as text, like "2024-05-01T12:00:00Z"')
    return _read(times.parse_datetime, value)


def _read(parse: Callable[[str], int], text: str) -> int:
    try:
        return parse(text)
    except ValueError as error:
        raise Misfit(str(error)) from None


def _decode_json(value: object, wanted: plan.ScalarType) -> Value:
    return normalise(value)


def _decode_file(value: object, wanted: plan.ScalarType) -> Value:
    return _decode_record(value, _FILE)


def _decode_list(value: object, wanted: plan.ListType) -> Value:
    if type(value) is not list and type(value) is not tuple:
        raise _expected("a list", value)
    item_type = wanted.item
    read = _DECODERS[item_type.kind]
    made: list[Value] = []
    try:
        for item in value:
            made.append(read(item, item_type))
    except Misfit as misfit:
        raise misfit.inside(len(made)) from None
    return made


def _decode_map(value: object, wanted: plan.MapType) -> Value:
    fields = _object(value, "an object (a map)")
    read = _DECODERS[wanted.value.kind]
    made: dict[str, Value] = {}
    for key, item in fields.items():
        if type(key) is not str:
            raise Misfit(f"a key must be a string, not {described(key)}")
        try:
            made[check_text(key)] = read(item, wanted.value)
        except Misfit as misfit:
            raise misfit.inside(key) from None
    return made


def _decode_optional(value: object, wanted: plan.OptionalType) -> Value:
    return None if value is None else _decode(value, wanted.inner)


def _decode_secret(value: object, wanted: plan.SecretType) -> Value:
    return _decode(value, wanted.inner)


def _decode_record(value: object, wanted: plan.RecordType) -> Value:
    return _decode_fields(_object(value, wanted.name or "an object"), wanted.fields)


def _decode_enum(value: object, wanted: plan.EnumType) -> Value:
    if type(value) is not str or value not in wanted.values:
        raise _expected("one of " + ", ".join(map(quoted, wanted.values)), value)
    return value


def _decode_union(value: object, wanted: plan.UnionType) -> Value:
    fields = _object(value, wanted.name)
    name = fields.get("case")
    case = next((case for case in wanted.cases if case.name == name), None)
    if case is None:
        names = ", ".join(quoted(case.name) for case in wanted.cases)
        if "case" not in fields:
            raise Misfit(
                f'expected {wanted.name}, an object whose "case" is one of {names}; it has no "case"'
            )
        raise _expected(f"one of {names}", name).inside("case")
    return {"case": name, **_decode_fields(fields, case.fields)}


def _object(value: object, wanted: str) -> dict[str, object]:
    if type(value) is not dict:
        raise _expected(wanted, value)
    return value


def _decode_fields(given: dict[str, object], fields: tuple[plan.FieldType, ...]) -> dict[str, Value]:
    made: dict[str, Value] = {}
    for field in fields:
        name = field.name
        if name not in given:
            if not _may_be_null(field.type):
                raise Misfit(f'the field "{name}" is missing')
            made[name] = None
            continue
        try:
            made[name] = _DECODERS[field.type.kind](given[name], field.type)
        except Misfit as misfit:
            raise misfit.inside(name) from None
    return made


def _may_be_null(type: plan.Type) -> bool:
    return type.kind in ("optional", "null")


_FILE: Final = plan.RecordType(
    fields=(
        plan.FieldType(name="hash", type=plan.ScalarType(kind="string")),
        plan.FieldType(name="size", type=plan.ScalarType(kind="int")),
        plan.FieldType(name="media_type", type=plan.ScalarType(kind="string")),
    ),
    name="file",
)

_DECODERS: Final[dict[str, Callable[..., Value]]] = {
    "string": _decode_string,
    "int": _decode_int,
    "float": _decode_float,
    "bool": _decode_bool,
    "null": _decode_null,
    "duration": _decode_duration,
    "datetime": _decode_datetime,
    "json": _decode_json,
    "file": _decode_file,
    "list": _decode_list,
    "map": _decode_map,
    "optional": _decode_optional,
    "secret": _decode_secret,
    "record": _decode_record,
    "enum": _decode_enum,
    "union": _decode_union,
}


# Encoding, by kind of type


def _encode_same(value: Value, type: plan.Type) -> Value:
    return value


def _encode_json(value: Value, type: plan.Type) -> Value:
    """A copy, so that whoever gets it may change it: no value of a run ever changes."""
    if isinstance(value, list):
        return [_encode_json(item, type) for item in value]
    if isinstance(value, dict):
        return {key: _encode_json(item, type) for key, item in value.items()}
    return value


def _encode_duration(value: Value, type: plan.Type) -> Value:
    return times.format_duration(value)


def _encode_datetime(value: Value, type: plan.Type) -> Value:
    return times.format_datetime(value)


def _encode_list(value: Value, type: plan.ListType) -> Value:
    write = _ENCODERS[type.item.kind]
    return [write(item, type.item) for item in value]


def _encode_map(value: Value, type: plan.MapType) -> Value:
    write = _ENCODERS[type.value.kind]
    return {key: write(item, type.value) for key, item in value.items()}


def _encode_optional(value: Value, type: plan.OptionalType | plan.SecretType) -> Value:
    return None if value is None else encode(value, type.inner)


def _encode_record(value: Value, type: plan.RecordType) -> Value:
    return _encode_fields(value, type.fields)


def _encode_union(value: Value, type: plan.UnionType) -> Value:
    case = next(case for case in type.cases if case.name == value["case"])
    return {"case": case.name, **_encode_fields(value, case.fields)}


def _encode_fields(value: Value, fields: tuple[plan.FieldType, ...]) -> dict[str, Value]:
    return {field.name: encode(value.get(field.name), field.type) for field in fields}


_ENCODERS: Final[dict[str, Callable[..., Value]]] = {
    **dict.fromkeys(("string", "int", "float", "bool", "null", "file", "enum"), _encode_same),
    "json": _encode_json,
    "duration": _encode_duration,
    "datetime": _encode_datetime,
    "list": _encode_list,
    "map": _encode_map,
    "optional": _encode_optional,
    "secret": _encode_optional,
    "record": _encode_record,
    "union": _encode_union,
}
