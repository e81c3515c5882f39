"""A path -> a database that is a store of this version, or the one reason why there is none.

SQLite in WAL mode: readers never wait for a writer, and a commit is one write to the end of a file.
`busy_timeout` is 0, since SQLite would sleep in it and an event loop with it; whoever may wait does so in
`Database.writing`, and an event loop elsewhere (`writer.py`)."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final, Literal, TypeAlias

import platformdirs

from flowlang.hosts.sqlite import schema
from flowlang.hosts.sqlite.filesystems import known_mounts, network_filesystem
from flowlang.hosts.sqlite.problems import USE_ANOTHER, Damaged, StoreProblem, explained, is_busy, problem_of

Durability: TypeAlias = Literal["power", "process", "none"]
"""What a commit survives: the loss of power, the end of the process, or (for tests) nothing certain."""

SYNCHRONOUS: Final[dict[Durability, str]] = {"power": "FULL", "process": "NORMAL", "none": "OFF"}

OLDEST_SQLITE: Final = (3, 37)  # the first with strict tables

CACHE_KIB: Final = 8_192
WAL_KEPT_BYTES: Final = 64 << 20  # a log that grew larger while somebody read is cut back to this

PATIENCE_TO_OPEN: Final = 10.0  # seconds; only who makes a store or changes its version keeps others out
SHORTEST_DELAY, LONGEST_DELAY = 0.001, 0.05  # seconds between two tries to write


class Database:
    """A connection to a store, for one thread. `patience` is for how many seconds it tries to begin a
    transaction while other processes write; 0 is for event loops."""

    def __init__(self, connection: sqlite3.Connection, path: Path, patience: float) -> None:
        self.connection = connection
        self.path = path
        self.patience = patience

    def reading(self) -> AbstractContextManager[sqlite3.Connection]:
        """One state of the store, whatever others write meanwhile."""
        return self._transaction("BEGIN")

    def writing(self) -> AbstractContextManager[sqlite3.Connection]:
        """What is written inside is written at the end, whole or not at all."""
        return self._transaction("BEGIN IMMEDIATE")

    def close(self) -> None:
        self.connection.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            self._begin(begin)
            yield self.connection
            self.connection.execute("COMMIT")
        except BaseException as error:
            # Some errors end the transaction by themselves.
            if self.connection.in_transaction:
                self.connection.execute("ROLLBACK")
            problem = problem_of(error, self.path)
            if problem is None:
                raise
            raise problem from error

    def _begin(self, begin: str) -> None:
        if self.patience:
            patiently(lambda: self._begin_now(begin), self.patience)
        else:
            self._begin_now(begin)

    def _begin_now(self, begin: str) -> None:
        if not self.connection.in_transaction:
            self.connection.execute(begin)
        # The first look at the file fixes what is seen until the end, also of its version.
        version: int = self.connection.execute("PRAGMA user_version").fetchone()[0]
        if version != schema.VERSION:
            raise newer(self.path, version)


def open_database(
    path: Path | None = None, durability: Durability = "power", patience: float = 10.0
) -> Database:
    """Open a store and make it first if there is none. None: the user's own. Raises StoreProblem."""
    if durability not in SYNCHRONOUS:
        raise ValueError(f"durability is one of {', '.join(SYNCHRONOUS)}, not {durability!r}")
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        message = f"SQLite {sqlite3.sqlite_version} is too old to keep runs"
        raise StoreProblem("old_sqlite", message, "use a Python with SQLite 3.37 or newer")
    place = _absolute(default_path() if path is None else path)
    refuse_networks(place, known_mounts())
    _make_file(place)
    with explained(place):
        connection = sqlite3.connect(place, timeout=0, isolation_level=None)
        try:
            patiently(lambda: _prepare(connection, place, durability), PATIENCE_TO_OPEN)
        except BaseException:
            connection.close()
            raise
    return Database(connection, place, patience)


def default_path() -> Path:
    """Where the user's runs are kept."""
    return platformdirs.user_state_path("flowlang") / "runs.db"


def refuse_networks(path: Path, mounts: str) -> None:
    """Raises StoreProblem if a store at this path would lie on a network file system."""
    type = network_filesystem(path, mounts)
    if type is not None:
        message = f"a store cannot lie on a network file system, and {path} does ({type})"
        raise StoreProblem("network", message, "name a path on a disk of this machine with `--store`")


def newer(path: Path, version: int) -> StoreProblem:
    versions = f"its version is {version}, this one knows {schema.VERSION}"
    message = f"the store {path} was written by a newer flowlang ({versions})"
    return StoreProblem("newer", message, f"update flowlang, or {USE_ANOTHER}")


def patiently(work: Callable[[], None], patience: float) -> None:
    """Do what SQLite may be too busy for, again and again for so many seconds."""
    until = time.monotonic() + patience
    delay = SHORTEST_DELAY
    while True:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= until:
                raise
        time.sleep(delay)
        delay = min(delay * 2, LONGEST_DELAY)


def _absolute(path: Path) -> Path:
    """The path that all links lead to."""
    try:
        return path.expanduser().resolve()
    except (OSError, RuntimeError, ValueError) as error:
        raise _nowhere(path, str(error)) from None


def _make_file(path: Path) -> None:
    """Make the file and the folder above it, for the user alone, if they are not there."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.is_file():
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            _sync_folders(path)
    except IsADirectoryError:
        raise _not_a_store(path) from None
    except OSError as error:
        raise _nowhere(path, error.strerror or str(error)) from None


def _prepare(connection: sqlite3.Connection, path: Path, durability: Durability) -> None:
    """Check what the file is, set SQLite up, bring the tables up to this version."""
    version = _checked_version(connection, path)
    [mode] = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        message = f"the store {path} lies on a file system that cannot share memory between processes"
        raise StoreProblem("no_log", message, USE_ANOTHER)
    connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS[durability]}")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    connection.execute(f"PRAGMA journal_size_limit = {WAL_KEPT_BYTES}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cell_size_check = ON")
    if version < schema.VERSION:
        _migrate(connection, path)


def _checked_version(connection: sqlite3.Connection, path: Path) -> int:
    try:
        version = schema.version_of(connection)
    except sqlite3.DatabaseError as error:
        if isinstance(problem_of(error, path), Damaged):
            raise _not_a_store(path) from error
        raise
    if version is None:
        raise _not_a_store(path)
    if version > schema.VERSION:
        raise newer(path, version)
    return version


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Of several processes that come here at once, the first does it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        if _checked_version(connection, path) < schema.VERSION:
            schema.migrate(connection)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    # So that the tables do not depend on the log.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _not_a_store(path: Path) -> StoreProblem:
    return StoreProblem("not_a_store", f"{path} is no store of flowlang", USE_ANOTHER)


def _nowhere(path: Path, why: str) -> StoreProblem:
    return StoreProblem("cannot_open", f"there can be no store at {path}: {why}", USE_ANOTHER)


def _sync_folders(path: Path) -> None:
    """A new file is there after a loss of power only if its folder was written too, and so upwards. Not all
    file systems can do that, and not all folders may be read."""
    for folder in (path.parent, path.parent.parent):
        with suppress(OSError):
            _sync_folder(folder)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
