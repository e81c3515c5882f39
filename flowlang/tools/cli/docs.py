"""`flow docs`: reference pages of a project's flows, agents, types, errors and events."""

from __future__ import annotations

from pathlib import Path

import click

from flowlang.ide.snapshot import Snapshot
from flowlang.tools.cli import terminal
from flowlang.tools.cli.check import check_paths
from flowlang.tools.docs.html import to_html
from flowlang.tools.docs.markdown import page_text, to_markdown
from flowlang.tools.docs.pages import pages

EXAMPLES = """\b
Examples:
  flow docs                       print pages of all flows below this folder as Markdown
  flow docs --out reference       write them into a folder, a file each
  flow docs --html --out site     write site/index.html, which needs nothing else
"""


@click.command("docs", epilog=EXAMPLES)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--out", metavar="DIR", type=click.Path(file_okay=False), help="Write the pages into a folder.")
@click.option("--html", is_flag=True, help="One HTML file, with pictures, instead of Markdown.")
@click.option("--title", default="Flows", show_default=True, help="The title of the HTML file.")
def command(paths: tuple[str, ...], out: str | None, html: bool, title: str) -> int:
    """Make reference pages of flows: signatures, documentation, what they call, and pictures.

    PATHS are files and folders; without any, the current folder is taken. Files with errors have no pages."""
    findings = check_paths(paths or (".",))
    errors = [found for found in findings.diagnostics if found.severity == "error"]
    if errors:
        terminal.say_diagnostics(errors, findings.sources)
        return 1
    made = pages({c.project.entry: Snapshot(c.project.entry, c) for c in findings.checked.values()})
    files = {"index.html": to_html(made, title)} if html else to_markdown(made)
    if out is None:
        terminal.out(files["index.html"] if html else "\n".join(map(page_text, made)), end="")
        return 0
    _write(Path(out), files)
    terminal.say(f"{len(files)} {'file' if len(files) == 1 else 'files'} written to {out}")
    return 0


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as problem:
            raise click.ClickException(f"{path} cannot be written: {problem.strerror}") from None
