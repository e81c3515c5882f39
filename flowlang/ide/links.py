"""The files that a file names: what it imports, and what its `use` lines read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from flowlang.ide.snapshot import Location, Snapshot
from flowlang.syntax import ast


def links(snapshot: Snapshot) -> tuple[tuple[Location, str], ...]:
    """Each path in the text with the path of the file that it means; imports only where they lead to one."""
    return tuple(_links(snapshot))


def _links(snapshot: Snapshot) -> Iterator[tuple[Location, str]]:
    folder = posixpath.dirname(snapshot.path)
    for item in snapshot.tree.items:
        match item.declaration:
            case ast.Import(path=written):
                target = snapshot.checked.project.imports.get((snapshot.path, item.key))
                if target is not None:
                    yield snapshot.location(item, written), target
            case ast.Use(target=written) if written.value:
                yield (
                    snapshot.location(item, written),
                    posixpath.normpath(posixpath.join(folder, written.value)),
                )
