"""`flow show`: a run, or one step of it. What is shown is made in `flowlang.tools.run_show` and beside it."""

from __future__ import annotations

import sys

import click

from flowlang.tools.cli import terminal
from flowlang.tools.cli.looking import completed_runs, json_option, named, now, opened
from flowlang.tools.cli.storing import store_option
from flowlang.tools.run_show import render_run
from flowlang.tools.run_show_json import detailed_json, run_json
from flowlang.tools.run_show_step import render_step, step_named
from flowlang.tools.run_view import view

EXAMPLES = """\b
Examples:
  flow show 4f2a                    where a run stands; the beginning of its id will do
  flow show 4f2a payment            one step: what it was given, what it gave, its attempts
  flow show 4f2a 'pages[3]/fetch'   a step of an item
  flow show 4f2a --all              every item of every loop
  flow show 4f2a --json | jq '.steps[] | select(.status == "failed")'
"""


@click.command("show", epilog=EXAMPLES)
@click.argument("run", shell_complete=completed_runs(ended=True))
@click.argument("step", required=False)
@click.option("--all", "everything", is_flag=True, help="Show all items of loops, and values whole.")
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context, run: str, step: str | None, everything: bool, as_json: bool, store: str | None
) -> None:
    """Show how a run stands: its steps with their times, attempts and errors, and what it waits for.

    STEP is a path as the tree makes them, or how it ends. Secrets are not shown."""
    with opened(context, store, as_json=as_json) as found:
        seen = view(found, run, now=now(), option=named(context, store))
        shown = None if step is None else step_named(seen, step)
    if as_json:
        terminal.out_json(run_json(seen) if shown is None else detailed_json(seen, shown))
        return
    style = terminal.style(sys.stdout)
    if shown is None:
        limit = style.columns if sys.stdout.isatty() else None
        terminal.out(render_run(seen, style, everything=everything, limit=limit), end="")
    else:
        terminal.out(render_step(seen, shown, style, everything=everything), end="")
