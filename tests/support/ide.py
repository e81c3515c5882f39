"""Snapshots of flows written in a test, with the places that it speaks of marked by `$0` in the text."""

from __future__ import annotations

from collections.abc import Mapping

from flowlang.ide.snapshot import Snapshot, Snapshots
from flowlang.semantics.check import check
from flowlang.semantics.modules import load
from flowlang.semantics.providers import Describe, Description
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Source, Span

MARK = "$0"
MAIN = "main.flow"


def marked(text: str) -> tuple[str, list[int]]:
    """The text without its marks, and where they stood."""
    pieces = text.split(MARK)
    offsets, length = [], 0
    for piece in pieces[:-1]:
        length += len(piece)
        offsets.append(length)
    return "".join(pieces), offsets


def nothing(provider: str, target: str, path: str) -> Description:
    """A provider of no agents."""
    return Description(target, known=provider == "python")


def snapshot(
    text: str, path: str = MAIN, *, files: Mapping[str, str] | None = None, describe: Describe = nothing
) -> Snapshot:
    """A text as if it stood at `path`, with `files` beside it."""
    texts = {**(files or {}), path: text}

    def read(wanted: str) -> Source | Diagnostic:
        if wanted in texts:
            return Source(wanted, texts[wanted])
        return Diagnostic(
            codes.UNREADABLE_FILE, "there is no such file", Label(Span(0, 0), "", Anchor(wanted))
        )

    return Snapshot(path, check(load(path, read=read, describe=describe, root="")))


def snapshots(files: Mapping[str, str], *, describe: Describe = nothing) -> Snapshots:
    """Each of some files as the entry of its own project."""
    return {path: snapshot(text, path, files=files, describe=describe) for path, text in files.items()}


def at_mark(text: str, *, files: Mapping[str, str] | None = None) -> tuple[Snapshot, int]:
    """The snapshot of a text and the offset of the one mark in it."""
    plain, (offset,) = marked(text)
    return snapshot(plain, files=files), offset
