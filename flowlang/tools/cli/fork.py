"""`flow fork`: a run that begins with the past of another. What happens then is in `tools.run_forking`."""

from __future__ import annotations

import click

from flowlang.hosts.sqlite.opening import Durability
from flowlang.hosts.trio_host import CALLS_AT_ONCE
from flowlang.tools.cli.storing import store_options
from flowlang.tools.run_command import RunOptions
from flowlang.tools.run_forking import fork_run

EXAMPLES = """\b
Examples:
  flow fork 4f2a --from publish                   do a step again, and what depends on it
  flow fork 4f2a --from draft --set draft="..."   the same with another value for what it gave
  flow fork 4f2a --from draft topic=rivers        with another input
"""


@click.command("fork", epilog=EXAMPLES)
@click.argument("run")
@click.argument("inputs", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--from", "step", required=True, metavar="STEP", help="The step that is done again.")
@click.option("--set", "given", multiple=True, metavar="STEP=VALUE", help="What the call of a step gave.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object: status, data, errors, counts.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.option("--no-wait", is_flag=True, help="Leave the run once it only waits (exit 3).")
@click.option(
    "--max-parallel",
    type=click.IntRange(1),
    default=CALLS_AT_ONCE,
    show_default=True,
    help="The most agent calls at the same time.",
)
@store_options
def command(
    run: str,
    inputs: tuple[str, ...],
    step: str,
    given: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    no_wait: bool,
    max_parallel: int,
    store: str | None,
    durability: Durability,
) -> int:
    """Start a new run that takes over from another whatever does not depend on STEP.

    The other run stays as it is. Calls that are made again have idempotency keys of their own. Secrets
    are given anew, as inputs."""
    for text in (*inputs, *given):
        if "=" not in text:
            raise click.UsageError(f"`{text}` is not NAME=VALUE")
    options = RunOptions(
        inputs,
        as_json=as_json,
        quiet=quiet,
        max_parallel=max_parallel,
        store=store,
        durability=durability,
        wait=not no_wait,
    )
    return fork_run(run, step, given, options)
