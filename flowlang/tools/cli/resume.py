"""`flow resume`: carry runs on. What happens then is in `flowlang.tools.run_resuming`."""

from __future__ import annotations

from collections import Counter

import click

from flowlang.hosts.sqlite.opening import Durability
from flowlang.hosts.trio_host import CALLS_AT_ONCE
from flowlang.tools.cli.storing import store_options
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
    run: str | None,
    secrets: tuple[str, ...],
    redo: tuple[str, ...],
    skip: tuple[str, ...],
    all_runs: bool,
    watch: bool,
    as_json: bool,
    quiet: bool,
    no_wait: bool,
    max_parallel: int,
    store: str | None,
    durability: Durability,
) -> int:
    """Carry a run on where it stood: after a crash, an interrupt, or a wait.

    What a step has given stays given. Calls that were under way are made again, with the same
    idempotency key. A call that writes and has no key is not made again without being told to.

    Secrets that the run was started with are not kept; give them again as NAME=VALUE."""
    if all_runs == (run is not None):
        raise click.UsageError("name a run, or say --all")
    if watch and not all_runs:
        raise click.UsageError("--watch goes with --all")
    if all_runs and (redo or skip):
        raise click.UsageError("--redo and --skip are about one run; name it")
    if strange := next((text for text in secrets if "=" not in text), None):
        raise click.UsageError(f"`{strange}` is not NAME=VALUE")
    options = RunOptions(
        secrets,
        as_json=as_json,
        quiet=quiet,
        max_parallel=max_parallel,
        store=store,
        durability=durability,
        wait=not no_wait,
    )
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
