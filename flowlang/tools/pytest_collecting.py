"""Tests of a `.flow` file as pytest has them: a file is a collector, a test an item.

What is told of a test that fails is what `flow test` tells. A file with mistakes cannot be collected, and
shows them."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from flowlang.plan.tests import Test
from flowlang.text.render import PLAIN, render_all
from flowlang.tools.frontend import check_file
from flowlang.tools.testing_files import Suite, suite_of
from flowlang.tools.testing_report import failure_text, title
from flowlang.tools.testing_run import Verdict, run_test


class FlowTestFailed(Exception):
    """A test that did not pass."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.problem and verdict.problem.message)
        self.verdict = verdict


class FlowFile(pytest.File):
    def collect(self) -> Iterator[FlowTest]:
        path = os.path.relpath(self.path)
        suite = suite_of(path, check_file(path))
        if suite is None:
            return
        if suite.mistakes:
            raise self.CollectError(render_all(suite.mistakes, suite.read, PLAIN))
        for test in suite.tests:
            yield FlowTest.from_parent(self, name=title(test), suite=suite, test=test)


class FlowTest(pytest.Item):
    def __init__(self, name: str, parent: FlowFile, suite: Suite, test: Test) -> None:
        super().__init__(name, parent)
        self.suite, self.test = suite, test

    def runtest(self) -> None:
        assert self.suite.program is not None, "what was collected can run"
        verdict = run_test(self.suite.program, self.test)
        if not verdict.passed:
            raise FlowTestFailed(verdict)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        failed = excinfo.value
        if isinstance(failed, FlowTestFailed) and self.suite.places is not None:
            return failure_text(failed.verdict, self.suite.places, PLAIN)
        return str(super().repr_failure(excinfo))

    def reportinfo(self) -> tuple[os.PathLike[str], int, str]:
        return self.path, self.test.at.line - 1, self.name
