"""Text -> the stretches that hold one top-level declaration each.

This scanner knows strings, comments and the words that begin declarations, and nothing else, so it
stays right in a half-typed file: a declaration begins where one of those words stands at the very start
of a line, outside of strings and comments, with a name or a string behind it. Whatever is unfinished
above ends there. (Declarations that stand elsewhere, two on a line or indented, are told apart by the
parser, which knows where one is complete.)

Everything is matched in one pass of one regular expression, so 10,000 lines take a few milliseconds."""

from __future__ import annotations

import re

import attrs

from flowlang.syntax import ast
from flowlang.text.source import Span

DECLARATIONS = ("import", "use", "type", "error", "event", "agent", "ask", "flow", "test")

# A string without an end ends with its line here, or with its opening quotes: better to look for
# declarations in what may be a string than to lose all that follow.
LANDMARK = re.compile(
    rf"""
      ^(?P<declaration>{"|".join(DECLARATIONS)})\b(?=[ \t]+["A-Za-z_])
    | (?P<comment>//[^\n]*)
    | \"""(?:(?:[^"\\]|\\.|"(?!""))*+\""")?
    | "(?:[^"\\\n]|\\[^\n])*+"?
    | '[^'\n]*+'?
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)


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
    for landmark in [*LANDMARK.finditer(text), None]:
        if landmark and landmark.lastgroup == "comment":
            comments.append(Span(*landmark.span()))
        elif landmark is None or landmark.lastgroup == "declaration":
            position = landmark.start() if landmark else len(text)
            gap = trailing(text, comments, position)
            end = gap[0].start if gap else position
            if text[start:end].strip():
                declarations.append(Span(start, start + len(text[start:end].rstrip())))
            docs = [] if landmark is None else [comment for comment in gap if is_doc(text, comment)]
            start = docs[0].start if docs else position
            outside += [comment for comment in gap if comment.end <= start]
            comments = []
    return Outline(tuple(declarations), tuple(outside))


def trailing(text: str, comments: list[Span], position: int) -> list[Span]:
    """The last of the comments, as far as nothing but blanks stands between them and a position."""
    first = len(comments)
    while first and not text[comments[first - 1].end : position].strip():
        first -= 1
        position = comments[first].start
    return comments[first:]


def is_doc(text: str, comment: Span) -> bool:
    return text.startswith("///", comment.start)


def comment(text: str, span: Span) -> ast.Comment:
    """The comment that stands at a place of a text."""
    line_start = text.rfind("\n", 0, span.start) + 1
    own_line = not text[line_start : span.start].strip()
    return ast.Comment(span, text[span.start : span.end].rstrip("\r"), own_line)
