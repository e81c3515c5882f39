"""`flowlang.File`: content that flows pass on by reference.

    from flowlang import File

    def thumbnail(photo: File) -> File:
        small = shrink(photo.read())                    # or open(photo.path, "rb")
        return File.from_bytes(small, "image/png")      # or File.from_path("small.png")

In a flow such a value is a `file`: its hash, its size and its media type. The content is kept beside the run
under its hash, once however many values refer to it, and must not be changed. Imports nothing heavy, so that
a module of agents pays nothing for it."""

from __future__ import annotations

import hashlib
import mimetypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import attrs

MAX_FILE_BYTES: Final = 1 << 30
UNKNOWN_TYPE: Final = "application/octet-stream"
PIECE: Final = 1 << 20  # bytes that are read at once


@attrs.frozen
class File:
    """Content by its hash (`sha256:…`), its size in bytes and its media type."""

    hash: str
    size: int
    media_type: str
    source: Path | bytes = attrs.field(repr=False, eq=False)

    @classmethod
    def from_path(cls, path: str | os.PathLike[str], media_type: str | None = None) -> File:
        """A file on the disk, which is read now and once more when it is kept. Without a media type it is
        guessed by the name. Raises OSError, and ValueError where it is larger than 1 GiB."""
        place = Path(path).absolute()
        digest, size = hashlib.sha256(), 0
        with place.open("rb") as opened:
            while piece := opened.read(PIECE):
                digest.update(piece)
                size += len(piece)
                _check_size(size)
        guessed = mimetypes.guess_type(place.name)[0] or UNKNOWN_TYPE
        return cls(f"sha256:{digest.hexdigest()}", size, media_type or guessed, place)

    @classmethod
    def from_bytes(cls, content: bytes, media_type: str = UNKNOWN_TYPE) -> File:
        """Content that a program has made. Raises ValueError where it is larger than 1 GiB."""
        _check_size(len(content))
        return cls(f"sha256:{hashlib.sha256(content).hexdigest()}", len(content), media_type, bytes(content))

    @property
    def path(self) -> Path:
        """Where the content lies, to be read and never written. Raises ValueError where it is yet nowhere."""
        if isinstance(self.source, bytes):
            raise ValueError("this file was made of bytes and lies nowhere yet; `read()` gives them")
        return self.source

    def read(self) -> bytes:
        """All of the content."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()

    @property
    def content(self) -> str | bytes:
        """The content itself, or the path where it lies."""
        return self.source if isinstance(self.source, bytes) else str(self.source)

    def reference(self) -> dict[str, Any]:
        """What a flow knows of it, JSON."""
        return {"hash": self.hash, "size": self.size, "media_type": self.media_type}


def kept_file(reference: Mapping[str, Any], path: str) -> File:
    """The file of a reference, whose content lies at a path."""
    return File(reference["hash"], reference["size"], reference["media_type"], Path(path))


def _check_size(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise ValueError(f"a file is at most {MAX_FILE_BYTES >> 30} GiB")
