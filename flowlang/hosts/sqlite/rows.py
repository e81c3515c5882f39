"""Rows of the journal <-> rows of its table, with a checksum over all of a row.

An outcome of more than 64 KiB lies among the blobs, once however many rows have it, so that a table that is
read in order stays small (R18)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeAlias
from zlib import crc32

from flowlang.hosts.sqlite.problems import Damaged, problem_of
from flowlang.runtime.journal import Row

LARGEST_INLINE: Final = 64 << 10  # characters of an outcome

Columns: TypeAlias = tuple[int, int, str, str, int, str | None, bytes | None, bytes | None, int]

INSERT: Final = "INSERT INTO journal {rows}"
INSERT_BLOB: Final = "INSERT OR IGNORE INTO blobs {rows}"

_SELECT = """SELECT seq, kind, path, at, outcome, blob, digest, crc
    FROM journal WHERE run = ? AND seq > ? ORDER BY seq"""


def columns_of(run: int, row: Row, blobs: list[tuple[bytes, str]]) -> Columns:
    """A row for the table. If its outcome is large, it is added to `blobs`."""
    outcome, digest = row.outcome, row.digest
    crc = checksum(run, row.seq, row.kind, row.path, row.at, outcome, digest)
    if outcome is None or len(outcome) <= LARGEST_INLINE:
        return run, row.seq, row.kind, row.path, row.at, outcome, None, digest, crc
    hash = sha256(outcome.encode()).digest()
    blobs.append((hash, outcome))
    return run, row.seq, row.kind, row.path, row.at, None, hash, digest, crc


def read_rows(connection: sqlite3.Connection, run: int, id: str, after: int) -> list[Row]:
    """The rows behind number `after`, in order. Raises Damaged."""
    rows: list[Row] = []
    try:
        rows.extend(_rows(connection, run, id, after))
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if isinstance(problem_of(error, Path()), Damaged):
            last = rows[-1].seq if rows else after
            raise Damaged(f"the journal of run `{id}` cannot be read behind row {last} ({error})") from error
        raise
    return rows


def _rows(connection: sqlite3.Connection, run: int, id: str, after: int) -> Iterator[Row]:
    for seq, kind, path, at, outcome, blob, digest, crc in connection.execute(_SELECT, (run, after)):
        if blob is not None:
            outcome = _blob(connection, blob)
        if checksum(run, seq, kind, path, at, outcome, digest) != crc:
            raise Damaged(f"row {seq} of the journal of run `{id}` is not what was written")
        yield Row(seq, kind, path, at, outcome, digest)


def _blob(connection: sqlite3.Connection, hash: bytes) -> Any:
    found = connection.execute("SELECT text FROM blobs WHERE hash = ?", (hash,)).fetchone()
    return found and found[0]


def checksum(
    run: int, seq: int, kind: str, path: str, at: int, outcome: str | None, digest: bytes | None
) -> int:
    """CRC-32 of a row. It tells an outcome or a digest that is missing from one that is empty."""
    text = f"{run} {seq} {kind} {at} {path}"
    crc = crc32((text if outcome is None else f"{text}\0{outcome}").encode())
    return crc if digest is None else crc32(b"\0" + digest, crc)
