"""Constants: policies and bounds whose value must be known before a run.

Folds literals with `+ - *` and unary minus, nothing else: a policy that needs more is no policy."""

from __future__ import annotations

from typing import Literal

import attrs

from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Problems


@attrs.frozen
class Constant:
    """An int, or a duration in microseconds."""

    kind: Literal["int", "duration"]
    value: int


def fold(expr: ast.Expr) -> Constant | None:
    """The value of a constant int or duration expression; None where it is neither."""
    match expr:
        case ast.IntLiteral(value=value):
            return Constant("int", value)
        case ast.DurationLiteral(microseconds=microseconds):
            return Constant("duration", microseconds)
        case ast.Unary(operator="-"):
            operand = fold(expr.operand)
            return operand and Constant(operand.kind, -operand.value)
        case ast.Binary(operator="+" | "-" | "*"):
            left, right = fold(expr.left), fold(expr.right)
            return _combine(expr.operator, left, right) if left and right else None
        case _:
            return None


def _combine(operator: str, left: Constant, right: Constant) -> Constant | None:
    if operator == "*":
        if left.kind == right.kind == "duration":
            return None
        return Constant("int" if left.kind == right.kind else "duration", left.value * right.value)
    if left.kind != right.kind:
        return None
    return Constant(left.kind, left.value + right.value if operator == "+" else left.value - right.value)


def positive_constant(expr: ast.Expr, problems: Problems, what: str) -> None:
    """Report unless `expr` is a constant int of at least 1."""
    _positive(expr, problems, what, "int", "a whole number like `3`")


def positive_duration(expr: ast.Expr, problems: Problems, what: str) -> None:
    """Report unless `expr` is a constant duration above zero."""
    _positive(expr, problems, what, "duration", "a duration like `30s` or `1h30m`")


def _positive(expr: ast.Expr, problems: Problems, what: str, kind: str, example: str) -> None:
    if isinstance(expr, ast.BrokenExpr):
        return
    found = fold(expr)
    help = f"write {example}"
    if found is not None and found.kind == kind:
        if found.value <= 0:
            least = "at least 1" if kind == "int" else "more than zero"
            problems.report(codes.BAD_BOUND, expr.span, f"{what} must be {least}", help=help)
    elif isinstance(expr, _LITERALS):
        problems.report(codes.TYPE_MISMATCH, expr.span, f"{what} must be `{kind}`", help=help)
    else:
        problems.report(codes.NOT_A_CONSTANT, expr.span, f"{what} must be known before the run", help=help)


_LITERALS = ast.IntLiteral | ast.FloatLiteral | ast.DurationLiteral | ast.StringLiteral | ast.BoolLiteral
