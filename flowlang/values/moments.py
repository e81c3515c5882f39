"""The functions of durations and datetimes, and the text of scalars in the hole of a string."""

from __future__ import annotations

from flowlang.values import times
from flowlang.values.evaluation import Budget


def seconds(budget: Budget, microseconds: int) -> float:
    return microseconds / times.SECOND


def format_duration(budget: Budget, duration: int) -> str:
    return times.format_duration(duration)


def year(budget: Budget, moment: int) -> int:
    return times.calendar(moment).year


def month(budget: Budget, moment: int) -> int:
    return times.calendar(moment).month


def day(budget: Budget, moment: int) -> int:
    return times.calendar(moment).day


def hour(budget: Budget, moment: int) -> int:
    return times.calendar(moment).hour


def minute(budget: Budget, moment: int) -> int:
    return times.calendar(moment).minute


def second(budget: Budget, moment: int) -> int:
    return times.calendar(moment).second


def weekday(budget: Budget, moment: int) -> int:
    return times.calendar(moment).isoweekday()


def int_text(number: int) -> str:
    return str(number)


def float_text(number: float) -> str:
    """The shortest text that reads back as the same float, with a point or an exponent."""
    return repr(number)


def bool_text(truth: bool) -> str:
    return "true" if truth else "false"
