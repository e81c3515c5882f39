"""`flow signal`: an event for a run. It is compared and left in `flowlang.tools.run_telling`."""

from __future__ import annotations

import click

from flowlang.tools.cli.looking import completed_runs, json_option, now, opened
from flowlang.tools.cli.storing import store_option
from flowlang.tools.cli.telling import given_text, say_told
from flowlang.tools.run_telling import signal

EXAMPLES = """\b
Examples:
  flow signal 4f2a Paid order=A7 amount=12.5
  flow signal 4f2a Paid '{"order": "A7", "amount": 12.5}'
  flow signal 4f2a Paid - < paid.json
"""


@click.command("signal", epilog=EXAMPLES)
@click.argument("run", shell_complete=completed_runs(ended=False))
@click.argument("event")
@click.argument("fields", nargs=-1, metavar="[VALUE | NAME=VALUE...]")
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context, run: str, event: str, fields: tuple[str, ...], as_json: bool, store: str | None
) -> None:
    """Tell a run that something has happened.

    EVENT is one that the flow declares. Its fields are compared with that before they are accepted. It goes
    to the step that waits for it, or is kept for the first one that will."""
    with opened(context, store, as_json=as_json) as found:
        texts = [given_text(fields[0])] if len(fields) == 1 else fields
        told = signal(found, run, event, texts, now())
    say_told(context, told, store, as_json=as_json)
