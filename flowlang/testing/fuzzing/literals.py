"""A value in JSON form and its type -> how a flow writes it, where a flow can.

Only a `file`, and what `json` holds of several types at once, cannot be written."""

from __future__ import annotations

from collections.abc import Iterable

from flowlang.plan import model as plan
from flowlang.plan.text import string_text
from flowlang.values.value import MIN_INT, Value


class NotWritten(Exception):
    """A value that no expression of the language stands for."""


def literal(value: Value, type: plan.Type) -> str:
    """The text of a value. Raises NotWritten."""
    match type:
        case plan.OptionalType(inner=inner):
            return "null" if value is None else literal(value, inner)
        case plan.SecretType(inner=inner):
            return literal(value, inner)
        case plan.ListType(item=item):
            return f"[{', '.join(literal(each, item) for each in value)}]"
        case plan.MapType(value=item):
            return _braces(f"{string_text(key)}: {literal(each, item)}" for key, each in value.items())
        case plan.RecordType(fields=fields):
            return _braces(f"{field.name}: {literal(value.get(field.name), field.type)}" for field in fields)
        case plan.UnionType(cases=cases):
            return _case(value, cases)
        case plan.EnumType():
            return string_text(value)
        case plan.ScalarType(kind=kind):
            return _scalar(value, kind)


def arguments(values: dict[str, Value], types: dict[str, plan.Type]) -> str:
    """`a: 1, b: "x"`, of those that have a type. Raises NotWritten."""
    known = {name: value for name, value in values.items() if name in types}
    return ", ".join(f"{name}: {literal(value, types[name])}" for name, value in known.items())


def _braces(parts: Iterable[str]) -> str:
    inside = ", ".join(parts)
    return f"{{ {inside} }}" if inside else "{}"


def _case(value: Value, cases: tuple[plan.CaseType, ...]) -> str:
    case = next(each for each in cases if each.name == value["case"])
    fields = {field.name: field.type for field in case.fields}
    return f"{case.name}({arguments({n: v for n, v in value.items() if n != 'case'}, fields)})"


def _scalar(value: Value, kind: str) -> str:
    match kind:
        case "string":
            return string_text(value)
        case "duration":
            return str(value)
        case "datetime":
            return f"({string_text(value)}.datetime() ?? run.started)"
        case "float":
            return _float(float(value))
        case "file":
            raise NotWritten("a file cannot be written in a flow")
        case _:
            return _plain(value)


def _plain(value: Value) -> str:
    """A value without a type, as in `json`."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return f"({MIN_INT + 1} - 1)" if value == MIN_INT else str(value)
        case float():
            return _float(value)
        case str():
            return string_text(value)
        case list():
            return f"[{', '.join(map(_plain, value))}]"
        case dict():
            return _braces(f"{string_text(key)}: {_plain(each)}" for key, each in value.items())
    raise NotWritten(f"{value!r} cannot be written in a flow")


def _float(value: float) -> str:
    """`1e+308` is `1e308` in a flow, `2.0` stays."""
    return repr(value).replace("e+", "e")
