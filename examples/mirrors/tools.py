"""Mirrors, played by folders: what they have is real, and so is what they lack.

A folder's `mirror.toml` may say that the mirror is down, or how long it takes to answer."""

from __future__ import annotations

import hashlib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

import trio

from flowlang.agents import effect

CHECKSUMS = "SHA256SUMS"


@dataclass
class File:
    name: str
    sha256: str


@dataclass
class Copy:
    text: str
    sha256: str


class Unavailable(Exception):
    """The built-in error of that name."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotThere(Exception):
    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@effect("read")
async def checksums(mirror: str) -> list[File]:
    """A mirror's list of the release: lines of a checksum and a name, as `sha256sum` writes them."""
    content = await _get(mirror, CHECKSUMS)
    pairs = (line.split(maxsplit=1) for line in content.decode().splitlines())
    return sorted((File(name, sha256) for sha256, name in pairs), key=lambda file: file.name)


@effect("read")
async def fetch(mirror: str, name: str) -> Copy:
    """A mirror's copy of a file, with the checksum that it really has."""
    content = await _get(mirror, name)
    return Copy(content.decode(), hashlib.sha256(content).hexdigest())


@effect("idempotent")
def save(folder: str, name: str, text: str) -> None:
    """Writes a file. The names come from outside, so they may not lead out of the folder."""
    path = Path(folder, Path(name).name)
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.part")
    beside.write_bytes(text.encode())
    os.replace(beside, path)


async def _get(mirror: str, name: str) -> bytes:
    """What a mirror answers, when it does. A call that is no longer wanted ends in the middle of its wait."""
    folder = Path(mirror)
    if not folder.is_dir():
        raise Unavailable(f"there is no mirror {folder.absolute()}")
    habits = _habits(folder)
    if habits.get("is_down"):
        raise Unavailable(f"{mirror} does not answer")
    await trio.sleep(habits.get("answers_after_seconds", 0))
    if not (folder / name).is_file():
        raise NotThere(f"{mirror} has no {name}")
    return (folder / name).read_bytes()


def _habits(folder: Path) -> dict[str, float]:
    habits = folder / "mirror.toml"
    return tomllib.loads(habits.read_text(encoding="utf-8")) if habits.is_file() else {}
