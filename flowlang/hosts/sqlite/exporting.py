"""One run as one file, and back: JSON, an object a line, to be moved to another store or kept for later.

    {"format": "flowlang.run", "version": 1, "run": {…}, "plan": "…"}
    {"row": [seq, kind, path, at, outcome, digest]}            the journal in order
    {"wait": […]} {"message": […]}
    {"file": "sha256:…", "part": "…"}                          contents, in parts of base64
    {"end": 42, "sha256": "…"}                                 how many lines, and their hash

A run that has not ended is moved rather than copied: if two stores carried it on, its calls would be made
twice, with the same idempotency keys. What somebody holds is not given away.
A file is read to its end before any store hears of it."""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, Final

import attrs

from flowlang.hosts.sqlite import inbox
from flowlang.hosts.sqlite.artifacts import Artifacts, artifacts_of
from flowlang.hosts.sqlite.mentions import references_of
from flowlang.hosts.sqlite.problems import Held, StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.rows import INSERT, INSERT_BLOB, columns_of, read_rows
from flowlang.hosts.sqlite.statements import execute_grouped
from flowlang.hosts.sqlite.store import Store
from flowlang.hosts.sqlite.writing import Blobs, checksum_of_end, checksum_of_start
from flowlang.runtime.journal import Row

FORMAT: Final = "flowlang.run"
VERSION: Final = 1
PART: Final = 768 << 10  # bytes of a content that one line holds
LONGEST_LINE: Final = 64 << 20

COLUMNS: Final = (
    "id flow source semantics created updated status ended inputs result".split()  # noqa: SIM905
)
UNUSABLE: Final = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, sqlite3.Error)
"""What is raised where a file is not what `export_run` writes."""


def export_run(store: Store, record: RunRecord, into: BinaryIO) -> int:
    """Write a run with its files; gives how many bytes. Raises Held, StoreProblem, OSError."""
    if record.holder is not None:
        raise Held(record.id, record.holder)
    digest, lines, size = sha256(), 0, 0
    for entry in _entries(store, record):
        line = _line(entry)
        digest.update(line)
        into.write(line)
        lines, size = lines + 1, size + len(line)
    last = _line({"end": lines, "sha256": digest.hexdigest()})
    into.write(last)
    return size + len(last)


@contextmanager
def exported(source: BinaryIO) -> Iterator[Exported]:
    """What `export_run` wrote, read to its end, for as long as the block lasts. Raises StoreProblem."""
    with TemporaryDirectory(prefix="flow-") as folder:
        try:
            read = _read(source, Path(folder))
        except UNUSABLE as problem:
            raise _unusable(str(problem)) from None
        yield read


def import_run(store: Store, read: Exported) -> str:
    """Take in a run, whole or not at all; gives its id. Raises StoreProblem."""
    contents = Artifacts(artifacts_of(store.path), synced=store.durability == "power")
    with store.new_owner() as owner:
        pin = f"{owner.name}.0"
        try:
            for hash, path in read.files.items():
                contents.put(hash, path, pin)
            with store.database.writing() as connection:
                _write(connection, read)
        except UNUSABLE as problem:
            raise _unusable(str(problem)) from None
        finally:
            contents.unpin(pin)
    return str(read.run["id"])


def _line(entry: Mapping[str, object]) -> bytes:
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _entries(store: Store, record: RunRecord) -> Iterator[Mapping[str, object]]:
    plan = store.plan(record.plan)
    store.inputs(record.number)  # checks them
    store.result(record.number)
    with store.database.reading() as connection:
        select = f"SELECT {', '.join(COLUMNS)} FROM runs WHERE number = ?"
        run = dict(zip(COLUMNS, connection.execute(select, (record.number,)).fetchone(), strict=True))
        rows = read_rows(connection, record.number, record.id, -1)
        messages = inbox.checked(connection, record.number)
    yield {"format": FORMAT, "version": VERSION, "run": run, "plan": plan}
    for row in rows:
        yield {"row": [*row[:-1], row.digest and row.digest.hex()]}
    yield from ({"wait": attrs.astuple(wait)} for _, wait in store.waits(record.number))
    yield from ({"message": message} for message in messages)
    texts = (run["inputs"], *(row.outcome for row in rows), *(message[2] for message in messages))
    references = (reference for text in texts if text for reference in references_of(text))
    hashes = dict.fromkeys(reference["hash"] for reference in references)
    yield from _files(Artifacts(artifacts_of(store.path)), hashes)


