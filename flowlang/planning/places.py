"""From an offset in the value of a string back to the file: escapes, folded lines and indentation undone.

The raw text of a scalar is cut into units, each a character and the stretch that stands for it; an escape is
one unit. Values differ from their units in white space alone, since that is all that folding and indentation
touch. So the other characters are matched one by one, and white space takes its place from its neighbours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import attrs

from flowlang.planning.document import Scalar
from flowlang.text.source import Span

JSON_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[0-9a-fA-F]{4}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)
YAML_ESCAPE = re.compile(
    r"\\x[0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|\\\r?\n[ \t]*|\\.", re.DOTALL
)
DOUBLED_QUOTE = re.compile("''")
BLOCK_HEAD = re.compile(r"[|>][-+0-9]*[ \t]*(?:#[^\n]*)?\r?\n")


@attrs.frozen(eq=False)
class Placed:
    """The text of a string scalar, and the offsets where each of its characters starts and ends. Where they
    cannot be told apart (`exact` is false), each stands in the whole scalar."""

    text: str
    whole: Span
    starts: Sequence[int] | None
    ends: Sequence[int]

    @property
    def exact(self) -> bool:
        return self.starts is not None

    def span(self, start: int, end: int) -> Span:
        """A stretch of the text in the file."""
        if self.starts is None:
            return self.whole
        if start < end:
            return Span(self.starts[start], self.ends[end - 1])
        at = (
            self.starts[start] if start < len(self.text) else self.ends[-1] if self.text else self.whole.start
        )
        return Span(at, at)

    def part(self, start: int, end: int) -> Placed:
        """A stretch of the text by itself."""
        starts = None if self.starts is None else self.starts[start:end]
        return Placed(self.text[start:end], self.span(start, end), starts, self.ends[start:end])


def placed(scalar: Scalar, source: str) -> Placed:
    """A string scalar with the places of its characters in the source."""
    assert isinstance(scalar.value, str)
    start, end = scalar.inside
    if source[start:end] == scalar.value:
        return Placed(scalar.value, scalar.span, range(start, end), range(start + 1, end + 1))
    found = _aligned(scalar.value, list(_units(scalar, source)))
    starts, ends = found or (None, ())
    return Placed(scalar.value, scalar.span, starts, ends)


class _Unit(NamedTuple):
    character: str  # "" for an escaped line break
    start: int
    end: int
    escaped: bool


def _units(scalar: Scalar, source: str) -> Iterator[_Unit]:
    start, end = scalar.span
    match scalar.style:
        case "json":
            return _escaped(source, start + 1, end - 1, JSON_ESCAPE)
        case "double":
            return _escaped(source, start + 1, end - 1, YAML_ESCAPE)
        case "single":
            return _escaped(source, start + 1, end - 1, DOUBLED_QUOTE)
        case "block":
            head = BLOCK_HEAD.match(source, start, end)
            start = head.end() if head else start
    return _escaped(source, start, end, None)


def _escaped(source: str, start: int, end: int, escape: re.Pattern[str] | None) -> Iterator[_Unit]:
    while start < end:
        found = escape.match(source, start, end) if escape and source[start] in "\\'" else None
        if found:
            yield _Unit(_meaning(found[0]), start, found.end(), True)
            start = found.end()
        else:
            yield _Unit(source[start], start, start + 1, False)
            start += 1


ESCAPES = {
    "0": "\0", "a": "\a", "b": "\b", "t": "\t", "\t": "\t", "n": "\n", "v": "\v", "f": "\f", "r": "\r",
    "e": "\x1b", "N": "\x85", "_": "\xa0", "L": "\u2028", "P": "\u2029",
}  # fmt: skip


def _meaning(escape: str) -> str:
    """The character of an escape, or "" for a line break that is none."""
    if escape == "''":
        return "'"
    if escape[1] in "\r\n":
        return ""
    if len(escape) == 12:
        return (
            escape.encode()
            .decode("unicode_escape")
            .encode("utf-16", "surrogatepass")
            .decode("utf-16", "replace")
        )
    if len(escape) > 2:
        point = int(escape[2:], 16)
        return chr(point) if point <= 0x10FFFF else ""
    return ESCAPES.get(escape[1], escape[1])


def _aligned(value: str, units: list[_Unit]) -> tuple[list[int], list[int]] | None:
    """Where each character starts and ends; None where value and units do not meet."""
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    for character in value:
        while at < len(units) and units[at].character != character and _may_vanish(units[at]):
            at += 1
        if at < len(units) and units[at].character == character:
            starts.append(units[at].start)
            at += 1
        elif character in " \n" and at:  # made by folding: it has no place of its own
            starts.append(units[at - 1].end)
        else:
            return None
        ends.append(units[at - 1].end)
    return starts, ends


def _may_vanish(unit: _Unit) -> bool:
    return not unit.character or (not unit.escaped and unit.character in " \t\r\n")
