"""Durations as ISO 8601 writes them, as JSON Schema's `duration` asks for: `PT1H30M` <-> `1h30m`.

Years and months have no length of their own, so a duration with one of them is left as it is; whoever reads
it as a duration says then that it is none."""

from __future__ import annotations

import re
from typing import Final

from flowlang.values.times import format_duration, parse_duration

_ISO: Final = re.compile(
    r"(-?)P(?:(\d{1,9})W)?(?:(\d{1,9})D)?"
    r"(?:T(?=\d)(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,12})(?:[.,](\d{1,20}))?S)?)?"
)
_SECONDS: Final = (7 * 86_400, 86_400, 3_600, 60, 1)


def iso_of_duration(text: str) -> str:
    """`1h30m` as `PT1H30M`."""
    try:
        microseconds = parse_duration(text)
    except ValueError:
        return text
    seconds, fraction = divmod(abs(microseconds), 1_000_000)
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, rest = divmod(rest, 60)
    decimals = f".{fraction:06d}".rstrip("0") if fraction else ""
    time = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M")) if n)
    time += f"{rest}{decimals}S" if rest or decimals else ""
    sign, date = "-" if microseconds < 0 else "", f"{days}D" if days else ""
    return f"{sign}P{date}" + (f"T{time}" if time else "" if date else "T0S")


def duration_of_iso(text: str) -> str:
    """`PT1H30M` as `1h30m`; digits beyond microseconds are cut off."""
    found = _ISO.fullmatch(text)
    if found is None or text.endswith("P"):
        return text
    sign, *numbers, fraction = found.groups()
    seconds = sum(int(number or 0) * size for number, size in zip(numbers, _SECONDS, strict=True))
    microseconds = seconds * 1_000_000 + int(f"{fraction or '':0<6}"[:6])
    return format_duration(-microseconds if sign else microseconds)
