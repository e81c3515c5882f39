"""`flow/graph`: the picture of a flow, for a panel beside the text.

    → { textDocument: { uri }, flow?: string, position?: Position }
    ← { flow, signature, flows: [string], current: bool, mermaid, svg,
        nodes: [{ id, parent, kind, name, head, notes, type, effect, wave, group, arms, uri?, range? }],
        edges: [{ source, target, kind, implied }] }   or null, where there is nothing to show

`current` is false for a picture of an earlier text, which stays while the file is broken. This module brings
the plan with it, so it is loaded when the first picture is asked for."""

from __future__ import annotations

from typing import Any

import attrs
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcInvalidParams

from flowlang.ide.graph import Picture, PlacedNode, picture
from flowlang.tools.lsp.answers import Question


def graph(asked: Question, params: Any) -> object:
    """The picture of the flow that is named, that a position is in, or that the file is about."""
    flow, position = getattr(params, "flow", None), getattr(params, "position", None)
    try:
        offset = None if position is None else asked.offset(lsp.Position(position.line, position.character))
    except (AttributeError, TypeError, ValueError):
        raise JsonRpcInvalidParams("the position makes no sense") from None
    if flow is not None and not isinstance(flow, str):
        raise JsonRpcInvalidParams("the name of the flow is no text")
    about = asked.path, flow
    last = asked.memory.pictures.get(about)
    made = picture(asked.snapshot, flow=flow, offset=offset, last=last)
    if made is None:
        return None
    asked.memory.pictures[about] = made
    return _shown(asked, made)


def _shown(asked: Question, made: Picture) -> object:
    return {
        "flow": made.flow,
        "signature": made.signature,
        "flows": list(made.flows),
        "current": made.is_current,
        "mermaid": made.mermaid,
        "svg": made.svg,
        "nodes": [_node(asked, placed) for placed in made.nodes],
        "edges": [attrs.asdict(edge) for edge in made.edges],
    }


def _node(asked: Question, placed: PlacedNode) -> dict[str, object]:
    shown = attrs.asdict(placed.node, filter=lambda field, _: field.name != "at")
    place = asked.convert.location(placed.at) if placed.at else None
    if place is not None:
        start, end = place.range.start, place.range.end
        shown["uri"] = place.uri
        shown["range"] = {
            "start": {"line": start.line, "character": start.character},
            "end": {"line": end.line, "character": end.character},
        }
    return shown
