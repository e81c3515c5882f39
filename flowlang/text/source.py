"""Source text: spans as offsets, and the way from an offset to a line and a column.

A `Span` is a pair of offsets. Inside the tree it is relative to the declaration that holds the node,
so a declaration that merely moves keeps its tree, its facts and its diagnostics (see `anchor`);
everywhere else it is relative to the file. Lines and columns exist only where a person reads them."""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from typing import NamedTuple

import attrs


class Span(NamedTuple):
    """Offsets in characters, half open: `text[start:end]`."""

    start: int
    end: int

    def shifted(self, offset: int) -> Span:
        return Span(self.start + offset, self.end + offset)

    def to(self, other: Span) -> Span:
        """The span from the start of this one to the end of the other."""
        return Span(self.start, other.end)


class Anchor(NamedTuple):
    """What a span is relative to: a declaration of a file by its key, or (key "") the file itself."""

    path: str
    key: str = ""


@attrs.frozen(slots=False)
class Source:
    """A named text. `path` is what messages show; it need not exist on disk."""

    path: str
    text: str

    @cached_property
    def line_starts(self) -> list[int]:
        starts = [0]
        position = self.text.find("\n")
        while position >= 0:
            starts.append(position + 1)
            position = self.text.find("\n", position + 1)
        return starts

    def position(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both counted from 1, the column in characters."""
        line = bisect_right(self.line_starts, offset)
        return line, offset - self.line_starts[line - 1] + 1

    def line(self, number: int) -> str:
        """The text of a line (counted from 1), without its line break."""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")
