"""Shapes of expressions that both evaluators go by: the spine, chains, costs, and which comparisons are free.

Every form but the literals of strings, lists and records evaluates one operand before all others. Going
down from operand to operand gives the *spine* of an expression; `a + b + c + …` is nothing but spine, and
may be thousands long, while the nesting off the spine is bounded. So evaluators walk the spine in a loop
and recurse only to its sides. For the same reason chains of `and`, `or`, `??` and `else if` are read as
lists, whichever way they lean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias, get_args

from flowlang.plan import model as plan
from flowlang.plan.model import Expr
from flowlang.values.value import MAX_INT, MIN_INT

Junction: TypeAlias = plan.And | plan.Or | plan.Coalesce


def spine(expr: Expr, stop: Callable[[Expr], bool] = lambda expr: False) -> tuple[list[Expr], Expr]:
    """The forms from the outermost inward, each evaluating the next first, and the leaf that they end in:
    what has no operand, or where `stop` holds."""
    forms = []
    while (operand := first_operand(expr)) is not None and not stop(expr):
        forms.append(expr)
        expr = operand
    return forms, expr


def first_operand(expr: Expr) -> Expr | None:
    """The operand that is evaluated before all others; None for leaves and for literals of many parts."""
    match expr:
        case plan.Member(target=operand) | plan.Index(target=operand) | plan.Match(subject=operand):
            return operand
        case plan.Is(value=operand) | plan.Cast(value=operand) | plan.Widen(value=operand):
            return operand
        case plan.Encode(value=operand) | plan.If(condition=operand):
            return operand
        case plan.Operate(operands=(operand, *_)):
            return operand
        case plan.Apply(arguments=(operand, *_)) if not isinstance(operand, plan.Lambda):
            return operand
        case plan.And() | plan.Or() | plan.Coalesce():
            return _leftmost(expr)
        case _:
            return None


def junction(expr: Junction) -> list[Expr]:
    """The operands of a chain of one operator in order, however it is bracketed: all three associate."""
    operands: list[Expr] = []
    pending: list[Expr] = [expr]
    while pending:
        current = pending.pop()
        if isinstance(current, type(expr)):
            pending += (current.right, current.left)
        else:
            operands.append(current)
    return operands


def _leftmost(expr: Junction) -> Expr:
    operand: Expr = expr
    while isinstance(operand, type(expr)):
        operand = operand.left
    return operand


def branches(expr: plan.If) -> tuple[list[tuple[Expr, Expr]], Expr]:
    """The conditions of an `else if` chain with their values, and the last `else`."""
    found = []
    otherwise: Expr = expr
    while isinstance(otherwise, plan.If):
        found.append((otherwise.condition, otherwise.then))
        otherwise = otherwise.otherwise
    return found, otherwise


def cost(expr: Expr) -> int:
    """Units of one evaluation: its nodes, without the bodies of lambdas, which are paid where loops begin."""
    count = 0
    pending: list[object] = [expr]
    while pending:
        node = pending.pop()
        if isinstance(node, plan.Model) and not isinstance(node, plan.Lambda):
            count += isinstance(node, _FORMS)
            pending += _parts(node)
    return count


def _parts(node: plan.Model) -> Iterator[object]:
    for name in type(node).model_fields:
        value = getattr(node, name)
        yield from value if type(value) is tuple else (value,)


_FORMS: Final = tuple(form for form in get_args(get_args(Expr)[0]) if form is not plan.Lambda)


def is_plain(expr: Expr) -> bool:
    """Whether an expression only looks up what is there: a constant, a name, fields of it. It cannot fail."""
    while isinstance(expr, plan.Member) and not expr.safe:
        expr = expr.target
    match expr:
        case plan.Constant(value=int() | float() as number):
            return MIN_INT <= number <= MAX_INT
        case plan.Constant(value=value):
            return value is None or (isinstance(value, str) and value.isascii())
        case _:
            return isinstance(expr, plan.Variable)


COMPARISONS: Final = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">="}


def is_free(comparison: plan.Operate) -> bool:
    """Whether a comparison costs no more than its node, as one side is known to be small.

    True of `eq`, `lt` and the like where a side is a literal or a number, and of `in.list` where the list is
    written out."""
    if comparison.operator == "in.list":
        items = comparison.operands[1]
        return isinstance(items, plan.MakeList) and all(isinstance(i, plan.Constant) for i in items.items)
    return comparison.operator in COMPARISONS and any(map(_is_small, comparison.operands))


def _is_small(expr: Expr) -> bool:
    match expr:
        case plan.Constant() | plan.Is():
            return True
        case plan.Operate(operator=operator):
            return operator.partition(".")[0] in _NUMBERS
        case plan.Apply(function=function):
            return function in _MEASURES or (
                function.partition(".")[0] in _NUMBERS and "format" not in function
            )
        case plan.Widen(type=plan.ScalarType()):
            return True
        case _:
            return False


_NUMBERS: Final = ("int", "float", "duration", "datetime")
_MEASURES: Final = ("list.size", "map.size", "string.size", "list.count", "list.index_of", "string.index_of")
