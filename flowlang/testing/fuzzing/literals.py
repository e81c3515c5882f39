"""A value in JSON form and its type -> how a flow writes it, where a flow can.

Only what `json` holds of several types at once cannot be written. A `file` that is thought up is one of a few
contents; for any other, of a stored run, stands one of which its hash is the content: where two are different
or the same, so are those."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from flowlang.plan import model as plan
from flowlang.plan.lower_names import constructor_key
from flowlang.plan.text import string_text
from flowlang.testing.values import CONTENTS
from flowlang.values.references import reference_to
from flowlang.values.value import MIN_INT, Value

Written: TypeAlias = Mapping[str, str]
"""How a flow writes what the plan names, see `plan/lower_names.py`."""

_AS_IT_IS: Final[Written] = {}
_CONTENTS: Final[Mapping[str, str]] = {
    reference_to(content.encode(), "")["hash"]: content for content in CONTENTS
}


class NotWritten(Exception):
    """A value that no expression of the language stands for."""


def literal(value: Value, type: plan.Type, written: Written = _AS_IT_IS) -> str:
    """The text of a value. Raises NotWritten."""
    match type:
        case plan.OptionalType(inner=inner):
            return "null" if value is None else literal(value, inner, written)
        case plan.SecretType(inner=inner):
            return literal(value, inner, written)
        case plan.ListType(item=item):
            return f"[{', '.join(literal(each, item, written) for each in value)}]"
        case plan.MapType(value=item):
            return _braces(
                f"{string_text(key)}: {literal(each, item, written)}" for key, each in value.items()
            )
        case plan.RecordType(fields=fields):
            return _braces(
                f"{field.name}: {literal(value.get(field.name), field.type, written)}" for field in fields
            )
        case plan.UnionType(name=name, cases=cases):
            return _case(value, name, cases, written)
        case plan.EnumType():
            return string_text(value)
        case plan.ScalarType(kind=kind):
            return _scalar(value, kind)


def arguments(values: dict[str, Value], types: dict[str, plan.Type], written: Written = _AS_IT_IS) -> str:
    """`a: 1, b: "x"`, of those that have a type. Raises NotWritten."""
    known = {name: value for name, value in values.items() if name in types}
    return ", ".join(f"{name}: {literal(value, types[name], written)}" for name, value in known.items())


def _braces(parts: Iterable[str]) -> str:
    inside = ", ".join(parts)
    return f"{{ {inside} }}" if inside else "{}"


def _case(value: Value, union: str, cases: tuple[plan.CaseType, ...], written: Written) -> str:
    case = next(each for each in cases if each.name == value["case"])
    name = written.get(constructor_key(union, case.name), case.name)
    types = {field.name: field.type for field in case.fields}
    given = arguments({n: v for n, v in value.items() if n != "case"}, types, written)
    return f"{name}({given})"


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
            return _file(value)
        case _:
            return _plain(value)


def _file(reference: dict[str, Value]) -> str:
    hash: str = reference["hash"]
    return f"file({string_text(_CONTENTS.get(hash, hash))}, {string_text(reference['media_type'])})"


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
