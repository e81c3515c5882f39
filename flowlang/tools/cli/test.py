"""`flow test`: carry out the tests of flows.

Whether a file is looked at is settled as for `flow check`. Results go to stdout, how many there are to
stderr."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import attrs
import click
from click.shell_completion import CompletionItem

from flowlang.text.diagnostics import Diagnostic
from flowlang.text.render import render_all
from flowlang.text.suggest import did_you_mean
from flowlang.tools.cli import terminal
from flowlang.tools.cli.watching import snapshot, wait_for_change
from flowlang.tools.files import read_shown
from flowlang.tools.testing_coverage import Coverage, Watched, coverage_json, coverage_text, merged
from flowlang.tools.testing_files import Collected, Suite, collect
from flowlang.tools.testing_junit import junit_text
from flowlang.tools.testing_report import Tested, failure_text, line_text, summary, tests_json
from flowlang.tools.testing_run import Verdict, run_test

EXAMPLES = """\b
Examples:
  flow test                        every test below this folder
  flow test brief.flow -k page     those of a file with "page" in their names
  flow test --watch                again whenever a file changes
  flow test --coverage             and what of the flows no test has reached
  flow test --junit results.xml    for CI
"""
NO_TESTS = 'there is no test; write `test "…" { … }` below a flow'


@attrs.frozen
class Findings:
    """What came of all files; `missing` says what could not be found."""

    tested: list[Tested]
    coverage: Coverage | None
    missing: Sequence[Diagnostic]

    @property
    def failed(self) -> bool:
        verdicts = any(each.verdicts for each in self.tested)
        return bool(self.missing) or not verdicts or any(each.failed for each in self.tested)


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    names = _names(collect(context.params.get("paths") or (".",)))
    return [CompletionItem(name) for name in names if incomplete.lower() in name.lower()]


@click.command("test", epilog=EXAMPLES)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "-k", "wanted", metavar="NAME", shell_complete=_complete, help="Only tests with NAME in their names."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--junit", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML, too."
)
@click.option("--coverage", is_flag=True, help="Tell which steps, arms, catches and undos no test reaches.")
@click.option("--watch", is_flag=True, help="Test again whenever a file changes, until interrupted.")
@click.option("-q", "--quiet", is_flag=True, help="Tell only of tests that fail.")
def command(
    paths: tuple[str, ...],
    wanted: str | None,
    as_json: bool,
    junit: Path | None,
    coverage: bool,
    watch: bool,
    quiet: bool,
) -> int:
    """Carry out the tests of flows, in virtual time and without their agents.

    PATHS are files and folders, folders with all .flow files below them. Without any, the current folder is
    searched. Exits with 1 where a test fails, and where there is none."""
    where = paths or (".",)
    collected = collect(where)
    _insist_on_a_match(collected, wanted)
    tell = _say_nothing if as_json else partial(_tell, quiet=quiet)
    carry_out = partial(_carried_out, wanted=wanted, coverage=coverage, tell=tell)
    report = partial(_report, as_json=as_json, junit=junit)
    findings = carry_out(collected)
    report(findings)
    while watch:
        wait_for_change(collected.started_ns, partial(snapshot, where, collected.checked.values()))
        collected = collect(where, previous=collected)
        terminal.clear()
        findings = carry_out(collected)
        report(findings)
    return int(findings.failed)


def _names(collected: Collected) -> list[str]:
    return [test.name for suite in collected.suites for test in suite.tests]


def _insist_on_a_match(collected: Collected, wanted: str | None) -> None:
    names = _names(collected)
    if wanted is None or not names or any(wanted.lower() in name.lower() for name in names):
        return
    hint = did_you_mean(wanted, names)
    raise click.UsageError(f"no test has `{wanted}` in its name" + (f"; {hint}" if hint else ""))


def _carried_out(
    collected: Collected, *, wanted: str | None, coverage: bool, tell: Callable[[Tested], None]
) -> Findings:
    """Carry the tests out; `tell` hears of each file when it is through."""
    tested: list[Tested] = []
    covered: list[Coverage] = []
    for suite in collected.suites:
        watched = Watched.of(suite.program) if suite.program and coverage else None
        each = Tested(suite, tuple(_verdicts(suite, wanted, watched)))
        if each.verdicts or suite.mistakes:
            tell(each)
            tested.append(each)
        if watched is not None and suite.places is not None:
            covered.append(watched.coverage(suite.places))
    return Findings(tested, merged(covered) if coverage else None, collected.missing)


def _verdicts(suite: Suite, wanted: str | None, watched: Watched | None) -> Iterator[Verdict]:
    if suite.program is None:
        return
    program = watched.program if watched else suite.program
    for test in suite.tests:
        if wanted is None or wanted.lower() in test.name.lower():
            verdict = run_test(program, test)
            if watched is not None:
                for ran in verdict.ran:
                    watched.see(ran)
            yield verdict


def _tell(tested: Tested, *, quiet: bool) -> None:
    style = terminal.style(sys.stdout)
    suite = tested.suite
    if suite.mistakes:
        terminal.out(render_all(suite.mistakes, suite.read, style))
    if tested.verdicts and (tested.failed or not quiet):
        terminal.out(suite.path)
    for verdict in tested.verdicts:
        if not (quiet and verdict.passed):
            terminal.out(line_text(verdict))
        if not verdict.passed and suite.places is not None:
            terminal.out(failure_text(verdict, suite.places, style))


def _say_nothing(tested: Tested) -> None:
    """JSON comes as one object at the end."""


def _report(findings: Findings, *, as_json: bool, junit: Path | None) -> None:
    """What there is to say when all are through."""
    coverage = findings.coverage
    if as_json:
        covered = {} if coverage is None else {"coverage": coverage_json(coverage)}
        terminal.out_json(tests_json(findings.tested) | covered)
    elif coverage is not None:
        terminal.out(coverage_text(coverage), end="")
    terminal.say_diagnostics(findings.missing, read_shown)
    if not findings.tested and not findings.missing:
        terminal.say(NO_TESTS)
    elif findings.tested:
        terminal.say(summary(findings.tested))
    if junit is not None:
        _write(junit, junit_text(findings.tested))


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise click.UsageError(f"{path} cannot be written: {problem.strerror}") from None
