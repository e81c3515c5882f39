"""The compiled evaluator and the reference walker: one value, one error, one place, one charge."""

from __future__ import annotations

import json
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from support.generated import CONTEXTS, FLOATS, INTS, arithmetic, expressions
from support.outcomes import compiled_outcome, outcome, walked_outcome

from flowlang.plan import model as plan
from flowlang.values.value import MAX_INT, MIN_INT

EXPRESSION = TypeAdapter(plan.Expr)


@settings(max_examples=200, deadline=None)
@given(expressions(), CONTEXTS, st.one_of(st.none(), st.integers(0, 60)))
def test_compiled_is_walked(expr, context, budget):
    before = json.dumps(context)
    compiled = compiled_outcome(expr, context, budget)
    walked = walked_outcome(expr, context, budget)
    assert repr(compiled) == repr(walked)  # by repr, so that 1, 1.0, True and -0.0 differ
    assert json.dumps(context) == before, "a context is never changed"


@settings(max_examples=200, deadline=None)
@given(arithmetic("int"), INTS, INTS)
def test_sums_overflow_where_they_should(expr, i, j):
    context = {"i": i, "j": j}
    assert repr(compiled_outcome(expr, context)) == repr(walked_outcome(expr, context))


@settings(max_examples=100, deadline=None)
@given(arithmetic("float"), FLOATS)
def test_sums_stay_finite(expr, x):
    assert repr(compiled_outcome(expr, {"x": x})) == repr(walked_outcome(expr, {"x": x}))


@settings(max_examples=30, deadline=None)
@given(expressions(), CONTEXTS)
def test_a_plan_that_was_stored_means_the_same(expr, context):
    stored = EXPRESSION.validate_json(EXPRESSION.dump_json(expr))
    assert repr(compiled_outcome(stored, context)) == repr(compiled_outcome(expr, context))


AT = plan.Place(0, 1, 1, 1, 2)
ONE, TWO = plan.Variable(name="i"), plan.Variable(name="j")


def operate(operator: str, left: plan.Expr, right: plan.Expr) -> plan.Expr:
    return plan.Operate(operator=f"int.{operator}", operands=(left, right), at=AT)


@pytest.mark.parametrize(("outer", "inner"), [*product(("add", "sub", "mul"), repeat=2)])
@pytest.mark.parametrize("shape", ["left", "right", "both", "zero left", "zero right", "constant"])
def test_an_overflow_that_is_taken_back_is_still_one(outer, inner, shape):
    """Inner results are checked too, also where the whole is small again."""
    deep, zero = operate(inner, ONE, TWO), plan.Constant(value=0)
    sides = {
        "left": (deep, ONE),
        "right": (ONE, deep),
        "both": (deep, operate(inner, TWO, ONE)),
        "zero left": (operate("sub", ONE, ONE), deep),
        "zero right": (deep, zero),
        "constant": (plan.Constant(value=3), deep),
    }
    expr = operate(outer, *sides[shape])
    for i, j in product((0, 1, -2, 1 << 31, MAX_INT, MIN_INT), repeat=2):
        outcome(expr, {"i": i, "j": j})
