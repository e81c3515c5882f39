"""`flow schema`: the JSON Schemas of what flow reads and writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from flowlang.plan.schema import plan_schema
from flowlang.planning.model import execution_plan_schema
from flowlang.tools.cli import terminal
from flowlang.tools.schemas import DIAGNOSTICS

SCHEMAS: dict[str, Callable[[], Any]] = {
    "plan": plan_schema,
    "execution-plan": execution_plan_schema,
    "diagnostics": lambda: DIAGNOSTICS,
}


@click.command("schema")
@click.argument("name", type=click.Choice(list(SCHEMAS)))
def command(name: str) -> None:
    """Print the JSON Schema of what flow reads and writes.

    \b
    plan            what `flow plan --json` prints
    execution-plan  a plan in JSON or YAML, to give to a language model as the schema of its answer
    diagnostics     what `flow check --json` prints
    """
    terminal.out_json(SCHEMAS[name]())
