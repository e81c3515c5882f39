"""Bytes of a file -> a `Source`, or the one diagnostic that says why it is none."""

from __future__ import annotations

from flowlang.text import codes
from flowlang.text.codes import Code
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Source, Span

MAX_SOURCE_BYTES = 1024 * 1024

# What other encodings write at the start of a file, the longer marks first.
OTHER_MARKS = {
    b"\xff\xfe\x00\x00": "UTF-32",
    b"\x00\x00\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def decode(path: str, data: bytes) -> Source | Diagnostic:
    """The text of a file. A byte order mark stays in it, so that offsets mean the same for everyone. A reader
    need not hand in more than `MAX_SOURCE_BYTES` and one byte.

    Refused, with code: more than 1 MiB (E003), and what is not UTF-8 (E002)."""
    if len(data) > MAX_SOURCE_BYTES:
        return refused(
            path,
            codes.SOURCE_TOO_LARGE,
            "this file is larger than 1 MiB, the most that a source may have",
            'split it into modules that `import "other.flow" as other`',
        )
    for mark, encoding in OTHER_MARKS.items():
        if data.startswith(mark):
            return refused(path, codes.NOT_TEXT, f"this file is {encoding}, not UTF-8", "save it as UTF-8")
    try:
        return Source(path, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        byte = data[error.start]
        return refused(
            path,
            codes.NOT_TEXT,
            f"this file is not text: byte 0x{byte:02X} at offset {error.start:,} is not UTF-8",
            "is it a flow file? if so, save it as UTF-8",
        )


def refused(path: str, code: Code, message: str, help: str) -> Diagnostic:
    return Diagnostic(code, message, Label(Span(0, 0), anchor=Anchor(path)), help=help)
