"""The options of all commands that carry out or look at the runs of a store."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])

store_option = click.option(
    "--store",
    metavar="FILE",
    type=click.Path(),
    envvar="FLOW_STORE",
    show_envvar=True,
    help="The store of the runs; without it the user's own.",
)


def store_options(command: Command) -> Command:
    """What a command needs that writes to a store."""
    durability = click.option(
        "--durability",
        type=click.Choice(["power", "process", "none"]),
        default="power",
        show_default=True,
        help="What a finished step survives: loss of power, the end of the process, or neither.",
    )
    return store_option(durability(command))
