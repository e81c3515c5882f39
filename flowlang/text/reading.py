"""Bytes -> a source, or one diagnostic that says why they are none.

A source is UTF-8. A byte order mark and Windows line breaks stay in the text, where the scanner sees past
them, so offsets into the text are offsets into the file. Deliberately absent: guessing another encoding."""

from __future__ import annotations

from typing import Final

from flowlang.text import codes
from flowlang.text.codes import Code
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Source, Span

MAX_SOURCE_BYTES: Final = 1024 * 1024

_UTF_16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


def decode(path: str, content: bytes) -> Source | Diagnostic:
    """The text of a file; a reader need not hand in more than `MAX_SOURCE_BYTES` and one byte."""
    if len(content) > MAX_SOURCE_BYTES:
        help = 'split it into modules: `import "other.flow" as other`'
        return _refused(path, codes.SOURCE_TOO_LARGE, "this file is larger than 1 MiB", help)
    try:
        return Source(path, content.decode())
    except UnicodeDecodeError as problem:
        return _not_text(path, content, problem)


def _not_text(path: str, content: bytes, problem: UnicodeDecodeError) -> Diagnostic:
    if content.startswith(_UTF_16_MARKS):
        return _refused(path, codes.NOT_TEXT, "this file is UTF-16, not UTF-8", "save it as UTF-8")
    if b"\0" in content[:1024]:
        return _refused(path, codes.NOT_TEXT, "this file is binary, not text", None)
    line = content.count(b"\n", 0, problem.start) + 1
    message = f"this file is not UTF-8: line {line} holds the byte 0x{content[problem.start]:02X}"
    return _refused(path, codes.NOT_TEXT, message, "save it as UTF-8")


def _refused(path: str, code: Code, message: str, help: str | None) -> Diagnostic:
    return Diagnostic(code, message, Label(Span(0, 0), "", Anchor(path)), help=help)
