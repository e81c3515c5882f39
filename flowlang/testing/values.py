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
from flowlang.values.references import reference_to
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
DAY: Final = 86_400_000_000
MILLENNIUM: Final = 946_684_800_000_000
LEAP_DAY: Final = 1_709_164_800_000_000

CONTENTS: Final = ("", "a", "b", "{}", "a,b\n1,2\n", "\ufeff", "日本")
"""Of files. A flow passes files on and compares them, so a few will do, such as a test can write."""

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
    "file": reference_to(b"", "text/plain"),
}


# Scalars


def _numbers(*ranges: tuple[int, int]) -> st.SearchStrategy[int]:
    """Numbers of these ranges. One of a narrow range shrinks by way of a wider one that stands before it,
    since Hypothesis keeps a number where it fits."""
    return st.one_of(*(st.integers(least, most) for least, most in ranges))


def _floats(least: float | None = None, most: float | None = None) -> st.SearchStrategy[float]:
    return st.floats(least, most, allow_nan=False, allow_infinity=False)


texts: Final[st.SearchStrategy[str]] = st.text(max_size=8) | st.sampled_from(ODD_TEXTS)
ints: Final[st.SearchStrategy[int]] = _numbers(
    (0, 3), (0, 9), (-9, 9), (-20, 20), (MIN_INT, MAX_INT),
    (MAX_INT - 1, MAX_INT), (MIN_INT, MIN_INT + 1), (1 << 31, 1 << 54),
)  # fmt: skip
floats: Final[st.SearchStrategy[float]] = st.one_of(
    st.integers(-8, 8).map(lambda number: number / 2), _floats(), _floats(0.1, 0.3), _floats(-0.0, -0.0),
    _floats(0.0, 1e-300), _floats(2.0**53, 2.0**54), _floats(least=1e308), _floats(most=-1e308),
)  # fmt: skip
durations: Final[st.SearchStrategy[str]] = (
    st.integers(0, 90).map(lambda seconds: seconds * 1_000_000)
    | _numbers(
        (-MAX_DURATION, MAX_DURATION), (0, 2_000), (1_000_000, DAY), (-1_000_000, -1),
        (MAX_DURATION - 1, MAX_DURATION), (-MAX_DURATION, 1 - MAX_DURATION),
    )
).map(format_duration)  # fmt: skip
datetimes: Final[st.SearchStrategy[str]] = (
    st.integers(0, 1_000).map(lambda days: days * DAY + MILLENNIUM)
    | _numbers(
        (FIRST_DATETIME, LAST_DATETIME), (-1, 0), (LEAP_DAY, LEAP_DAY + DAY),
        (FIRST_DATETIME, FIRST_DATETIME + 1), (LAST_DATETIME - 1, LAST_DATETIME),
    )
).map(format_datetime)  # fmt: skip
files: Final[Values] = st.tuples(st.sampled_from(CONTENTS), st.sampled_from(MEDIA_TYPES)).map(
    lambda drawn: reference_to(drawn[0].encode(), drawn[1])
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
