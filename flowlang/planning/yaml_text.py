"""YAML -> a document, with the place of every value: YAML 1.2 and its core schema, in one document.

The library's parser gives events one by one, so that what is too deep or too large is refused before it is
built; nothing is ever constructed from a tag. An alias is the node that its anchor names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import attrs
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from flowlang.planning.document import (
    MAX_NESTING,
    MAX_NODES,
    Entry,
    Node,
    Scalar,
    Style,
    Unreadable,
    made_mapping,
    made_sequence,
    too_deep,
    too_many,
)
from flowlang.planning.json_text import number_of
from flowlang.text.source import Span

USUAL: Final = "indentation, and a `: ` or `#` in a text without quotes, are the usual causes"
BARE_HOLE: Final = 'among `{ }` or `[ ]`, write a text with `${…}` in double quotes: `"${…}"`'

WORDS: Final = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
INTEGER: Final = re.compile(r"[-+]?[0-9]+")
FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
OTHER_BASE: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
NOT_FINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
ANCHOR: Final = re.compile(r"&[^\s,\[\]{}]+\s*")
STYLES: Final[dict[str | None, Style]] = {"'": "single", '"': "double", "|": "block", ">": "block"}


def read_yaml_text(text: str) -> Node:
    """The document that a text is; raises Unreadable."""
    reading = _Reading(text)
    try:
        for event in _events(text):
            reading.take(event)
    except MarkedYAMLError as problem:
        raise _broken(problem, text) from None
    except YAMLError as problem:
        at = getattr(problem, "position", 0)
        raise Unreadable(Span(at, at + 1), "this character may not stand in YAML") from None
    except (ValueError, RecursionError) as problem:
        raise Unreadable(Span(0, 0), f"this is not YAML: {problem}") from None
    if reading.whole is None:
        raise Unreadable(Span(0, 0), "this file holds no plan", "it is empty")
    return reading.whole


def _events(text: str) -> Iterator[Any]:
    yaml = YAML(typ="safe", pure=True)
    yield from yaml.parse("\n" + text[1:] if text.startswith("\ufeff") else text)


def _broken(problem: MarkedYAMLError, text: str) -> Unreadable:
    mark = problem.problem_mark or problem.context_mark
    at = mark.index if mark is not None else 0
    words = " ".join(part for part in (problem.context, problem.problem) if part)
    help = BARE_HOLE if text[:at].endswith("$") and text.startswith("{", at) else USUAL
    return Unreadable(Span(at, at + 1), f"this is not YAML: {words}", help)


@attrs.define(eq=False)
class _Level:
    """A collection whose end has not come yet. `key` is the one whose value is to come."""

    start: int
    is_mapping: bool
    anchor: str | None
    items: list[Node] = attrs.field(factory=list)
    entries: list[Entry] = attrs.field(factory=list)
    key: Scalar | None = None


@attrs.define(eq=False)
class _Reading:
    text: str
    whole: Node | None = None
    stack: list[_Level] = attrs.field(factory=list)
    anchored: dict[str, Node] = attrs.field(factory=dict)
    documents: int = 0
    nodes: int = 0

    def take(self, event: Any) -> None:
        span = Span(event.start_mark.index, event.end_mark.index)
        match event:
            case DocumentStartEvent():
                self.documents += 1
                if self.documents > 1:
                    raise Unreadable(span, "a plan is one document", "remove what stands behind the `---`")
            case MappingStartEvent() | SequenceStartEvent():
                self.refuse_tag(event, span)
                start = self.behind_anchor(span.start)
                self.stack.append(_Level(start, isinstance(event, MappingStartEvent), event.anchor))
                if len(self.stack) > MAX_NESTING:
                    raise too_deep(span.start)
            case MappingEndEvent() | SequenceEndEvent():
                self.close(span)
            case ScalarEvent():
                self.refuse_tag(event, span)
                start = self.behind_anchor(span.start) if event.anchor else span.start
                self.put(_scalar(event, Span(start, span.end)), event.anchor)
            case AliasEvent():
                self.put(self.named(event.anchor, span), None)

    def refuse_tag(self, event: Any, span: Span) -> None:
        if event.tag is not None and event.tag != "!":
            raise Unreadable(
                span, f"tags such as `{event.tag}` are not read", "write the value without its tag"
            )

    def close(self, span: Span) -> None:
        level = self.stack.pop()
        whole = Span(level.start, self.last_before(span.end, level.start))
        node = made_mapping(whole, level.entries) if level.is_mapping else made_sequence(whole, level.items)
        self.put(node, level.anchor)

    def behind_anchor(self, start: int) -> int:
        found = ANCHOR.match(self.text, start)
        return found.end() if found else start

    def last_before(self, end: int, start: int) -> int:
        """Where a collection ends: its indentation goes on up to the next key."""
        while end > start and self.text[end - 1].isspace():
            end -= 1
        return end

    def named(self, anchor: str, span: Span) -> Node:
        if anchor not in self.anchored:
            raise Unreadable(
                span, f"nothing above is called `&{anchor}`", "an alias names what stands before it"
            )
        return self.anchored[anchor]

    def put(self, node: Node, anchor: str | None) -> None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise too_many(node.span.start)
        if anchor is not None:
            self.anchored[anchor] = node
        if not self.stack:
            self.whole = node
            return
        level = self.stack[-1]
        if not level.is_mapping:
            level.items.append(node)
        elif level.key is None:
            level.key = _key(node)
        else:
            level.entries.append(Entry(level.key, node))
            level.key = None


def _key(node: Node) -> Scalar:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node
    help = "write the key in quotes" if isinstance(node, Scalar) else None
    raise Unreadable(node.span, "a key is a string", help)


def _scalar(event: Any, span: Span) -> Scalar:
    text: str = event.value
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise Unreadable(span, "this string holds half of a character")
    style = STYLES.get(event.style, "plain")
    if style != "plain":
        return Scalar(span, text, style)
    if text in WORDS:
        return Scalar(span, WORDS[text], "plain")
    if NOT_FINITE.fullmatch(text):
        raise Unreadable(span, f"`{text}` is not a finite number", "leave it out, or write a number")
    if OTHER_BASE.fullmatch(text) and len(text) <= 17:
        return Scalar(span, int(text, 0), "plain")
    is_int = INTEGER.fullmatch(text) is not None
    if is_int or FLOAT.fullmatch(text):
        number = number_of(text, is_float=not is_int)
        if number is None:
            raise Unreadable(span, "this number is too large")
        return Scalar(span, number, "plain")
    return Scalar(span, text, "plain")
