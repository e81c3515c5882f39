"""The post: what lies in the inbox."""

from __future__ import annotations

from pathlib import Path

from flowlang import File
from flowlang.agents import effect


@effect("read")
def documents(inbox: str) -> list[str]:
    """The names of the documents in a folder."""
    return sorted(path.name for path in Path(inbox).iterdir() if path.suffix in (".txt", ".png"))


@effect("read")
def scan(inbox: str, name: str) -> File:
    """A document that was scanned."""
    return File.from_path(Path(inbox) / name)


@effect("read")
def letter(inbox: str, name: str) -> str:
    """A document that is text."""
    return (Path(inbox) / name).read_text(encoding="utf-8")
