"""Whether a store is what was written: everything in it that has a checksum is read once.

SQLite looks at its own pages; then come the runs, what they began with, their plans, journals and messages,
the blobs, and the contents of files: each by its hash, and each that a text refers to must be there. Others
may go on writing: each run is looked at in one state of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final, TypeAlias

from flowlang.hosts.sqlite import inbox, replies
from flowlang.hosts.sqlite.artifacts import ArtifactProblem, Artifacts, artifacts_of
from flowlang.hosts.sqlite.mentions import referred_to
from flowlang.hosts.sqlite.problems import Damaged, explained
from flowlang.hosts.sqlite.rows import read_rows
from flowlang.hosts.sqlite.store import Store

MOST_OF_SQLITE: Final = 20  # complaints of SQLite that are told

Tell: TypeAlias = Callable[[str, int, int], None]
"""Hears what is being looked at, how many of them were, and how many there are."""


def tell_nobody(what: str, done: int, of: int) -> None:
    pass


def check(store: Store, tell: Tell = tell_nobody) -> Iterator[str]:
    """All that is wrong with a store, in words. Raises StoreProblem where it cannot be read now."""
    for part in (
        _pages(store),
        _runs(store, tell),
        _blobs(store, tell),
        _replies(store),
        _contents(store, tell),
    ):
        try:
            yield from part
        except Damaged as damage:
            yield _words(damage)


def _pages(store: Store) -> Iterator[str]:
    with explained(store.path):
        said = store.database.connection.execute(f"PRAGMA integrity_check({MOST_OF_SQLITE})").fetchall()
    yield from (f"SQLite: {line}" for (line,) in said if line != "ok")


def _runs(store: Store, tell: Tell) -> Iterator[str]:
    with store.database.reading() as connection:
        known = connection.execute("SELECT number, id, plan FROM runs ORDER BY number").fetchall()
    plans: set[str] = set()
    for done, (number, id, plan) in enumerate(known, 1):
        yield from _run(store, number, id)
        if plan not in plans:
            plans.add(plan)
            yield from _found(lambda plan=plan: store.plan(plan))  # type: ignore[misc]
        tell("runs", done, len(known))


def _run(store: Store, number: int, id: str) -> Iterator[str]:
    def rows_and_messages() -> None:
        with store.database.reading() as connection:
            read_rows(connection, number, id, -1)
            inbox.checked(connection, number)

    for look in (lambda: store.inputs(number), rows_and_messages, lambda: store.result(number)):
        yield from _found(look)


def _found(look: Callable[[], object]) -> Iterator[str]:
    """The damage that a look finds."""
    try:
        look()
    except Damaged as damage:
        yield _words(damage)


def _words(damage: Damaged) -> str:
    return damage.message.removeprefix("the store is damaged: ")


def _blobs(store: Store, tell: Tell) -> Iterator[str]:
    with store.database.reading() as connection:
        [of] = connection.execute("SELECT count(*) FROM blobs").fetchone()
        for done, (hash, text) in enumerate(connection.execute("SELECT hash, text FROM blobs"), 1):
            if sha256(text.encode()).digest() != hash:
                yield f"blob {hash.hex()[:12]} is not what was written"
            tell("blobs", done, of)


def _replies(store: Store) -> Iterator[str]:
    with store.database.reading() as connection:
        for key, expires, text, crc in connection.execute("SELECT key, expires, text, crc FROM replies"):
            if replies.checksum(key, expires, text) != crc:
                yield f"cached reply {key.hex()[:12]} is not what was written"


def _contents(store: Store, tell: Tell) -> Iterator[str]:
    contents = Artifacts(artifacts_of(store.path))
    with store.database.reading() as connection:
        wanted = referred_to(connection)
    there = dict.fromkeys(contents.hashes())
    yield from (f"the content of the file {hash[:19]}… is missing" for hash in sorted(wanted - there.keys()))
    for done, hash in enumerate(there, 1):
        try:
            contents.check(hash)
        except ArtifactProblem as problem:
            yield problem.message
        tell("files", done, len(there))
