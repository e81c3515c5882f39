"""`flow fork`: a run that begins with the past of another. What happens then is in `tools.run_forking`."""

from __future__ import annotations

import attrs
import click

from flowlang.tools.cli.carrying import carrying_options, moved_option
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
@click.option(
    "--set", "given", multiple=True, metavar="STEP=VALUE", help="What the call of a step gave, or its event."
)
@moved_option
@carrying_options
def command(
    options: RunOptions,
    run: str,
    inputs: tuple[str, ...],
    step: str,
    given: tuple[str, ...],
    moved_to: str | None,
) -> int:
    """Start a new run that takes over from another whatever does not depend on STEP.

    The other run stays as it is. Calls that are made again have idempotency keys of their own. Secrets
    that cannot be found as they were at first are given again: with --secret, or as NAME=VALUE."""
    if not step:
        raise click.UsageError("--from: name a step")
    for text in (*inputs, *given):
        if "=" not in text:
            raise click.UsageError(f"`{text}` is not NAME=VALUE")
    return fork_run(run, step, given, attrs.evolve(options, texts=inputs, moved_to=moved_to))
