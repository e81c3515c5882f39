"""`flow explain`: the page of a diagnostic code."""

from __future__ import annotations

import re
import sys

import click
from click.shell_completion import CompletionItem

from flowlang.text import codes
from flowlang.text.codes import Code
from flowlang.text.suggest import nearest
from flowlang.tools.cli import terminal
from flowlang.tools.explain import page, title

EXAMPLES = """\b
Examples:
  flow explain E201
  flow explain unknown-name
  flow explain --list
"""
HEADING, CODE_BLOCK, INLINE = "\x1b[1m", "\x1b[36m", "\x1b[36m"
RESET = "\x1b[0m"


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    names = [name for code in codes.REGISTRY.values() for name in (code.number, code.slug)]
    return [CompletionItem(name) for name in names if name.lower().startswith(incomplete.lower())]


@click.command("explain", epilog=EXAMPLES)
@click.argument("code", required=False, shell_complete=_complete)
@click.option("--list", "listed", is_flag=True, help="List all codes.")
def command(code: str | None, listed: bool) -> None:
    """Explain a diagnostic code, by its number or its name."""
    if listed:
        for each in codes.REGISTRY.values():
            terminal.out(f"{each.number}  {each.slug:22} {title(page(each))}")
        return
    if code is None:
        raise click.UsageError("which code? `flow explain --list` lists them all")
    text = page(_find(code))
    terminal.out(_painted(text) if terminal.colored(sys.stdout) else text, end="")


def _find(name: str) -> Code:
    found = codes.find(name.strip("[]"))
    if found:
        return found
    meant = nearest(name.lower(), [n for c in codes.REGISTRY.values() for n in (c.slug, c.number.lower())])
    known = codes.find(meant) if meant else None
    hint = f"did you mean {known.number} {known.slug}?" if known else "`flow explain --list` lists them all"
    raise click.UsageError(f"there is no code `{name}`; {hint}")


def _painted(text: str) -> str:
    """Markdown with headings and code in colour, and everything else as it stands."""
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if line.startswith("```"):
            inside = not inside
        elif inside:
            lines.append(f"    {CODE_BLOCK}{line}{RESET}")
        elif line.startswith("#"):
            lines.append(f"{HEADING}{line.lstrip('# ')}{RESET}")
        else:
            lines.append(re.sub(r"`([^`]+)`", f"{INLINE}\\1{RESET}", line))
    return "\n".join(lines) + "\n"
