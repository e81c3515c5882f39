"""A condition that does not hold -> the values of its parts, to see why.

Of an `and` or `or` the operand that decides says all: those behind it may have no value. Where none does, all
of them say something."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from flowlang.plan import tests
from flowlang.tools.testing_script import Evaluator, Names, cut, shown
from flowlang.values.codec import encode
from flowlang.values.evaluation import EvaluationError

MOST = 20


def explained(condition: tests.Part, evaluate: Evaluator, names: Names) -> tuple[tuple[str, str], ...]:
    """The parts of a condition, as they are written, with their values as JSON; each once."""
    parts = {part.text: part for part in _telling(condition, evaluate, names)}
    del parts[condition.text]
    return tuple((cut(part.text), _value(part, evaluate, names)) for part in islice(parts.values(), MOST))


def _telling(part: tests.Part, evaluate: Evaluator, names: Names) -> Iterator[tests.Part]:
    """The parts that say why, from outside in."""
    yield part
    deciding = (p for p in part.below if _holds(p, evaluate, names) == (part.junction == "or"))
    decided = tuple(islice(deciding, 1)) if part.junction else ()
    for below in decided or part.below:
        yield from _telling(below, evaluate, names)


def _holds(part: tests.Part, evaluate: Evaluator, names: Names) -> bool:
    try:
        return bool(evaluate(part.value, names))
    except EvaluationError:
        return False


def _value(part: tests.Part, evaluate: Evaluator, names: Names) -> str:
    try:
        return shown(encode(evaluate(part.value, names), part.type))
    except EvaluationError as error:
        return f"without a value: {error.message}"
