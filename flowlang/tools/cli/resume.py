"""`flow resume`: carry runs on. What happens then is in `flowlang.tools.run_resuming`."""

from __future__ import annotations

from collections import Counter

import attrs
import click

from flowlang.tools.cli.carrying import carrying_options, moved_option
from flowlang.tools.run_command import RunOptions
from flowlang.tools.run_resuming import Settled, resume_all, resume_one

EXAMPLES = """\b
Examples:
  flow resume 4f2a                      go on with a run; the beginning of its id will do
  flow resume 4f2a --redo payment       a call may have been made: make it again
  flow resume 4f2a --skip payment=ok    it was made: this is what it gave
  flow resume --all                     go on with all runs that nobody holds, as far as they get
  flow resume --all --watch             hold them for good: for a service
"""


@click.command("resume", epilog=EXAMPLES)
@click.argument("run", required=False)
@click.argument("secrets", nargs=-1, metavar="[NAME=VALUE]...")
@click.option("--redo", multiple=True, metavar="STEP", help="Make a call again whose outcome is unknown.")
@click.option("--skip", multiple=True, metavar="STEP=VALUE", help="Say what such a call gave.")
@click.option("--all", "all_runs", is_flag=True, help="Carry on every run that nobody holds.")
@click.option("--watch", is_flag=True, help="With --all: stay, and hold all runs that nobody else does.")
@moved_option
@carrying_options
def command(
    options: RunOptions,
    run: str | None,
    secrets: tuple[str, ...],
    redo: tuple[str, ...],
    skip: tuple[str, ...],
    all_runs: bool,
    watch: bool,
    moved_to: str | None,
) -> int:
    """Carry a run on where it stood: after a crash, an interrupt, or a wait.

    What a step has given stays given. Calls that were under way are made again, with the same
    idempotency key. A call that writes and has no key is not made again without being told to.

    Secrets that the run was started with are not kept; those that cannot be found as they were at first are
    given again: with --secret, or as NAME=VALUE."""
    if all_runs == (run is not None):
        raise click.UsageError("name a run, or say --all")
    if watch and not all_runs:
        raise click.UsageError("--watch goes with --all")
    if all_runs and (redo or skip or moved_to):
        raise click.UsageError("--redo, --skip and --moved-to are about one run; name it")
    if strange := next((text for text in secrets if "=" not in text), None):
        raise click.UsageError(f"`{strange}` is not NAME=VALUE")
    options = attrs.evolve(options, texts=secrets, moved_to=moved_to)
    if run is None:
        return resume_all(options, watch=watch)
    settled = Settled(redo, tuple(_skipped(text) for text in skip))
    _insist_on_one_way(settled)
    return resume_one(run, settled, options)


def _skipped(text: str) -> tuple[str, str]:
    step, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"`--skip {text}` is not STEP=VALUE")
    return step, value


def _insist_on_one_way(settled: Settled) -> None:
    times = Counter([*set(settled.redo), *(step for step, _ in settled.skip)])
    for step, count in times.items():
        if count > 1:
            raise click.UsageError(f"--redo and --skip: say one thing of `{step}`")
