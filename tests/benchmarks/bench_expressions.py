"""Evaluating expressions of a flow, against Python that was written by hand for the same and given to `eval`.

What is by hand checks nothing and charges nothing. Both are measured in turns, in short rounds, and the
ratio is the median of all rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import attrs

from flowlang.plan import model as plan
from flowlang.plan.lower import lower
from flowlang.semantics.check import check
from flowlang.semantics.modules import load
from flowlang.semantics.providers import Description
from flowlang.text.source import Source
from flowlang.values.compiler import compile_expression
from flowlang.values.evaluation import Budget
from flowlang.values.value import Value
from tests.benchmarks import Figure

ROUNDS = 80
ROUND_SECONDS = 0.002
BOUND = 1.1

HEAD = """\
type Address = { city: string, code: string }
type Order = { customer: { name: string, address: Address }, total: float }
type Page = { title: string, score: float }

flow main(a: int, b: int, c: int, d: int, x: float, y: float, name: string, count: int,
          order: Order, pages: list<Page>) -> json {
  return (EXPRESSION) as json
}
"""

CONTEXT: dict[str, Value] = {
    "a": 17, "b": 4, "c": 9, "d": 3, "x": 1.5, "y": 2.5, "name": "Ada", "count": 3,
    "order": {"customer": {"name": "Ada", "address": {"city": "Paris", "code": "75001"}}, "total": 9.5},
    "pages": [{"title": f"page {n}", "score": n * 37 % 100 / 100} for n in range(100)],
}  # fmt: skip


@attrs.frozen
class Pair:
    """An expression of a flow, and its counterpart in Python."""

    name: str
    flow: str
    python: str


PAIRS = (
    Pair("arithmetic on ints", "a * b + c - d * 2", "a * b + c - d * 2"),
    Pair("arithmetic on floats", "x * y + 0.5 - x * 2.0", "x * y + 0.5 - x * 2.0"),
    Pair("a comparison", "a > 3 and b <= 5", "a > 3 and b <= 5"),
    Pair(
        "member access",
        "order.customer.address.city == 'Paris'",
        "order['customer']['address']['city'] == 'Paris'",
    ),
    Pair(
        "filter and map over 100",
        "pages.filter(p => p.score > 0.5).map(p => p.title)",
        "[p['title'] for p in pages if p['score'] > 0.5]",
    ),
    Pair(
        "interpolation",
        '"Hello ${name}, you have ${count} items"',
        'f"Hello {name}, you have {count} items"',
    ),
)


def figures() -> Iterator[Figure]:
    for pair in PAIRS:
        ours, theirs = flow_work(pair.flow), python_work(pair.python)
        assert ours.function(*ours.arguments) == theirs.function(*theirs.arguments), pair.name
        seconds, ratio = compared(ours, theirs)
        yield Figure(f"evaluate {pair.name}", seconds * 1e9, "ns", ratio, "eval of Python by hand", BOUND)
    compiling = Work(compile_expression, (lowered(PAIRS[0].flow),))
    seconds, _ = compared(compiling, Work(int, ()))
    yield Figure("compile an expression", seconds * 1e6, "µs", seconds * 1e3, "a millisecond", 1.0)


@attrs.frozen
class Work:
    """A function and what it is called with, so that nothing but the call is measured."""

    function: Callable[..., object]
    arguments: tuple[object, ...]

    def seconds(self, times: int) -> float:
        function, arguments = self.function, self.arguments
        started = time.perf_counter()
        for _ in range(times):
            function(*arguments)
        return time.perf_counter() - started


def compared(ours: Work, theirs: Work) -> tuple[float, float]:
    """The seconds that our work takes, and its ratio to the other: medians of rounds taken in turns."""
    times = max(1, int(ROUND_SECONDS / (ours.seconds(3) / 3)))
    rounds = [(ours.seconds(times), theirs.seconds(times)) for _ in range(ROUNDS)]
    return statistics.median(one for one, _ in rounds) / times, statistics.median(a / b for a, b in rounds)


def flow_work(text: str) -> Work:
    return Work(compile_expression(lowered(text)), (CONTEXT, Budget(10**15)))


def python_work(text: str) -> Work:
    return Work(eval, (compile(text, "<by hand>", "eval"), {"__builtins__": {}}, CONTEXT))


def lowered(text: str) -> plan.Expr:
    """The expression as the front end lowers it; the cast to json is for the flow's sake only."""
    source = Source("bench.flow", HEAD.replace("EXPRESSION", text))
    checked = check(load("bench.flow", read=lambda path: source, describe=nothing))
    errors = [found.message for found in checked.diagnostics if found.severity == "error"]
    assert not errors, errors[0]
    result = lower(checked).flows["main"].body.statements[-1]
    assert isinstance(result, plan.Result) and isinstance(result.task, plan.Evaluate)
    assert isinstance(result.task.value, plan.Encode)
    return result.task.value.value


def nothing(provider: str, target: str, path: str) -> Description:
    return Description(target, known=False)
