"""`flow artifacts`: the files of a run. What they are is said in `flowlang.tools.run_artifacts`."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from flowlang.hosts.sqlite.artifacts import Artifacts, artifacts_of
from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import Store
from flowlang.plan.styled import Line, Stretch, written
from flowlang.tools.cli import terminal
from flowlang.tools.cli.looking import completed_runs, json_option, opened
from flowlang.tools.cli.storing import store_option
from flowlang.tools.run_artifacts import Artifact, copied, stored_artifacts
from flowlang.tools.run_columns import aligned

EXAMPLES = """\b
Examples:
  flow artifacts 4f2a                the files that the result and the steps of a run refer to
  flow artifacts 4f2a --out files    copy them into a folder, under the names of their steps
"""


@click.command("artifacts", epilog=EXAMPLES)
@click.argument("run", shell_complete=completed_runs(ended=True))
@click.option("--out", metavar="DIR", type=click.Path(file_okay=False), help="Copy the files there.")
@json_option
@store_option
@click.pass_context
def command(context: click.Context, run: str, out: str | None, as_json: bool, store: str | None) -> None:
    """List the files of a run: which step gave each, its size, its media type and where it lies.

    Files that the result refers to come first."""
    with opened(context, store, as_json=as_json) as found:
        record = found.find(run)
        files = stored_artifacts(found, record.number, _data(found, record))
        if out is not None:
            _copy(found, files, Path(out))
    if as_json:
        terminal.out_json([file.to_json() for file in files])
    elif files:
        table = aligned([_line(file) for file in files], right=(2,))
        terminal.out(written(table, colour=terminal.colored(sys.stdout)), end="")
    else:
        terminal.say(f"run {record.id} has no files")


def _data(store: Store, record: RunRecord) -> object:
    """The result of a run; null where it has none yet."""
    return json.loads(store.result(record.number) or "{}").get("data")


def _copy(store: Store, files: Sequence[Artifact], folder: Path) -> None:
    contents = Artifacts(artifacts_of(store.path))
    try:
        for path in copied(files, contents, folder):
            terminal.say(f"wrote {path}")
    except OSError as error:
        message = f"the files cannot be written to {folder}: {error.strerror}"
        raise StoreProblem("out", message, "name another folder with `--out`") from None


def _line(file: Artifact) -> Line:
    origin = file.step or "an input"
    return [
        Stretch(f"{origin} (result)" if file.in_result else origin, "name"),
        Stretch(file.media_type),
        Stretch(f"{file.size:,} bytes"),
        Stretch(file.path, "quiet"),
    ]
