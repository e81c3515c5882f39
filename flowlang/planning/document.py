"""Values that know where they stand: what YAML and JSON have in common, as a tree.

Both readers make this tree, and everything above knows only it. Keys are strings. A node that an alias
stands for is the anchored node itself, so one node may hang in several places; `weight` counts it in each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import attrs

from flowlang.text.source import Span

MAX_NESTING = 64
MAX_NODES = 100_000
"""What aliases stand for is counted each time."""

Style: TypeAlias = Literal["plain", "single", "double", "block", "json"]
Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"


@attrs.frozen(eq=False)
class Scalar:
    """`span` includes the quotes, or the `|` of a block. A string without quotes is a string only where it
    can be nothing else."""

    span: Span
    value: str | int | float | bool | None
    style: Style
    weight: int = 1

    @property
    def inside(self) -> Span:
        """Where its text stands, without quotes; for one that is written in a line and without escapes."""
        quotes = 0 if self.style in ("plain", "block") else 1
        return Span(self.span.start + quotes, self.span.end - quotes)


@attrs.frozen(eq=False)
class Sequence:
    span: Span
    items: tuple[Node, ...]
    weight: int


@attrs.frozen(eq=False)
class Entry:
    key: Scalar
    value: Node

    @property
    def name(self) -> str:
        return str(self.key.value)


@attrs.frozen(eq=False)
class Mapping:
    """No key stands in it twice."""

    span: Span
    entries: tuple[Entry, ...]
    weight: int
    index: dict[str, Entry] = attrs.field(init=False, repr=False)

    @index.default
    def _index(self) -> dict[str, Entry]:
        return {entry.name: entry for entry in self.entries}

    def get(self, name: str) -> Node | None:
        entry = self.entry(name)
        return entry.value if entry else None

    def entry(self, name: str) -> Entry | None:
        return self.index.get(name)


Node: TypeAlias = Scalar | Sequence | Mapping


class Unreadable(Exception):
    """A text that is no document, with the place and what to do."""

    def __init__(self, span: Span, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.span, self.message, self.help = span, message, help


def plain(node: Node) -> Plain:
    """The value alone."""
    match node:
        case Scalar(value=value):
            return value
        case Sequence(items=items):
            return [plain(item) for item in items]
        case Mapping(entries=entries):
            return {entry.name: plain(entry.value) for entry in entries}


def below(node: Node) -> Iterator[tuple[str | int, Node]]:
    """What a node holds, each with its key or index."""
    if isinstance(node, Mapping):
        yield from ((entry.name, entry.value) for entry in node.entries)
    elif isinstance(node, Sequence):
        yield from enumerate(node.items)


def find(node: Node, path: tuple[str | int, ...]) -> Node | None:
    """The node at a path of keys and indexes."""
    for part in path:
        if isinstance(node, Sequence) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
        elif isinstance(node, Mapping) and (inner := node.get(str(part))) is not None:
            node = inner
        else:
            return None
    return node


def made_mapping(span: Span, entries: list[Entry]) -> Mapping:
    """A mapping, unless a key stands in it twice; raises Unreadable."""
    known: set[str] = set()
    for entry in entries:
        if entry.name in known:
            raise Unreadable(entry.key.span, f"the key `{entry.name}` stands here twice", "keep one of them")
        known.add(entry.name)
    return Mapping(span, tuple(entries), _weight(span, [entry.value for entry in entries]))


def made_sequence(span: Span, items: list[Node]) -> Sequence:
    return Sequence(span, tuple(items), _weight(span, items))


def _weight(span: Span, nodes: list[Node]) -> int:
    weight = 1 + sum(node.weight for node in nodes)
    if weight > MAX_NODES:
        raise too_many(span.start)
    return weight


def too_many(offset: int) -> Unreadable:
    message = f"this document has more than {MAX_NODES:,} values, counting each alias as what it stands for"
    return Unreadable(Span(offset, offset), message, "write a smaller plan")


def too_deep(offset: int) -> Unreadable:
    message = f"this nests more than {MAX_NESTING} levels deep"
    return Unreadable(Span(offset, offset + 1), message, "write it with fewer levels")
