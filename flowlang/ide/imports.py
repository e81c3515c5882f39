"""Imports in order: those of files first, then those of functions, each by path, without what nothing
mentions.

Only the lines of imports change, and only where nothing but blanks stands between them: a comment there says
something of the order that its author chose."""

from __future__ import annotations

from flowlang.ide.fixes import line_edit
from flowlang.ide.snapshot import Edit, Snapshot
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.source import Span


def organised_imports(snapshot: Snapshot) -> tuple[Edit, ...]:
    """The edits that put the imports of a file in order; none where they are."""
    items = [item for item in snapshot.tree.items if isinstance(item.declaration, ast.Import | ast.Use)]
    kept = [item for item in items if not is_unused(snapshot, item)]
    dropped = [line_edit(snapshot, item) for item in items if item not in kept]
    wanted = sorted(kept, key=order_of)
    if wanted == kept or not stand_together(snapshot, items):
        return tuple(dropped)
    moved = [
        Edit(snapshot.path, Span(old.offset, old.offset + len(old.parsed.text)), new.parsed.text)
        for old, new in zip(kept, wanted, strict=True)
        if old is not new
    ]
    return tuple(sorted([*dropped, *moved]))


def is_unused(snapshot: Snapshot, item: ast.Item) -> bool:
    end = item.offset + len(item.parsed.text)
    return any(
        found.code == codes.UNUSED and item.offset <= found.primary.span.start < end
        for found in snapshot.diagnostics
    )


def order_of(item: ast.Item) -> tuple[bool, str, str]:
    declaration = item.declaration
    assert isinstance(declaration, ast.Import | ast.Use)
    path = declaration.path if isinstance(declaration, ast.Import) else declaration.target
    return isinstance(declaration, ast.Use), path.value, declaration.name.name


def stand_together(snapshot: Snapshot, items: list[ast.Item]) -> bool:
    """Whether nothing but blanks stands between the imports."""
    ends = [item.offset + len(item.parsed.text) for item in items]
    between = zip(ends, items[1:], strict=False)
    sound = all(not item.parsed.diagnostics for item in items)
    return sound and all(not snapshot.text[end : item.offset].strip() for end, item in between)
