"""Instants for people: by the clock of their time zone, or as seen from now. In microseconds since 1970."""

from __future__ import annotations

from datetime import datetime

from flowlang.tools.run_progress import elapsed_text
from flowlang.values.times import format_duration

MINUTE, HOUR, DAY = 60_000_000, 3_600_000_000, 86_400_000_000


def moment_text(instant: int) -> str:
    """`2024-05-01 14:00:00`, where we are."""
    return datetime.fromtimestamp(instant // 1_000_000).strftime("%Y-%m-%d %H:%M:%S")


def ago_text(instant: int, now: int) -> str:
    """`12s ago`, `3h ago`, `2d ago`."""
    return f"{rough_text(now - instant)} ago"


def due_text(instant: int, now: int) -> str:
    """`in 2h`, or that it is over."""
    return f"in {rough_text(instant - now)}" if instant > now else "overdue"


def span_text(microseconds: int) -> str:
    """How long something took: `0.4s`, `3m5s`, of days only hours and minutes."""
    whole = max(microseconds, 0)
    return elapsed_text(whole) if whole < DAY else format_duration(whole - whole % MINUTE)


def rough_text(microseconds: int) -> str:
    """The largest unit and the one below it, where it says something: `45s`, `12m`, `3h20m`, `2d`."""
    whole = max(microseconds, 0)
    if whole < 10 * MINUTE:
        return format_duration(whole - whole % 1_000_000)
    unit = MINUTE if whole < DAY else HOUR if whole < 10 * DAY else DAY
    return format_duration(whole - whole % unit)
