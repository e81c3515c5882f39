"""Graphs as text for other tools: Mermaid and Graphviz's DOT.

Nodes get plain ids of their own (`n0`, `n1`, …), so names need escaping only in labels, and every character
that either language could read as its own is written as an entity or behind a backslash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from flowlang.plan.graph import Edge, EdgeKind, Graph, Node, NodeKind

LABEL: Final = 60  # characters of a line in a label

_MERMAID_SHAPES: Final[dict[NodeKind, tuple[str, str]]] = {
    "ask": ("([", "])"),
    "wait": ("([", "])"),
    "flow": ("[[", "]]"),
    "barrier": ("{{", "}}"),
    "let": ("(", ")"),
    "value": ("(", ")"),
    "result": ("([", "])"),
    "ensure": ("{{", "}}"),
}
_MERMAID_ARROWS: Final[dict[EdgeKind, str]] = {
    "data": "-->",
    "guard": "-.->|guard|",
    "after": "-.->|after|",
    "barrier": "-.->",
    "order": "-.->",
}
_DOT_SHAPES: Final[dict[NodeKind, str]] = {
    "ask": 'shape="box", style="rounded,bold"',
    "wait": 'shape="box", style="rounded,dashed"',
    "flow": 'shape="box", peripheries="2"',
    "barrier": 'shape="hexagon"',
    "let": 'shape="plain"',
    "result": 'shape="box", style="rounded"',
    "ensure": 'shape="hexagon"',
}
_DOT_EDGES: Final[dict[EdgeKind, str]] = {
    "data": "",
    "guard": 'style="dashed", label="guard"',
    "after": 'style="dashed", label="after"',
    "barrier": 'style="dotted"',
    "order": 'style="dotted"',
}


def to_mermaid(drawn: Graph) -> str:
    """A flowchart for Mermaid, top to bottom."""
    ids = _ids(drawn)
    children = drawn.children()
    lines = ["flowchart TD", *_mermaid_nodes(None, children, ids, "  ")]
    lines += [f"  {ids[e.source]} {_MERMAID_ARROWS[e.kind]} {ids[e.target]}" for e in _drawn(drawn)]
    return "\n".join(lines) + "\n"


def to_dot(drawn: Graph) -> str:
    """A digraph for Graphviz. Edges to a group end at its border (`compound`)."""
    ids = _ids(drawn)
    children = drawn.children()
    lines = [
        f"digraph {_quoted(drawn.flow)} {{",
        "  compound=true; rankdir=TB; fontname=Helvetica;",
        "  node [fontname=Helvetica, shape=box]; edge [fontname=Helvetica];",
        *_dot_nodes(None, children, ids, "  "),
        *(_dot_edge(edge, children, ids) for edge in _drawn(drawn)),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _ids(drawn: Graph) -> dict[str, str]:
    return {node.id: f"n{index}" for index, node in enumerate(drawn.nodes)}


def _drawn(drawn: Graph) -> Iterator[Edge]:
    return (edge for edge in drawn.edges if not edge.implied or edge.kind == "data")


def _label(node: Node) -> list[str]:
    """The lines of a label: the name, what it does, its clauses."""
    lines = [node.name] if node.name and not node.name.startswith("!") else []
    return [
        line if len(line) <= LABEL else line[: LABEL - 1] + "…" for line in (*lines, node.head, *node.notes)
    ]


def _mermaid_nodes(
    parent: str | None, children: Mapping[str | None, list[Node]], ids: Mapping[str, str], indent: str
) -> Iterator[str]:
    for node in children.get(parent, []):
        label = "<br/>".join(_entities(line) for line in _label(node))
        if node.group:
            yield f'{indent}subgraph {ids[node.id]}["{label}"]'
            yield f"{indent}  direction TB"
            yield from _mermaid_nodes(node.id, children, ids, indent + "  ")
            yield f"{indent}end"
        else:
            opening, closing = _MERMAID_SHAPES.get(node.kind, ("[", "]"))
            yield f'{indent}{ids[node.id]}{opening}"{label}"{closing}'


def _entities(text: str) -> str:
    """Text with every character that Mermaid could take for its own as `#code;`."""
    return "".join(c if c.isprintable() and c not in _MERMAID_MARKS else f"#{ord(c)};" for c in text)


_MERMAID_MARKS: Final = frozenset('"#<>&;`%\\')


def _dot_nodes(
    parent: str | None, children: Mapping[str | None, list[Node]], ids: Mapping[str, str], indent: str
) -> Iterator[str]:
    for node in children.get(parent, []):
        label = _quoted("\n".join(_label(node)))
        if not node.group:
            shape = _DOT_SHAPES.get(node.kind)
            yield f"{indent}{ids[node.id]} [label={label}{', ' + shape if shape else ''}];"
            continue
        yield f"{indent}subgraph cluster_{ids[node.id]} {{"
        yield f'{indent}  label={label}; labeljust="l"; style="rounded";'
        if not children.get(node.id):
            yield f'{indent}  {ids[node.id]} [style="invis"];'
        yield from _dot_nodes(node.id, children, ids, indent + "  ")
        yield f"{indent}}}"


def _dot_edge(edge: Edge, children: Mapping[str | None, list[Node]], ids: Mapping[str, str]) -> str:
    source, target = _leaf(edge.source, children, last=True), _leaf(edge.target, children, last=False)
    ends = [f'ltail="cluster_{ids[edge.source]}"'] if source != edge.source else []
    ends += [f'lhead="cluster_{ids[edge.target]}"'] if target != edge.target else []
    attributes = ", ".join(part for part in (_DOT_EDGES[edge.kind], *ends) if part)
    return f"  {ids[source]} -> {ids[target]}{f' [{attributes}]' if attributes else ''};"


def _leaf(id: str, children: Mapping[str | None, list[Node]], *, last: bool) -> str:
    """A node inside a group that an edge to the group can be tied to; any other node itself."""
    while found := children.get(id):
        id = found[-1 if last else 0].id
    return id


def _quoted(text: str) -> str:
    """Text as DOT's quoted string; what cannot be printed becomes a replacement character."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in escaped) + '"'
