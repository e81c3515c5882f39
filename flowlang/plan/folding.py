"""Folding: the number that an expression of a plan is, where it is known before a run."""

from __future__ import annotations

from flowlang.plan import model as plan


def fold(expr: plan.Expr) -> int | float | None:
    """The value of a number or of a duration in microseconds; None where it is not a constant.

    Literals, their negations, sums, differences and products; nothing else is written where a number must
    be known."""
    match expr:
        case plan.Constant(value=int() | float() as value) if not isinstance(value, bool):
            return value
        case plan.Widen(value=inner):
            return fold(inner)
        case plan.Operate(operator="int.neg" | "float.neg" | "duration.neg", operands=(operand,)):
            folded = fold(operand)
            return None if folded is None else -folded
        case plan.Operate(operator=operator, operands=(left, right)):
            some, other = fold(left), fold(right)
            return None if some is None or other is None else _combined(operator, some, other)
        case _:
            return None


def _combined(operator: str, left: int | float, right: int | float) -> int | float | None:
    match operator.rpartition("."):
        case ("int" | "float" | "duration", _, "add"):
            return left + right
        case ("int" | "float" | "duration", _, "sub"):
            return left - right
        case ("int" | "float" | "duration", _, "mul"):
            return left * right
        case _:
            return None
