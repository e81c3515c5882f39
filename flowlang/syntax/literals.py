"""Tokens of literals -> what they mean: numbers, durations and the pieces of a string.

Nothing is reported here: what is wrong comes back as None, or as a piece with its place, and the tree
builder words it. Offsets are relative to the token.

A block string drops the indentation that its lines have in common, the line break behind its opening
quotes and the one before its closing quotes. Escapes are resolved afterwards, so those of a block stay."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

MAX_INT = 2**63 - 1

MICROSECONDS = {
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}


def integer(text: str) -> int | None:
    """The value of an int token; None beyond 2**63, which only a minus sign before it makes an int."""
    digits = text.replace("_", "")
    if len(digits) > 19 and len(digits.lstrip("0")) > 19:  # int() refuses what is very long
        return None
    value = int(digits)
    return value if value <= MAX_INT + 1 else None


def floating(text: str) -> float | None:
    """The value of a float token; None where it is too large for one."""
    value = float(text.replace("_", ""))
    return value if math.isfinite(value) else None


def duration(text: str) -> int | None:
    """The microseconds of `1h30m` or `1.5s`; None where it is not a whole number of them, or not an int."""
    total = 0
    for number, unit in PART.findall(text):
        whole, _, fraction = number.partition(".")
        if len(whole) > 19 or len(fraction) > 19:
            return None
        scaled, rest = divmod(int(whole + fraction) * MICROSECONDS[unit], 10 ** len(fraction))
        if rest:
            return None
        total += scaled
    return total if total <= MAX_INT else None


PART = re.compile(r"([0-9.]+)(ms|s|m|h|d)")


class Hole(NamedTuple):
    """`${…}`: the expression within lies at `start:end` of the token. `closed` is false without its brace."""

    start: int
    end: int
    closed: bool


class BadEscape(NamedTuple):
    """An escape that means nothing, at `start:end` of the token."""

    start: int
    end: int


def string_pieces(token: str) -> Iterator[str | Hole | BadEscape]:
    """The pieces of a string token, in order: constant text with its escapes resolved, and holes.

    A bad escape comes before the text it stands in, and stands there as it was written."""
    if is_plain(token):
        yield token[1:-1]
        return
    width = 3 if token.startswith('"""') else 1
    start, end = width, len(token) - width
    margin = margin_of(token[start:end]) if width == 3 else None
    for hole in [*holes(token, start, end), None]:
        stop = hole.start - 2 if hole else end
        yield from bad_escapes(token, start, stop)
        text = token[start:stop]
        if margin is not None:
            text = trimmed(text, margin, is_first=start == width, is_last=hole is None)
        if text:
            yield resolved(text)
        if hole:
            yield hole
            start = hole.end + hole.closed


def is_plain(token: str) -> bool:
    """Whether all that stands between the quotes of a string stands for itself, as in nearly all of them."""
    if token.startswith('"'):
        return "\\" not in token and "${" not in token and not token.startswith('"""')
    return True


def holes(token: str, start: int, end: int) -> Iterator[Hole]:
    """The holes between two offsets. One that has no end takes all that is left."""
    while found := ESCAPE_OR_HOLE.search(token, start, end):
        start = found.end()
        if found[0] == "${":
            body = HOLE_BODY.match(token, start, end)
            assert body, "the body may be empty"
            closed = token.startswith("}", body.end(), end)
            yield Hole(start, body.end() if closed else end, closed)
            start = body.end() + 1 if closed else end


ESCAPE_OR_HOLE = re.compile(r"\\.|\$\{", re.DOTALL)
HOLE_BODY = re.compile(
    r"""(?:[^{}"']|"(?:[^"\\]|\\.)*+"|'[^']*'|\{(?:[^{}"']|"(?:[^"\\]|\\.)*+"|'[^']*')*+\})*+""", re.DOTALL
)


def has_open_hole(token: str) -> bool:
    """Whether a token is a string in which a hole does not end."""
    if not token.startswith('"'):
        return False
    return any(isinstance(piece, Hole) and not piece.closed for piece in string_pieces(token))


def bad_escapes(token: str, start: int, end: int) -> Iterator[BadEscape]:
    for escape in ESCAPE.finditer(token, start, end):
        if meaning(escape) is None:
            yield BadEscape(*escape.span())


def resolved(text: str) -> str:
    return ESCAPE.sub(lambda escape: meaning(escape) or escape[0], text) if "\\" in text else text


ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|(.))", re.DOTALL)
SIMPLE_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'", "$": "$"}


def meaning(escape: re.Match[str]) -> str | None:
    """The character that an escape stands for; None where it is none."""
    if not escape[1]:
        return SIMPLE_ESCAPES.get(escape[2])
    point = int(escape[1], 16)
    is_character = point <= 0x10FFFF and not 0xD800 <= point <= 0xDFFF
    return chr(point) if is_character else None


def margin_of(text: str) -> str:
    """The blanks that all lines of a block begin with, but for empty ones and the one behind the quotes."""
    margins = [BLANKS.match(line)[0] for line in text.split("\n")[1:] if line.strip()]  # type: ignore[index]
    low, high = min(margins, default=""), max(margins, default="")
    common = next((n for n, (a, b) in enumerate(zip(low, high)) if a != b), min(len(low), len(high)))  # noqa: B905
    return low[:common]


BLANKS = re.compile(r"[ \t]*")


def trimmed(text: str, margin: str, *, is_first: bool, is_last: bool) -> str:
    """A piece of a block without the margin, and without the line breaks next to the quotes."""
    text = text.replace("\r\n", "\n")
    if is_last:
        text = re.sub(r"\n[ \t]*\Z", "", text)
    text = re.sub(r"\n[ \t]+(?=\n)", "\n", text).replace("\n" + margin, "\n")
    return re.sub(r"\A[ \t]*\n", "", text) if is_first else text
