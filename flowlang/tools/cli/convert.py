"""`flow convert`: a plan as a flow, a flow as a plan."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import click

from flowlang.tools.cli import terminal
from flowlang.tools.cli.plan_options import settings_of, use_option
from flowlang.tools.converting import Target, convert
from flowlang.tools.frontend import NotRunnable
from flowlang.tools.plan_settings import is_plan

EXAMPLES = """\b
Examples:
  flow convert plan.yaml                 the plan as a flow, to read
  flow convert plan.yaml -o plan.flow    … and to keep
  flow convert main.flow --to yaml       the flow as a plan, if a plan can say it
"""


@click.command("convert", epilog=EXAMPLES)
@click.argument("file", type=click.Path())
@click.argument("flow", required=False)
@click.option("-o", "--output", metavar="FILE", type=click.Path(), help="Write there, not to stdout.")
@click.option("--to", "target", type=click.Choice(["flow", "yaml", "json"]), help="The form that is wanted.")
@use_option
@click.pass_context
def command(
    context: click.Context,
    file: str,
    flow: str | None,
    output: str | None,
    target: str | None,
    uses: tuple[str, ...],
) -> None:
    """Write a plan as a flow, or a flow as a plan.

    FLOW is the flow called `main`, or the only one, where it is not named. Without --to the name of the
    output decides, and without one a plan becomes a flow and a flow a plan in YAML."""
    wanted = cast(Target, target or _target_of(file, output))
    folder = os.path.dirname(output) or "." if output else None
    try:
        text = convert(file, wanted, flow=flow, plans=settings_of([file], uses), folder=folder)
    except NotRunnable as problem:
        terminal.say_diagnostics(problem.diagnostics, problem.read)
        context.exit(1)
    if output is None:
        terminal.out(text, end="")
        return
    try:
        Path(output).write_text(text, encoding="utf-8")
    except OSError as problem:
        raise click.ClickException(f"{output} cannot be written: {problem.strerror}") from None


def _target_of(file: str, output: str | None) -> str:
    suffix = os.path.splitext(output or "")[1]
    if suffix in (".flow", ".json"):
        return suffix[1:]
    if suffix in (".yaml", ".yml"):
        return "yaml"
    return "flow" if is_plan(file) else "yaml"
