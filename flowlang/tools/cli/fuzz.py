"""`flow fuzz`: try to break a flow, and tell the smallest story that does.

What thinks the stories up needs Hypothesis, an extra, and lives above the tools; so it is looked up by
name."""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import click
from click.shell_completion import CompletionItem

from flowlang.agents.places import Places
from flowlang.plan.model import Plan
from flowlang.text.suggest import did_you_mean
from flowlang.tools.cli import terminal
from flowlang.tools.cli.compiling import compile_or_leave
from flowlang.tools.cli.looking import completed_runs, opened
from flowlang.tools.cli.plan_options import settings_of, use_option
from flowlang.tools.cli.storing import store_option
from flowlang.tools.files import read_shown
from flowlang.tools.plan_settings import is_plan
from flowlang.values.times import parse_duration

EXAMPLES = """\b
Examples:
  flow fuzz brief.flow                          1,000 runs with everything that may go wrong
  flow fuzz brief.flow --time 10m --save        for ten minutes; tests of what is found go into the file
  flow fuzz brief.flow --faults errors,crashes  only failing agents, and crashes
  flow fuzz brief.flow --like 4f2a              as a stored run was, but for what goes wrong
  flow fuzz brief.flow --seed 17                the same runs as last time
"""
NOT_INSTALLED = 'fuzzing needs a package that is not installed: pip install "flowlang[testing]"'
FAULTS = ("slow", "errors", "silence", "misfits", "late", "events", "crashes", "clocks", "cancels")
KINDS = ("internal error", "hang", "ensure", "evaluation", "overflow", "calls", "shared key", "undo", "crash")
NONE = "none"
INTERRUPTED = 130


def _listed(names: tuple[str, ...]) -> Any:
    """What reads names with commas between them."""

    def read(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...]:
        wanted = () if value is None else tuple(filter(None, (each.strip() for each in value.split(","))))
        for name in wanted:
            if name not in names:
                hint = did_you_mean(name, names) or f"there are {', '.join(names)}"
                raise click.BadParameter(f"`{name}` is none of them; {hint}")
        return wanted

    return read


def _complete_list(names: tuple[str, ...]) -> Any:
    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",")
        return [CompletionItem(f"{before}{comma}{name}") for name in names if name.startswith(last)]

    return complete


