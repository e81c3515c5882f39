"""Files -> the tests in them, ready to be carried out.

Each file is the entry of a project of its own, as for `flow check`; the tests of what it imports are run
where that is named, or found, itself. A file without tests costs its check and no more."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import attrs

from flowlang.agents.places import Places
from flowlang.hosts.simulator.simulation import link_simulated
from flowlang.plan import tests
from flowlang.plan.lower_tests import lower_tests
from flowlang.runtime.program import Program
from flowlang.semantics.check import Checked
from flowlang.syntax import ast
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.render import ReadSource
from flowlang.tools.files import find_flow_files
from flowlang.tools.frontend import check_file, sources
from flowlang.tools.plan_settings import is_plan


@attrs.frozen(eq=False)
class Suite:
    """The tests of one file. Where it has `mistakes`, none of them can run, and `program` is None."""

    path: str
    tests: tuple[tests.Test, ...]
    program: Program | None
    places: Places | None
    mistakes: tuple[Diagnostic, ...]
    read: ReadSource


@attrs.frozen(eq=False)
class Collected:
    """`suites` are those of files that have tests, or mistakes. `checked` are all files, by path, for those
    who look again; `missing` says what could not be found."""

    suites: tuple[Suite, ...]
    checked: Mapping[str, Checked]
    missing: tuple[Diagnostic, ...]
    started_ns: int


def collect(paths: Sequence[str], *, previous: Collected | None = None) -> Collected:
    """The tests of files, and of the flow files below folders; `previous` keeps what has not changed."""
    started_ns = time.time_ns()
    files = find_flow_files(paths)
    known = previous.checked if previous else {}
    suites = {suite.path: suite for suite in previous.suites} if previous else {}
    checked: dict[str, Checked] = {}
    found: list[Suite] = []
    last: Checked | None = None
    for path in files.paths:
        last = checked[path] = check_file(path, previous=known.get(path) or last)
        unchanged = last is known.get(path)
        suite = suites.get(path) if unchanged else suite_of(path, last)
        if suite is not None:
            found.append(suite)
    return Collected(tuple(found), checked, files.diagnostics, started_ns)


def suite_of(path: str, checked: Checked) -> Suite | None:
    """The tests of a file that was checked; None where it has neither tests nor mistakes."""
    read = sources(checked)
    if checked.has_errors:
        mistakes = tuple(d for d in checked.diagnostics if d.severity == "error")
        return Suite(path, (), None, None, mistakes, read)
    if is_plan(path) or not has_tests(checked):
        return None
    lowered = lower_tests(checked)
    return Suite(path, lowered.tests, link_simulated(lowered.plan), Places(lowered.plan, read), (), read)


def has_tests(checked: Checked) -> bool:
    module = checked.project.modules[checked.project.entry]
    return any(isinstance(item.declaration, ast.TestDecl) for item in module.items)
