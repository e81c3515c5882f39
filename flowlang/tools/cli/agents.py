"""`flow agents`: what agents are (`tools.agents_listing`), and what they do (`tools.agent_stats`)."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence

import click

from flowlang.hosts.sqlite.store import Store
from flowlang.plan.styled import Line, Stretch, written
from flowlang.text.diagnostics import Diagnostic
from flowlang.tools.agent_stats import EngineStats, engines_of, stats_json, stats_table
from flowlang.tools.agents_listing import ListedAgent, config_of, list_agents, listed_json, listing
from flowlang.tools.asking_targets import Silent
from flowlang.tools.cli import agents_add, terminal
from flowlang.tools.cli.environments import env_option
from flowlang.tools.cli.looking import json_option, now, opened
from flowlang.tools.cli.storing import store_option
from flowlang.tools.environments import environment_of
from flowlang.tools.files import find_flow_files, read_shown
from flowlang.tools.frontend import compile_file
from flowlang.tools.pinging import offered as offered_of
from flowlang.tools.pinging import offered_json, offered_lines, ping_json, ping_lines, pinged, reachable

PING_PATIENCE = 30.0  # seconds
WATCHING = 1.0  # seconds between two looks, which is how often engines say something new

EXAMPLES = """\b
Examples:
  flow agents                      the agents of every .flow file below this folder
  flow agents main.flow            those of a file: signatures, policies, how they are reached
  flow agents --stats              what they do now: calls, failures, breakers, who waits
  flow agents --stats --watch
  flow agents --offered            all that servers and services offer, not only what is called
  flow agents --ping               is everybody there that is to be called?
  flow agents add mcp fs -- npx -y @modelcontextprotocol/server-filesystem .
"""


class FileOrCommand(click.Group):
    """A group whose first word may be a file; what is called like a command is one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] in self.commands:
            ctx.allow_interspersed_args = False
            args = ["", *args]
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands:
            raise click.UsageError(f"`{args[0]}` is one too many: name one file or folder", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    "agents",
    cls=FileOrCommand,
    epilog=EXAMPLES,
    invoke_without_command=True,
    subcommand_metavar="",
    context_settings={"allow_interspersed_args": True},
)
@click.argument("path", required=False, type=click.Path())
@click.option("--stats", is_flag=True, help="Show what agents do in the processes that hold runs now.")
@click.option("--watch", is_flag=True, help="With --stats: show it anew as it changes, until interrupted.")
@click.option("--offered", is_flag=True, help="List all that targets offer too, as flow.lock has it.")
@click.option("--ping", is_flag=True, help="Connect to every target; exit 1 where one does not answer.")
@env_option
@json_option
@store_option
@click.pass_context
def command(
    context: click.Context,
    path: str | None,
    stats: bool,
    watch: bool,
    offered: bool,
    ping: bool,
    environment: str | None,
    as_json: bool,
    store: str | None,
) -> int:
    """List agents with their types and policies, and how they are reached.

    PATH is a flow file, or a folder with all .flow files below it. With --stats instead: what agents do in
    every process that holds runs of the store, since it began to. A process of which nothing is heard any
    more is not counted: its runs tell what became of them."""
    if context.invoked_subcommand is not None:
        return 0
    if watch and not stats:
        raise click.UsageError("--watch goes with --stats")
    if stats and (path or offered or ping):
        raise click.UsageError("--stats is about all that runs; leave the file out, and the other options")
    if stats:
        return _show_stats(context, store, watch, as_json=as_json)
    meant = environment_of(environment)
    if offered or ping:
        return _targets(path or ".", meant, ping=ping, as_json=as_json)
    return _list(path or ".", meant, as_json)


def _targets(path: str, environment: str | None, *, ping: bool, as_json: bool) -> int:
    """List the targets that all files below a path use, and `flow.toml` names; gives the exit code."""
    files = find_flow_files([path])
    terminal.say_diagnostics(files.diagnostics, read_shown)
    projects = reachable(files.paths, environment)
    wrong = [problem for project in projects for problem in project.diagnostics]
    terminal.say_diagnostics(wrong, read_shown)
    style = terminal.style(sys.stdout)
    if ping:
        heard = pinged(projects, PING_PATIENCE)
        down = any(isinstance(said, Silent) for said in heard.values())
        told, lines = ping_json(heard), ping_lines(heard)
    else:
        found, down = offered_of(projects), False
        told, lines = offered_json(found), offered_lines(found)
    if as_json:
        terminal.out_json(told)
    else:
        terminal.out(written([*lines], colour=style.color), end="")
        if not told:
            terminal.say("there are no targets: no flow uses one, and flow.toml names none")
    return int(down or bool(wrong) or bool(files.diagnostics))


def _list(path: str, environment: str | None, as_json: bool) -> int:
    """List the agents of all files below a path; gives the exit code."""
    files = find_flow_files([path])
    terminal.say_diagnostics(files.diagnostics, read_shown)
    said = dict.fromkeys(files.diagnostics)
    found: dict[str, list[ListedAgent]] = {}
    for file in files.paths:
        made = compile_file(file, environment=environment)
        config = config_of(file, environment)
        wrong = dict.fromkeys((*_errors(made.diagnostics), *(config.diagnostics if config else ())))
        terminal.say_diagnostics([problem for problem in wrong if problem not in said], made.sources)
        said |= wrong
        if made.plan is not None:
            found[file] = list_agents(made.plan, config)
    if as_json:
        terminal.out_json([listed_json(agent, file) for file, agents in found.items() for agent in agents])
    else:
        _print_listing(found)
        if not (said or any(found.values())):
            terminal.say("there are no agents")
    return int(bool(said))


def _errors(found: Sequence[Diagnostic]) -> list[Diagnostic]:
    return [problem for problem in found if problem.severity == "error"]


def _print_listing(found: dict[str, list[ListedAgent]]) -> None:
    style = terminal.style(sys.stdout)
    lines: list[Line] = []
    for file, agents in found.items():
        lines += [[Stretch(file, "title")]] if len(found) > 1 and agents else []
        lines += listing(agents, style.columns)
    terminal.out(written(lines, colour=style.color), end="")


def _show_stats(context: click.Context, store: str | None, watch: bool, *, as_json: bool) -> int:
    with opened(context, store, as_json=as_json) as found:
        engines = engines_of(found)
        _print_stats(engines, as_json, anew=watch)
        while watch:
            engines = _changed(found, engines)
            _print_stats(engines, as_json, anew=True)
    return 0


def _changed(store: Store, before: Sequence[EngineStats]) -> list[EngineStats]:
    """What the engines do, once there is something new to show."""
    while True:
        time.sleep(WATCHING)
        engines = engines_of(store)
        # A table on a terminal says how long ago something was.
        if engines != before or (engines and sys.stdout.isatty()):
            return engines


def _print_stats(engines: Sequence[EngineStats], as_json: bool, *, anew: bool) -> None:
    if as_json:
        terminal.out(json.dumps(stats_json(engines), indent=None if anew else 2))
    else:
        if anew:
            terminal.clear()
        _print_table(engines)
    sys.stdout.flush()


def _print_table(engines: Sequence[EngineStats]) -> None:
    style = terminal.style(sys.stdout)
    limit = style.columns if sys.stdout.isatty() else None
    if engines:
        terminal.out(written(stats_table(engines, now(), limit), colour=style.color), end="")
    else:
        terminal.say("nobody who holds runs of this store has called an agent")


command.add_command(agents_add.command)
