"""Open documents, and the way between offsets and a client's positions.

A position is a line and a character, counted from 0. What a character is, client and server agree on: a unit
of UTF-16, of UTF-8, or a code point. Lines end with `\\n`, `\\r\\n` or `\\r`. A position that lies nowhere
means the nearest one that does: behind the end of the line, at the end of the file, before a character and
not between its halves. So no position is ever refused."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Literal, NamedTuple, TypeAlias

import attrs

Encoding: TypeAlias = Literal["utf-8", "utf-16", "utf-32"]

LINE_BREAK = re.compile(r"\r\n|\n|\r")


class Position(NamedTuple):
    line: int
    character: int


class Change(NamedTuple):
    """Put `text` between two positions, or in place of everything."""

    text: str
    start: Position | None = None
    end: Position | None = None


@attrs.frozen(eq=False, repr=False, slots=False)
class Lines:
    """The lines of a text, as a client counts them."""

    text: str
    encoding: Encoding

    def offset(self, position: Position) -> int:
        """The offset of a position, or of the nearest one that there is."""
        if position.line < 0:
            return 0
        if position.line >= len(self._starts):
            return len(self.text)
        start, end = self._line(position.line)
        if self._is_plain:
            return min(start + max(position.character, 0), end)
        widths = self._widths(position.line)
        return start + bisect_right(widths, max(position.character, 0)) - 1

    def position(self, offset: int) -> Position:
        """The position of an offset; of one that is not in the text, the nearest."""
        offset = min(max(offset, 0), len(self.text))
        line = bisect_right(self._starts, offset) - 1
        start, end = self._line(line)
        column = min(offset, end) - start
        return Position(line, column if self._is_plain else self._widths(line)[column])

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in LINE_BREAK.finditer(self.text))]

    @cached_property
    def _is_plain(self) -> bool:
        return self.encoding == "utf-32" or self.text.isascii()

    def _line(self, number: int) -> tuple[int, int]:
        """Where a line starts, and where it ends without its line break."""
        start = self._starts[number]
        end = self._starts[number + 1] if number + 1 < len(self._starts) else len(self.text)
        while end > start and self.text[end - 1] in "\r\n":
            end -= 1
        return start, end

    @cached_property
    def _known_widths(self) -> dict[int, Sequence[int]]:
        return {}

    def _widths(self, line: int) -> Sequence[int]:
        """How many units stand before each character of a line, and before its end."""
        known = self._known_widths.get(line)
        if known is None:
            text = self.text[slice(*self._line(line))]
            known = (
                range(len(text) + 1) if text.isascii() else [0, *accumulate(map(WIDTH[self.encoding], text))]
            )
            self._known_widths[line] = known
        return known


WIDTH: dict[Encoding, Callable[[str], int]] = {
    "utf-8": lambda character: len(character.encode("utf-8", "surrogatepass")),
    "utf-16": lambda character: 1 + (character > "\uffff"),
    "utf-32": lambda character: 1,
}


@attrs.define(eq=False, repr=False)
class Document:
    """A document that a client has open. `path` is what the workspace calls it."""

    uri: str
    path: str
    version: int
    text: str

    def change(self, version: int, changes: Sequence[Change], encoding: Encoding) -> None:
        """Apply changes one after the other, each to what the one before has made."""
        for change in changes:
            if change.start is None or change.end is None:
                self.text = change.text
                continue
            lines = Lines(self.text, encoding)
            start, end = sorted((lines.offset(change.start), lines.offset(change.end)))
            self.text = self.text[:start] + change.text + self.text[end:]
        self.version = version
