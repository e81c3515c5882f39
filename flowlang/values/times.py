"""Durations and datetimes as text: "1h30m" and RFC 3339 on one side, microseconds on the other.

A duration is at most 10,000 years long either way; a datetime lies in the years 1 to 9999 of the
proleptic Gregorian calendar and is always UTC, its microseconds counted from 1970. Texts are read
strictly, since a guess about an offset or a unit is a bug that shows up in another country. Names of
days and months are English whatever the host's locale says. Deliberately absent: time zones by name,
which change with a data base and not with the plan, and any notion of now."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Final

SECOND: Final = 1_000_000
MAX_DURATION: Final = 315_576_000_000 * SECOND  # 10,000 years of 365.25 days
EPOCH: Final = datetime(1970, 1, 1)
FIRST_DATETIME: Final = -62_135_596_800 * SECOND  # 0001-01-01T00:00:00Z
LAST_DATETIME: Final = 253_402_300_800 * SECOND - 1  # 9999-12-31T23:59:59.999999Z

_UNITS: Final = (("d", 86_400 * SECOND), ("h", 3_600 * SECOND), ("m", 60 * SECOND))
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def format_duration(microseconds: int) -> str:
    """The shortest text of days, hours, minutes and seconds: `1h30m`, `1.5s`, `250ms`, `-2d`, `0s`."""
    rest = abs(microseconds)
    if 0 < rest < SECOND:
        return _sign(microseconds) + _decimal(rest, 1_000) + "ms"
    parts = []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    if rest or not parts:
        parts.append(_decimal(rest, SECOND) + "s")
    return _sign(microseconds) + "".join(parts)


def parse_duration(text: str) -> int:
    """Microseconds of `1h30m`, `1.5s`, `-2d`: units from large to small, each at most once.
    Raises ValueError."""
    found = _duration_pattern().fullmatch(text)
    if found is None or not found[0].lstrip("-"):
        raise ValueError(f'"{text[:40]}" is no duration; write one like 30s, 1h30m or 2d')
    sizes = (*(size for _, size in _UNITS), SECOND, 1_000)
    total = sum(
        _scaled(number, size) for number, size in zip(found.groups()[1:], sizes, strict=True) if number
    )
    if total > MAX_DURATION:
        raise ValueError(f'"{text[:40]}" is longer than 10,000 years')
    return -total if found[1] else total


def format_datetime(microseconds: int) -> str:
    """RFC 3339 in UTC: `2024-05-01T12:00:00Z`, with a fraction only where there is one.

    No value lies outside the years 1 to 9999, but a deadline may; it is shown as the last instant of them."""
    microseconds = min(max(microseconds, FIRST_DATETIME), LAST_DATETIME)
    fraction = microseconds % SECOND
    shown = f".{fraction:06d}".rstrip("0") if fraction else ""
    return _moment(microseconds).replace(microsecond=0).isoformat() + shown + "Z"


def parse_datetime(text: str) -> int:
    """Microseconds since 1970 of an RFC 3339 date-time with its offset; digits beyond them are cut off.
    Raises ValueError."""
    found = _datetime_pattern().fullmatch(text)
    if found is None:
        raise ValueError(_datetime_advice(text))
    year, month, day, hour, minute, second, fraction, sign, hours, minutes = found.groups()
    try:
        local = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second))
    except ValueError as error:
        raise ValueError(f'"{text[:40]}" is no datetime: {error}') from None
    microseconds = (local - EPOCH) // timedelta(microseconds=1) + int(f"{fraction or '':0<6}"[:6])
    if sign:
        if int(hours) > 23 or int(minutes) > 59:
            raise ValueError(f'"{text[:40]}" is no datetime: its offset must be below 24:00')
        offset = (int(hours) * 60 + int(minutes)) * 60 * SECOND
        microseconds += offset if sign == "-" else -offset
    if not FIRST_DATETIME <= microseconds <= LAST_DATETIME:
        raise ValueError(f'"{text[:40]}" lies outside the years 1 to 9999 in UTC')
    return microseconds


def strftime(microseconds: int, pattern: str) -> str:
    """A datetime by a pattern of DIRECTIVES, in UTC and English. Raises ValueError for an unknown one."""
    moment = _moment(microseconds)

    def directive(found: re.Match[str]) -> str:
        write = DIRECTIVES.get(found[1])
        if write is None:
            raise ValueError(
                f"there is no directive %{found[1]}; there are {' '.join('%' + d for d in DIRECTIVES)}"
            )
        return write(moment)

    return re.sub(r"%(.?)", directive, pattern, flags=re.DOTALL)


DIRECTIVES: Final[dict[str, Callable[[datetime], str]]] = {
    "Y": lambda t: f"{t.year:04d}",
    "m": lambda t: f"{t.month:02d}",
    "d": lambda t: f"{t.day:02d}",
    "H": lambda t: f"{t.hour:02d}",
    "M": lambda t: f"{t.minute:02d}",
    "S": lambda t: f"{t.second:02d}",
    "f": lambda t: f"{t.microsecond:06d}",
    "j": lambda t: f"{t.timetuple().tm_yday:03d}",
    "y": lambda t: f"{t.year % 100:02d}",
    "I": lambda t: f"{(t.hour + 11) % 12 + 1:02d}",
    "p": lambda t: "AM" if t.hour < 12 else "PM",
    "a": lambda t: _DAYS[t.weekday()][:3],
    "A": lambda t: _DAYS[t.weekday()],
    "b": lambda t: _MONTHS[t.month - 1][:3],
    "B": lambda t: _MONTHS[t.month - 1],
    "F": lambda t: f"{t.year:04d}-{t.month:02d}-{t.day:02d}",
    "T": lambda t: f"{t.hour:02d}:{t.minute:02d}:{t.second:02d}",
    "%": lambda t: "%",
}


def calendar(microseconds: int) -> datetime:
    """The fields of a datetime in UTC."""
    return _moment(microseconds).replace(tzinfo=UTC)


def _moment(microseconds: int) -> datetime:
    return EPOCH + timedelta(microseconds=microseconds)


def _sign(microseconds: int) -> str:
    return "-" if microseconds < 0 else ""


def _decimal(amount: int, unit: int) -> str:
    """`amount / unit` exactly, for a unit that is a power of ten."""
    whole, rest = divmod(amount, unit)
    digits = len(str(unit)) - 1
    return f"{whole}.{rest:0{digits}d}".rstrip("0") if rest else str(whole)


def _scaled(number: str, size: int) -> int:
    """`1.5` of a unit in microseconds, rounded to the nearest; digits far behind the point say nothing."""
    whole, _, fraction = number.partition(".")
    scale: int = 10 ** len(fraction[:18])
    return int(whole) * size + (2 * int(fraction[:18] or 0) * size + scale) // (2 * scale)


def _datetime_advice(text: str) -> str:
    shown = f'"{text[:40]}"'
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return f"{shown} is a day; a datetime has a time and an offset too, like {text}T00:00:00Z"
    if re.fullmatch(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?", text):
        return f"{shown} has no offset; end it with Z for UTC, or with one like +02:00"
    return f"{shown} is no datetime; write one like 2024-05-01T12:00:00Z"


@cache
def _duration_pattern() -> re.Pattern[str]:
    number = r"(?:(\d{1,15}(?:\.\d{1,40})?)%s)?"
    return re.compile("(-)?" + "".join(number % unit for unit in ("d", "h", "m(?!s)", "s", "ms")), re.ASCII)


@cache
def _datetime_pattern() -> re.Pattern[str]:
    date, time = r"(\d{4})-(\d\d)-(\d\d)", r"(\d\d):(\d\d):(\d\d)(?:\.(\d{1,40}))?"
    return re.compile(date + "[Tt ]" + time + r"(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII)
