"""`flow fmt`: write flows in the canonical layout.

A file is replaced whole, by a rename, and only when its bytes would change."""

from __future__ import annotations

import difflib
import os
import tempfile
from collections.abc import Sequence

import attrs
import click

from flowlang.syntax.printer import format_source
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Source
from flowlang.tools.cli import terminal
from flowlang.tools.files import STDIN, STDIN_MARK, find_flow_files, read_source
from flowlang.tools.plan_settings import is_plan

EXAMPLES = """\b
Examples:
  flow fmt                        rewrite every .flow file below this folder
  flow fmt --check                exit with 1 if a file would change
  flow fmt --diff main.flow       show what would change
  cat main.flow | flow fmt -
"""


@attrs.frozen
class Formatted:
    """A file and its canonical text; None where the file has mistakes that leave it none."""

    path: str
    source: Source | None
    text: str | None
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def changes(self) -> bool:
        return self.source is not None and self.text is not None and self.text != self.source.text


@click.command("fmt", epilog=EXAMPLES)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--check", is_flag=True, help="Write nothing; print the files that would change, and exit with 1."
)
@click.option(
    "--diff", is_flag=True, help="Write nothing; print a unified diff, and exit with 1 if there is one."
)
def command(paths: tuple[str, ...], check: bool, diff: bool) -> int:
    """Write flows in the canonical layout.

    PATHS are files and folders; `-` formats the standard input to the standard output. Without any, all
    flows below the current folder are formatted. A file with syntax errors is left as it is."""
    wanted = paths or (".",)
    if plan := next(filter(is_plan, wanted), None):
        raise click.UsageError(f"{plan} is a plan, which has no layout of its own; see `flow convert`")
    if STDIN_MARK in wanted and len(wanted) > 1:
        raise click.UsageError("`-` stands alone")
    done = [_format(STDIN, terminal.read_stdin())] if STDIN_MARK in wanted else _format_files(wanted)
    for each in done:
        terminal.say_diagnostics(each.diagnostics, {each.path: each.source}.get)
        _finish(each, check=check, diff=diff)
    terminal.say(_summary(done, written=not (check or diff)))
    return int(any(each.diagnostics or (each.changes and (check or diff)) for each in done))


def _format_files(paths: Sequence[str]) -> list[Formatted]:
    files = find_flow_files(paths)
    missing = [Formatted(d.path, None, None, (d,)) for d in files.diagnostics]
    return missing + [_format(path, read_source(path)) for path in files.paths]


def _format(path: str, source: Source | Diagnostic) -> Formatted:
    if isinstance(source, Diagnostic):
        return Formatted(path, None, None, (source,))
    text = format_source(source)
    if isinstance(text, str):
        return Formatted(path, source, text)
    return Formatted(path, source, None, text)


def _finish(each: Formatted, *, check: bool, diff: bool) -> None:
    """Say or write what became of a file."""
    if each.text is None or each.source is None:
        return
    if diff:
        terminal.out(_diff(each.path, each.source.text, each.text), end="")
    if check and each.changes and not diff:
        terminal.out(each.path)
    if check or diff:
        return
    if each.path == STDIN:
        terminal.out(each.text, end="")
    elif each.changes:
        try:
            _replace(each.path, each.text)
        except OSError as problem:
            raise click.ClickException(f"{each.path} cannot be written: {problem.strerror}") from None


def _diff(path: str, before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), path, path)
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines
    )


def _replace(path: str, text: str) -> None:
    """Put a text in the place of a file, keeping its permissions, and never a half of it."""
    real = os.path.realpath(path)
    with tempfile.NamedTemporaryFile(
        "wb", dir=os.path.dirname(real), prefix=".flow-fmt-", delete=False
    ) as new:
        try:
            new.write(text.encode())
            new.close()
            os.chmod(new.name, os.stat(real).st_mode & 0o7777)
            os.replace(new.name, real)
        except BaseException:
            os.unlink(new.name)
            raise


def _summary(done: Sequence[Formatted], *, written: bool) -> str:
    changed = sum(each.changes for each in done)
    broken = sum(each.text is None for each in done)
    same = len(done) - changed - broken
    counts = [
        (changed, "rewritten" if written else "to be rewritten"),
        (same, "already canonical"),
        (broken, "not formatted"),
    ]
    return ", ".join(f"{count} {what}" for count, what in counts if count) or "nothing to format"
