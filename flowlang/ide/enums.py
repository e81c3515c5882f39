"""The string literals of a declaration that stand for a value of a declared enum.

A literal's own type is an enum of one, so the facts do not tell which declared enum is meant; what is asked
of it where it stands does. The declaration is checked once more to hear that."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from flowlang.ide.snapshot import Snapshot
from flowlang.semantics.expressions import Expressions
from flowlang.semantics.scope import Env
from flowlang.semantics.single import check_single, session_for
from flowlang.semantics.suggest import Guesses
from flowlang.semantics.types import Enum, Type, present
from flowlang.syntax import ast


def enum_literals(snapshot: Snapshot, item: ast.Item) -> Iterator[tuple[ast.StringLiteral, Type | None]]:
    """Every string literal of a declaration, with the enum that it is a value of, where that is known."""
    found = [node for node in ast.walk(item.declaration) if isinstance(node, ast.StringLiteral)]
    if not found or isinstance(item.declaration, ast.Import | ast.Use | ast.BrokenDecl):
        return
    session = session_for(snapshot.path, item, snapshot.module.namespace, Guesses(0), Asking)
    check_single(item, session)
    assert isinstance(session.expressions, Asking)
    for literal in found:
        yield literal, session.expressions.meant.get(literal.id)


@attrs.define(eq=False, repr=False)
class Asking(Expressions):
    """Inference that notes which enum is asked of a string literal, or is compared with it."""

    meant: dict[int, Type] = attrs.field(factory=dict)

    def infer(self, expr: ast.Node, env: Env, wanted: Type | None = None) -> Type:
        self.ask(expr, wanted)
        return super().infer(expr, env, wanted)

    def _equality(self, expr: ast.Binary, left: Type, right: Type) -> None:
        self.ask(expr.left, right)
        self.ask(expr.right, left)
        super()._equality(expr, left, right)

    def _membership(self, expr: ast.Binary, left: Type, right: Type) -> None:
        for item in expr.right.items if isinstance(expr.right, ast.ListLiteral) else ():
            self.ask(item, left)
        super()._membership(expr, left, right)

    def _literal_pattern(self, pattern: ast.LiteralPattern, subject: Type, left: Type) -> tuple[Type, Type]:
        self.ask(pattern.value, subject)
        return super()._literal_pattern(pattern, subject, left)

    def ask(self, expr: ast.Node, wanted: Type | None) -> None:
        inside = None if wanted is None else present(wanted)
        if isinstance(expr, ast.StringLiteral) and isinstance(inside, Enum) and inside.name is not None:
            self.meant[expr.id] = inside
