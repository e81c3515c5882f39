"""`flow new`: a small project that runs."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

import click

from flowlang.tools.cli import terminal

TEMPLATE = resources.files("flowlang.tools").joinpath("templates")
FILES = ("main.flow", "tools.py", "flow.toml", "README.md")


@click.command("new")
@click.argument("folder", default=".", type=click.Path(file_okay=False))
def command(folder: str) -> None:
    """Start a project: a flow, its tools and a configuration.

    FOLDER is made if need be; the current one without it. No file is overwritten."""
    target = Path(folder)
    standing = [name for name in FILES if os.path.lexists(target / name)]
    if standing:
        raise click.ClickException(f"{target / standing[0]} is already there; nothing was written")
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            (target / name).write_bytes(TEMPLATE.joinpath(name).read_bytes())
    except OSError as problem:
        raise click.ClickException(f"{problem.filename} cannot be written: {problem.strerror}") from None
    for name in FILES:
        terminal.out(os.path.join(folder, name))
    terminal.say(f"next: flow run {os.path.join(folder, 'main.flow')} name=you")
