"""What plans may call, and one thing that they may not."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flowlang.agents import effect

NOTES = Path(__file__).parent / "notes"


@dataclass
class Note:
    """A note; `title` is its first line."""

    title: str
    text: str


@effect("read")
def search(words: list[str]) -> list[str]:
    """The names of the notes that hold most of these words, best first."""
    found: list[tuple[int, str]] = []
    for path in sorted(NOTES.glob("*.md")):
        text = path.read_text(encoding="utf-8").lower()
        count = sum(word.lower() in text for word in words)
        if count:
            found.append((-count, path.stem))
    return [name for _, name in sorted(found)]


@effect("read")
def read(name: str) -> Note:
    """A note by its name."""
    title, _, text = (NOTES / f"{Path(name).name}.md").read_text(encoding="utf-8").partition("\n")
    return Note(title.lstrip("# "), text.strip())


@effect("pure")
def shorten(text: str, sentences: int = 2) -> str:
    """The first sentences of a text."""
    parts = text.replace("\n", " ").split(". ")
    return ". ".join(parts[:sentences]).rstrip(".") + "."


@effect("write")
def delete(name: str) -> None:
    """Removes a note for good."""
    (NOTES / f"{Path(name).name}.md").unlink()
