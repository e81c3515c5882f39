"""The inbox: what others want a run to hear. Its owner makes inputs of it (R20).

A question takes one answer: the first is kept also after the run has heard it, and a second is refused."""

from __future__ import annotations

import sqlite3
from zlib import crc32

from flowlang.hosts.sqlite.problems import AnsweredAlready, Damaged, NotAsked
from flowlang.hosts.sqlite.records import Message


def put(connection: sqlite3.Connection, kind: str, run: int, path: str, value: str | None, at: int) -> None:
    """Leave a message. Raises NotAsked, AnsweredAlready."""
    if kind == "answer":
        _check_question(connection, run, path)
    connection.execute(
        "INSERT INTO inbox (run, kind, path, value, at, crc) VALUES (?, ?, ?, ?, ?, ?)",
        (run, kind, path, value, at, checksum(run, kind, path, value)),
    )


def untaken(connection: sqlite3.Connection, run: int | None, owner: str | None) -> list[Message]:
    """Messages that no commit has taken yet, oldest first. Raises Damaged."""
    found = connection.execute(
        """SELECT inbox.number, run, kind, path, value, at, inbox.crc
        FROM inbox JOIN runs ON runs.number = run
        WHERE taken = 0 AND (?1 IS NULL OR run = ?1) AND (?2 IS NULL OR owner = ?2) ORDER BY inbox.number""",
        (run, owner),
    )
    messages = []
    for number, to, kind, path, value, at, crc in found:
        if checksum(to, kind, path, value) != crc:
            raise Damaged(f"message {number} is not what was written")
        messages.append(Message(number, to, kind, path, value, at))
    return messages


def passed_over(connection: sqlite3.Connection, run: int) -> list[str]:
    """The paths of the questions whose answers came when nobody asked any more, and of which the journal says
    nothing; oldest first."""
    found = connection.execute(
        """SELECT path FROM inbox AS told JOIN runs ON runs.number = run
        WHERE run = ? AND kind = 'answer' AND (taken = 1 OR ended IS NOT NULL) AND NOT EXISTS
        (SELECT 1 FROM journal WHERE run = told.run AND path = told.path AND kind = 'answer')
        ORDER BY told.number""",
        (run,),
    )
    return [path for (path,) in found]


def checked(connection: sqlite3.Connection, run: int) -> list[tuple[str, str, str | None, int, int]]:
    """All messages of a run, oldest first: kind, path, value, instant, and whether it was taken. Raises
    Damaged."""
    select = "SELECT number, kind, path, value, at, taken, crc FROM inbox WHERE run = ? ORDER BY number"
    messages = []
    for number, kind, path, value, at, taken, crc in connection.execute(select, (run,)):
        if checksum(run, kind, path, value) != crc:
            raise Damaged(f"message {number} is not what was written")
        messages.append((kind, path, value, at, taken))
    return messages


def _check_question(connection: sqlite3.Connection, run: int, path: str) -> None:
    answered = "SELECT 1 FROM inbox WHERE run = ? AND path = ? AND kind = 'answer'"
    if connection.execute(answered, (run, path)).fetchone():
        raise AnsweredAlready(path)
    questions = "SELECT path FROM waits WHERE run = ? AND kind = 'question' ORDER BY since, path"
    open = [found for (found,) in connection.execute(questions, (run,))]
    if path not in open:
        raise NotAsked(path, open)


def checksum(run: int, kind: str, path: str, value: str | None) -> int:
    """CRC-32 of a message."""
    return crc32(f"{run} {kind} {path}\0{value}".encode())
