"""`flow graph`: a flow as a picture."""

from __future__ import annotations

import click

from flowlang.plan.graph import graph, to_json
from flowlang.plan.graph_svg import to_svg
from flowlang.plan.graph_text import to_dot, to_mermaid
from flowlang.tools.cli import terminal
from flowlang.tools.cli.compiling import compile_or_leave
from flowlang.tools.cli.plan_options import settings_of, use_option

TEXTS = {"mermaid": to_mermaid, "dot": to_dot, "svg": to_svg}


@click.command("graph")
@click.argument("file", type=click.Path())
@click.argument("flow", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice([*TEXTS, "json"]),
    default="mermaid",
    show_default=True,
    help="What to draw.",
)
@use_option
@click.pass_context
def command(context: click.Context, file: str, flow: str | None, form: str, uses: tuple[str, ...]) -> None:
    """Draw a flow as a graph.

    FLOW is the flow called `main`, or the only one, where it is not named."""
    made, name = compile_or_leave(context, file, flow, settings_of([file], uses))
    drawn = graph(made, name)
    if form == "json":
        terminal.out_json(to_json(drawn))
    else:
        terminal.out(TEXTS[form](drawn).removesuffix("\n"))