def _seconds(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    try:
        microseconds = parse_duration(value)
    except ValueError:
        raise click.BadParameter(f"`{value}` is no duration; write 60s, 10m or 1h") from None
    if microseconds <= 0:
        raise click.BadParameter("there has to be some time")
    return microseconds / 1e6


@click.command("fuzz", epilog=EXAMPLES)
@click.argument("file", type=click.Path())
@click.argument("flow", required=False)
@click.option(
    "--examples", type=click.IntRange(1), default=None, metavar="N", help="Runs to think up (1,000)."
)
@click.option("--seed", type=click.IntRange(0, 1 << 31), metavar="S", help="Think up the same again.")
@click.option("--time", "seconds", callback=_seconds, metavar="60s", help="Stop after so long.")
@click.option(
    "--faults", callback=_listed(FAULTS), shell_complete=_complete_list(FAULTS), metavar="KINDS",
    help=f"Only these may go wrong, with commas between them: {', '.join(FAULTS)}.",
)  # fmt: skip
@click.option(
    "--ignore", callback=_listed((*KINDS, NONE)), shell_complete=_complete_list((*KINDS, NONE)),
    default="overflow", show_default=True, metavar="KINDS", help=f"What does not count: {', '.join(KINDS)}.",
)  # fmt: skip
@click.option(
    "--like",
    metavar="RUN",
    shell_complete=completed_runs(ended=True),
    help="Inputs and agents as in a stored run, but for what goes wrong.",
)
@store_option
@click.option("--save", is_flag=True, help="Write the tests of what was found below the flow.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@use_option
@click.pass_context
def command(
    context: click.Context,
    file: str,
    flow: str | None,
    examples: int | None,
    seed: int | None,
    seconds: float | None,
    faults: tuple[str, ...],
    ignore: tuple[str, ...],
    like: str | None,
    store: str | None,
    save: bool,
    as_json: bool,
    uses: tuple[str, ...],
) -> int:
    """Try to break a flow: odd inputs, slow and failing agents, every order of events, crashes.

    Nothing is really called, and no time passes. What is found is told as the smallest story that shows it,
    with a test to paste. Exits with 1 where something was found."""
    if save and is_plan(file):
        raise click.UsageError("tests stand in `.flow` files only: `flow convert` writes a plan as one")
    compiled, name = compile_or_leave(context, file, flow, settings_of([file], uses))
    search, report, rewriting = (_loaded(f"fuzzing.{name}") for name in ("search", "report", "rewriting"))
    seed = random.randrange(1 << 16) if seed is None else seed
    recorded = _recorded(context, like, store, as_json)
    with _until_interrupted() as stopped:
        searched = search.search(
            compiled,
            name,
            examples=examples or (1_000 if seconds is None else sys.maxsize),
            seed=seed,
            seconds=seconds,
            faults=faults or FAULTS,
            kinds=[kind for kind in KINDS if kind not in ignore],
            like=recorded,
            tell=_progress,
            stopped=lambda: bool(stopped),
        )
    _progress(None, 0)
    text, told = _told(file, searched.findings, report, rewriting)
    _show(compiled, told, searched, seed, report, as_json)
    if save:
        _save(file, text, sum(each.test is not None for each in told))
    return INTERRUPTED if stopped else int(bool(told))


def _told(file: str, findings: Iterable[Any], report: Any, rewriting: Any) -> tuple[str, list[Any]]:
    """The file with the tests of what was found below, each of which knows those above; and all findings."""
    if is_plan(file):
        return "", [report.Told(finding, None) for finding in findings]
    text, told = _read(file), []
    for finding in findings:
        block = rewriting.block_of(finding, text, file)
        text = text if block is None else rewriting.added(text, block)
        told.append(report.Told(finding, block))
    return text, told


def _read(file: str) -> str:
    """The text as it is now, with its own line ends."""
    try:
        return Path(file).read_bytes().decode()
    except (OSError, ValueError):
        raise click.UsageError(f"{file} cannot be read any more") from None


@contextmanager
def _until_interrupted() -> Iterator[list[int]]:
    """The first interrupt is noted, and ends the search with what it has found; the second ends all."""
    noted: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        noted.append(number)
        signal.signal(number, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield noted
    finally:
        signal.signal(signal.SIGINT, before)


def _loaded(module: str) -> Any:
    try:
        return import_module(f"flowlang.testing.{module}")
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] != "hypothesis":
            raise
        raise click.UsageError(NOT_INSTALLED) from None


def _recorded(context: click.Context, run: str | None, store: str | None, as_json: bool) -> Any:
    """What is known of a stored run, if one is named."""
    if run is None:
        return None
    with opened(context, store, as_json=as_json) as found:
        return _loaded("recorded").recorded_in(found, run)


def _progress(runs: int | None, found: int) -> None:
    """Where somebody looks on, one line that is written over; None takes it away."""
    if not sys.stderr.isatty():
        return
    text = "" if runs is None else f"{runs:,} runs, {found} found"
    print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _save(file: str, text: str, tests: int) -> None:
    if not tests:
        return
    try:
        Path(file).write_bytes(text.encode())
    except OSError as problem:
        raise click.UsageError(f"{file} cannot be written: {problem.strerror}") from None
    terminal.say(f"{tests} {'test was' if tests == 1 else 'tests were'} written to {file}")


def _show(compiled: Plan, told: list[Any], searched: Any, seed: int, report: Any, as_json: bool) -> None:
    places = Places(compiled, read_shown)
    if as_json:
        return terminal.out_json(report.findings_json(told, searched, seed, places))
    style = terminal.style(sys.stdout)
    for each in told:
        terminal.out(report.finding_text(each, places, style))
    for line in report.waits_text(searched):
        terminal.say(f"note: {line}")
    terminal.say(report.summary(searched, seed))
