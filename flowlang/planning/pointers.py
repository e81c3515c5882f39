"""Places in a document -> JSON Pointers (RFC 6901), and changes of its text -> JSON Patches (RFC 6902).

A pointer is how a program, or a language model, finds a value in its own plan, a patch how it mends it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from flowlang.planning.document import Mapping, Node, Plain, below
from flowlang.text.source import Span

Operation: TypeAlias = "dict[str, Plain]"
"""`{"op": "replace", "path": "/steps/0/agent_id", "value": "search"}`"""


def pointer_at(node: Node, span: Span) -> str:
    """The pointer to the innermost value around a stretch of the text, or to the value of the key there."""
    path: list[str | int] = []
    while True:
        if isinstance(node, Mapping) and span.start < span.end:
            key = next((e.name for e in node.entries if _holds(e.key.span, span)), None)
            if key is not None:
                return pointer([*path, key])
        inner = next(((part, value) for part, value in below(node) if _holds(value.span, span)), None)
        if inner is None or (span.start == span.end == node.span.start):
            return pointer(path)
        path.append(inner[0])
        node = inner[1]


def pointer(path: list[str | int]) -> str:
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def patch(before: Plain, after: Plain) -> list[Operation]:
    """The operations that make one value the other."""
    return list(_changes(before, after, []))


def _holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _changes(before: Plain, after: Plain, path: list[str | int]) -> Iterator[Operation]:
    if isinstance(before, dict) and isinstance(after, dict):
        lost = [key for key in before if key not in after]
        new = [key for key in after if key not in before]
        if len(lost) == len(new) == 1 and before[lost[0]] == after[new[0]]:
            moved: Operation = {"op": "move", "from": pointer([*path, lost[0]])}
            yield {**moved, "path": pointer([*path, new[0]])}
        else:
            for key in lost:
                yield {"op": "remove", "path": pointer([*path, key])}
            yield from ({"op": "add", "path": pointer([*path, key]), "value": after[key]} for key in new)
        for key in before.keys() & after.keys():
            yield from _changes(before[key], after[key], [*path, key])
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new_item) in enumerate(zip(before, after, strict=True)):
            yield from _changes(old, new_item, [*path, index])
    elif type(before) is not type(after) or before != after:
        yield {"op": "replace", "path": pointer(path), "value": after}
