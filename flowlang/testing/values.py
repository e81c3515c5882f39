"""Values of a type: a type of a plan -> a strategy for what fits it, in JSON form.

What an agent could reply, a person answer, an event carry. Corners come as often as the plain: the ends of
64 bits, the least and the greatest float, texts that look like something else. Everything shrinks to the
smallest of its type: 0, "", no items, the first case, null where null may be."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Final, TypeAlias

from hypothesis import strategies as st

from flowlang.plan import model as plan
from flowlang.testing.types import type_of
from flowlang.values.times import (
    FIRST_DATETIME,
    LAST_DATETIME,
    MAX_DURATION,
    format_datetime,
    format_duration,
)
from flowlang.values.value import MAX_INT, MIN_INT, Value

Values: TypeAlias = st.SearchStrategy[Value]

MOST_ITEMS: Final = 4
ODD_TEXTS: Final = (
    "", "a", "A", "null", "true", "0", "-1", "1e999", "NaN", " ", " x ", "\n", "\r\n", "\t", "\0", "\x7f",
    '"', "'", "\\", "${a}", "$", "{", "}", "//", "a,b,,c", "2024-02-30", "1h30m", "../..", "<b>", "; rm -rf",
    "ß", "İ", "é", "e\u0301", "\u202eabc", "\ufeff", "\u2028", "日本", "👩‍👩‍👧", "\U0010ffff", "a" * 300,
)  # fmt: skip
MEDIA_TYPES: Final = ("text/plain", "application/json", "image/png", "application/octet-stream")


def values(type: plan.Type | str) -> Values:
    """Values that fit a type, in JSON form. The type may be text, as a flow would write it.

    Raises ValueError where that text is no type."""
    return fitting(type_of(type))


@cache
def fitting(type: plan.Type) -> Values:
    match type:
        case plan.ScalarType(kind=kind):
            return SCALARS[kind]
        case plan.ListType(item=item):
            return st.lists(fitting(item), max_size=MOST_ITEMS)
        case plan.MapType(value=value):
            return st.dictionaries(texts, fitting(value), max_size=MOST_ITEMS)
        case plan.OptionalType(inner=inner):
            return st.none() | fitting(inner)
        case plan.SecretType(inner=inner):
            return fitting(inner)
        case plan.RecordType(fields=fields):
            return st.fixed_dictionaries(fields_of(fields))
        case plan.EnumType(values=values):
            return st.sampled_from(values)
        case plan.UnionType(cases=cases):
            return st.one_of(*map(_case, cases))


def fields_of(fields: Iterable[plan.FieldType]) -> dict[str, Values]:
    """A strategy for each field, by its name."""
    return {field.name: fitting(field.type) for field in fields}


def _case(case: plan.CaseType) -> Values:
    return st.fixed_dictionaries({"case": st.just(case.name), **fields_of(case.fields)})


def least(type: plan.Type) -> Value:
    """The smallest value of a type, in JSON form."""
    match type:
        case plan.ScalarType(kind=kind):
            return LEAST[kind]
        case plan.ListType():
            return []
        case plan.MapType():
            return {}
        case plan.OptionalType():
            return None
        case plan.SecretType(inner=inner):
            return least(inner)
        case plan.RecordType(fields=fields):
            return {field.name: least(field.type) for field in fields}
        case plan.EnumType(values=values):
            return values[0]
        case plan.UnionType(cases=(case, *_)):
            return {"case": case.name} | {field.name: least(field.type) for field in case.fields}


LEAST: Final[dict[str, Value]] = {
    "string": "",
    "int": 0,
    "float": 0.0,
    "bool": False,
    "null": None,
    "duration": "0s",
    "datetime": "2000-01-01T00:00:00Z",
    "json": None,
    "file": {"hash": "sha256:" + "0" * 64, "size": 0, "media_type": "text/plain"},
}


# Scalars

texts: Final[st.SearchStrategy[str]] = st.text(max_size=8) | st.sampled_from(ODD_TEXTS)
ints: Final[st.SearchStrategy[int]] = (
    st.integers(-20, 20)
    | st.sampled_from([MAX_INT, MIN_INT, MAX_INT - 1, MIN_INT + 1, 1 << 31, 1 << 32, 1 << 53, -(1 << 53) - 1])
    | st.integers(MIN_INT, MAX_INT)
)
floats: Final[st.SearchStrategy[float]] = (
    st.integers(-8, 8).map(lambda number: number / 2)
    | st.sampled_from([-0.0, 0.1, 1e308, -1e308, 5e-324, 2.0**53, 1e-9])
    | st.floats(allow_nan=False, allow_infinity=False)
)
durations: Final[st.SearchStrategy[str]] = (
    st.integers(0, 90).map(lambda seconds: seconds * 1_000_000)
    | st.sampled_from(
        [1, 999, 1_500, 90 * 60_000_000, 86_400_000_000, -1_000_000, MAX_DURATION, -MAX_DURATION]
    )
    | st.integers(-MAX_DURATION, MAX_DURATION)
).map(format_duration)
datetimes: Final[st.SearchStrategy[str]] = (
    st.integers(0, 1_000).map(lambda days: days * 86_400_000_000 + 946_684_800_000_000)
    | st.sampled_from([0, -1, 1_709_164_800_000_000, FIRST_DATETIME, LAST_DATETIME])
    | st.integers(FIRST_DATETIME, LAST_DATETIME)
).map(format_datetime)
files: Final[Values] = st.fixed_dictionaries(
    {
        "hash": st.integers(0, 255).map(lambda byte: f"sha256:{byte:064x}"),
        "size": st.integers(0, 1 << 30),
        "media_type": st.sampled_from(MEDIA_TYPES),
    }
)


def _nested(inner: Values) -> Values:
    return inner | st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)


anything: Final[Values] = _nested(_nested(st.none() | st.booleans() | ints | floats | texts))
"""What JSON can say."""

SCALARS: Final[dict[str, Values]] = {
    "string": texts,
    "int": ints,
    "float": floats,
    "bool": st.booleans(),
    "null": st.none(),
    "duration": durations,
    "datetime": datetimes,
    "json": anything,
    "file": files,
}
