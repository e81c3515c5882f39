"""Cached replies that outlive their process: a table of the store, by hashes of all that they depend on.

Nothing depends on them in turn, so they are written without syncing the disk, on a connection of their own,
and by nobody who would have to wait: what finds the store busy is written together with the next."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Final
from zlib import crc32

import attrs

from flowlang.hosts.sqlite.opening import Database, open_database
from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.values.codec import write_json
from flowlang.values.value import Value

MOST_UNWRITTEN: Final = 1_000
KEEP: Final = "INSERT OR REPLACE INTO replies VALUES (?, ?, ?, ?)"


class StoredReplies:
    """The replies in a store, for one event loop; closed at its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database: Database | None = None
        self._unwritten: dict[bytes, tuple[int, str]] = {}

    def find(self, key: bytes) -> tuple[int, Value] | None:
        """Until when a reply holds, and the reply; None where there is none that can be read."""
        with suppress(StoreProblem):
            with self._opened().reading() as connection:
                select = "SELECT expires, text, crc FROM replies WHERE key = ?"
                found = connection.execute(select, (key,)).fetchone()
            if found is not None and checksum(key, found[0], found[1]) == found[2]:
                return found[0], json.loads(found[1])
        return None

    def keep(self, key: bytes, expires: int, reply: Value) -> None:
        """Keep a reply until an instant, in microseconds since 1970 UTC."""
        if len(self._unwritten) < MOST_UNWRITTEN:
            self._unwritten[key] = expires, write_json(reply)
        self._write()

    def close(self) -> None:
        if self._unwritten:
            self._write()
        if self._database is not None:
            self._database.close()

    def __enter__(self) -> StoredReplies:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self) -> None:
        rows = [(key, at, text, checksum(key, at, text)) for key, (at, text) in self._unwritten.items()]
        with suppress(StoreProblem):
            with self._opened().writing() as connection:
                connection.executemany(KEEP, rows)
            self._unwritten.clear()

    def _opened(self) -> Database:
        """The connection. It is made for the first reply, since most flows cache none."""
        if self._database is None:
            self._database = open_database(self._path, "process", patience=0)
            # The engine's writer copies the log.
            self._database.connection.execute("PRAGMA wal_autocheckpoint = 0")
        return self._database


@attrs.frozen(eq=False)
class RepliesOf:
    """The replies of one agent; `scope` says all that they depend on but the arguments."""

    replies: StoredReplies
    scope: Mapping[str, Value]

    def find(self, key: bytes) -> tuple[int, Value] | None:
        return self.replies.find(self._whole(key))

    def keep(self, key: bytes, expires: int, reply: Value) -> None:
        self.replies.keep(self._whole(key), expires, reply)

    def _whole(self, key: bytes) -> bytes:
        return sha256(write_json(dict(self.scope), canonical=True).encode() + key).digest()


def checksum(key: bytes, expires: int, text: str) -> int:
    """CRC-32 of a reply."""
    return crc32(b"%s %d %s" % (key, expires, text.encode()))
