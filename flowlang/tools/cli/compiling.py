"""What the commands about plans share: a file -> its plan, and the flow that is meant.

What stands in the way goes to stderr as diagnostics, and the command ends with 1."""

from __future__ import annotations

import click

from flowlang.plan.model import Plan
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Span
from flowlang.text.suggest import did_you_mean
from flowlang.tools.cli import terminal
from flowlang.tools.frontend import NotRunnable, compile_file
from flowlang.tools.plan_settings import PlanSettings


def compile_or_leave(
    context: click.Context,
    path: str,
    wanted: str | None,
    plans: PlanSettings | None = None,
    environment: str | None = None,
) -> tuple[Plan, str]:
    """The plan of a file, and the name of the wanted flow, else of the one that runs where none is named."""
    try:
        return compiled_flow(path, wanted, plans, environment)
    except NotRunnable as problem:
        terminal.say_diagnostics(problem.diagnostics, problem.read)
        context.exit(1)


def compiled_flow(
    path: str, wanted: str | None, plans: PlanSettings | None = None, environment: str | None = None
) -> tuple[Plan, str]:
    """The same; raises NotRunnable."""
    made = compile_file(path, plans, environment)
    if made.plan is None:
        raise NotRunnable(made.diagnostics, made.sources)
    name = wanted or made.plan.main
    if name is None or name not in made.plan.flows:
        raise NotRunnable([_nothing_to_run(path, made.plan, wanted)], made.sources)
    return made.plan, name


def _nothing_to_run(path: str, plan: Plan, wanted: str | None) -> Diagnostic:
    names = ", ".join(f"`{name}`" for name in plan.flows)
    if wanted:
        message = f"there is no flow `{wanted}` in this file"
        help = did_you_mean(wanted, plan.flows) or (f"there are {names}" if names else None)
    elif names:
        message, help = "this file has several flows, and none is called `main`", f"name one of {names}"
    else:
        message, help = "this file has no flow", "declare one: `flow main() { … }`"
    return Diagnostic(codes.NOTHING_TO_RUN, message, Label(Span(0, 0), "", Anchor(path)), help=help)
