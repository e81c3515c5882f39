"""The operator table: which types an operator works on, and what it gives.

No operator works on mixed types, but for time: a duration times a number, a datetime plus a duration."""

from __future__ import annotations

import attrs

from flowlang.semantics.suggest import did_you_mean
from flowlang.semantics.types import (
    BOOL,
    DATETIME,
    DURATION,
    FLOAT,
    INT,
    JSON,
    NULL,
    STRING,
    Enum,
    ListOf,
    MapOf,
    Secret,
    Type,
    Union,
    brief,
    contains,
    is_number,
    is_text,
    join,
    present,
    show,
)
from flowlang.text import codes
from flowlang.text.codes import Code


@attrs.frozen
class Refusal:
    """Why an operator does not work on two types."""

    code: Code
    message: str
    help: str | None = None


_SAME = {
    "+": (INT, FLOAT, STRING, DURATION),
    "-": (INT, FLOAT, DURATION),
    "*": (INT, FLOAT),
    "/": (FLOAT,),
    "%": (INT, FLOAT, DURATION),
}
_MIXED: dict[tuple[str, Type, Type], Type] = {
    ("+", DATETIME, DURATION): DATETIME,
    ("+", DURATION, DATETIME): DATETIME,
    ("-", DATETIME, DURATION): DATETIME,
    ("-", DATETIME, DATETIME): DURATION,
    ("*", DURATION, INT): DURATION,
    ("*", DURATION, FLOAT): DURATION,
    ("*", INT, DURATION): DURATION,
    ("*", FLOAT, DURATION): DURATION,
    ("/", DURATION, INT): DURATION,
    ("/", DURATION, FLOAT): DURATION,
    ("/", DURATION, DURATION): FLOAT,
}
_ORDERED = (INT, FLOAT, STRING, DURATION, DATETIME)


def binary_result(operator: str, left: Type, right: Type) -> Type | Refusal:
    """The type that an arithmetic or ordering operator gives, or why it does not work."""
    one, other = _plain(left), _plain(right)
    if operator == "..":
        return (
            ListOf(INT)
            if one == other == INT
            else _refuse(operator, left, right, "a range runs between two ints")
        )
    if operator in ("<", "<=", ">", ">="):
        return BOOL if one == other and one in _ORDERED else _refuse_order(operator, left, right)
    if one == other and one in _SAME[operator]:
        return one
    found = _MIXED.get((operator, one, other))
    return found or _refuse_arithmetic(operator, left, right)


def _plain(type: Type) -> Type:
    return STRING if isinstance(type, Enum) else type


def _refuse_order(operator: str, left: Type, right: Type) -> Refusal:
    if left == right and left != JSON:
        return _refuse(operator, left, right, "only numbers, strings, durations and datetimes have an order")
    return _refuse_mixed(operator, left, right)


def _refuse_arithmetic(operator: str, left: Type, right: Type) -> Refusal:
    if operator == "/" and left == right == INT:
        message = "`/` on two ints would have to round or to become a float"
        help = "say which: `a.div(b)` rounds towards zero, `a.float() / b.float()` does not round"
        return Refusal(codes.INT_DIVISION, message, help)
    if operator == "+" and isinstance(left, ListOf) and isinstance(right, ListOf):
        return _refuse(operator, left, right, "write `a.concat(b)`")
    if operator == "+" and isinstance(left, MapOf) and isinstance(right, MapOf):
        return _refuse(operator, left, right, "write `a.merge(b)`")
    if operator == "+" and STRING in (_plain(left), _plain(right)):
        return _refuse(operator, left, right, 'put both into one string: `"${a}${b}"`')
    return _refuse_mixed(operator, left, right)


def _refuse_mixed(operator: str, left: Type, right: Type) -> Refusal:
    if JSON in (left, right):
        message = f"`{operator}` does not work on json"
        return Refusal(codes.JSON_USE, message, "say what it is first: `(… as T)`")
    return _refuse(operator, left, right, _mixed_help(operator, {_plain(left), _plain(right)}))


def _mixed_help(operator: str, sides: set[Type]) -> str | None:
    """What to write instead of an operator on types that do not go together."""
    if sides == {INT, FLOAT}:
        return "write the whole number with `.0`, or make it one with `.float()`"
    if sides == {DATETIME}:
        return "the time between two instants is `a - b`" if operator == "+" else None
    if operator == "*" and sides == {STRING, INT}:
        return "write `text.repeat(n)`"
    if sides in ({DURATION, INT}, {DATETIME, INT}):
        return "a length of time has a unit: `5s`, `10m`, `1h30m`"
    if sides == {DATETIME, STRING}:
        return "read the string with `.datetime()`, which may be missing"
    if STRING in sides and sides & {INT, FLOAT}:
        return "read a number from the string with `.int()` or `.float()`, which may be missing"
    return None


def _refuse(operator: str, left: Type, right: Type, help: str | None) -> Refusal:
    one, other = brief(_plain(left)), brief(_plain(right))
    sides = f"`{one}`" if one == other else f"`{one}` and `{other}`"
    return Refusal(codes.BAD_OPERANDS, f"`{operator}` does not work on {sides}", help)


def comparable_problem(left: Type, right: Type) -> Refusal | None:
    """Why two types cannot be asked for equality, None where they can."""
    one, other = present(left), present(right)
    if NULL in (left, right):
        return None
    if contains(left, JSON) or contains(right, JSON):
        message = "json cannot be compared, but with null"
        return Refusal(codes.JSON_USE, message, "say what it is first: `(… as T)`")
    if contains(left, Secret) or contains(right, Secret):
        return Refusal(codes.SECRET_LEAK, "a secret cannot be compared", None)
    if isinstance(one, Enum) and isinstance(other, Enum):
        return _enums(one, other)
    if isinstance(one, Union) and isinstance(other, Union):
        same = (one.module, one.name) == (other.module, other.name)
        return None if same else _never_equal(left, right, None)
    if (is_text(one) and is_text(other)) or (one == other):
        return None
    if not (is_number(one) and is_number(other)) and join(one, other) is not None:
        return None
    return _never_equal(left, right, _mixed_help("==", {_plain(one), _plain(other)}))


def _enums(left: Enum, right: Enum) -> Refusal | None:
    if set(left.values) & set(right.values):
        return None
    known, written = (left, right) if len(right.values) == 1 else (right, left)
    choices = ", ".join(f'"{v}"' for v in known.values)
    help = did_you_mean(written.values[0], known.values) if len(written.values) == 1 else None
    return Refusal(codes.TYPE_MISMATCH, f"`{show(written)}` is not one of {choices}", help)


def _never_equal(left: Type, right: Type, help: str | None) -> Refusal:
    message = f"`{brief(left)}` and `{brief(right)}` are different types, so they are never equal"
    return Refusal(codes.BAD_OPERANDS, message, help)
