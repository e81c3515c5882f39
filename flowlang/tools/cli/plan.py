"""`flow plan`: what a flow would do, for a reviewer to read before a run."""

from __future__ import annotations

import sys

import click

from flowlang.plan.load import dump_plan
from flowlang.plan.show import render_plan
from flowlang.tools.cli import terminal
from flowlang.tools.cli.compiling import compile_or_leave
from flowlang.tools.cli.plan_options import settings_of, use_option


@click.command("plan")
@click.argument("file", type=click.Path())
@click.argument("flow", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print the whole plan as JSON (`flow schema plan`).")
@use_option
@click.pass_context
def command(
    context: click.Context, file: str, flow: str | None, as_json: bool, uses: tuple[str, ...]
) -> None:
    """Show what a flow would do: steps, order, types, errors and the most calls it can make.

    FLOW is the flow called `main`, or the only one, where it is not named."""
    made, name = compile_or_leave(context, file, flow, settings_of([file], uses))
    if as_json:
        terminal.out(dump_plan(made, indent=2))
    else:
        style = terminal.style(sys.stdout)
        terminal.out(render_plan(made, name, width=style.columns, colour=style.color), end="")
