"""`flow answer`: an answer to a question of a run. It is compared and left in `flowlang.tools.run_asking`."""

from __future__ import annotations

import click

from flowlang.tools.cli.looking import completed_questions, json_option, now, opened
from flowlang.tools.cli.storing import store_option
from flowlang.tools.cli.telling import given_text, say_told
from flowlang.tools.run_asking import answer
from flowlang.tools.run_telling import left_for

EXAMPLES = """\b
Examples:
  flow answer 4f2a/approve true                    see `flow questions` for what is open
  flow answer 4f2a true                            the only question of a run
  flow answer 4f2a/review '{"verdict": "accept"}'  a record is JSON
  flow answer 4f2a/draft - < draft.md              read it from stdin
"""


@click.command("answer", epilog=EXAMPLES, context_settings={"ignore_unknown_options": True})
@click.argument("question", metavar="RUN[/PATH]", shell_complete=completed_questions())
@click.argument("value")
@json_option
@store_option
@click.pass_context
def command(context: click.Context, question: str, value: str, as_json: bool, store: str | None) -> None:
    """Answer a question of a run.

    VALUE is read by the type of the answer: a string as it is, all else as JSON. It is compared with that
    type before it is accepted, and the first answer counts."""
    with opened(context, store, as_json=as_json) as found:
        asked = answer(found, question, given_text(value), now())
        told = left_for(found, asked.record, "answer", f"answered {asked.address}")
    say_told(context, told, store, as_json=as_json)