def _files(contents: Artifacts, hashes: Iterable[str]) -> Iterator[Mapping[str, object]]:
    """The contents in parts. Raises ArtifactProblem where one is missing or damaged."""
    for hash in hashes:
        contents.check(hash)
        with contents.path(hash).open("rb") as content:
            part = content.read(PART)
            while True:
                yield {"file": hash, "part": base64.b64encode(part).decode()}
                if not (part := content.read(PART)):
                    break


@attrs.frozen
class Exported:
    """What a file holds; `files` are the contents by their hashes, where they lie until they are put."""

    run: dict[str, Any]
    plan: str
    rows: list[Row] = attrs.field(factory=list)
    waits: list[list[Any]] = attrs.field(factory=list)
    messages: list[list[Any]] = attrs.field(factory=list)
    files: dict[str, Path] = attrs.field(factory=dict)


def _read(source: BinaryIO, folder: Path) -> Exported:
    """Raises StoreProblem, and whatever else is UNUSABLE."""
    lines = _lines(source)
    head = next(lines, {})
    if head.get("format") != FORMAT:
        raise _unusable("it is no run that was exported")
    if head["version"] > VERSION:
        raise _unusable("a newer flowlang wrote it")
    read = Exported({name: head["run"][name] for name in COLUMNS}, head["plan"])
    for entry in lines:
        match entry:
            case {"row": [seq, kind, path, at, outcome, digest]}:
                read.rows.append(Row(seq, kind, path, at, outcome, digest and bytes.fromhex(digest)))
            case {"wait": wait}:
                read.waits.append(wait)
            case {"message": message}:
                read.messages.append(message)
            case {"file": hash, "part": part}:
                place = read.files.setdefault(hash, folder / str(len(read.files)))
                with place.open("ab") as content:
                    content.write(base64.b64decode(part, validate=True))
            case _:
                raise _unusable("it holds what this flowlang does not know")
    return read


def _lines(source: BinaryIO) -> Iterator[dict[str, Any]]:
    """The objects of the file, up to the end that it must have."""
    digest, lines = sha256(), 0
    while line := source.readline(LONGEST_LINE):
        entry = _object(line, lines)
        if "end" in entry:
            if (entry["end"], entry["sha256"]) != (lines, digest.hexdigest()):
                raise _unusable("it is not what was written")
            return
        digest.update(line)
        lines += 1
        yield entry
    raise _unusable("its end is missing" if lines else "it is empty")


def _object(line: bytes, before: int) -> dict[str, Any]:
    """One line of a file, of which so many stand before it."""
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        entry = None
    if isinstance(entry, dict):
        return entry
    raise _unusable(
        f"line {before + 1:,} is cut off or damaged" if before else "it is no run that was exported"
    )


def _write(connection: sqlite3.Connection, read: Exported) -> None:
    run = read.run
    if connection.execute("SELECT 1 FROM runs WHERE id = ?", (run["id"],)).fetchone():
        raise StoreProblem("id_taken", f"there is a run `{run['id']}` already", "nothing was imported")
    plan = sha256(read.plan.encode()).hexdigest()
    crc = checksum_of_start(run["id"], run["flow"], plan, run["semantics"], run["inputs"])
    end = run["ended"] and checksum_of_end(run["status"], run["ended"], run["result"])
    columns = {**run, "plan": plan, "crc": crc, "end_crc": end, "epoch": 1}
    names, values = ", ".join(columns), ", ".join(f":{name}" for name in columns)
    number = connection.execute(f"INSERT INTO runs ({names}) VALUES ({values})", columns).lastrowid
    assert number is not None
    connection.execute("INSERT OR IGNORE INTO plans VALUES (?, ?)", (plan, read.plan))
    blobs: Blobs = []
    execute_grouped(connection, INSERT, [columns_of(number, row, blobs) for row in read.rows])
    execute_grouped(connection, INSERT_BLOB, blobs)
    connection.executemany(
        "INSERT INTO waits VALUES (?, ?, ?, ?, ?, ?, ?)", [(number, *wait) for wait in read.waits]
    )
    for kind, path, value, at, taken in read.messages:
        connection.execute(
            "INSERT INTO inbox (run, kind, path, value, at, taken, crc) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (number, kind, path, value, at, taken, inbox.checksum(number, kind, path, value)),
        )


def _unusable(why: str) -> StoreProblem:
    return StoreProblem("no_export", f"the file cannot be imported: {why}", "export the run once more")
