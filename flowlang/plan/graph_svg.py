"""The graph of a flow as an SVG picture, with nothing but text: no fonts, scripts or links from outside.

Boxes are as wide as their text is estimated to be, groups as large as what is in them. Colours follow the
reader's preference for light or dark, and the background stays open, so a picture fits any page."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from textwrap import wrap
from typing import Final

import attrs

from flowlang.plan.graph import Edge, Graph, Node
from flowlang.plan.layout import Box, Layout, Point, column, layered

LINE: Final = 17.0  # height of a line of text
PADDING: Final = 10.0
INSET: Final = 14.0  # between the border of a group and what is in it
MARGIN: Final = 16.0
WIDEST: Final = 46  # characters of a line
NAME_WIDTH: Final = 7.6  # of a character of 13 px, bold
CODE_WIDTH: Final = 6.9  # of a character of 11.5 px, monospaced

_STYLE: Final = """
  text { font-family: ui-sans-serif, system-ui, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
  .name { font-size: 13px; font-weight: 600 }
  .code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 11.5px; fill: #57606a }
  .note { font-size: 11px; fill: #6e7781 }
  .title { font-size: 15px; font-weight: 700 }
  .box { fill: #ffffff; stroke: #d0d7de; stroke-width: 1.2 }
  .group { fill: #f6f8fa; stroke: #d0d7de; stroke-width: 1.2 }
  .inner { fill: #eef1f4; stroke: #d0d7de; stroke-width: 1.2 }
  .soft { stroke-dasharray: 4 3 }
  .stop { fill: #fff8e5; stroke: #d4a72c }
  .end { fill: #ecf8f0; stroke: #4ac26b }
  .bar-read { fill: #4ac26b } .bar-idempotent { fill: #d4a72c } .bar-write, .bar-undeclared { fill: #e5534b }
  .bar-ask, .bar-wait { fill: #a475f9 } .bar-flow { fill: #539bf5 } .bar-none { fill: #c4ccd4 }
  .edge { fill: none; stroke: #8c959f; stroke-width: 1.4 }
  .edge.guard, .edge.after { stroke-dasharray: 6 4 }
  .edge.barrier, .edge.order { stroke-dasharray: 1.5 4; stroke-linecap: round }
  .edge.faint { opacity: .35 }
  .head { fill: #8c959f }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .code { fill: #9da7b3 } .note { fill: #8b949e }
    .box { fill: #161b22; stroke: #3d444d } .group { fill: #0d1117; stroke: #3d444d }
    .inner { fill: #151b23; stroke: #3d444d }
    .stop { fill: #2b2413; stroke: #9e7a1e } .end { fill: #12261a; stroke: #2f8f46 }
    .edge { stroke: #6e7681 } .head { fill: #6e7681 } .bar-none { fill: #3d444d }
  }
"""


def to_svg(drawn: Graph) -> str:
    """An SVG document."""
    children = drawn.children()
    edges: dict[str | None, list[Edge]] = {}
    parents = {node.id: node.parent for node in drawn.nodes}
    for edge in drawn.edges:
        if not edge.implied or edge.kind == "data":
            edges.setdefault(parents[edge.target], []).append(edge)
    picture = _Picture(children, edges, tuple(drawn.sources))
    body = picture.arranged(None)
    title = f"flow {drawn.flow}"
    width = max(body.size.width, len(title) * 9.0) + 2 * MARGIN
    height = body.size.height + 2 * MARGIN + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img">',
        f"<title>{_escaped(title + drawn.signature)}</title>",
        f"<style>{_STYLE}</style>",
        _text("title", MARGIN, MARGIN + 12, title),
    ]
    picture.draw(None, body, (MARGIN, MARGIN + 30), parts, depth=0)
    return "\n".join([*parts, "</svg>"]) + "\n"


@attrs.frozen
class _Arranged:
    """A node, or the flow, with its size and, where it is a group, what is in it. `head` is the height of the
    text above that."""

    size: Box
    head: float
    layout: Layout | None
    inside: tuple[_Arranged, ...]


@attrs.frozen
class _Picture:
    children: Mapping[str | None, list[Node]]
    edges: Mapping[str | None, list[Edge]]
    sources: tuple[str, ...]

    def arranged(self, node: Node | None) -> _Arranged:
        """The size of a node and the places of all that is in it."""
        lines = _lines(node) if node is not None else []
        text = Box(_text_width(lines), len(lines) * LINE + 2 * PADDING if lines else 0.0)
        id = node.id if node is not None else None
        if node is not None and not node.group:
            return _Arranged(text, text.height, None, ())
        nodes = self.children.get(id, [])
        inside = tuple(self.arranged(child) for child in nodes)
        sizes = [part.size for part in inside]
        if node is not None and node.arms:
            layout = column(sizes, 10.0)
        else:
            index = {child.id: i for i, child in enumerate(nodes)}
            layout = layered(sizes, [(index[e.source], index[e.target]) for e in self.edges.get(id, [])])
        inset = 2 * INSET if node is not None else 0.0
        size = Box(max(text.width, layout.width + inset), text.height + layout.height + inset / 2)
        return _Arranged(size, text.height, layout, inside)

    def draw(
        self, node: Node | None, arranged: _Arranged, at: Point, parts: list[str], *, depth: int
    ) -> None:
        x, y = at
        if node is not None:
            parts.append("<g>")
            parts.append(f"<title>{_escaped(self.tooltip(node))}</title>")
            parts.append(_frame(node, arranged.size, x, y, depth))
            parts += [
                _text(style, x + PADDING + 5, y + PADDING + 12.5 + i * LINE, text)
                for i, (style, text) in enumerate(_lines(node))
            ]
            parts.append("</g>")
        if arranged.layout is None:
            return
        inset = INSET if node is not None else 0.0
        room = arranged.size.width - 2 * inset - arranged.layout.width
        left, top = x + inset + room / 2, y + arranged.head
        if node is not None and node.arms:
            left = x + inset
        id = node.id if node is not None else None
        for edge, route in zip(self.edges.get(id, []), arranged.layout.routes, strict=False):
            parts.append(_edge(edge, [(left + px, top + py) for px, py in route]))
        places = arranged.layout.places
        for child, part, (px, py) in zip(self.children.get(id, []), arranged.inside, places, strict=True):
            self.draw(child, part, (left + px, top + py), parts, depth=depth + 1)

    def tooltip(self, node: Node) -> str:
        lines = [node.name, node.head, *node.notes, f": {node.type}" if node.type else ""]
        if node.at is not None and node.at.source < len(self.sources):
            lines.append(f"{self.sources[node.at.source]}:{node.at.line}")
        return "\n".join(line for line in lines if line)


def _lines(node: Node) -> list[tuple[str, str]]:
    """The lines of a box, each with its style."""
    lines = [("name", node.name)] if node.name and not node.name.startswith("!") else []
    lines += [("code", text) for text in wrap(node.head, WIDEST, max_lines=3, placeholder=" …")]
    lines += [("note", note) for note in node.notes]
    about = " · ".join(part for part in (node.type, node.effect if node.name else None) if part)
    lines += [("note", about)] if about else []
    return [(style, text if len(text) <= WIDEST else text[: WIDEST - 1] + "…") for style, text in lines]


def _text_width(lines: list[tuple[str, str]]) -> float:
    widths = {"name": NAME_WIDTH, "code": CODE_WIDTH, "note": 6.2}
    longest = max((len(text) * widths[style] for style, text in lines), default=0.0)
    return longest + 2 * PADDING + 8 if lines else 0.0


def _frame(node: Node, size: Box, x: float, y: float, depth: int) -> str:
    """The border of a node, and the bar at its left that tells its effect."""
    kind = "group" if depth % 2 else "inner"
    style = kind if node.group else "box"
    style += {"barrier": " stop", "ensure": " stop soft", "result": " end", "let": " soft"}.get(node.kind, "")
    radius = 14 if node.kind in ("barrier", "ensure", "result") else 8
    rectangle = (
        f'<rect class="{style}" x="{x:.1f}" y="{y:.1f}" width="{size.width:.1f}" height="{size.height:.1f}" '
        f'rx="{radius}"/>'
    )
    if node.kind in ("barrier", "ensure", "result", "let", "value", "fail"):
        return rectangle
    meaning = node.kind if node.kind in ("ask", "wait", "flow") else node.effect or "none"
    bar = (
        f'<rect class="bar-{meaning}" x="{x + 5:.1f}" y="{y + 9:.1f}" width="3" '
        f'height="{max(size.height - 18, 4):.1f}" rx="1.5"/>'
    )
    return rectangle + bar


def _edge(edge: Edge, points: list[Point]) -> str:
    """A smooth way through the points, and an arrowhead."""
    (x, y), *rest = points
    path = [f"M{x:.1f} {y:.1f}"]
    end_x, end_y = rest[-1]
    rest[-1] = (end_x, end_y - 5)
    for next_x, next_y in rest:
        path.append(_curve(x, y, next_x, next_y))
        x, y = next_x, next_y
    style = f"{edge.kind} faint" if edge.implied else edge.kind
    head = f"M{end_x:.1f} {end_y - 0.5:.1f}l-4 -7.5h8z"
    return f'<path class="edge {style}" d="{"".join(path)}"/><path class="head" d="{head}"/>'


def _curve(x: float, y: float, next_x: float, next_y: float) -> str:
    if abs(next_x - x) < 0.5:
        return f"V{next_y:.1f}"
    middle = (y + next_y) / 2
    return f"C{x:.1f} {middle:.1f} {next_x:.1f} {middle:.1f} {next_x:.1f} {next_y:.1f}"


def _text(style: str, x: float, y: float, text: str) -> str:
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}">{_escaped(text)}</text>'


def _escaped(text: str) -> str:
    """Text for XML, which has no characters for what cannot be printed."""
    return escape("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text))
