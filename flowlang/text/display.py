"""Text as a terminal shows it: a line of source becomes cells.

What a person reads must be what is there. So each character becomes a glyph of known width: a tab is
blanks up to the next stop, a wide character takes two cells, a combining one none, and everything that
would steer the terminal or deceive the eye (control characters, bidi marks, zero-width and odd blanks,
lone surrogates) is spelled out, `<U+202E>`. `clean` does the same for a message or a path.

Deliberately absent: grapheme clusters. An emoji made of several code points is shown as its parts."""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

TAB_STOP = 4
ELLIPSIS = "…"


class Cells(NamedTuple):
    """A line in cells: `glyphs[i]` shows character i, and starts at column `starts[i]`.

    `starts` has one item more than `glyphs`: the width of the whole line."""

    glyphs: tuple[str, ...]
    starts: tuple[int, ...]

    @property
    def width(self) -> int:
        return self.starts[-1]

    def text(self) -> str:
        return "".join(self.glyphs)


def cells(line: str) -> Cells:
    """A line without its line break, as it is shown."""
    if line.isascii() and line.isprintable():
        return Cells(tuple(line), tuple(range(len(line) + 1)))
    glyphs: list[str] = []
    starts = [0]
    for character in line:
        glyph = _glyph(character, starts[-1])
        glyphs.append(glyph)
        starts.append(starts[-1] + _width(glyph))
    return Cells(tuple(glyphs), tuple(starts))


def clean(text: str) -> str:
    """Running text made safe to print: line breaks stay, a tab is a blank, what hides is spelled out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character if character == "\n" else " " if character == "\t" else _glyph(character, 0)
        for character in text
    )


def width(text: str) -> int:
    """The cells that a clean text takes."""
    return len(text) if text.isascii() else sum(_width(character) for character in text)


def window(shown: Cells, first: int, last: int, limit: int) -> tuple[int, int]:
    """The characters `start:end` to show where at most `limit` cells fit.

    Characters `first:last` matter: their beginning is always inside, with about a third of the room
    before it. The two ellipses that may stand at the ends are counted."""
    count = len(shown.glyphs)
    if shown.width <= limit:
        return 0, count
    room = max(limit - 2, 1)
    wanted = shown.starts[min(last, count)] - shown.starts[min(first, count)]
    before = max(min(room // 3, room - wanted), room // 8)
    start = min(first, count)
    while start > 0 and shown.starts[min(first, count)] - shown.starts[start - 1] <= min(before, room - 1):
        start -= 1
    end = start
    while end < count and shown.starts[end + 1] - shown.starts[start] <= room:
        end += 1
    while end == count and start > 0 and shown.starts[end] - shown.starts[start - 1] <= room:
        start -= 1
    return start, end


def _glyph(character: str, column: int) -> str:
    if character == "\t":
        return " " * (TAB_STOP - column % TAB_STOP)
    return character if character.isprintable() else f"<U+{ord(character):04X}>"


def _width(glyph: str) -> int:
    if len(glyph) != 1:
        return len(glyph)
    if glyph.isascii():
        return 1
    if unicodedata.combining(glyph) or unicodedata.category(glyph) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(glyph) in "WF" else 1
