"""Text -> the stretches that hold one top-level declaration each.

This scanner knows strings, comments and the words that begin declarations, and nothing else, so it
stays right in a half-typed file: a declaration begins where one of those words stands at the very start
of a line, outside of strings and comments, with what may follow it. Whatever is unfinished
above ends there. (Declarations that stand elsewhere, two on a line or indented, are told apart by the
parser, which knows where one is complete.)

Everything is matched in one pass of one regular expression, so 10,000 lines take a few milliseconds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import attrs

from flowlang.syntax import ast
from flowlang.syntax.words import DECLARATIONS
from flowlang.text.source import Span

BEGINNING = rf"""(?:{"|".join(DECLARATIONS)})\b(?=[ \t]+["A-Za-z_]|[ \t]*[({{=])"""
UNINDENTED = re.compile(f"^{BEGINNING}", re.MULTILINE)
OPENING = re.compile(r"[=(:,>\[][ \t]*\Z")  # what opening quotes stand behind
BLANKS_AND_COMMENTS = re.compile(r"(?:\s+|//(?!/)[^\n]*)*+")
COMMENT = re.compile(r"//[^\n]*")


@cache
def landmark(indent: str) -> re.Pattern[str]:
    """What matters in a file whose declarations are indented like this; nearly always not at all.

    A string without an end ends with its line here, or with its opening quotes: better to look for
    declarations in what may be a string than to lose all that follow."""
    pattern = rf"""
          ^{re.escape(indent)}(?P<declaration>{BEGINNING})
        | (?P<comment>//[^\n]*)
        | (?P<block>\"""(?:[^"\\]|\\.|"(?!""))*+\""")
        | \"""
        | "(?:[^"\\\n]|\\[^\n])*+"?
        | '[^'\n]*+'?
        | \}}[ \t]*(?P<behind_brace>{BEGINNING})
    """
    return re.compile(pattern, re.VERBOSE | re.MULTILINE | re.DOTALL)


@attrs.frozen
class Outline:
    """Where the declarations of a file lie, each with its doc comments, and the comments around them."""

    declarations: tuple[Span, ...]
    comments: tuple[Span, ...]


def outline(text: str) -> Outline:
    declarations: list[Span] = []
    outside: list[Span] = []
    comments: list[Span] = []  # those since the last declaration began
    start = 0
    for kind, place in [*landmarks(text), ("end", Span(len(text), len(text)))]:
        if kind == "comment":
            comments.append(place)
            continue
        gap = trailing(text, comments, place.start)
        end = gap[0].start if gap else place.start
        first, before = skip(text, start, end)
        outside += before
        if first < end:
            declarations.append(Span(first, first + len(text[first:end].rstrip())))
        docs = [comment for comment in gap if is_doc(text, comment.start) and kind != "end"]
        start = docs[0].start if docs else place.start
        outside += [comment for comment in gap if comment.end <= start]
        comments = []
    return Outline(tuple(declarations), tuple(outside))


def landmarks(text: str) -> Iterator[tuple[str, Span]]:
    matches = landmark(usual_indent(text)).finditer
    start = 0
    while start < len(text):
        for found in matches(text, start):
            start = found.end()
            if found.lastgroup == "block":
                if ends_at_an_opening(text, found):
                    start = found.start() + 3
                    break  # and go on behind the quotes that are never closed
            elif found.lastgroup:
                yield found.lastgroup, Span(*found.span(found.lastgroup))
        else:
            return


def ends_at_an_opening(text: str, block: re.Match[str]) -> bool:
    """Whether a block string seems to end with the opening quotes of another, in another declaration."""
    if not UNINDENTED.search(text, block.start(), block.end()):
        return False
    line = text[max(block.start(), block.end() - 80) : block.end() - 3]
    return OPENING.search(line) is not None


def begins_another(text: str, start: int, token: str) -> bool:
    """Whether another declaration begins with a token, or what stands where one would."""
    return token in DECLARATIONS or text.startswith("\n", start - 1)


def usual_indent(text: str) -> str:
    """How declarations are indented: not at all or, where none is unindented, as the first line of code."""
    if UNINDENTED.search(text):
        return ""
    first = re.match(r"(?:\s+|//[^\n]*)*+", text).end()  # type: ignore[union-attr]
    line = text[text.rfind("\n", 0, first) + 1 : first]
    return line if line.isspace() else ""


def skip(text: str, start: int, end: int) -> tuple[int, list[Span]]:
    """Where what follows begins, behind blanks and plain comments, and those comments."""
    first = BLANKS_AND_COMMENTS.match(text, start, end).end()  # type: ignore[union-attr]
    comments = (
        [Span(*found.span()) for found in COMMENT.finditer(text, start, first)] if first > start else []
    )
    return first, comments


def trailing(text: str, comments: list[Span], position: int) -> list[Span]:
    """The last of the comments, as far as nothing but blanks stands between them and a position."""
    first = len(comments)
    while first and not text[comments[first - 1].end : position].strip():
        first -= 1
        position = comments[first].start
    return comments[first:]


def is_doc(text: str, position: int) -> bool:
    return text.startswith("///", position)


def comment(text: str, span: Span) -> ast.Comment:
    """The comment that stands at a place of a text."""
    line_start = text.rfind("\n", 0, span.start) + 1
    own_line = not text[line_start : span.start].strip()
    return ast.Comment(span, text[span.start : span.end].rstrip("\r"), own_line)
