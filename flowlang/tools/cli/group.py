"""The table of commands. A command's module is imported when the command is asked for, and not before.

The summary of each command stands here, so that `flow --help` imports none of them."""

from __future__ import annotations

from importlib import import_module

import click

from flowlang.text.suggest import nearest
from flowlang.text.version import __version__

COMMANDS = {
    "new": "Start a project: a flow, its tools and a configuration.",
    "check": "Find mistakes in flows.",
    "fmt": "Write flows in the canonical layout.",
    "plan": "Show what a flow would do: steps, order, types, errors and the most calls it can make.",
    "graph": "Draw a flow as a graph.",
    "analyze": "Show how steps hang together: levels, the longest chain, why one waits for another.",
    "convert": "Write a plan in YAML or JSON as a flow, or a flow as a plan.",
    "lock": "Write down what the targets of flows offer, so that checking needs none of them.",
    "docs": "Make reference pages of flows and agents.",
    "lsp": "Serve an editor: the language server.",
    "test": "Carry out the tests of flows, in virtual time.",
    "fuzz": "Try to break a flow, and tell the smallest story that does.",
    "run": "Run a flow.",
    "resume": "Carry on a run that was interrupted, or all of them.",
    "fork": "Start a run with the past of another, up to a step.",
    "replay": "Show whether a run would go the same way again, with the same or another source.",
    "runs": "List the runs that are kept.",
    "show": "Show how a run stands, or one of its steps.",
    "result": "Print what a run gave, or why it failed.",
    "artifacts": "List the files of a run, or copy them.",
    "logs": "Tell what happened in a run, and what happens.",
    "questions": "List what runs ask.",
    "answer": "Answer a question of a run.",
    "signal": "Tell a run of an event.",
    "cancel": "Cancel a run, with its undos.",
    "agents": "List agents, or show what they do.",
    "store": "Check the store, make room in it, move runs.",
    "explain": "Explain a diagnostic code, with an example.",
    "schema": "Print the JSON Schema of what flow reads and writes.",
    "completions": "Print the completion script of a shell.",
}

EXAMPLES = """\b
Examples:
  flow new hello                        start a project in the folder hello
  flow check                            check every .flow file below this folder
  flow run main.flow name=Ada           run the flow of a file
  flow plan main.flow                   read what it would do before running it
  flow explain E201                     what a code means, with an example
"""


class Commands(click.Group):
    """A group whose commands are modules of this package."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"flowlang.tools.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            raise click.UsageError(_unknown(name), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def _unknown(name: str) -> str:
    meant = nearest(name, COMMANDS)
    if meant:
        return f"there is no command `{name}`; did you mean `flow {meant}`?"
    if name.endswith(".flow"):
        return f"there is no command `{name}`; did you mean `flow run {name}`?"
    return f"there is no command `{name}`"


@click.group(
    cls=Commands,
    name="flow",
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "-V", "--version", prog_name="flow", message="%(prog)s %(version)s")
def flow() -> None:
    """A small, statically typed language for orchestrating agents and tools."""
