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
import json.encoder
from collections.abc import Callable
from typing import Final

from flowlang.plan import model as plan
from flowlang.values.decoding import Decoder, decoder_of
from flowlang.values.encoding import encoder_of
from flowlang.values.value import (
    MAX_BOUNDARY,
    MAX_DEPTH,
    TOO_LARGE_HELP,
    Misfit,
    Value,
    normalise,
    weight,
)


def decode(json_value: object, wanted: plan.Type) -> Value:
    """Plain data as a value of a type. Raises Misfit with the path of what does not fit."""
    return reader_of(wanted)(json_value)


def reader_of(wanted: plan.Type) -> Decoder:
    """`decode` for one type, made for whoever reads many values of it."""
    read = decoder_of(wanted)
    if is_small(wanted):
        return read

    def decode(json_value: object) -> Value:
        if weight(json_value, MAX_BOUNDARY) > MAX_BOUNDARY:
            raise Misfit("the value is larger than 1 MiB of JSON, or nests too deep", help=TOO_LARGE_HELP)
        return read(json_value)

    return decode


def is_small(type: plan.Type) -> bool:
    """Whether no value of a type can be large, so that nobody has to weigh it."""
    match type:
        case plan.ScalarType(kind=kind):
            return kind in ("int", "float", "bool", "null")
        case plan.OptionalType(inner=inner) | plan.SecretType(inner=inner):
            return is_small(inner)
        case _:
            return False


def encode(value: Value, type: plan.Type) -> Value:
    """A value of a type in its JSON form; the reverse of `decode`."""
    return encoder_of(type)(value)


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
    return _write(json_value)


def _writer() -> Callable[[Value], str]:
    """What writes compact JSON. `JSONEncoder.encode` makes its machine anew for each text, which takes longer
    than to write a small one; so the same machine is made once here, where Python has it. It is not to find
    out whether a value holds itself: such a one is too deep for it."""
    encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return encoder.encode
    pieces = make(None, encoder.default, json.encoder.encode_basestring, None, ":", ",", False, False, False)
    return lambda value: "".join(pieces(value, 0))


_write: Final = _writer()


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
