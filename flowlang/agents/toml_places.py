"""Where a key stands in a TOML file.

Python's reader of TOML keeps no positions. A TOML file is a sequence of statements, a table's header or a
key with its value, and each is TOML by itself; so the file is read again statement by statement, which gives
the line and the whole key of each. The file is known to be valid. Only messages need this, so it need not be
fast, but it is bounded: a statement longer than `MAX_STATEMENT_LINES` is given up."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any, Final, TypeAlias

from flowlang.text.diagnostics import Label
from flowlang.text.source import Anchor, Source, Span

MAX_STATEMENT_LINES: Final = 200

Key: TypeAlias = tuple[str | int, ...]


def label_of(source: Source, key: Key, text: str = "") -> Label:
    """The line that a key, or the nearest table around it, is written on."""
    number = _line_of(source.text, key)
    line = source.line(number)
    start = source.line_starts[number - 1] + len(line) - len(line.lstrip())
    return Label(Span(start, start + max(len(line.strip()), 1)), text, Anchor(source.path))


def _line_of(text: str, key: Key) -> int:
    """The number of the line where a key is first mentioned, going as deep as statements do."""
    best, deepest = 1, 0
    for number, path in _statements(text):
        depth = len(_common(path, key))
        if depth > deepest:
            best, deepest = number, depth
    return best


def _common(path: Key, key: Key) -> Key:
    count = next((i for i, (a, b) in enumerate(zip(path, key, strict=False)) if a != b), None)
    return key[: min(len(path), len(key))] if count is None else key[:count]


def _statements(text: str) -> Iterator[tuple[int, Key]]:
    """Each statement of a TOML file that is known to be valid: its line, and the whole key that it sets.

    A statement is the fewest lines that are TOML by themselves, so Python's own reader says where it ends."""
    header: Key = ()
    lines = text.split("\n")
    position = 0
    while position < len(lines):
        length, table = _statement(lines[position : position + MAX_STATEMENT_LINES])
        path = tuple(_first_path(table))
        if lines[position].lstrip().startswith("["):
            header = path
            yield position + 1, header
        elif path:
            yield position + 1, (*header, *path)
        position += length


def _statement(lines: list[str]) -> tuple[int, dict[str, Any]]:
    for length in range(1, len(lines) + 1):
        try:
            return length, tomllib.loads("\n".join(lines[:length]))
        except tomllib.TOMLDecodeError:
            continue
    return 1, {}


def _first_path(table: object) -> Iterator[str]:
    """The key of a statement: the way down through tables with one entry."""
    while isinstance(table, dict) and len(table) == 1:
        (key,) = table
        yield key
        table = table[key]
