"""`flow logs`: what happened in a run, line by line. They are made in `flowlang.tools.run_log`."""

from __future__ import annotations

import sys
import time

import click

from flowlang.tools.cli import terminal
from flowlang.tools.cli.looking import completed_runs, json_option, named, opened
from flowlang.tools.cli.storing import store_option
from flowlang.tools.run_log import LISTENING, log
from flowlang.tools.run_view import resume_command
from flowlang.tools.stored import begun_of

EXAMPLES = """\b
Examples:
  flow logs 4f2a            what has happened so far
  flow logs 4f2a --follow   and what comes, until the run ends or is left
  flow logs 4f2a --json     one JSON object a line
"""


@click.command("logs", epilog=EXAMPLES)
@click.argument("run", shell_complete=completed_runs(ended=True))
@click.option("--follow", "-f", is_flag=True, help="Go on until the run ends, or nobody holds it.")
@json_option
@store_option
@click.pass_context
def command(context: click.Context, run: str, follow: bool, as_json: bool, store: str | None) -> None:
    """Tell the events of a run, with the seconds since it began."""
    pause = (lambda: time.sleep(LISTENING)) if follow else None
    with opened(context, store, as_json=as_json) as found:
        stands = log(found, run, _write, as_json=as_json, pause=pause)
        record = found.find(run)
        resume = resume_command(named(context, store), begun_of(found, record), record.id)
    if follow and stands == "left":
        terminal.say(f"nobody holds the run; `{resume}` goes on with it")


def _write(line: str) -> None:
    terminal.out(line, end="")
    sys.stdout.flush()
