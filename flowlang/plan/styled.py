"""Styled lines: text with a meaning for each stretch, wrapped to a width, with or without colour.

Wrapping sees only text, so a line breaks at the same places with colours and without. It breaks at blanks;
where it may not, a no-break space stands, which is written as a plain one."""

from __future__ import annotations

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
    others. A word that is longer than the line stands alone."""
    current: Line = list(first)
    started = False
    for word in _words(line):
        if started and length(current) + len("".join(s.text for s in word).rstrip(" ")) > width:
            yield current
            current = list(rest)
        current += word
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


def _words(line: Line) -> Iterator[Line]:
    """The words of a line, each with the blank behind it; a word may change its style inside."""
    word: Line = []
    for stretch in line:
        start = 0
        while start < len(stretch.text):
            blank = stretch.text.find(" ", start)
            end = len(stretch.text) if blank < 0 else blank + 1
            word.append(Stretch(stretch.text[start:end], stretch.style))
            start = end
            if blank >= 0:
                yield word
                word = []
    if word:
        yield word


def _trimmed(line: Line) -> Line:
    """A line without blanks at its end."""
    kept = list(line)
    while kept and not kept[-1].text.strip():
        kept.pop()
    if kept:
        kept[-1] = Stretch(kept[-1].text.rstrip(), kept[-1].style)
    return kept
