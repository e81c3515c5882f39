"""Evaluating in tests: what an expression of the plan comes to, by the compiler and by the walker."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from flowlang.plan import model as plan
from flowlang.values.compiler import compile_expression
from flowlang.values.evaluation import Budget, EvaluationError
from flowlang.values.value import Value
from flowlang.values.walker import walk


@attrs.frozen
class Outcome:
    """What an evaluation came to: a value, or an error with its message and place; and what it charged."""

    value: Value = None
    error: str | None = None
    message: str = ""
    at: plan.Place | None = None
    path: str | None = None
    spent: int = 0


def outcome(
    expr: plan.Expr, context: Mapping[str, Value] | None = None, budget: int | None = None
) -> Outcome:
    """What both evaluators make of an expression; fails where they differ."""
    compiled = compiled_outcome(expr, context or {}, budget)
    assert compiled == walked_outcome(expr, context or {}, budget)
    return compiled


def compiled_outcome(expr: plan.Expr, context: Mapping[str, Value], budget: int | None = None) -> Outcome:
    code = compile_expression(expr)
    return _observed(lambda paying: code(context, paying), budget)


def walked_outcome(expr: plan.Expr, context: Mapping[str, Value], budget: int | None = None) -> Outcome:
    return _observed(lambda paying: walk(expr, context, paying), budget)


def _observed(evaluate: Callable[[Budget], Value], units: int | None) -> Outcome:
    budget = Budget() if units is None else Budget(units)
    try:
        value = evaluate(budget)
    except EvaluationError as failure:
        assert failure.__context__ is None and failure.__cause__ is None, "host exceptions stay inside"
        spent = budget.total - budget.left
        return Outcome(None, failure.error, failure.message, failure.at, failure.path, spent)
    return Outcome(value, spent=budget.total - budget.left)
