"""What a selection grows to: the word, the expressions around it, the statement, the declaration, file."""

from __future__ import annotations

import re

from flowlang.ide.snapshot import Snapshot, nodes_at
from flowlang.text.source import Span

WORD = re.compile(r"[A-Za-z_0-9]+")


def selections(snapshot: Snapshot, offset: int) -> tuple[Span, ...]:
    """The spans around an offset, each within the next, from the smallest to the whole file."""
    spans = [Span(0, len(snapshot.text))]
    item = snapshot.item_at(offset)
    if item is not None:
        spans.append(Span(0, len(item.parsed.text)).shifted(item.offset))
        nodes = nodes_at(item.declaration, offset - item.offset)
        spans += [node.span.shifted(item.offset) for node in nodes]
    spans += [comment for comment in _comments(snapshot) if comment.start <= offset <= comment.end]
    if word := _word_at(snapshot.text, offset):
        spans.append(word)
    return tuple(_nested(spans))[::-1]


def _comments(snapshot: Snapshot) -> list[Span]:
    inside = (c.span.shifted(i.offset) for i in snapshot.tree.items for c in i.parsed.comments)
    return [*(comment.span for comment in snapshot.tree.comments), *inside]


def _word_at(text: str, offset: int) -> Span | None:
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    for word in WORD.finditer(text, start, len(text) if end < 0 else end):
        if word.start() <= offset <= word.end():
            return Span(*word.span())
    return None


def _nested(spans: list[Span]) -> list[Span]:
    """Those spans that lie in the one before and are smaller."""
    kept = spans[:1]
    for span in spans[1:]:
        outer = kept[-1]
        if outer != span and outer.start <= span.start and span.end <= outer.end:
            kept.append(span)
    return kept
