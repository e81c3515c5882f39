"""Text of a declaration -> where its brackets close and its statements begin, however broken it is.

Used only where a declaration does not parse. Brackets that balance are believed. Where they do not, the
layout is evidence of what was meant: a statement that stands no deeper than the line of an open brace is
not inside of it, and a `}` at the start of a line closes the brace whose line is indented as it is. A
statement is never inside of parentheses, so one that begins there shows that they are not closed.

Time is linear in the text: a search for a partner looks at no more brackets than may be nested."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache

import attrs

from flowlang.syntax.scanner import is_doc, trailing
from flowlang.syntax.sizes import MAX_NESTING
from flowlang.syntax.tables import load
from flowlang.syntax.words import STATEMENTS, TEST_STATEMENTS
from flowlang.text.source import Source, Span

OPENERS = {")": "(", "]": "[", "}": "{"}

# A statement inside of a block string shows that the string above it was never closed.
STEP_IN_STRING = re.compile(r"^([ \t]*)(?:step|let)[ \t]+[A-Za-z_][A-Za-z0-9_]*[ \t]*[:=](?!=)", re.MULTILINE)


@attrs.define(eq=False, repr=False)
class Brackets:
    """What is known of the brackets of a text.

    `ends`: opening bracket -> the offset of its closing one, or where that is missed. `unclosed`: those
    that miss theirs. `stray`: closing brackets that close nothing. `statements`: open brace -> where
    statements begin right inside of it, with their doc comments. `too_deep`: the brackets that
    nest one level deeper than the limit."""

    ends: dict[int, int] = attrs.field(factory=dict)
    unclosed: set[int] = attrs.field(factory=set)
    stray: set[int] = attrs.field(factory=set)
    statements: dict[int, list[int]] = attrs.field(factory=dict)
    too_deep: set[int] = attrs.field(factory=set)


def find_brackets(text: str) -> Brackets:
    layout = Layout(text)
    landmarks = list(find_landmarks(text, layout))
    plain = Matcher(text, layout, landmarks, by_layout=False).match()
    if not plain.unclosed and not plain.stray:
        return plain
    return Matcher(text, layout, landmarks, by_layout=True).match()


@attrs.define(eq=False, repr=False)
class Layout:
    """How the lines of a text are indented."""

    text: str
    starts: list[int] = attrs.field(init=False)
    first: dict[int, int] = attrs.field(init=False, factory=dict)  # start of a line -> its first non-blank

    def __attrs_post_init__(self) -> None:
        self.starts = Source("", self.text).line_starts

    def indent(self, position: int) -> int:
        """How far the line of a position is indented."""
        start = self.starts[bisect_right(self.starts, position) - 1]
        if start not in self.first:
            self.first[start] = INDENT.match(self.text, start).end()  # type: ignore[union-attr]
        return self.first[start] - start

    def begins_line(self, position: int) -> bool:
        """Whether only blanks stand before a position in its line."""
        start = self.starts[bisect_right(self.starts, position) - 1]
        return start + self.indent(position) >= position


INDENT = re.compile(r"[ \t]*")


@cache
def landmark() -> re.Pattern[str]:
    """What tells where brackets close and statements begin.

    A string without an end ends with its line here, or with its opening quotes. The words that begin
    statements may be names as well, so what follows them must not make them one."""
    named = r"(?:step|let)\b"
    other = "|".join(word for word in STATEMENTS + TEST_STATEMENTS if word not in ("step", "let"))
    kinds = {
        "comment": r"//[^\n]*",
        "string": load().patterns["STRING"],
        "unclosed": r"""\"{3}|"(?:[^"\\\n]|\\[^\n])*+"?|'[^'\n]*""",
        "bracket": r"[][(){}]",
        "inline": rf"{named}(?=[ \t]+[A-Za-z_][A-Za-z0-9_]*[ \t]*[:=](?!=))",
        "word": r"[A-Za-z0-9_]+",
    }
    first = rf"{named}(?=[ \t]+[A-Za-z_{{=]|[ \t\r]*$)|(?:{other})\b(?![ \t]*[]:.,)=?}}])"
    rest = "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds.items())
    return re.compile(rf"^[ \t]*(?P<statement>{first})|{rest}", re.MULTILINE)


def find_landmarks(text: str, layout: Layout) -> Iterator[re.Match[str]]:
    position = 0
    while found := landmark().search(text, position):
        position = found.end()
        if found.lastgroup == "string" and holds_a_step(text, layout, found):
            position = found.start() + 3
        elif found.lastgroup not in ("string", "unclosed", "word"):
            yield found


def holds_a_step(text: str, layout: Layout, block: re.Match[str]) -> bool:
    """Whether a string reaches over steps, so that it seems to end with the opening quotes of another."""
    steps = STEP_IN_STRING.finditer(text, block.start(), block.end())
    return any(len(step[1]) <= layout.indent(block.start()) for step in steps)


@attrs.define(eq=False, repr=False)
class Matcher:
    """Pairs brackets from left to right; `open` is the stack of those that wait for their partner."""

    text: str
    layout: Layout
    landmarks: list[re.Match[str]]
    by_layout: bool
    open: list[int] = attrs.field(factory=list)
    found: Brackets = attrs.field(factory=Brackets)

    def match(self) -> Brackets:
        last_statement = max((m.end() for m in self.landmarks if is_statement(m)), default=-1)
        comments: list[Span] = []
        for landmark in self.landmarks:
            place = Span(*landmark.span(landmark.lastgroup or 0))
            if landmark.lastgroup == "comment":
                comments.append(place)
            elif is_statement(landmark):
                docs = [c for c in trailing(self.text, comments, place.start) if is_doc(self.text, c.start)]
                self.statement(docs[0].start if docs else place.start, place.start)
                comments = []
            elif landmark[0] in OPENERS:
                self.close(landmark[0], place.start, may_end=place.start > last_statement)
            else:
                self.open.append(place.start)
                if len(self.open) == MAX_NESTING + 1:
                    self.found.too_deep.add(place.start)
        self.abandon(0, len(self.text))
        return self.found

    def statement(self, start: int, keyword: int) -> None:
        """A statement begins: what cannot be around it is not closed."""
        height = min((h for h in self.near() if self.bracket(h) != "{"), default=len(self.open))
        if self.by_layout and self.layout.begins_line(keyword):
            indent = self.layout.indent(keyword)
            while height > 1 and self.layout.indent(self.open[height - 1]) >= indent:
                height -= 1
        self.abandon(height, start)
        if self.open:
            self.found.statements.setdefault(self.open[-1], []).append(start)

    def close(self, closer: str, position: int, *, may_end: bool) -> None:
        """Pair a closing bracket; what was opened since its partner is not closed."""
        height = self.partner(closer, position)
        if height is None or (self.by_layout and height == 0 and closer == "}" and not may_end):
            self.found.stray.add(position)
            return
        self.abandon(height + 1, position)
        self.found.ends[self.open.pop()] = position

    def partner(self, closer: str, position: int) -> int | None:
        """The height of the open bracket that a closing one belongs to."""
        top = len(self.open) - 1
        if self.open and self.bracket(top) == OPENERS[closer] and not (self.by_layout and closer == "}"):
            return top
        if closer == "}":
            return self.brace(position)
        for height in self.near():
            if self.bracket(height) == OPENERS[closer]:
                return height
            if self.open[height] in self.found.statements:
                return None  # no parenthesis reaches over statements
        return None

    def brace(self, position: int) -> int | None:
        """The innermost open brace; where layout speaks against it, the one whose line is as indented."""
        braces = [height for height in self.near() if self.bracket(height) == "{"]
        if braces and self.by_layout and self.layout.begins_line(position):
            indent = self.layout.indent(position)
            if self.layout.indent(self.open[braces[0]]) > indent:
                return next((h for h in braces if self.layout.indent(self.open[h]) == indent), braces[0])
        return braces[0] if braces else None

    def near(self) -> range:
        """The heights of the innermost open brackets; those further out are beyond the limit anyway."""
        return range(len(self.open) - 1, max(-1, len(self.open) - 1 - 2 * MAX_NESTING), -1)

    def bracket(self, height: int) -> str:
        return self.text[self.open[height]]

    def abandon(self, height: int, end: int) -> None:
        """Give up the open brackets above a height: they should have been closed by here."""
        for position in self.open[height:]:
            self.found.unclosed.add(position)
            self.found.ends[position] = end
        del self.open[height:]


def is_statement(landmark: re.Match[str]) -> bool:
    return landmark.lastgroup in ("statement", "inline")
