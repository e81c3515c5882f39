"""`flow run`: run a flow. What happens then is in `flowlang.tools.run_command`."""

from __future__ import annotations

import attrs
import click

from flowlang.plan.model import Plan
from flowlang.tools.cli.carrying import carrying_options
from flowlang.tools.cli.compiling import compiled_flow
from flowlang.tools.cli.plan_options import plan_options, settings_of
from flowlang.tools.files import project_path, read_shown
from flowlang.tools.frontend import NotRunnable
from flowlang.tools.plan_settings import PlanSettings, is_plan
from flowlang.tools.run_command import RunOptions, refuse, run_command
from flowlang.tools.run_inputs import split_arguments

EXAMPLES = """\b
Examples:
  flow run main.flow                         the flow called main, or the only one
  flow run main.flow greet name=Ada count=3  another flow of the file, with inputs
  flow run main.flow --input inputs.json     inputs from a JSON object; `-` reads stdin
  flow run main.flow --json | jq .data
  flow run main.flow --no-wait               leave it when only a person or an event is missing
  flow run plan.yaml --use agents.flow       a plan in YAML or JSON, with the agents of a flow
  flow run main.flow --ephemeral             keep nothing: fastest, and gone with the process
"""


@click.command("run", epilog=EXAMPLES)
@click.argument("file", type=click.Path())
@click.argument("arguments", nargs=-1, metavar="[FLOW] [NAME=VALUE]...")
@click.option(
    "--input", metavar="FILE", type=click.Path(), help="Read inputs from a JSON file; `-` is stdin."
)
@click.option(
    "--bind", "binds", multiple=True, metavar="NAME=python:MODULE:FUNCTION", help="Reach an agent so."
)
@plan_options
@click.option("--ephemeral", is_flag=True, help="Keep nothing in a store; an interrupt cancels and undoes.")
@carrying_options
def command(
    options: RunOptions,
    file: str,
    arguments: tuple[str, ...],
    input: str | None,
    binds: tuple[str, ...],
    ephemeral: bool,
    uses: tuple[str, ...],
    allowed: tuple[str, ...],
    max_calls: int | None,
    max_time: int | None,
) -> int:
    """Run a flow and print its result.

    FLOW is the flow called `main`, or the only one, where it is not named. Values are read by the types
    of the inputs: strings as they are, all else as JSON. Agents are reached as `flow.toml` says, and by
    `use`. Progress goes to stderr.

    The run is kept in a store: whatever happens to this process, `flow resume` carries it on."""
    wanted, texts = split_arguments(arguments)
    options = attrs.evolve(options, texts=texts, input=input, binds=binds, ephemeral=ephemeral)
    try:
        plans = settings_of([file], uses, allowed, max_calls, max_time)
        plan, flow, most = _limited_flow(file, wanted, plans, options.environment)
    except NotRunnable as problem:
        return refuse(problem, wanted, options)
    return run_command(plan, flow, attrs.evolve(options, max_calls=most))


def _limited_flow(
    path: str, wanted: str | None, plans: PlanSettings, environment: str | None
) -> tuple[Plan, str, int | None]:
    """`compiled_flow`, and the most calls that a run may make, None where nobody bounds them. Raises
    NotRunnable also where the plan may make more."""
    made, name = compiled_flow(path, wanted, plans, environment)
    if not is_plan(path):
        return made, name, None
    from flowlang.tools.plan_bounds import over_limit, within
    from flowlang.tools.plan_files import surroundings_of

    settings = surroundings_of(project_path(path), plans, environment).settings
    if settings.max_time is not None:
        made = within(made, name, settings.max_time)
    if settings.max_calls is not None and (wrong := over_limit(made, name, settings.max_calls, path)):
        raise NotRunnable([wrong], read_shown)
    return made, name, settings.max_calls
