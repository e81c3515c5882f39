"""What can be folded: brackets, long statements, and runs of comments and of imports.

Brackets are matched on the text, as the parser does where it mends, so folds stay while somebody types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Literal, TypeAlias

import attrs

from flowlang.ide.snapshot import Snapshot, span_of
from flowlang.syntax import ast
from flowlang.syntax.brackets import find_brackets
from flowlang.syntax.remembered import remembered
from flowlang.text.source import Source, Span

FoldKind: TypeAlias = Literal["region", "comment", "imports"]


@attrs.frozen
class Fold:
    """Lines from `first` to `last`, counted from 1; folded, the first one stays to be seen."""

    first: int
    last: int
    kind: FoldKind = "region"


def folds(snapshot: Snapshot) -> tuple[Fold, ...]:
    """The folds of a file, at most one that begins in each line, in the order of the lines."""
    found: dict[int, Fold] = {}
    for fold in (*_of_imports(snapshot), *_of_comments(snapshot), *_of_declarations(snapshot)):
        if fold.last > fold.first:
            found.setdefault(fold.first, fold)
    return tuple(found[first] for first in sorted(found))


def _of_imports(snapshot: Snapshot) -> Iterator[Fold]:
    items = (item for item in snapshot.tree.items if isinstance(item.declaration, ast.Import | ast.Use))
    return _runs(snapshot.source, [span_of(item, item.declaration) for item in items], "imports")


def _of_comments(snapshot: Snapshot) -> Iterator[Fold]:
    spans = [comment.span for comment in snapshot.tree.comments if comment.own_line]
    for item in snapshot.tree.items:
        spans += [c.span.shifted(item.offset) for c in item.parsed.comments if c.own_line]
    return _runs(snapshot.source, sorted(spans), "comment")


def _runs(source: Source, spans: Iterable[Span], kind: FoldKind) -> Iterator[Fold]:
    """Spans that stand in lines one after the other, as one fold each."""
    lines = [(_line(source, span.start), _line(source, span.end)) for span in spans]
    first = None
    for (start, end), (following, _) in pairwise([*lines, (-1, -1)]):
        first = start if first is None else first
        if following != end + 1:
            yield Fold(first, end, kind)
            first = None


def _of_declarations(snapshot: Snapshot) -> Iterator[Fold]:
    for item in snapshot.tree.items:
        for span in _foldable(item.parsed):
            start, end = span.shifted(item.offset)
            yield Fold(_line(snapshot.source, start), _line(snapshot.source, end))


@remembered
def _foldable(parsed: ast.Parsed) -> tuple[Span, ...]:
    """What folds in a declaration: its brackets first, then what has clauses below it."""
    pairs = sorted(find_brackets(parsed.text).ends.items())
    brackets = [Span(start, _before_closer(parsed.text, end)) for start, end in pairs]
    steps = (node for node in ast.walk(parsed.declaration) if isinstance(node, ast.Step))
    below_docs = (
        Span(node.name.span.start if node.name else node.span.start, node.span.end)
        for node in (parsed.declaration, *steps)
    )
    return (*brackets, *below_docs)


def _before_closer(text: str, closer: int) -> int:
    """The end of the line above a closing bracket that begins its line, else the bracket itself."""
    line_start = text.rfind("\n", 0, closer) + 1
    return closer if text[line_start:closer].strip() else max(line_start - 1, 0)


def _line(source: Source, offset: int) -> int:
    return source.position(offset)[0]
