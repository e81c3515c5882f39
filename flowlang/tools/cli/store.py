"""`flow store`: care of the store. What is done lies in `flowlang.hosts.sqlite`: `checking` and others."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar, cast

import attrs
import click

from flowlang.hosts.sqlite.checking import check as check_store
from flowlang.hosts.sqlite.exporting import export_run, exported, import_run
from flowlang.hosts.sqlite.opening import default_path
from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.hosts.sqlite.pruning import Pruned
from flowlang.hosts.sqlite.pruning import compact as compact_store
from flowlang.hosts.sqlite.pruning import prune as prune_store
from flowlang.hosts.sqlite.store import FINAL
from flowlang.tools.cli import terminal
from flowlang.tools.cli.looking import completed_runs, json_option, named, now, opened, problems_told
from flowlang.tools.cli.storing import store_option
from flowlang.tools.command_lines import command as command_line
from flowlang.values.times import parse_duration

Command = TypeVar("Command", bound=Callable[..., object])

STANDARD = "-"  # in the place of a file: stdin or stdout

EXAMPLES = """\b
Examples:
  flow store check                                 read everything once: is it what was written?
  flow store prune --older-than 30d --dry-run      what would go
  flow store prune --older-than 7d --status done
  flow store export 4f2a run.jsonl                 one run with its files, as one file
  flow store import run.jsonl --store other.db
  flow store export 4f2a - | ssh there flow store import -
"""


@click.group("store", epilog=EXAMPLES)
def command() -> None:
    """Look after the store: the file in which runs are kept, and the folder of their files beside it."""


def _options(function: Command) -> Command:
    return click.pass_context(json_option(store_option(function)))  # type: ignore[return-value]


@command.command("path")
@store_option
def path(store: str | None) -> None:
    """Print where the store is."""
    terminal.out(str(default_path() if store is None else Path(store).expanduser().absolute()))


@command.command("check")
@_options
def check(context: click.Context, store: str | None, as_json: bool) -> int:
    """Read all that has a checksum: pages, plans, journals, messages, files.

    The exit code is 1 where something is wrong."""
    wrong: list[str] = []
    with opened(context, store, as_json=as_json) as found, _progress() as tell:
        for problem in check_store(found, tell):
            wrong.append(problem)
            if not as_json:
                terminal.say(f"error: {problem}")
        place = str(found.path)
    if as_json:
        terminal.out_json({"store": place, "problems": wrong})
    elif not wrong:
        terminal.out(f"{place} is sound")
    return 1 if wrong else 0


@command.command("compact")
@_options
def compact(context: click.Context, store: str | None, as_json: bool) -> None:
    """Give room that is free in the file back to the disk. Nobody may use the store meanwhile."""
    with opened(context, store, as_json=as_json) as found:
        before, after = compact_store(found)
    if as_json:
        terminal.out_json({"before": before, "after": after})
    else:
        terminal.out(f"{_size(before)} before, {_size(after)} now")


@command.command("prune")
@click.option("--older-than", required=True, metavar="DURATION", help="How long ago they ended: 30d, 12h.")
@click.option("--status", "statuses", multiple=True, type=click.Choice(FINAL), help="Only such runs.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@_options
def prune(
    context: click.Context,
    older_than: str,
    statuses: tuple[str, ...],
    dry_run: bool,
    store: str | None,
    as_json: bool,
) -> None:
    """Remove runs that have ended, and the plans, values and files that nothing else refers to.

    A run that has not ended stays, however old it is. Runs that go on meanwhile are not disturbed."""
    age = _duration(older_than)
    with opened(context, store, as_json=as_json) as found:
        gone = prune_store(found, before=now() - age, statuses=statuses or FINAL, dry_run=dry_run)
    if as_json:
        terminal.out_json({"dry_run": dry_run, **attrs.asdict(gone)})
    else:
        terminal.out(_told(gone, "would go" if dry_run else "gone"))


@command.command("export")
@click.argument("run", shell_complete=completed_runs(ended=True))
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@_options
def export(context: click.Context, run: str, file: str, store: str | None, as_json: bool) -> None:
    """Write a run with its journal and files to FILE, in JSON lines; `-` is stdout.

    One that has not ended is moved by it: do not carry on both."""
    if as_json and file == STANDARD:
        raise click.UsageError("--json says on stdout what was written, and that is where the run goes")
    with opened(context, store, as_json=as_json) as found:
        record = found.find(run)
        with _about(file), _made(file) as into:
            size = export_run(found, record, into)
    if as_json:
        terminal.out_json({"run_id": record.id, "file": file, "bytes": size})
    elif file == STANDARD:
        terminal.say(f"wrote run {record.id}, {_size(size)}")
    else:
        terminal.out(f"wrote run {record.id} to {file}, {_size(size)}")


@command.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@_options
def import_(context: click.Context, file: str, store: str | None, as_json: bool) -> None:
    """Take in a run that `flow store export` wrote to FILE; `-` is stdin.

    A store that is not there is made, unless there is something wrong with FILE."""
    with (
        problems_told(context, as_json=as_json),
        _about(file),
        click.open_file(file, "rb") as source,
        exported(cast(BinaryIO, source)) as read,
        opened(context, store, as_json=as_json, make=True) as found,
    ):
        id = import_run(found, read)
    if as_json:
        terminal.out_json({"run_id": id})
    else:
        terminal.out(f"imported run {id}: `{command_line(named(context, store), 'show', id)}`")


@contextmanager
def _about(file: str) -> Iterator[None]:
    """What the system says of a file, as a StoreProblem."""
    try:
        yield
    except OSError as error:
        message = f"{file}: {error.strerror or error}"
        raise StoreProblem("file", message[0].lower() + message[1:], "name another file") from None


@contextmanager
def _made(path: str) -> Iterator[BinaryIO]:
    """A new file, which is gone again where writing it fails; or stdout."""
    if path == STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with open(path, "xb") as file:
        try:
            yield file
        except BaseException:
            os.unlink(path)
            raise


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Tells on a terminal, on one line, how far it is."""
    shown = sys.stderr.isatty()

    def tell(what: str, done: int, of: int) -> None:
        if shown and (done % 100 == 0 or done == of):
            sys.stderr.write(f"\r\x1b[K{what}: {done:,} of {of:,}")
            sys.stderr.flush()

    yield tell
    if shown:
        sys.stderr.write("\r\x1b[K")


def _duration(text: str) -> int:
    """Microseconds."""
    try:
        age = parse_duration(text)
    except ValueError as problem:
        raise click.BadParameter(f"{problem}; such as 30d or 12h", param_hint="--older-than") from None
    if age < 0:
        raise click.BadParameter("it is negative", param_hint="--older-than")
    return age


def _told(gone: Pruned, verb: str) -> str:
    files = f"{gone.files:,} files ({_size(gone.bytes)})"
    return (
        f"{verb}: {gone.runs:,} runs with {gone.rows:,} rows, {gone.blobs:,} large values, "
        f"{gone.plans:,} plans, {gone.replies:,} cached replies, {files}"
    )


def _size(count: int) -> str:
    """`1.4 MiB`."""
    size = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} GiB"
