"""Compile expressions: typed operations of the plan -> Python `ast` nodes -> a function of (context, budget).

The types were proven by the checker, so an addition is an addition: Python's own operator on exact ints,
with the check for 64 bits beside it. What is rare or costly is a call of a helper. So a compiled
expression is as fast as Python that was written by hand, and it is safe because of what cannot be there:

- the nodes come from `pyast`, so there are no attributes, lambdas, imports or yields;
- the names are ours: `C` the context, `B` the budget, those that `generator` makes up, and the helpers
  below, with no builtins behind them;
- `verifier` reads the bytecode before it may run.

Failures leave as EvaluationError, at the place that the line number of the innermost frame stands for.
An expression that Python refuses to compile (its loops may nest deeper than Python's), or whose plan no
checker has seen, is walked instead, which means the same."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from copy import copy
from functools import cache, partial
from types import CodeType, FunctionType
from typing import Final, TypeAlias

from flowlang.plan.model import Expr, Place, Variable
from flowlang.values import conversions, evaluation, lists, numbers, strings
from flowlang.values.builder import helper_name
from flowlang.values.evaluation import Budget
from flowlang.values.functions import CHARGING, FUNCTIONS, KEYED, OPERATORS
from flowlang.values.generator import Generator
from flowlang.values.pyast import FILENAME
from flowlang.values.value import Value
from flowlang.values.verifier import verify
from flowlang.values.walker import walk

Code: TypeAlias = Callable[[Mapping[str, Value], Budget], Value]
"""A compiled expression: the names it mentions and a budget -> its value. Raises EvaluationError."""


def compile_expression(expr: Expr) -> Code:
    """An expression of a checked plan, ready to run any number of times."""
    if isinstance(expr, Variable):
        return _lookup(expr)
    generator = Generator()
    try:
        code = _assembled(generator.expression(expr, {}))
    except (RecursionError, SyntaxError, MemoryError, TypeError, ValueError):
        return partial(walk, expr)
    namespace = {**_HELPERS, **generator.constants, "PLACES": tuple(generator.places)}
    verify(code, namespace)
    return FunctionType(code, namespace)


def _lookup(variable: Variable) -> Code:
    """A name alone, which is so common that it need not be compiled; the walker tells where it is missing."""
    name = variable.name

    def lookup(context: Mapping[str, Value], budget: Budget) -> Value:
        return context[name] if name in context else walk(variable, context, budget)

    return lookup


# The failure is raised outside of the handler, so that it keeps no exception of the host alive.
_TEMPLATE: Final = """\
def expression(C, B):
    try:
        return
    except Exception as error:
        failure = explain(error, PLACES)
    raise failure
"""


def _assembled(body: ast.expr) -> CodeType:
    """The code of the template's function, with `body` for what it returns."""
    function = copy(_template())
    attempt, failing = function.body
    assert isinstance(attempt, ast.Try)
    tried = copy(attempt)
    tried.body = [ast.copy_location(ast.Return(body), attempt)]
    function.body = [tried, failing]
    compiled = compile(ast.Module([function], []), FILENAME, "exec", dont_inherit=True, optimize=0)
    return next(constant for constant in compiled.co_consts if isinstance(constant, CodeType))


@cache
def _template() -> ast.FunctionDef:
    function = ast.parse(_TEMPLATE).body[0]
    assert isinstance(function, ast.FunctionDef)
    return function


def _explain(error: Exception, places: tuple[Place | None, ...]) -> evaluation.EvaluationError:
    """The failure at the place of the expression's innermost frame."""
    line = 1
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == FILENAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    return evaluation.explained(error, places[line - 1])


def _enter(budget: Budget, items: list[Value], units: int) -> bool:
    """Pay for a loop; true, so that it can stand as the condition of what follows. Often called, so the
    charge is written out."""
    budget.left -= len(items) * units
    if budget.left < 0:
        evaluation.charge(budget, 0)
    return True


def _pay(budget: Budget, items: list[Value], units: int) -> list[Value]:
    _enter(budget, items, units)
    return items


def _no_arm() -> Value:
    evaluation.fail("no arm of the match fits")


def _no_function(name: str, *arguments: Value) -> Value:
    raise KeyError(name)


_TABLES: Final = {**OPERATORS, **CHARGING, **FUNCTIONS, **KEYED}

_HELPERS: Final[dict[str, Value]] = {
    "__builtins__": {},
    "Exception": Exception,
    "explain": _explain,
    "len": len,
    "float": float,
    "enter": _enter,
    "fail": evaluation.fail,
    "pay": _pay,
    "no_arm": _no_arm,
    "no_function": _no_function,
    "list_at": lists.at,
    "string_at": strings.at,
    "map_at": lambda entries, key: entries.get(key),
    "merge": lists.merge,
    "flatten": lists.flatten,
    "template": strings.template,
    "overflow": numbers.overflow,
    "infinite": numbers.infinite,
    "cast": conversions.cast,
    "widened": conversions.widened,
    **{f"encode_{form}": encode for form, encode in conversions.ENCODINGS.items()},
    **{helper_name(name): helper for name, helper in _TABLES.items()},
}
