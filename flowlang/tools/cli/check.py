"""`flow check`: find mistakes and print them.

Each file is checked as the entry of its own project. Files that import each other meet again and again, so
a diagnostic is printed once however many ways lead to it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import click

from flowlang.semantics.check import Checked
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.render import ReadSource, render_all, summary
from flowlang.text.report import as_json, as_sarif
from flowlang.text.source import Source
from flowlang.text.version import __version__
from flowlang.tools.cli import terminal
from flowlang.tools.cli.environments import env_option
from flowlang.tools.cli.plan_options import plan_options, settings_of
from flowlang.tools.cli.watching import snapshot, wait_for_change
from flowlang.tools.files import STDIN, STDIN_MARK, find_flow_files
from flowlang.tools.frontend import check_file, check_text, sources
from flowlang.tools.plan_settings import PlanSettings, is_plan

EXAMPLES = """\b
Examples:
  flow check                      every .flow file below this folder
  flow check main.flow            one file and what it imports
  flow check --json | jq '.[].message'
  cat main.flow | flow check -
  flow check plan.yaml --use agents.flow --allow search --max-calls 20 --json
"""


class Findings(NamedTuple):
    """What a check of some files found, in the order of the files."""

    diagnostics: tuple[Diagnostic, ...]
    checked: dict[str, Checked]
    sources: ReadSource
    started_ns: int

    def failed(self, strict: bool) -> bool:
        return any(strict or d.severity == "error" for d in self.diagnostics)


@click.command("check", epilog=EXAMPLES)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--json", "form", flag_value="json", help="Print an array of diagnostics as JSON.")
@click.option("--sarif", "form", flag_value="sarif", help="Print a SARIF 2.1.0 log, for code scanning.")
@click.option("--strict", is_flag=True, help="Exit with 1 on warnings too.")
@click.option("--watch", is_flag=True, help="Check again whenever a file changes, until interrupted.")
@env_option
@plan_options
def command(
    paths: tuple[str, ...],
    form: str | None,
    strict: bool,
    watch: bool,
    environment: str | None,
    uses: tuple[str, ...],
    allowed: tuple[str, ...],
    max_calls: int | None,
    max_time: int | None,
) -> int:
    """Find mistakes in flows.

    PATHS are files and folders, folders with all .flow files below them; `-` is the standard input. Without
    any, the current folder is checked. A file that ends in .yaml or .json is a plan."""
    wanted = paths or (".",)
    if watch and STDIN_MARK in wanted:
        raise click.UsageError("--watch needs files; the standard input cannot be watched")
    plans = settings_of(wanted, uses, allowed, max_calls, max_time)
    findings = check_paths(wanted, plans=plans, environment=environment)
    show(findings, form)
    while watch:
        wait_for_change(findings.started_ns, partial(snapshot, wanted, findings.checked.values()))
        previous = findings.checked
        findings = check_paths(wanted, previous=previous, plans=plans, environment=environment)
        if form is None:
            terminal.clear()
        show(findings, form)
    return int(findings.failed(strict))


def check_paths(
    paths: Sequence[str],
    *,
    previous: dict[str, Checked] | None = None,
    plans: PlanSettings | None = None,
    environment: str | None = None,
) -> Findings:
    """Check files and folders; `previous` keeps what has not changed since, `plans` is about plans."""
    started_ns = time.time_ns()
    before = previous or {}
    files = find_flow_files(path for path in paths if path != STDIN_MARK)
    checked: dict[str, Checked] = {}
    last: Checked | None = None
    for path in files.paths:
        # Files of one folder tend to import the same modules, which the last result then holds already.
        last = before.get(path) or last
        last = checked[path] = check_file(path, previous=last, plans=plans, environment=environment)
    found = list(files.diagnostics)
    if STDIN_MARK in paths:
        source = terminal.read_stdin()
        if isinstance(source, Source):
            checked[STDIN] = check_text(source.text, environment=environment)
        else:
            found.append(source)
    found += (d for each in checked.values() for d in each.diagnostics)
    found += (d for path, each in checked.items() if is_plan(path) for d in _over_limit(each, plans))
    return Findings(_each_once(found), checked, sources(*checked.values()), started_ns)


def _over_limit(checked: Checked, plans: PlanSettings | None) -> list[Diagnostic]:
    """Whether a plan may make more calls than it is allowed, which is known of the whole of it."""
    if checked.has_errors:
        return []
    from flowlang.tools.plan_bounds import found_over_limit

    return found_over_limit(checked, plans)


def show(findings: Findings, form: str | None) -> None:
    """The diagnostics on stdout, and on stderr how many there are."""
    draw = FORMS[form or "text"]
    draw(findings.diagnostics, findings.sources)
    terminal.say(summary(findings.diagnostics, len(findings.checked)))


def _text(diagnostics: Sequence[Diagnostic], read: ReadSource) -> None:
    if diagnostics:
        terminal.out(render_all(diagnostics, read, terminal.style(sys.stdout)))


def _json(diagnostics: Sequence[Diagnostic], read: ReadSource) -> None:
    values = as_json(diagnostics, read)
    if any(is_plan(diagnostic.path) for diagnostic in diagnostics):
        from flowlang.tools.plan_repairs import with_repairs

        values = with_repairs(values, diagnostics, read)
    terminal.out_json(values)


def _sarif(diagnostics: Sequence[Diagnostic], read: ReadSource) -> None:
    terminal.out_json(as_sarif(diagnostics, read, version=__version__))


FORMS: dict[str, Callable[[Sequence[Diagnostic], ReadSource], None]] = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
}


def _each_once(diagnostics: Sequence[Diagnostic]) -> tuple[Diagnostic, ...]:
    known: dict[object, Diagnostic] = {}
    for found in diagnostics:
        known.setdefault((found.code.number, found.path, found.primary.span, found.message), found)
    return tuple(known.values())
