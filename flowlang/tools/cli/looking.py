"""What the commands about stored runs share: opening the store, the time, saying what is wrong,
completing ids.

To look makes no store, but that of the user."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import click
from click.core import ParameterSource
from click.shell_completion import CompletionItem

from flowlang.hosts.sqlite.opening import default_path
from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import FINAL, Store
from flowlang.tools.cli import terminal

COMPLETED = 50  # runs that a shell offers

Complete: TypeAlias = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, problems too.")


@contextmanager
def opened(
    context: click.Context, store: str | None, *, as_json: bool, make: bool = False
) -> Iterator[Store]:
    """The store that the options name, for as long as the block lasts; one that is not there is made only
    where that is wanted. What is wrong with it, or with what is asked of it, ends the command with 1."""
    with problems_told(context, as_json=as_json):
        path = _path(store)
        if store is not None and not make and not path.exists():
            help = "`flow run` makes one; or name another with `--store`"
            raise StoreProblem("no_store", f"there is no store at {path}", help)
        with Store.open(path) as found:
            yield found


@contextmanager
def problems_told(context: click.Context, *, as_json: bool) -> Iterator[None]:
    """End the command with 1 where there is a problem with a store inside of the block, and tell it."""
    try:
        yield
    except StoreProblem as problem:
        terminal.say(f"error: {problem.message}" + (f"\n  help: {problem.help}" if problem.help else ""))
        if as_json:
            told = {"code": problem.code, "message": problem.message, "help": problem.help}
            terminal.out_json({"error": told})
        context.exit(1)


def now() -> int:
    """The time, in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def named(context: click.Context, store: str | None) -> str | None:
    """The store as the commands that are shown have to name it: not at all where the environment does."""
    by_hand = context.get_parameter_source("store") is ParameterSource.COMMANDLINE
    return store if by_hand else None


def completed_runs(*, ended: bool) -> Complete:
    """The ids of recent runs; without those that have ended, unless these are wanted."""

    def look(store: Store) -> list[CompletionItem]:
        return [CompletionItem(r.id, help=f"{r.flow}, {r.status}") for r in _recent(store, ended=ended)]

    return _completed(look)


def completed_questions() -> Complete:
    """The addresses of open questions."""

    def look(store: Store) -> list[CompletionItem]:
        ids = {record.number: record.id for record in _recent(store, ended=False)}
        return [
            CompletionItem(f"{ids[run]}/{wait.path}", help=wait.name)
            for run, wait in store.waits()
            if wait.kind == "question" and run in ids
        ]

    return _completed(look)


def _recent(store: Store, *, ended: bool) -> list[RunRecord]:
    records = store.runs(limit=COMPLETED)
    return [record for record in records if ended or record.status not in FINAL]


def _completed(look: Callable[[Store], list[CompletionItem]]) -> Complete:
    """What a look at the store gives, if it is there and can be opened without waiting: a shell shows no
    errors."""

    def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
        path = _path(context.params.get("store"))
        with suppress(StoreProblem):
            if path.exists():
                with Store.open(path, patience=0) as store:
                    return [item for item in look(store) if item.value.startswith(begun)]
        return []

    return complete


def _path(store: str | None) -> Path:
    return default_path() if store is None else Path(store).expanduser()
