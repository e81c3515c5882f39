"""Streams, colours and the width of the window: all that the commands know of the terminal.

Colour is on where the stream is a terminal; NO_COLOR turns it off and FORCE_COLOR on, in this order."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from flowlang.text.diagnostics import Diagnostic
from flowlang.text.display import clean
from flowlang.text.reading import MAX_SOURCE_BYTES, decode
from flowlang.text.render import ReadSource, Style, render_all
from flowlang.text.source import Source
from flowlang.tools.files import STDIN

NARROWEST, WIDEST = 40, 120


def out(text: str, end: str = "\n") -> None:
    """What was asked for."""
    sys.stdout.write(text + end)


def out_json(value: Any) -> None:
    """A JSON value that was asked for."""
    out(json.dumps(value, indent=2))


def clear() -> None:
    """Begin at the top of an empty screen, where there is a screen."""
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        out("\x1b[2J\x1b[3J\x1b[H", end="")


def say(text: str) -> None:
    """What is to be said about it; a path or a message in it cannot steer the terminal."""
    sys.stdout.flush()
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()


def say_diagnostics(diagnostics: Sequence[Diagnostic], read: ReadSource) -> None:
    """Mistakes that stand in the way of what was asked for."""
    sys.stdout.flush()
    if diagnostics:
        sys.stderr.write(render_all(diagnostics, read, style(sys.stderr)) + "\n")
    sys.stderr.flush()


def read_stdin() -> Source | Diagnostic:
    """The standard input as a source."""
    return decode(STDIN, sys.stdin.buffer.read(MAX_SOURCE_BYTES + 1))


def style(stream: TextIO) -> Style:
    """How to draw on a stream."""
    columns = shutil.get_terminal_size((100, 24)).columns
    return Style(columns=max(NARROWEST, min(columns, WIDEST)), color=colored(stream))


def colored(stream: TextIO) -> bool:
    """Whether a stream is to be coloured (see no-color.org and force-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"
