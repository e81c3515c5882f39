"""What every layout rule works with: the documents of the nodes below, their comments, their brackets.

Each kind of node has a rule, `document(node, parts)`, in one of the modules `print_expressions`,
`print_tasks` and `print_declarations`. Rules do not call each other: nodes are laid out from the leaves
up, and a rule finds the documents of its children in `Parts`. So no tree is too deep for the printer, and
the rules, which need each other in circles, need no import in circles.

`document` gives a node's own part. For most nodes that is all of it; a chain (`a + b + c`, `a.b().c()`)
is laid out once for all its links, which is what `whole` adds where a chain is used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import singledispatch

import attrs

from flowlang.syntax import ast
from flowlang.syntax.comments import Attached, bracketed_list, written
from flowlang.syntax.layout import HARD, LINE, SOFT, Above, Beside, Doc, Group, IfBroken, Indent, Line


def lay_out(root: ast.Node, attached: Attached) -> Doc:
    """The document of a tree with its comments."""
    parts = Parts(attached)
    for node in reversed(list(ast.walk(root))):
        parts.own[node] = document(node, parts)
    return parts[root]


@singledispatch
def document(node: ast.Node, parts: Parts) -> Doc:
    """A node's own part of the layout, without its comments."""
    raise AssertionError(f"{type(node).__name__} has no layout")


@singledispatch
def whole(node: ast.Node, parts: Parts) -> Doc:
    """The layout of a node where it is used, without its comments."""
    return parts.own[node]


@attrs.frozen
class Parts:
    """The documents of the nodes laid out so far."""

    attached: Attached
    own: dict[ast.Node, Doc] = attrs.field(factory=dict)

    def __getitem__(self, node: ast.Node) -> Doc:
        """A node as it stands in a line, with its comments."""
        return self.commented(node, whole(node, self))

    def each(self, nodes: Iterable[ast.Node]) -> list[Doc]:
        return [self[node] for node in nodes]

    def open(self, node: ast.Node) -> Doc:
        """A node whose lines end together with those of the group that it is put into."""
        return self.commented(node, self.own[node])

    def commented(self, node: ast.Node, content: Doc) -> Doc:
        if node in self.attached.above:
            content = self.above(node), content
        return self.beside(node, content) if node in self.attached.beside else content

    def above(self, node: ast.Node) -> Doc:
        """The comments above a node, with the blank lines that stand after the first of them."""
        lines: list[Doc] = []
        comments = self.attached.above.get(node, [])
        for number, comment in enumerate(comments):
            if number and comment in self.attached.spaced:
                lines.append(Above(""))
            lines.append(Above(written(comment)))
        if comments and node in self.attached.spaced:
            lines.append(Above(""))
        return tuple(lines)

    def beside(self, node: ast.Node, content: Doc) -> Doc:
        comments = self.attached.beside.get(node, ())
        return content, tuple(Beside(written(comment)) for comment in comments)

    def opening(self, node: ast.Node) -> Doc:
        """The comments at the end of the line of a node's opening bracket."""
        return tuple(Beside(written(comment)) for comment in self.attached.opening.get(node, ()))

    def closing(self, node: ast.Node) -> list[Doc]:
        """The comments before a node's closing bracket, a line each."""
        return [written(comment) for comment in self.attached.closing.get(node, ())]

    def listed(
        self,
        node: ast.Node,
        items: Sequence[Doc],
        pair: str,
        padding: Line = SOFT,
        *,
        reluctant: bool = False,
    ) -> Doc:
        """A list between brackets: in one line, or one item a line and a comma behind each."""
        closing = self.closing(node)
        if not items and not closing:
            line = HARD if self.attached.opening.get(node) else SOFT
            return Group((pair[0], self.opening(node), line, pair[1]))
        lines: list[Doc] = [padding, joined(items, (",", LINE)), IfBroken(",") if items else ""]
        for number, comment in enumerate(closing):
            lines += [HARD if items or number else "", comment]
        end = HARD if closing else padding
        return Group((pair[0], self.opening(node), Indent(tuple(lines)), end, pair[1]), reluctant)

    def lines(
        self,
        node: ast.Node,
        contents: Iterable[Doc],
        *,
        line: Line = HARD,
        between: Doc = "",
        last: Doc = "",
    ) -> Doc:
        """The items between the braces of a node, one a line, blank lines kept, and the closing brace.
        `between` stands behind each item but the last, `last` behind that."""
        listed = bracketed_list(node)
        assert listed is not None
        items = listed[1]
        lines: list[Doc] = []
        for item, content in zip(items, contents, strict=True):
            first: ast.Node | ast.Comment = next(iter(self.attached.above.get(item, ())), item)
            behind = last if item is items[-1] else between
            lines += [self.line_before(first, line), content, behind]
        for comment in self.attached.closing.get(node, ()):
            lines += [self.line_before(comment, HARD), written(comment)]
            line = HARD
        if not lines and not self.attached.opening.get(node):
            return "}"
        return self.opening(node), Indent(tuple(lines)), line, "}"

    def line_before(self, element: ast.Node | ast.Comment, line: Line) -> Line:
        return Line(line.flat, blank=True) if element in self.attached.spaced else line


def joined(items: Iterable[Doc], separator: Doc) -> Doc:
    """The items with a separator between them."""
    parts: list[Doc] = []
    for item in items:
        parts += [item, separator]
    return tuple(parts[:-1])


def hanging(*parts: Doc) -> Doc:
    """The parts in one line, or each after the first on a line of its own, indented."""
    first, *rest = parts
    return Group((first, Indent(tuple((LINE, part) for part in rest)))) if rest else first


def documented(doc: str | None, content: Doc) -> Doc:
    """The content with its documentation above it."""
    if doc is None:
        return content
    lines = tuple((f"/// {line}".rstrip(), HARD) for line in doc.split("\n"))
    return lines, content
