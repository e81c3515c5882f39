"""What `flow test` tells: for people each test and why it fails, for programs one object a test.

A failed test looks like a mistake in a flow: the line, a caret, what its parts were; below it the trace of
the run that led there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

import attrs

from flowlang.agents.places import Places
from flowlang.plan import tests
from flowlang.plan.model import Place
from flowlang.text.diagnostics import Label
from flowlang.text.display import clean
from flowlang.text.render import Report, Style, render_report
from flowlang.text.report import as_json
from flowlang.tools.testing_files import Suite
from flowlang.tools.testing_run import Verdict
from flowlang.tools.testing_script import Problem
from flowlang.tools.testing_trace import trace
from flowlang.values.value import Value

JsonObject: TypeAlias = dict[str, Value]


@attrs.frozen
class Tested:
    """A file's verdicts, in the order of its tests."""

    suite: Suite
    verdicts: tuple[Verdict, ...]

    @property
    def failed(self) -> bool:
        return bool(self.suite.mistakes) or any(not verdict.passed for verdict in self.verdicts)


def line_text(verdict: Verdict) -> str:
    """One line for a test."""
    return f"  {'ok    ' if verdict.passed else 'FAILED'}  {title(verdict.test)}"


def title(test: tests.Test) -> str:
    """The name of a test on one line, safe to print."""
    return clean(test.name).replace("\n", " ")


def failure_text(verdict: Verdict, places: Places, style: Style) -> str:
    """Why a test fails, with the trace of its last run."""
    problem = verdict.problem
    assert problem is not None, "a test that passed has no problem"
    report = Report(
        "error",
        "failed",
        problem.message,
        places.label(problem.at, problem.label),
        tuple(_related(problem, places)),
        help=problem.help,
    )
    return render_report(report, places.read, style) + "".join(_below(verdict, problem, places))


def _related(problem: Problem, places: Places) -> Iterator[Label]:
    failure = problem.failure
    if failure is not None and failure.at is not None:
        yield places.label(failure.at, _where(failure.path))


def _where(path: str) -> str:
    """A `require`, an `ensure` and the like have no name that an author knows."""
    name = path.rpartition("/")[2]
    return "here" if not name or name.startswith("!") else f"in the step `{path}`"


def _below(verdict: Verdict, problem: Problem, places: Places) -> Iterator[str]:
    if problem.orders is not None:
        for said, order in zip(("it holds    ", "it does not "), problem.orders, strict=True):
            yield clean(f"  {said} in the order {', '.join(order)}") + "\n"
    wide = min(40, max((len(text) for text, _ in problem.parts), default=0))
    for text, value in problem.parts:
        yield clean(f"  {text:<{wide}}  is {value}") + "\n"
    if verdict.ran:
        ran = verdict.ran[-1]
        yield clean(f"  the run of `{ran.run.flow}`:") + "\n"
        yield from (f"    {line}\n" for line in trace(ran, places.plan))


def summary(tested: list[Tested]) -> str:
    """`5 passed, 1 failed in 2 files (0.02s)`."""
    verdicts = [verdict for each in tested for verdict in each.verdicts]
    failed = sum(not verdict.passed for verdict in verdicts)
    broken = sum(bool(each.suite.mistakes) for each in tested)
    files = sum(bool(each.verdicts) for each in tested)
    seconds = sum(verdict.seconds for verdict in verdicts)
    parts = [f"{len(verdicts) - failed} passed"]
    parts += [f"{failed} failed"] * (failed > 0)
    told = f"{', '.join(parts)} in {files} {'file' if files == 1 else 'files'} ({seconds:.2f}s)"
    with_mistakes = f"; {broken} {'file has' if broken == 1 else 'files have'} mistakes"
    return told + with_mistakes * (broken > 0)


def tests_json(tested: list[Tested]) -> JsonObject:
    """All that was found out, as one object."""
    return {
        "passed": sum(verdict.passed for each in tested for verdict in each.verdicts),
        "failed": sum(not verdict.passed for each in tested for verdict in each.verdicts),
        "tests": [_test_json(each, verdict) for each in tested for verdict in each.verdicts],
        "mistakes": [found for each in tested for found in as_json(each.suite.mistakes, each.suite.read)],
    }


def _test_json(tested: Tested, verdict: Verdict) -> JsonObject:
    at = verdict.test.at
    return {
        "path": tested.suite.path,
        "name": verdict.test.name,
        "line": at.line,
        "status": "passed" if verdict.passed else "failed",
        "seconds": round(verdict.seconds, 6),
        "orders": verdict.orders,
        "problem": verdict.problem and _problem_json(verdict, verdict.problem, tested.suite),
    }


def _problem_json(verdict: Verdict, problem: Problem, suite: Suite) -> JsonObject:
    assert suite.places is not None, "a test that ran has places"
    failure = problem.failure
    return {
        "message": problem.message,
        **place_json(problem.at, suite.places),
        "help": problem.help,
        "parts": [{"text": text, "value": value} for text, value in problem.parts],
        "orders": problem.orders and [list(order) for order in problem.orders],
        "failure": failure and failure.to_json(),
        "trace": trace(verdict.ran[-1], suite.places.plan) if verdict.ran else [],
    }


def place_json(at: Place, places: Places) -> JsonObject:
    return {
        "path": places.plan.sources[at.source].path,
        "line": at.line,
        "column": at.column,
        "end_line": at.end_line,
        "end_column": at.end_column,
    }
