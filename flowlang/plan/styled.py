"""Styled lines: text with a meaning for each stretch, wrapped to a width, with or without colour.

Wrapping sees only text, so a line breaks at the same places with colours and without. It breaks at blanks;
where it may not, a no-break space stands, which is written as a plain one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal, TypeAlias

import attrs

Style: TypeAlias = Literal["plain", "title", "name", "quiet", "good", "careful", "danger"]

_CODES: Final[dict[Style, str]] = {
    "plain": "",
    "title": "1",
    "name": "36",
    "quiet": "2",
    "good": "32",
    "careful": "33",
    "danger": "31",
}


@attrs.frozen
class Stretch:
    text: str
    style: Style = "plain"


Line: TypeAlias = list[Stretch]


FIRM: Final = "\u00a0"  # a blank at which no line breaks


def joined(parts: Iterable[Sequence[Stretch]], separator: str = f"{FIRM}· ") -> Line:
    """Several stretches in one line, with a quiet separator between them."""
    line: Line = []
    for part in parts:
        if line:
            line.append(Stretch(separator, "quiet"))
        line += part
    return line


def wrapped(line: Line, width: int, first: Line, rest: Line) -> Iterator[Line]:
    """A line broken at blanks to fit a width. `first` stands before its first part, `rest` before the
    others. A word that is longer than a line is broken too."""
    current, used = list(first), length(first)
    started = False
    for word in _words(line, max(width - max(used, length(rest)), 8)):
        size = length(word)
        if started and used + size - word[-1].text.endswith(" ") > width:
            yield current
            current, used = list(rest), length(rest)
        current += word
        used += size
        started = True
    yield current


def length(line: Line) -> int:
    return sum(len(stretch.text) for stretch in line)


def written(lines: Iterable[Line], *, colour: bool) -> str:
    """Lines as text, each ended by a line break; colours are ANSI's."""
    return "".join(_written(_trimmed(line), colour) + "\n" for line in lines)


def _written(line: Line, colour: bool) -> str:
    if not colour:
        return "".join(stretch.text for stretch in line).replace(FIRM, " ")
    return "".join(_coloured(stretch.text.replace(FIRM, " "), stretch.style) for stretch in line)


def _coloured(text: str, style: Style) -> str:
    code = _CODES[style]
    return f"\x1b[{code}m{text}\x1b[0m" if code else text


def _words(line: Line, room: int) -> Iterator[Line]:
    """The words of a line, each with the blank behind it; a word may change its style inside. One that is
    longer than `room` comes in pieces."""
    word: Line = []
    used = 0
    for stretch in line:
        for text in _WORD.findall(stretch.text):
            while used + len(text.rstrip(" ")) > room:
                yield [*word, Stretch(text[: room - used], stretch.style)]
                word, used, text = [], 0, text[room - used :]
            word.append(Stretch(text, stretch.style))
            used += len(text)
            if text.endswith(" "):
                yield word
                word, used = [], 0
    if word:
        yield word


_WORD: Final = re.compile(r"[^ ]* |[^ ]+")


def _trimmed(line: Line) -> Line:
    """A line without blanks at its end."""
    kept = list(line)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = Stretch(kept[-1].text.rstrip(), kept[-1].style)
    return kept
