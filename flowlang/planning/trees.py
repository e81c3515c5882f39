"""Trees made again elsewhere: the same nodes with new ids, at other places and under other names.

An expression of a plan is parsed as a text of its own and then moved to its place in the file; an agent of
another file is declared again. Both are one walk from the leaves up, without recursion, since chains of
operators are as long as their authors like."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, TypeAlias, TypeVar, cast

import attrs

from flowlang.syntax import ast
from flowlang.text.source import Span

N = TypeVar("N", bound=ast.Node)

Replace: TypeAlias = Callable[[ast.Node, Callable[[Any], Any]], ast.Node | None]
"""(a node, what became of a part of it) -> what stands in its place; None for the same node"""


@attrs.frozen(eq=False)
class Maker:
    """Makes the nodes of one declaration, each with an id of its own."""

    next_id: Callable[[], int] = attrs.field(factory=lambda: count().__next__)

    def __call__(self, kind: Callable[..., N], span: Span, *contents: object) -> N:
        return kind(self.next_id(), span, *contents)

    def ident(self, span: Span, name: str) -> ast.Ident:
        return self(ast.Ident, span, name)

    def name(self, span: Span, name: str) -> ast.Name:
        return self(ast.Name, span, name)

    def qualified(self, span: Span, module: str | None, name: str) -> ast.QualifiedName:
        alias = self.ident(span, module) if module else None
        return self(ast.QualifiedName, span, alias, self.ident(span, name))

    def member(self, span: Span, target: ast.Expr, name: str) -> ast.Member:
        return self(ast.Member, span, target, self.ident(span, name), False)

    def again(self, tree: N, place: Callable[[Span], Span], replace: Replace) -> N:
        """A tree with its nodes at `place` of their spans."""
        made: dict[ast.Node, ast.Node] = {}

        def moved(part: Any) -> Any:
            if isinstance(part, ast.Node):
                return made[part]
            return tuple(map(moved, part)) if type(part) is tuple else part

        for node in sorted(ast.walk(tree), key=lambda node: node.id):
            other = replace(node, moved)
            made[node] = other or self(type(node), place(node.span), *map(moved, ast.contents(node)))
        return cast(N, made[tree])
