"""`flow completions`: the script that makes a shell complete `flow`."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from flowlang.tools.cli import terminal

INSTALL = """\b
Install:
  bash   flow completions bash > ~/.local/share/bash-completion/completions/flow
  zsh    flow completions zsh > "${fpath[1]}/_flow"
  fish   flow completions fish > ~/.config/fish/completions/flow.fish
"""


@click.command("completions", epilog=INSTALL)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell."""
    completion = get_completion_class(shell)
    assert completion is not None
    script = completion(context.find_root().command, {}, "flow", "_FLOW_COMPLETE")
    terminal.out(script.source_template % script.source_vars())
