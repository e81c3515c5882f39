"""What can be wrong with a store, or with what is asked of it: one exception each, to be shown as it is.

`code` is a word for programs, `help` says what to do. Whatever SQLite raises becomes one of these in
`problem_of`; what it does not know is a mistake of ours and goes through."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from flowlang.hosts.sqlite.owners import Holder
from flowlang.runtime.journal import NotWritten, TakenOver


class StoreProblem(Exception):
    def __init__(self, code: str, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.help = help


class Busy(StoreProblem):
    """Another process is writing just now."""

    def __init__(self, message: str = "another process is writing to the store") -> None:
        super().__init__("busy", message, "try again; if it lasts, look what the other process does")


class NotStored(StoreProblem, NotWritten):
    """A commit that the store could not write. Nothing of it was written."""

    @classmethod
    def because(cls, problem: StoreProblem) -> NotStored:
        return cls(problem.code, problem.message, problem.help)


class Lost(StoreProblem, TakenOver):
    """A commit of somebody who no longer holds the run."""

    def __init__(self) -> None:
        super().__init__("taken_over", "somebody else has taken the run over", "look at it with `flow show`")


class Damaged(StoreProblem):
    """What was written is not what is read."""

    def __init__(self, what: str) -> None:
        super().__init__(
            "damaged",
            f"the store is damaged: {what}",
            "restore the store from a backup; what it says of this run cannot be relied on",
        )


class Unknown(StoreProblem):
    def __init__(self, run: str, help: str | None) -> None:
        shown = run if len(run) <= LONGEST_SHOWN else run[:LONGEST_SHOWN] + "…"
        super().__init__("unknown_run", f"there is no run `{shown}`", help)


class Ambiguous(StoreProblem):
    """Several runs begin with what was given. `candidates` are their ids, newest first."""

    def __init__(self, run: str, candidates: Sequence[str]) -> None:
        super().__init__(
            "ambiguous_run",
            f"several runs begin with `{run}`",
            f"give more of the id: {', '.join(candidates)}",
        )
        self.candidates = candidates


class Held(StoreProblem):
    """Somebody holds the run, and lives."""

    def __init__(self, run: str, by: Holder) -> None:
        super().__init__(
            "held", f"run `{run}` is held by {by}", "it goes on there; wait, or stop that process"
        )
        self.by = by


class Ended(StoreProblem):
    def __init__(self, run: str, status: str) -> None:
        super().__init__("ended", f"run `{run}` has ended: {status}", f"see `flow show {run}`")


class NotAsked(StoreProblem):
    """`open` are the addresses of the questions that are."""

    def __init__(self, path: str, open: Sequence[str]) -> None:
        listed = f"open are: {', '.join(open)}" if open else "no question of it is open"
        super().__init__("not_asked", f"the run does not ask `{path}` now", listed)
        self.open = open


class AnsweredAlready(StoreProblem):
    def __init__(self, path: str) -> None:
        super().__init__("answered_already", f"`{path}` has been answered already", "the first answer counts")


LONGEST_SHOWN = 60  # characters of what somebody typed

USE_ANOTHER = "name another with `--store`"
READ_ONLY_HELP = f"make it writable, or {USE_ANOTHER}"
FULL_HELP = "make room, then `flow resume` the run; nothing was half-written"


def problem_of(error: BaseException, path: Path) -> StoreProblem | None:
    """What an error of SQLite means, if it is one and not a mistake of ours."""
    if isinstance(error, UnicodeDecodeError):
        return Damaged("what is text in it cannot be read")
    if not isinstance(error, sqlite3.Error):
        return None
    match _code(error):
        case None if isinstance(error, sqlite3.OperationalError):
            # Python's own complaint about text that is no UTF-8.
            return Damaged(str(error))
        case sqlite3.SQLITE_ERROR:
            # All statements here are fixed, so it is the tables that are not what they were.
            return Damaged(str(error))
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return Busy()
        case sqlite3.SQLITE_FULL:
            return StoreProblem("full", f"there is no room left for the store {path}", FULL_HELP)
        case sqlite3.SQLITE_IOERR:
            message = f"the disk refused to write or read {path} ({error.sqlite_errorname})"
            return StoreProblem("io", message, FULL_HELP)
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return StoreProblem("read_only", f"the store {path} cannot be written to", READ_ONLY_HELP)
        case sqlite3.SQLITE_CANTOPEN:
            return StoreProblem("cannot_open", f"the store {path} cannot be opened", USE_ANOTHER)
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return Damaged(str(error))
    return None


def is_busy(error: sqlite3.Error) -> bool:
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """What SQLite raises inside, as a StoreProblem."""
    try:
        yield
    except (sqlite3.Error, UnicodeDecodeError) as error:
        problem = problem_of(error, path)
        if problem is None:
            raise
        raise problem from error


def _code(error: sqlite3.Error) -> int | None:
    """SQLite's primary code of an error, if it is SQLite's."""
    extended: int | None = getattr(error, "sqlite_errorcode", None)
    return None if extended is None else extended & 0xFF
