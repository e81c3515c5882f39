"""The tables of a store, and how each version of them became the next.

`STEPS` is never changed, only added to: step n turns a store of version n into one of version n + 1, and an
empty file is version 0. `user_version` says which version a store is, `application_id` that it is one.

    plans    plans as JSON by the sha256 of their text, once for all their runs
    runs     what a run began with, who holds it, what became of it; `crc` is over what it began with
    journal  the inputs of each run in order (R11); `crc` is over a row with its outcome, wherever that lies
    blobs    outcomes of more than 64 KiB, by the sha256 of their text; the journal's row names it
    waits    what runs wait for, for those who look
    inbox    what others want a run to hear; kept after it was taken, so that nobody answers twice
    replies  cached replies of agents, by a hash of all that they depend on

Instants are microseconds since 1970 UTC. No foreign keys: every write goes through this package."""

from __future__ import annotations

import sqlite3

APPLICATION_ID = 0x666C6F77  # "flow"

_FIRST = (
    "CREATE TABLE plans (hash TEXT PRIMARY KEY, json TEXT NOT NULL) STRICT",
    """CREATE TABLE runs (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        flow TEXT NOT NULL,
        plan TEXT NOT NULL,
        source TEXT,
        semantics INTEGER NOT NULL,
        created INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        status TEXT NOT NULL,
        epoch INTEGER NOT NULL,
        owner TEXT,
        ended INTEGER,
        crc INTEGER NOT NULL,
        inputs TEXT NOT NULL,
        result TEXT
    ) STRICT""",
    "CREATE INDEX runs_not_ended ON runs (status) WHERE ended IS NULL",
    """CREATE TABLE journal (
        run INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        kind TEXT NOT NULL,
        path TEXT NOT NULL,
        at INTEGER NOT NULL,
        outcome TEXT,
        blob BLOB,
        digest BLOB,
        crc INTEGER NOT NULL,
        PRIMARY KEY (run, seq)
    ) STRICT, WITHOUT ROWID""",
    "CREATE TABLE blobs (hash BLOB PRIMARY KEY, text TEXT NOT NULL) STRICT",
    """CREATE TABLE waits (
        run INTEGER NOT NULL,
        path TEXT NOT NULL,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        arguments TEXT,
        since INTEGER NOT NULL,
        deadline INTEGER,
        PRIMARY KEY (run, path)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE inbox (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        run INTEGER NOT NULL,
        kind TEXT NOT NULL,
        path TEXT NOT NULL,
        value TEXT,
        at INTEGER NOT NULL,
        taken INTEGER NOT NULL DEFAULT 0,
        crc INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX inbox_not_taken ON inbox (run) WHERE taken = 0",
    "CREATE UNIQUE INDEX inbox_one_answer ON inbox (run, path) WHERE kind = 'answer'",
)

_SECOND = (
    # For whoever clears up: which blobs are still named.
    "CREATE INDEX journal_blobs ON journal (blob) WHERE blob IS NOT NULL",
)

_THIRD = (
    """CREATE TABLE replies (
        key BLOB PRIMARY KEY,
        expires INTEGER NOT NULL,
        text TEXT NOT NULL,
        crc INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID""",
)

# NULL in runs that ended before there was one.
_FOURTH = ("ALTER TABLE runs ADD COLUMN end_crc INTEGER",)

STEPS: tuple[tuple[str, ...], ...] = (_FIRST, _SECOND, _THIRD, _FOURTH)

VERSION = len(STEPS)


def version_of(connection: sqlite3.Connection) -> int | None:
    """The version of a store, 0 of an empty file; None of a database that is something else."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    if application == APPLICATION_ID:
        return version
    tables: int = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
    return 0 if application == version == tables == 0 else None


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a store up to this version, in the transaction that the caller has begun."""
    version = version_of(connection)
    assert version is not None and version <= VERSION, "checked by who opens it"
    for step in STEPS[version:]:
        for statement in step:
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")
