"""`flow cancel`: ask for a run to be cancelled."""

from __future__ import annotations

import click

from flowlang.tools.cli.looking import completed_runs, json_option, now, opened
from flowlang.tools.cli.storing import store_option
from flowlang.tools.cli.telling import say_told
from flowlang.tools.run_telling import cancel

EXAMPLES = """\b
Examples:
  flow cancel 4f2a
"""


@click.command("cancel", epilog=EXAMPLES)
@click.argument("run", shell_complete=completed_runs(ended=False))
@json_option
@store_option
@click.pass_context
def command(context: click.Context, run: str, as_json: bool, store: str | None) -> None:
    """Cancel a run: what is under way is stopped, what was done is undone, and then it ends.

    Whoever holds the run carries that out. Where nobody does, `flow resume` will."""
    with opened(context, store, as_json=as_json) as found:
        told = cancel(found, run, now())
    say_told(context, told, store, as_json=as_json)
