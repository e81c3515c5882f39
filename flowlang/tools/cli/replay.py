"""`flow replay`: a run gone through again, without calling anything."""

from __future__ import annotations

import click

from flowlang.tools.cli.storing import store_option
from flowlang.tools.run_forking import replay_run

EXAMPLES = """\b
Examples:
  flow replay 4f2a                    is its journal whole?
  flow replay 4f2a --with main.flow   would the file as it is now have gone the same way?
"""


@click.command("replay", epilog=EXAMPLES)
@click.argument("run")
@click.option("--with", "file", type=click.Path(), metavar="FILE", help="A flow to go the way with.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@store_option
def command(run: str, file: str | None, as_json: bool, store: str | None) -> int:
    """Go through a run again from its journal; nothing is called.

    Exit code 1 where it would part from the way it went, with the step and the reason."""
    return replay_run(run, file, store, as_json=as_json)
