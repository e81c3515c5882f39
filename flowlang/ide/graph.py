"""The picture of a flow, with the places of its nodes in the text.

A picture is made of the plan, which only a project without errors has. While a flow is being edited it is
broken most of the time, so whoever shows pictures keeps the last good one and hands it in: it is given back,
marked as old, with places that are those of its own text."""

from __future__ import annotations

import attrs

from flowlang.ide.snapshot import Location, Snapshot
from flowlang.plan.graph import Edge, Graph, Node, graph
from flowlang.plan.graph_svg import to_svg
from flowlang.plan.graph_text import to_mermaid
from flowlang.plan.lower import lower
from flowlang.plan.model import Place, Plan
from flowlang.syntax import ast
from flowlang.text.source import Source, Span


@attrs.frozen
class PlacedNode:
    """A node of the graph and where it stands; nowhere for one that the plan made up."""

    node: Node
    at: Location | None


@attrs.frozen(eq=False, repr=False)
class Picture:
    """`is_current` is false for a picture of an earlier text. `flows` are those that the file has."""

    flow: str
    signature: str
    nodes: tuple[PlacedNode, ...]
    edges: tuple[Edge, ...]
    mermaid: str
    svg: str
    flows: tuple[str, ...]
    is_current: bool = True


def picture(
    snapshot: Snapshot, *, flow: str | None = None, offset: int | None = None, last: Picture | None = None
) -> Picture | None:
    """The picture of a flow by name, of the one at an offset, or of the one that runs if none is named.

    Where the project has errors it is `last`, as an old one; None where there is nothing to show. The file
    must be the entry of its project."""
    if snapshot.checked.has_errors:
        return last and attrs.evolve(last, is_current=False)
    plan = lower(snapshot.checked)
    name = flow or _flow_at(snapshot, offset) or plan.main or next(iter(plan.flows), None)
    if name is None or name not in plan.flows:
        return None
    return _drawn(snapshot, plan, name)


def _flow_at(snapshot: Snapshot, offset: int | None) -> str | None:
    item = None if offset is None else snapshot.item_at(offset)
    return item.declaration.name.name if item and isinstance(item.declaration, ast.FlowDecl) else None


def _drawn(snapshot: Snapshot, plan: Plan, name: str) -> Picture:
    drawn = graph(plan, name)
    return Picture(
        name,
        drawn.signature,
        tuple(PlacedNode(node, _location(snapshot, drawn, node.at)) for node in drawn.nodes),
        drawn.edges,
        to_mermaid(drawn),
        to_svg(drawn),
        tuple(flow for flow in plan.flows if "." not in flow),
    )


def _location(snapshot: Snapshot, drawn: Graph, at: Place | None) -> Location | None:
    if at is None:
        return None
    path = drawn.sources[at.source]
    source = snapshot.checked.modules[path].module.source
    start = _offset(source, at.line, at.column)
    return Location(path, Span(start, _offset(source, at.end_line, at.end_column)))


def _offset(source: Source, line: int, column: int) -> int:
    return source.line_starts[line - 1] + column - 1
