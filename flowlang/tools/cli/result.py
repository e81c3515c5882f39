"""`flow result`: how a run ended, as `flow run` showed it."""

from __future__ import annotations

import json
import sys

import click

from flowlang.agents.places import Places
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import Store
from flowlang.tools.cli import terminal
from flowlang.tools.cli.looking import completed_runs, json_option, named, now, opened
from flowlang.tools.cli.storing import store_option
from flowlang.tools.command_lines import command as command_line
from flowlang.tools.files import read_shown
from flowlang.tools.run_report import render_outcome, result_text
from flowlang.tools.run_result import NotEnded, result_text_of, stored_result
from flowlang.tools.run_table import listed_run, said_of, to_json
from flowlang.tools.run_usage import used_text
from flowlang.tools.stored import plan_of

WAITING = 3

EXAMPLES = """\b
Examples:
  flow result 4f2a                       what the run gave, or why it failed
  flow result 4f2a --json | jq .data     all of it: data, artifacts, errors, counts, times
"""


@click.command("result", epilog=EXAMPLES)
@click.argument("run", shell_complete=completed_runs(ended=True))
@json_option
@store_option
@click.pass_context
def command(context: click.Context, run: str, as_json: bool, store: str | None) -> int:
    """Print the result of a run that has ended: what it gave on stdout, what went wrong on stderr.

    The exit code is that of `flow run`: 0 done, 1 failed or cancelled, 3 it has not ended yet."""
    with opened(context, store, as_json=as_json) as found:
        record = found.find(run)
        try:
            return _show(found, record, as_json=as_json)
        except NotEnded as problem:
            _say_waits(found, record, problem, named(context, store), as_json=as_json)
            return WAITING
    return 1


def _show(store: Store, record: RunRecord, *, as_json: bool) -> int:
    """Show what `flow run` showed; gives its exit code."""
    result = stored_result(store, record)
    places = Places(plan_of(store, record), read_shown)
    sys.stderr.write(render_outcome(result, places, terminal.style(sys.stderr)))
    sys.stderr.flush()
    if as_json:
        artifacts = [artifact.to_json() for artifact in result.artifacts]
        terminal.out_json(json.loads(result_text_of(store, record)) | {"artifacts": artifacts})
    elif result.status == "done":
        terminal.out(result_text(result.data, to_terminal=sys.stdout.isatty()), end="")
    if result.usage:
        terminal.say(f"used: {used_text(result.usage)}")
    return 0 if result.status == "done" else 1


def _say_waits(
    store: Store, record: RunRecord, problem: NotEnded, option: str | None, *, as_json: bool
) -> None:
    run = listed_run(store, record)
    waits = said_of(run, now(), relative=True)
    help = f"look at it with `{command_line(option, 'show', record.id)}`"
    terminal.say(f"{problem.message}{'; ' + waits if waits else ''}\n  help: {help}")
    if as_json:
        terminal.out_json(to_json(run, now()))
