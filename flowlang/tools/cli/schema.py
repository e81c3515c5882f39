"""`flow schema`: the JSON Schemas of what flow reads and writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from flowlang.plan.schema import plan_schema
from flowlang.planning.model import execution_plan_schema
from flowlang.tools import run_schemas
from flowlang.tools.cli import terminal
from flowlang.tools.schemas import DIAGNOSTICS

SCHEMAS: dict[str, Callable[[], Any]] = {
    "plan": plan_schema,
    "execution-plan": execution_plan_schema,
    "diagnostics": lambda: DIAGNOSTICS,
    "result": lambda: run_schemas.RESULT,
    "runs": lambda: run_schemas.RUNS,
    "show": lambda: run_schemas.SHOWN_RUN,
    "step": lambda: run_schemas.SHOWN_STEP,
    "questions": lambda: run_schemas.QUESTIONS,
    "logs": lambda: run_schemas.LOGS,
}


@click.command("schema")
@click.argument("name", type=click.Choice(list(SCHEMAS)))
def command(name: str) -> None:
    """Print the JSON Schema of what flow reads and writes.

    \b
    plan            what `flow plan --json` prints
    execution-plan  a plan in JSON or YAML, to give to a language model as the schema of its answer
    diagnostics     what `flow check --json` prints
    result          what `flow run --json` and `flow result RUN --json` print
    runs            what `flow runs --json` prints
    show            what `flow show RUN --json` prints
    step            what `flow show RUN STEP --json` prints
    questions       what `flow questions --json` prints
    logs            a line of what `flow logs RUN --json` prints
    """
    terminal.out_json(SCHEMAS[name]())
