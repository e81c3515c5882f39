"""`flow questions`: what stored runs ask. How that is worded stands in `flowlang.tools.run_asking`."""

from __future__ import annotations

import sys

import click

from flowlang.plan.styled import written
from flowlang.tools.cli import terminal
from flowlang.tools.cli.looking import completed_runs, json_option, named, now, opened
from flowlang.tools.cli.storing import store_option
from flowlang.tools.run_asking import open_questions, question_json, question_lines

EXAMPLES = """\b
Examples:
  flow questions                what is open in all runs
  flow questions 4f2a           in one
  flow questions --json | jq '.[].address'
"""


@click.command("questions", epilog=EXAMPLES)
@click.argument("run", required=False, shell_complete=completed_runs(ended=False))
@json_option
@store_option
@click.pass_context
def command(context: click.Context, run: str | None, as_json: bool, store: str | None) -> None:
    """List the questions that runs wait to have answered, the oldest first."""
    with opened(context, store, as_json=as_json) as found:
        asked = open_questions(found, run)
    option = named(context, store)
    if as_json:
        terminal.out_json([question_json(each, option) for each in asked])
        return
    if not asked:
        terminal.say("no question is open")
        return
    instant, color = now(), terminal.colored(sys.stdout)
    texts = [written(question_lines(each, option, instant), colour=color) for each in asked]
    terminal.out("\n".join(texts), end="")
