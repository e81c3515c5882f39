"""Generate arithmetic: sums, differences and products whose overflow checks cost next to nothing.

A tree of them over plain look-ups is evaluated by Python's operators as it stands and judged afterwards.
If the checks hold, that was all; if not, the same tree is evaluated once more by helpers that check each
operation and fail with its operands at its place. Look-ups can be repeated at will, which is why trees
with anything else at their leaves are checked operation by operation.

Floats need one check for the whole tree, since what is infinite or no number stays so under `+ - *`.
Ints are compared with bounds of 30 bits, which Python does fastest; where x and x + y are that small, so
is y, hence some operations need no check of their own. Larger ints come out right too, by the helpers."""

from __future__ import annotations

import ast
from typing import Final

import attrs

from flowlang.plan import model as plan
from flowlang.plan.model import Expr
from flowlang.values.builder import Builder, Scope, is_lookup
from flowlang.values.shapes import is_plain
from flowlang.values.value import MAX_INT, MIN_INT

SIGNS: Final = {
    "int.add": "+", "int.sub": "-", "int.mul": "*",
    "float.add": "+", "float.sub": "-", "float.mul": "*", "float.div": "/",
}  # fmt: skip
_TREES: Final = ({"int.add", "int.sub", "int.mul"}, {"float.add", "float.sub", "float.mul"})
_MOST: Final = 16  # operations of a tree that are evaluated before the first is checked
_SMALL: Final = (1 << 30) - 1


def is_tree(expr: Expr) -> bool:
    """Whether an expression is a small tree of sums, differences and products over look-ups."""
    operators = next((t for t in _TREES if isinstance(expr, plan.Operate) and expr.operator in t), None)
    if operators is None:
        return False
    pending = [expr]
    budget = 2 * _MOST
    while pending:
        node = pending.pop()
        budget -= 1
        if isinstance(node, plan.Operate) and node.operator in operators and len(node.operands) == 2:
            pending += node.operands
        elif not is_plain(node):
            return False
        if budget < 0:
            return False
    return True


@attrs.define(eq=False, repr=False)
class Arithmetic(Builder):
    def tree(self, expr: plan.Operate, scope: Scope) -> ast.expr:
        """A tree of look-ups, see `is_tree`: `t if small(t := a * b + c) else (t := add(mul(a, b), c))`."""
        name = self.fresh("t")
        if expr.operator.startswith("float"):
            checks = [self._finite(name, self._fast(expr, scope))]
        else:
            checks = []
            code = self._fast_int(expr, scope, checks)
            checks += self._small(name, code)
        return self.checked(name, checks, self.keep(name, self._slow(expr, scope)))

    def operation(self, operator: str, left: ast.expr, right: ast.expr) -> ast.expr:
        """One operation with its check; the operands may be any code."""
        sign = SIGNS[operator]
        left, left_again = self._for_failure(left)
        right, right_again = self._for_failure(right)
        name = self.fresh("t")
        result = self.binary(left, sign, right)
        if operator.startswith("float"):
            failure = self.call("infinite", self.constant(sign), left_again, right_again)
            return self.checked(name, [self._finite(name, result)], failure)
        small = self.and_(*self._small(name, result))
        fits = self.compare(self.constant(MIN_INT), "<=", self.name(name), "<=", self.constant(MAX_INT))
        failure = self.call("overflow", self.constant(sign), left_again, right_again)
        return self.checked(name, [self.or_(small, fits)], failure)

    def remainder(self, left: ast.expr, right: ast.expr) -> ast.expr:
        """Python's `%` where it agrees with ours: where neither side is negative and there is no zero."""
        if not is_lookup(right):
            return self.helper("int.mod", [left, right])
        left, left_again = self.kept(left)
        agrees = self.compare(left, ">=", self.constant(0), "<", right)
        slow = self.helper("int.mod", [left_again, right])
        return self.if_(agrees, self.binary(left_again, "%", right), slow)

    def _for_failure(self, code: ast.expr) -> tuple[ast.expr, ast.expr]:
        """Like `kept`, for a later use that only an error makes: looking up again is then cheap enough."""
        return (code, code) if is_lookup(code) else self.kept(code)

    def _fast(self, expr: Expr, scope: Scope) -> ast.expr:
        """The tree in Python's operators, unchecked."""
        if not isinstance(expr, plan.Operate):
            return self.expression(expr, scope)
        left, right = (self._fast(operand, scope) for operand in expr.operands)
        return self.binary(left, SIGNS[expr.operator], right)

    def _fast_int(self, expr: Expr, scope: Scope, checks: list[ast.expr]) -> ast.expr:
        """The same for ints; inner results that need it are kept and checked first, in `checks`.

        The result of `expr` itself is known to be small by the time it matters."""
        if not isinstance(expr, plan.Operate):
            return self.expression(expr, scope)
        left, right = expr.operands
        product = expr.operator == "int.mul"
        known = _is_small(left) or (_is_small(right) and not product)
        left_code = self._fast_int(left, scope, checks)
        if isinstance(left, plan.Operate) and not (known or (product and _is_small(right))):
            left_code = self._checked_first(left_code, checks)
            known = not product
        right_code = self._fast_int(right, scope, checks)
        if isinstance(right, plan.Operate) and not known:
            right_code = self._checked_first(right_code, checks)
        return self.binary(left_code, SIGNS[expr.operator], right_code)

    def _checked_first(self, code: ast.expr, checks: list[ast.expr]) -> ast.expr:
        name = self.fresh("t")
        checks += self._small(name, code)
        return self.name(name)

    def _slow(self, expr: Expr, scope: Scope) -> ast.expr:
        """The tree in helpers, each operation with its own place."""
        if not isinstance(expr, plan.Operate):
            return self.expression(expr, scope)
        outer, self.line = self.line, self.line_of(expr, self.line)
        code = self.helper(expr.operator, [self._slow(operand, scope) for operand in expr.operands])
        self.line = outer
        return code

    def _finite(self, name: str, result: ast.expr) -> ast.expr:
        """`(t := result) - t == 0.0`: infinity minus itself is not a number."""
        difference = self.binary(self.keep(name, result), "-", self.name(name))
        return self.compare(difference, "==", self.constant(0.0))

    def _small(self, name: str, result: ast.expr) -> list[ast.expr]:
        """`(t := result) <= SMALL` and `t >= -SMALL`"""
        upper = self.compare(self.keep(name, result), "<=", self.constant(_SMALL))
        return [upper, self.compare(self.name(name), ">=", self.constant(-_SMALL))]


def _is_small(expr: Expr) -> bool:
    return isinstance(expr, plan.Constant) and isinstance(expr.value, int) and 0 < abs(expr.value) <= _SMALL
