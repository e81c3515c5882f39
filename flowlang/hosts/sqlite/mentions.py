"""Which contents of files the texts of a store refer to.

To remove a content takes more than to miss one: whatever text has its hash in it, as a reference or in the
midst of a sentence, keeps it (`mentioned`). Missing is only what a reference names (`referred_to`)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Final

from flowlang.values.references import HASH, references_in

_TEXTS: Final = (
    ("journal", "outcome"),
    ("blobs", "text"),
    ("runs", "inputs"),
    ("runs", "result"),
    ("inbox", "value"),
    ("waits", "arguments"),
    ("plans", "json"),
    ("replies", "text"),
)


def mentioned(connection: sqlite3.Connection) -> set[str]:
    """The hashes that any text has in it."""
    return {found[0] for text in _texts(connection) for found in HASH.finditer(text)}


def referred_to(connection: sqlite3.Connection) -> set[str]:
    """The hashes of all references."""
    return {reference["hash"] for text in _texts(connection) for reference in references_of(text)}


def _texts(connection: sqlite3.Connection) -> Iterator[str]:
    for table, column in _TEXTS:
        select = f"SELECT {column} FROM {table} WHERE instr({column}, 'sha256:')"
        for (text,) in connection.execute(select):
            yield text


def references_of(text: str) -> Iterator[dict[str, str]]:
    """The references in a JSON text, if it is one."""
    try:
        yield from references_in(json.loads(text))
    except (ValueError, RecursionError):
        return  # its checksum tells that it is damaged
