"""`flow agents add`: a target for `flow.toml`. What happens then is in `flowlang.tools.adding_targets`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from flowlang.agents.describe import needs_lock
from flowlang.agents.kinds import known_kinds
from flowlang.agents.locked import LOCK_NAME, BadLock, Lock, Offers, lock_text, read_lock
from flowlang.agents.offered_types import description
from flowlang.agents.roots import CONFIG_NAME, config_folder
from flowlang.plan.styled import written
from flowlang.tools.adding_targets import Addition, CannotAdd, add, addition
from flowlang.tools.asking_targets import PATIENCE, Silent, ask_targets
from flowlang.tools.cli import terminal
from flowlang.tools.cli.environments import env_option
from flowlang.tools.files import shown_path
from flowlang.tools.pinging import agent_lines
from flowlang.tools.whole_files import write_whole

EXAMPLES = """\b
Examples:
  flow agents add mcp fs -- npx -y @modelcontextprotocol/server-filesystem .
  flow agents add http shop https://shop.example.com/openapi.json
  flow agents add a2a desk https://agents.example.com
  flow agents add llm small --set base=http://localhost:8080/v1 --set model=smollm2
  flow agents add mcp search https://mcp.example.com/mcp --set 'headers={Authorization="{secrets.KEY}"}'
"""


def _complete_kinds(context: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    return [CompletionItem(kind) for kind in known_kinds() if kind.startswith(begun)]


@click.command("add", epilog=EXAMPLES)
@click.argument("kind", shell_complete=_complete_kinds)
@click.argument("name")
@click.argument("words", nargs=-1, metavar="[COMMAND... | URL | PATH]")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting, its value in TOML.")
@click.option("--offline", is_flag=True, help="Ask nobody: only write the table.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=PATIENCE, show_default=True)
@env_option
def command(
    kind: str,
    name: str,
    words: tuple[str, ...],
    settings: tuple[str, ...],
    offline: bool,
    timeout: float,
    environment: str | None,
) -> int:
    """Add a target to flow.toml: ask it what it offers, write that into flow.lock, and show it.

    KIND is mcp, http, a2a, llm, or one that is installed. The project is that of the current folder. With
    --env the table is one of that environment."""
    folder = Path(config_folder(CONFIG_NAME) or os.getcwd())
    try:
        added = addition(folder, kind, name, words, settings, environment)
        offers = () if offline else _offers(added, timeout)
        add(added)
    except CannotAdd as problem:
        terminal.say(f"error: {problem}")
        return 1
    terminal.say(f"{shown_path(str(added.path))} has a new table:")
    terminal.out(added.table)
    if offline:
        return 0
    return _lock(folder, kind, name, offers) if needs_lock(kind, name, str(added.path)) else _done(kind, name)


def _offers(added: Addition, patience: float) -> Offers:
    """What the new target offers. Raises CannotAdd where nobody answers."""
    name = (added.target.kind, added.target.text)
    heard = ask_targets({name: added.target}, patience=patience)[name]
    if isinstance(heard, Silent):
        message = f"{' '.join(name)} does not answer: {heard.message}"
        raise CannotAdd(message, "nothing is written; `--offline` adds it all the same")
    return heard.offers


def _lock(folder: Path, kind: str, name: str, offers: Offers) -> int:
    """Lock what a target offers, and show it; gives the exit code."""
    path = folder / LOCK_NAME
    try:
        lock = read_lock(str(path))
        write_whole(path, lock_text(Lock({**lock.targets, (kind, name): offers})))
    except (BadLock, OSError) as problem:
        terminal.say(f"error: {shown_path(str(path))} is not written: {problem}")
        return 1
    lines = agent_lines(description(offers, ""))
    terminal.out(written([*lines], colour=terminal.style(sys.stdout).color), end="")
    return _done(kind, name)


def _done(kind: str, name: str) -> int:
    """Say how a flow calls what was added."""
    if kind == "llm":
        terminal.say("a flow declares an agent, and flow.toml binds it:")
        terminal.out(f'\n[agents.NAME]\nllm = "{name}"')
    else:
        alias = name.replace("-", "_")
        terminal.say("a flow uses it with:")
        terminal.out(f'\nuse {kind} {alias} = "{name}"')
    return 0
