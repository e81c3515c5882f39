"""What the commands share that leave something for a run: a value of stdin, and who hears of it."""

from __future__ import annotations

import sys

import click

from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.tools.cli import terminal
from flowlang.tools.cli.looking import named
from flowlang.tools.files import STDIN_MARK
from flowlang.tools.run_telling import Told, heard_text, told_json
from flowlang.values.value import MAX_BOUNDARY


def given_text(value: str) -> str:
    """A value of the command line; `-` stands for what is on stdin, without its last line break."""
    if value != STDIN_MARK:
        return value
    content = sys.stdin.buffer.read(MAX_BOUNDARY + 1)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise StoreProblem("bad_value", "what is on stdin is not valid UTF-8", "give it as text") from None
    return text.removesuffix("\n").removesuffix("\r")


def say_told(context: click.Context, told: Told, store: str | None, *, as_json: bool) -> None:
    """Say what was left for a run, and who goes on with it."""
    option = named(context, store)
    if as_json:
        terminal.out_json(told_json(told, option))
    else:
        terminal.say(heard_text(told, option))
