"""`flow runs`: the runs of a store. The table is made in `flowlang.tools.run_table`."""

from __future__ import annotations

import sys

import click

from flowlang.plan.styled import written
from flowlang.tools.cli import terminal
from flowlang.tools.cli.looking import json_option, now, opened
from flowlang.tools.cli.storing import store_option
from flowlang.tools.run_table import STATUSES, listed, table, to_json

EXAMPLES = """\b
Examples:
  flow runs                                     the newest runs
  flow runs --status waiting --status unknown   those that need somebody
  flow runs --flow main --limit 100
  flow runs --json | jq '.[] | select(.status == "failed") | .run_id'
"""


@click.command("runs", epilog=EXAMPLES)
@click.option(
    "--status", "statuses", multiple=True, type=click.Choice(STATUSES), help="Only these; repeatable."
)
@click.option("--flow", "flow", metavar="NAME", help="Only runs of this flow.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The most runs to show.")
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context,
    statuses: tuple[str, ...],
    flow: str | None,
    limit: int,
    as_json: bool,
    store: str | None,
) -> None:
    """List runs, the newest first.

    A run is `interrupted` where whoever held it has gone in the middle of something, and `unknown` where
    somebody has to say what became of a call: `flow show RUN` tells which."""
    instant = now()
    with opened(context, store, as_json=as_json) as found:
        runs = listed(found, statuses, flow, limit + 1)
    shown = runs[:limit]
    if as_json:
        terminal.out_json([to_json(run, instant) for run in shown])
        return
    if not shown:
        terminal.say("there are no such runs" if statuses or flow else "there are no runs yet")
        return
    style, at_terminal = terminal.style(sys.stdout), sys.stdout.isatty()
    lines = table(shown, instant, relative=at_terminal, limit=style.columns if at_terminal else None)
    terminal.out(written(lines, colour=style.color), end="")
    if len(runs) > limit:
        terminal.say(f"there are older runs too; see them with `--limit {10 * limit}`")
