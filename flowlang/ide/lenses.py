"""What can be done with a declaration, above its first line: run a flow, run a test."""

from __future__ import annotations

from typing import Literal

import attrs

from flowlang.ide.snapshot import Snapshot, span_of
from flowlang.syntax import ast
from flowlang.text.source import Span


@attrs.frozen
class Lens:
    """`span` is the name of the flow or test, `ready` whether no mistake keeps it from running."""

    kind: Literal["run", "test"]
    name: str
    span: Span
    ready: bool


def lenses(snapshot: Snapshot) -> tuple[Lens, ...]:
    """A lens for each flow and each test of a file."""
    ready = not snapshot.checked.has_errors
    found = []
    for item in snapshot.tree.items:
        match item.declaration:
            case ast.FlowDecl(name=name):
                found.append(Lens("run", name.name, span_of(item, name), ready))
            case ast.TestDecl(name=title):
                found.append(Lens("test", title.value, span_of(item, title), ready))
    return tuple(found)
