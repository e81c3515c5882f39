"""`--env`: the option of all commands that read `flow.toml`.

FLOW_ENV says the same (`tools.environments`), but for a run that is carried on: that has kept what was said
when it was started."""

from __future__ import annotations

import os
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from flowlang.agents.roots import CONFIG_NAME, config_folder


def complete_environments(context: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """The environments of the nearest `flow.toml`."""
    folder = config_folder(os.path.join(os.getcwd(), CONFIG_NAME))
    if folder is None:
        return []
    tables = import_module("flowlang.agents.tables").read_tables(os.path.join(folder, CONFIG_NAME))
    found = tables.all.get("env")
    return [CompletionItem(name) for name in found or () if str(name).startswith(begun)]


env_option = click.option(
    "--env",
    "environment",
    metavar="NAME",
    shell_complete=complete_environments,
    help="Read the tables `[env.NAME.…]` of flow.toml in the place of others. [env var: FLOW_ENV]",
)
