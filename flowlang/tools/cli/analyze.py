"""`flow analyze`: how the steps of a flow hang together."""

from __future__ import annotations

from typing import Any

import attrs
import click

from flowlang.plan.text import duration_text
from flowlang.planning.analysis import Analysis, Link, analyse, judge_strategy, why_ordered
from flowlang.planning.reading import declared_strategy
from flowlang.text.source import Source
from flowlang.text.suggest import did_you_mean
from flowlang.tools.cli import terminal
from flowlang.tools.cli.compiling import compile_or_leave
from flowlang.tools.cli.plan_options import settings_of, use_option
from flowlang.tools.files import read_source
from flowlang.tools.plan_settings import is_plan

EXAMPLES = """\b
Examples:
  flow analyze main.flow                      levels, width, critical path
  flow analyze main.flow --why search report  why one step waits for another
  flow analyze plan.yaml --json               … and whether the declared strategy fits
"""

WORDS = {
    "result": "uses the result of",
    "after": "is to run after",
    "in order": "stands, in order, below",
    "barrier": "stands below a barrier that waits for",
}


@click.command("analyze", epilog=EXAMPLES)
@click.argument("file", type=click.Path())
@click.argument("flow", required=False)
@click.option("--why", nargs=2, metavar="EARLIER LATER", help="Say why one step waits for another.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@use_option
@click.pass_context
def command(
    context: click.Context,
    file: str,
    flow: str | None,
    why: tuple[str, str] | None,
    as_json: bool,
    uses: tuple[str, ...],
) -> None:
    """Show how the steps of a flow hang together: levels, width, the longest chain.

    FLOW is the flow called `main`, or the only one, where it is not named."""
    made, name = compile_or_leave(context, file, flow, settings_of([file], uses))
    found = analyse(made, name)
    if why is not None:
        _explain(found, *why, as_json=as_json)
        return
    declared = _declared(file)
    if as_json:
        terminal.out_json(_values(found, declared))
    else:
        terminal.out("\n".join(_lines(found, declared)))


def _declared(path: str) -> str | None:
    """The strategy that a plan in YAML or JSON declares."""
    source = read_source(path) if is_plan(path) else None
    return declared_strategy(path, source.text) if isinstance(source, Source) else None


def _values(found: Analysis, declared: Any) -> dict[str, Any]:
    judged = judge_strategy(declared, found) if declared else None
    return {**attrs.asdict(found), "judgement": judged and attrs.asdict(judged)}


def _lines(found: Analysis, declared: Any) -> list[str]:
    lines = [f"level {number}   {', '.join(level)}" for number, level in enumerate(found.levels)]
    longest = "not known" if found.longest is None else duration_text(found.longest)
    lines += [
        f"width     {found.width}",
        f"critical  {' → '.join(found.critical_path)}",
        f"longest   {longest}",
        f"strategy  {found.strategy}",
    ]
    judged = judge_strategy(declared, found) if declared else None
    if judged is not None and judged.advice:
        lines.append(f"declared  {judged.declared}, which is {judged.fit}: {judged.advice}")
    return lines


def _explain(found: Analysis, earlier: str, later: str, *, as_json: bool) -> None:
    known = [step for level in found.levels for step in level]
    for name in (earlier, later):
        if name not in known:
            help = did_you_mean(name, known) or f"there are {', '.join(known)}"
            raise click.UsageError(f"there is no step `{name}`; {help}")
    chain = why_ordered(found, earlier, later)
    if as_json:
        terminal.out_json([attrs.asdict(link) for link in chain])
    elif chain:
        terminal.out("\n".join(_sentence(link) for link in reversed(chain)))
    else:
        terminal.out(f"{later} does not wait for {earlier}")


def _sentence(link: Link) -> str:
    return f"{link.later} {WORDS[link.reason]} {link.earlier}"
