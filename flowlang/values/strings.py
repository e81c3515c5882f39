"""The functions of strings. Positions and sizes count code points; each function pays for what it reads
and makes before it does so."""

from __future__ import annotations

import base64 as encodings
import hashlib
import re
import shlex
from functools import cache
from typing import Final
from urllib.parse import quote

from flowlang.text.patterns import Regex, compile_pattern
from flowlang.values import times
from flowlang.values.evaluation import (
    CALL,
    COPIED,
    MATCHED,
    SCANNED,
    Budget,
    charge,
    charge_text,
    claim_items,
    claim_text,
    fail,
)
from flowlang.values.value import MAX_INT, MAX_ITEMS, MAX_TEXT, MIN_INT

TINY: Final = 1 << COPIED  # a string that is made of less costs nothing beyond its node


def add(budget: Budget, left: str, right: str) -> str:
    claim_text(budget, len(left) + len(right))
    return left + right


def template(budget: Budget, *parts: str) -> str:
    """The parts one after the other: an interpolated string."""
    claim_text(budget, sum(map(len, parts)))
    return "".join(parts)


def join(budget: Budget, parts: list[str], separator: str = "") -> str:
    charge(budget, len(parts))
    claim_text(budget, sum(map(len, parts)) + len(separator) * max(0, len(parts) - 1))
    return separator.join(parts)


def at(text: str, index: int) -> str | None:
    return text[index] if 0 <= index < len(text) else None


def upper(budget: Budget, text: str) -> str:
    charge_text(budget, len(text), SCANNED)
    return _within(text.upper())


def lower(budget: Budget, text: str) -> str:
    charge_text(budget, len(text), SCANNED)
    return _within(text.lower())


def trim(budget: Budget, text: str) -> str:
    charge_text(budget, len(text))
    return text.strip()


def starts_with(budget: Budget, text: str, prefix: str) -> bool:
    charge_text(budget, len(prefix))
    return text.startswith(prefix)


def ends_with(budget: Budget, text: str, suffix: str) -> bool:
    charge_text(budget, len(suffix))
    return text.endswith(suffix)


def contains(budget: Budget, text: str, part: str) -> bool:
    charge_text(budget, len(text), SCANNED)
    return part in text


def index_of(budget: Budget, text: str, part: str) -> int | None:
    charge_text(budget, len(text), SCANNED)
    found = text.find(part)
    return None if found < 0 else found


def replace(budget: Budget, text: str, old: str, new: str) -> str:
    charge_text(budget, len(text), SCANNED)
    if not old:
        return text
    claim_text(budget, len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def split(budget: Budget, text: str, separator: str) -> list[str]:
    charge_text(budget, len(text), SCANNED)
    if not separator:
        claim_items(budget, len(text))
        return list(text)
    claim_items(budget, text.count(separator) + 1)
    return text.split(separator)


def lines(budget: Budget, text: str) -> list[str]:
    charge_text(budget, len(text), SCANNED)
    plain = text.replace("\r\n", "\n").replace("\r", "\n")
    claim_items(budget, plain.count("\n") + 1)
    found = plain.split("\n")
    return found if found[-1] else found[:-1]


def slice_(budget: Budget, text: str, start: int, end: int = MAX_INT) -> str:
    charge_text(budget, len(text))
    return text[max(start, 0) : max(end, 0)]


def pad(budget: Budget, text: str, width: int, filling: str = " ") -> str:
    missing = abs(width) - len(text)
    if missing <= 0 or not filling:
        return text
    claim_text(budget, abs(width))
    filled = (filling * (missing // len(filling) + 1))[:missing]
    return text + filled if width > 0 else filled + text


def repeat(budget: Budget, text: str, count: int) -> str:
    claim_text(budget, len(text) * max(count, 0))
    return text * count


def matches(budget: Budget, text: str, pattern: str) -> bool:
    charge(budget, CALL)
    charge_text(budget, len(text), MATCHED)
    return _compiled(pattern).search(text) is not None


def find_all(budget: Budget, text: str, pattern: str) -> list[str]:
    charge(budget, CALL)
    charge_text(budget, len(text), MATCHED)
    found: list[str] = []
    for match in _compiled(pattern).finditer(text):
        if len(found) == MAX_ITEMS:
            claim_items(budget, MAX_ITEMS + 1)
        charge(budget, 2 * CALL)
        found.append(match.group())
    return found


def _compiled(pattern: str) -> Regex:
    """A pattern that the checker has seen; one that it would have refused fails here."""
    try:
        return compile_pattern(pattern)
    except ValueError as error:
        fail(f"this is no pattern: {error}")


def to_int(budget: Budget, text: str) -> int | None:
    if not _pattern(r"[+-]?\d{1,30}").fullmatch(text):
        return None
    number = int(text)
    return number if MIN_INT <= number <= MAX_INT else None


def to_float(budget: Budget, text: str) -> float | None:
    if not _pattern(r"[+-]?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,6})?").fullmatch(text):
        return None
    number = float(text)
    return number if number - number == 0 else None


def to_datetime(budget: Budget, text: str) -> int | None:
    charge(budget, CALL)
    try:
        return times.parse_datetime(text)
    except ValueError:
        return None


def url_encode(budget: Budget, text: str) -> str:
    charge(budget, len(text))
    return _within(quote(text, safe=""))


def shell_quote(budget: Budget, text: str) -> str:
    charge_text(budget, len(text), SCANNED)
    return _within(shlex.quote(text))


def base64(budget: Budget, text: str) -> str:
    charge_text(budget, len(text), SCANNED)
    return _within(encodings.b64encode(text.encode()).decode("ascii"))


def sha256(budget: Budget, text: str) -> str:
    charge_text(budget, len(text), SCANNED)
    return hashlib.sha256(text.encode()).hexdigest()


def format_datetime(budget: Budget, moment: int, pattern: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    charge(budget, CALL + len(pattern))
    try:
        return _within(times.strftime(moment, pattern))
    except ValueError as error:
        fail(str(error))


def _within(made: str) -> str:
    """What grew by a bounded factor while it was made, and may have grown too large."""
    if len(made) > MAX_TEXT:
        fail(f"a string of {len(made):,} characters would be larger than 1 MiB")
    return made


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII)
