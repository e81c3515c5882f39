"""Durations and datetimes as text, read strictly and written in one way."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlang.plan import model as plan
from flowlang.values.schema import schema
from flowlang.values.times import (
    FIRST_DATETIME,
    LAST_DATETIME,
    MAX_DURATION,
    format_datetime,
    format_duration,
    parse_datetime,
    parse_duration,
    strftime,
)

DURATIONS = [
    ("30s", 30_000_000, "30s"),
    ("1h30m", 5_400_000_000, "1h30m"),
    ("90m", 5_400_000_000, "1h30m"),
    ("250ms", 250_000, "250ms"),
    ("1s250ms", 1_250_000, "1.25s"),
    ("1.5h", 5_400_000_000, "1h30m"),
    ("0s", 0, "0s"),
    ("-0s", 0, "0s"),
    ("-2d", -172_800_000_000, "-2d"),
    ("2d3h4m5s6ms", 183_845_006_000, "2d3h4m5.006s"),
    ("0.001ms", 1, "0.001ms"),
    ("0.0004ms", 0, "0s"),
    ("0.0005ms", 1, "0.001ms"),
    ("3652500d", MAX_DURATION, "3652500d"),
]


@pytest.mark.parametrize(("text", "microseconds", "shown"), DURATIONS)
def test_durations(text, microseconds, shown):
    assert parse_duration(text) == microseconds
    assert format_duration(microseconds) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "5",
        "s",
        "1 s",
        "1h 30m",
        "30m1h",
        "1h1h",
        "1.s",
        ".5s",
        "+1s",
        "1S",
        "PT1H",
        "3652501d",
        "1e3s",
        "１s",
    ],
)
def test_what_is_no_duration(text):
    with pytest.raises(ValueError, match=r"is no duration|longer than 10,000 years"):
        parse_duration(text)


@given(st.integers(-MAX_DURATION, MAX_DURATION))
def test_durations_survive_being_written(microseconds):
    text = format_duration(microseconds)
    assert parse_duration(text) == microseconds
    assert re.fullmatch(schema(plan.ScalarType(kind="duration"))["pattern"], text)


DATETIMES = [
    ("2024-05-01T12:00:00Z", "2024-05-01T12:00:00Z"),
    ("2024-05-01t12:00:00z", "2024-05-01T12:00:00Z"),
    ("2024-05-01 12:00:00Z", "2024-05-01T12:00:00Z"),
    ("2024-05-01T12:00:00.250Z", "2024-05-01T12:00:00.25Z"),
    ("2024-05-01T00:30:00+02:00", "2024-04-30T22:30:00Z"),
    ("2024-05-01T12:00:00-05:30", "2024-05-01T17:30:00Z"),
    ("2024-05-01T12:00:00.1234567899Z", "2024-05-01T12:00:00.123456Z"),
    ("1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.5Z"),
    ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
    ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
]


@pytest.mark.parametrize(("text", "shown"), DATETIMES)
def test_datetimes(text, shown):
    assert format_datetime(parse_datetime(text)) == shown


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("2024-05-01", "has a time and an offset too, like 2024-05-01T00:00:00Z"),
        ("2024-05-01T12:00:00", "has no offset; end it with Z for UTC"),
        ("2024-05-01T12:00", "has no offset"),
        ("2024-02-30T12:00:00Z", "is no datetime: day is out of range for month"),
        ("2024-05-01T24:00:00Z", "is no datetime: hour must be in 0..23"),
        ("2024-05-01T12:00:60Z", "is no datetime: second must be in 0..59"),
        ("2024-05-01T12:00:00+25:00", "its offset must be below 24:00"),
        ("0001-01-01T00:00:00+01:00", "outside the years 1 to 9999"),
        ("9999-12-31T23:59:59-01:00", "outside the years 1 to 9999"),
        ("0000-01-01T00:00:00Z", "is no datetime: year 0 is out of range"),
        ("yesterday", "write one like 2024-05-01T12:00:00Z"),
        ("1714564800", "write one like"),
        ("x" * 10_000, "write one like"),
    ],
)
def test_what_is_no_datetime(text, advice):
    with pytest.raises(ValueError, match=re.escape(advice)) as caught:
        parse_datetime(text)
    assert len(str(caught.value)) < 200


@given(st.integers(FIRST_DATETIME, LAST_DATETIME))
def test_datetimes_survive_being_written(microseconds):
    text = format_datetime(microseconds)
    assert parse_datetime(text) == microseconds
    expected = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
    assert datetime.fromisoformat(text.replace("Z", "+00:00")) == expected


@given(st.integers(FIRST_DATETIME, LAST_DATETIME))
def test_patterns_say_what_the_c_library_says(microseconds):
    moment = datetime(1970, 1, 1) + timedelta(microseconds=microseconds)
    pattern = "%m %d %H %M %S %f %j %y %I %p %a %A %b %B %T %%"
    assert strftime(microseconds, pattern) == moment.strftime(pattern)
    assert strftime(microseconds, "%Y|%F") == f"{moment.year:04d}|{moment.date().isoformat()}"


@pytest.mark.parametrize("pattern", ["%Q", "%", "100%", "%-d", "%s"])
def test_unknown_directives_are_refused(pattern):
    with pytest.raises(ValueError, match="there is no directive %"):
        strftime(0, pattern)
