"""Values that do not fit a type: what a broken agent replies, with one thing wrong in it or all of it.

Either something of another kind altogether, or a value that would fit but for one part. `decode` has the last
word on what fits: a float that is whole is an int, and a field too many is dropped."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

from hypothesis import strategies as st

from flowlang.plan import model as plan
from flowlang.testing.types import type_of
from flowlang.testing.values import Values, fitting
from flowlang.values.codec import decode
from flowlang.values.value import MAX_INT, MIN_INT, Misfit, Value

NO_VALUES: Final = (
    math.nan,
    math.inf,
    -math.inf,
    MAX_INT + 1,
    MIN_INT - 1,
    "\ud800",
    [math.nan],
    {"a": "\udfff"},
)
"""Plain data that no type takes."""

WRONG: Final[tuple[Value, ...]] = (
    None,
    True,
    0,
    1.5,
    "",
    "x",
    [],
    {},
    [None],
    {"case": "?"},
    {"a": 1},
    "soon",
    "2024-13-01",
)


def misfits(type: plan.Type | str) -> Values:
    """Plain data that does not fit a type, in what would be its JSON form.

    Raises ValueError where the text of a type is none."""
    return unfitting(type_of(type))


@cache
def unfitting(type: plan.Type) -> Values:
    wrong = st.sampled_from([value for value in (*WRONG, *NO_VALUES) if not fits(value, type)])
    return st.one_of(
        wrong, *(part.filter(lambda value: not fits(value, type)) for part in _with_a_wrong_part(type))
    )


def fits(value: Value, type: plan.Type) -> bool:
    """Whether plain data is a value of a type."""
    try:
        decode(value, type)
    except Misfit:
        return False
    return True


def _with_a_wrong_part(type: plan.Type) -> list[Values]:
    """Values that would fit but for one part, if a type has parts."""
    match type:
        case plan.ListType(item=item):
            fitting_items = st.lists(fitting(item), max_size=2)
            return [st.builds(lambda before, part, after: [*before, part, *after],
                              fitting_items, unfitting(item), fitting_items)]  # fmt: skip
        case plan.MapType(value=value):
            return [st.builds(_with, fitting(type), st.text(max_size=3), unfitting(value))]
        case plan.OptionalType(inner=inner) | plan.SecretType(inner=inner):
            return [unfitting(inner)]
        case plan.RecordType(fields=fields):
            return _with_a_wrong_field(fitting(type), fields)
        case plan.UnionType(name=name, cases=cases):
            alone = {case: fitting(plan.UnionType(name=name, cases=(case,))) for case in cases}
            wrong = [
                part for case, value in alone.items() for part in _with_a_wrong_field(value, case.fields)
            ]
            return [_with_an_unknown_case(fitting(type)), *wrong]
        case _:
            return []


def _with_a_wrong_field(record: Values, fields: tuple[plan.FieldType, ...]) -> list[Values]:
    """A record with a field that does not fit; or without one, which fits only where it is optional."""
    wrong = [st.builds(_with, record, st.just(field.name), unfitting(field.type)) for field in fields]
    return [*wrong, *(st.builds(_without, record, st.just(field.name)) for field in fields)]


def _with_an_unknown_case(union: Values) -> Values:
    return st.builds(_with, union, st.just("case"), st.sampled_from(["", "case", "null", 1, None]))


def _with(record: dict[str, Any], name: str, part: Value) -> Value:
    return record | {name: part}


def _without(record: dict[str, Any], name: str) -> Value:
    return {key: part for key, part in record.items() if key != name}
