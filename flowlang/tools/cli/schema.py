"""`flow schema`: the JSON Schemas of what flow reads and writes."""

from __future__ import annotations

import click

from flowlang.plan.model import Plan
from flowlang.tools.cli import terminal
from flowlang.tools.schemas import DIAGNOSTICS

SCHEMAS = {
    "plan": lambda: Plan.model_json_schema(by_alias=True),
    "diagnostics": lambda: DIAGNOSTICS,
}


@click.command("schema")
@click.argument("name", type=click.Choice(list(SCHEMAS)))
def command(name: str) -> None:
    """Print the JSON Schema of what flow reads and writes.

    \b
    plan          what `flow plan --json` prints
    diagnostics   what `flow check --json` prints
    """
    terminal.out_json(SCHEMAS[name]())
