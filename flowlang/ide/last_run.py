"""Where the values of a run belong in the text: behind the names of the steps that gave them.

The run is one of an earlier time, perhaps of an earlier text. So its steps are found by their names, and what
is not there any more is not shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from flowlang.ide.snapshot import Snapshot, span_of
from flowlang.syntax import ast
from flowlang.text.source import Span


@attrs.frozen
class LastRun:
    """How a flow fared when it was run last. `summary` says that in a few words, `values` what its own steps
    gave, by their names, each in a line."""

    id: str
    flow: str
    summary: str
    values: Mapping[str, str]


LastRuns = Mapping[str, LastRun]
"""The last run of each flow of a file, by the flow's name."""


@attrs.frozen
class Shown:
    """What a step gave, and where its name stands."""

    name: Span
    text: str


def values_of(snapshot: Snapshot, runs: LastRuns, within: Span | None = None) -> tuple[Shown, ...]:
    """The values of the steps whose name is in a stretch of the file, or in all of it."""
    found = _values(snapshot, runs)
    if within is None:
        return tuple(found)
    return tuple(each for each in found if each.name.start <= within.end and within.start <= each.name.end)


def _values(snapshot: Snapshot, runs: LastRuns) -> Iterator[Shown]:
    for item in snapshot.tree.items:
        declaration = item.declaration
        run = runs.get(declaration.name.name) if isinstance(declaration, ast.FlowDecl) else None
        if run is None or not isinstance(declaration, ast.FlowDecl):
            continue
        for statement in declaration.body.statements:
            if isinstance(statement, ast.Step) and statement.name.name in run.values:
                yield Shown(span_of(item, statement.name), run.values[statement.name.name])
