"""The few Python nodes that compiled expressions consist of, and nothing else.

This is the whitelist: constants, names that we generate, subscripts, operators, conditional and assignment
expressions, list comprehensions over a name, f-string parts without specs, lists, tuples, dicts and calls
of named functions. No attribute, lambda, import, yield or starred expression can be written with it, and
no text of a user becomes anything but a constant.

Line numbers are not lines: line n stands for entry n of a table of places, which is how a traceback leads
back to the source of the flow."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

import attrs

from flowlang.values.value import Value

FILENAME: Final = "<expression>"

_LOAD: Final = ast.Load()
_STORE: Final = ast.Store()
_BINARY: Final[dict[str, ast.operator]] = {
    "+": ast.Add(), "-": ast.Sub(), "*": ast.Mult(), "/": ast.Div(), "%": ast.Mod(),
}  # fmt: skip
_COMPARE: Final[dict[str, ast.cmpop]] = {
    "==": ast.Eq(), "!=": ast.NotEq(), "<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE(),
    "in": ast.In(), "is": ast.Is(), "is not": ast.IsNot(),
}  # fmt: skip


@attrs.define(eq=False, repr=False)
class Nodes:
    """Makes nodes that stand at the place numbered `line`."""

    line: int = 1

    def constant(self, value: Value) -> ast.expr:
        return self._placed(ast.Constant(value))

    def name(self, name: str) -> ast.expr:
        return self._placed(ast.Name(name, _LOAD))

    def keep(self, name: str, value: ast.expr) -> ast.expr:
        """`(name := value)`"""
        return self._placed(ast.NamedExpr(self._placed_name(name), value))

    def item(self, target: ast.expr, index: ast.expr) -> ast.expr:
        return self._placed(ast.Subscript(target, index, _LOAD))

    def field(self, target: ast.expr, name: str) -> ast.expr:
        return self.item(target, self.constant(name))

    def call(self, function: str, *arguments: ast.expr) -> ast.expr:
        return self._placed(ast.Call(self.name(function), list(arguments), []))

    def binary(self, left: ast.expr, sign: str, right: ast.expr) -> ast.expr:
        return self._placed(ast.BinOp(left, _BINARY[sign], right))

    def negative(self, operand: ast.expr) -> ast.expr:
        return self._placed(ast.UnaryOp(ast.USub(), operand))

    def not_(self, operand: ast.expr) -> ast.expr:
        return self._placed(ast.UnaryOp(ast.Not(), operand))

    def and_(self, *operands: ast.expr) -> ast.expr:
        return self._placed(ast.BoolOp(ast.And(), list(operands)))

    def or_(self, *operands: ast.expr) -> ast.expr:
        return self._placed(ast.BoolOp(ast.Or(), list(operands)))

    def compare(self, left: ast.expr, *rest: str | ast.expr) -> ast.expr:
        """`compare(a, "<", b, "<=", c)`: a chain, each operand evaluated once."""
        signs = [_COMPARE[sign] for sign in rest[::2] if isinstance(sign, str)]
        operands = [operand for operand in rest[1::2] if isinstance(operand, ast.expr)]
        return self._placed(ast.Compare(left, signs, operands))

    def is_null(self, operand: ast.expr) -> ast.expr:
        if isinstance(operand, ast.Constant):  # of which Python warns that `is` is hardly meant
            return self.constant(operand.value is None)
        return self.compare(operand, "is", self.constant(None))

    def is_present(self, operand: ast.expr) -> ast.expr:
        if isinstance(operand, ast.Constant):
            return self.constant(operand.value is not None)
        return self.compare(operand, "is not", self.constant(None))

    def if_(self, condition: ast.expr, then: ast.expr, otherwise: ast.expr) -> ast.expr:
        return self._placed(ast.IfExp(condition, then, otherwise))

    def list_(self, items: Sequence[ast.expr]) -> ast.expr:
        return self._placed(ast.List(list(items), _LOAD))

    def tuple_(self, items: Sequence[ast.expr]) -> ast.expr:
        return self._placed(ast.Tuple(list(items), _LOAD))

    def last_of(self, *items: ast.expr) -> ast.expr:
        """Evaluate all in order; the value is the last one's."""
        return self.item(self.tuple_(items), self.constant(-1))

    def dict_(self, pairs: Sequence[tuple[ast.expr | None, ast.expr]]) -> ast.expr:
        """`{key: value, **value}`; a value without a key is spread."""
        return self._placed(ast.Dict([key for key, _ in pairs], [value for _, value in pairs]))

    def text(self, parts: Sequence[str | ast.expr]) -> ast.expr:
        """An f-string; its holes are strings and numbers, whose text Python and flow agree on."""
        values = [
            self.constant(part) if isinstance(part, str) else self._placed(ast.FormattedValue(part, -1, None))
            for part in parts
        ]
        return self._placed(ast.JoinedStr(values))

    def comprehension(
        self, item: ast.expr, name: str, items: str, *, where: ast.expr | None = None
    ) -> ast.expr:
        """`[item for name in items if where]`; `items` is a name, as Python allows no `:=` there."""
        target = self._placed_name(name)
        conditions = [] if where is None else [where]
        loop = ast.comprehension(target, self.name(items), conditions, is_async=0)
        return self._placed(ast.ListComp(item, [loop]))

    def _placed_name(self, name: str) -> ast.Name:
        node = ast.Name(name, _STORE)
        self._placed(node)
        return node

    def _placed(self, node: ast.expr) -> ast.expr:
        node.lineno = node.end_lineno = self.line
        node.col_offset = node.end_col_offset = 0
        return node
