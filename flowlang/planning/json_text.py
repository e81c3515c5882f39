"""JSON -> a document, with the place of every value (RFC 8259).

The standard library reads JSON, but forgets where things stood; its scanner of strings is used here. What
nests is held in a list of its own, so that depth is a count and no recursion."""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import TypeAlias

import attrs

from flowlang.planning.document import (
    MAX_NESTING,
    Entry,
    Mapping,
    Node,
    Scalar,
    Sequence,
    Unreadable,
    made_mapping,
    made_sequence,
    too_deep,
)
from flowlang.syntax.literals import MAX_INT
from flowlang.text.source import Span

BLANKS = re.compile(r"[ \t\r\n]*")
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
WORD = re.compile(r"[A-Za-z_]\w*|.", re.DOTALL)
WORDS = {"true": True, "false": False, "null": None}
MAX_DIGITS = 19


@attrs.define(eq=False)
class _Object:
    start: int
    entries: list[Entry] = attrs.field(factory=list)


@attrs.define(eq=False)
class _Array:
    start: int
    items: list[Node] = attrs.field(factory=list)


_Open: TypeAlias = _Object | _Array


def read_json_text(text: str) -> Node:
    """The document that a text is; raises Unreadable."""
    reading = _Reading(text, 1 if text.startswith("\ufeff") else 0)
    whole = reading.document()
    reading.blanks()
    if reading.at < len(text):
        raise reading.wrong("the document ends before this", "remove what stands behind it")
    return whole


@attrs.define(eq=False)
class _Reading:
    text: str
    at: int

    def document(self) -> Node:
        """The value that starts here, with all that it holds."""
        stack: list[tuple[_Open, Scalar | None]] = []
        key: Scalar | None = None
        node: Node
        while True:
            self.blanks()
            opened = self.opened()
            if opened is not None:
                stack.append((opened, key))
                if len(stack) > MAX_NESTING:
                    raise too_deep(opened.start)
                if not self.closes(opened):
                    key = self.key() if isinstance(opened, _Object) else None
                    continue
                node, key = self.closed(stack)
            else:
                node = self.scalar()
            while stack:
                self.put(stack[-1][0], key, node)
                if self.goes_on(stack[-1][0]):
                    key = self.key() if isinstance(stack[-1][0], _Object) else None
                    break
                node, key = self.closed(stack)
            else:
                return node

    def blanks(self) -> None:
        self.at = BLANKS.match(self.text, self.at).end()  # type: ignore[union-attr]

    def opened(self) -> _Open | None:
        start, first = self.at, self.text[self.at : self.at + 1]
        if first not in ("{", "["):
            return None
        self.at += 1
        self.blanks()
        return _Object(start) if first == "{" else _Array(start)

    def closes(self, opened: _Open) -> bool:
        """Whether the closing bracket comes next; steps over it."""
        if not self.text.startswith("}" if isinstance(opened, _Object) else "]", self.at):
            return False
        self.at += 1
        return True

    def goes_on(self, opened: _Open) -> bool:
        """Whether another item follows; else the closing bracket has been stepped over."""
        self.blanks()
        if self.text.startswith(",", self.at):
            self.at += 1
            self.blanks()
            if self.text.startswith(("}", "]"), self.at):
                raise self.wrong("a value is missing here", "JSON has no comma behind the last value")
            return True
        if self.closes(opened):
            return False
        bracket = "}" if isinstance(opened, _Object) else "]"
        raise self.wrong(f"`,` or `{bracket}` is missing before this", None)

    def key(self) -> Scalar:
        if not self.text.startswith('"', self.at):
            raise self.wrong("a key is missing here", 'keys stand in double quotes: `"step_id": …`')
        key = self.string()
        self.blanks()
        if not self.text.startswith(":", self.at):
            raise self.wrong("`:` is missing before this", None)
        self.at += 1
        return key

    def put(self, opened: _Open, key: Scalar | None, node: Node) -> None:
        if isinstance(opened, _Object):
            assert key is not None
            opened.entries.append(Entry(key, node))
        else:
            opened.items.append(node)

    def closed(self, stack: list[tuple[_Open, Scalar | None]]) -> tuple[Mapping | Sequence, Scalar | None]:
        opened, key = stack.pop()
        span = Span(opened.start, self.at)
        if isinstance(opened, _Object):
            return made_mapping(span, opened.entries), key
        return made_sequence(span, opened.items), key

    def scalar(self) -> Scalar:
        if self.text.startswith('"', self.at):
            return self.string()
        if number := NUMBER.match(self.text, self.at):
            return self.number(number)
        start, word = self.at, WORD.match(self.text, self.at)
        if word is None:
            raise self.wrong("the document ends before it is complete", None)
        if word[0] not in WORDS:
            raise self.wrong(f"`{word[0]}` is no JSON value", _help_for(word[0]))
        self.at = word.end()
        return Scalar(Span(start, self.at), WORDS[word[0]], "plain")

    def string(self) -> Scalar:
        start = self.at
        try:
            value, self.at = scanstring(self.text, start + 1, True)
        except JSONDecodeError as problem:
            at = min(problem.pos, len(self.text))
            message = problem.msg[0].lower() + problem.msg[1:].removesuffix(" at")
            raise Unreadable(Span(at, at + 1), f"this string is broken: {message}") from None
        if max(value, default="") >= "\ud800" and any("\ud800" <= c <= "\udfff" for c in value):
            raise Unreadable(Span(start, self.at), "this string holds half of a character", None)
        return Scalar(Span(start, self.at), value, "json")

    def number(self, found: re.Match[str]) -> Scalar:
        self.at = found.end()
        value = number_of(found[0], is_float=bool(found[1] or found[2]))
        if value is None:
            raise Unreadable(Span(*found.span()), "this number is too large")
        return Scalar(Span(*found.span()), value, "plain")

    def wrong(self, message: str, help: str | None) -> Unreadable:
        return Unreadable(Span(self.at, min(self.at + 1, len(self.text))), message, help)


def number_of(text: str, *, is_float: bool) -> int | float | None:
    """The number that a text is; None beyond what the language has."""
    if is_float:
        value = float(text)
        return value if abs(value) != float("inf") else None
    value = int(text) if len(text.lstrip("+-0")) <= MAX_DIGITS else MAX_INT + 1
    return value if abs(value) <= MAX_INT else None


def _help_for(word: str) -> str | None:
    if word in ("NaN", "Infinity", "-"):
        return "floats are finite"
    return "strings stand in double quotes" if word[0].isalpha() or word == "'" else None
