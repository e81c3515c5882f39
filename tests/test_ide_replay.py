"""Typing real files: what an editor would show at each key, and what it would not.

No more mistakes are shown than there are: somebody who writes a file from its start has one unfinished place,
so one message about it, and one about the brace that is still open. Somebody who writes a declaration between
others loses none of them, whatever the half of it looks like."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from flowlang.agents.describe import describe
from flowlang.ide.snapshot import Snapshot
from flowlang.ide.symbols import Symbol, document_symbols
from flowlang.ide.workspace import Workspace
from flowlang.syntax import ast
from flowlang.syntax.parser import parse
from flowlang.text.source import Source, Span

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = sorted((ROOT / "examples").rglob("*.flow"))
CASES = sorted((ROOT / "tests" / "cases" / "valid").rglob("*.flow"))

MOST_KEYS = 50
"""Of a declaration, spread evenly over a longer one; of a file four times as many."""


class Typing:
    """A file in an editor, and the workspace that follows its text."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.workspace = Workspace(self.read, describe, lambda _: str(path.parent))

    def read(self, path: str) -> Source:
        return Source(path, Path(path).read_text(encoding="utf-8"))

    def shows(self, text: str) -> Snapshot:
        self.workspace.open(self.path, text)
        found = self.workspace.snapshot(self.path)
        assert isinstance(found, Snapshot)
        return found


def errors(snapshot: Snapshot) -> list[str]:
    return [f"{d.code.slug}: {d.message}" for d in snapshot.diagnostics if d.severity == "error"]


def names(symbols: tuple[Symbol, ...]) -> Iterator[str]:
    """Declarations and steps. The parameters of an agent may go while a lone `/` stands below it, which could
    divide its last number."""
    for symbol in symbols:
        if symbol.kind not in ("parameter", "field"):
            yield f"{symbol.kind} {symbol.name}"
        yield from names(symbol.inner)


def keys(length: int, most: int) -> list[int]:
    step = max(1, length // most)
    return [*range(1, length, step), length]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_file_typed_from_its_start_has_a_mistake_at_its_end_and_an_open_brace(path):
    typing = Typing(path)
    text = path.read_text(encoding="utf-8")
    for end in keys(len(text), 4 * MOST_KEYS):
        found = [each for each in errors(typing.shows(text[:end])) if not each.startswith("unknown-")]
        assert len(found) <= 2, (text[:end][-60:], found)
    assert errors(typing.shows(text)) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_declaration_typed_between_others_costs_none_of_them(path):
    typing = Typing(path)
    text = path.read_text(encoding="utf-8")
    for item in flows(text):
        place = Span(item.offset, item.offset + len(item.parsed.text))
        others = text[: place.start] + text[place.end :]
        expected = list(names(document_symbols(typing.shows(others))))
        missing = errors(typing.shows(others))
        for end in keys(len(item.parsed.text), MOST_KEYS):
            found = typing.shows(text[: place.start] + item.parsed.text[:end] + text[place.end :])
            shown = list(names(document_symbols(found)))
            assert is_within(expected, shown), (item.parsed.text[:end][-60:], set(expected) - set(shown))
            own = [each for each in errors(found) if each not in missing]
            assert len(own) <= 3, (item.parsed.text[:end][-60:], own)


def flows(text: str) -> list[ast.Item]:
    items = parse(Source("", text)).items
    return [item for item in items if isinstance(item.declaration, ast.FlowDecl)]


def is_within(some: list[str], others: list[str]) -> bool:
    """Whether some names stand among others, in the same order."""
    rest = iter(others)
    return not [name for name in some if name not in rest]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_what_is_deleted_key_by_key_and_typed_again_checks_as_before(path):
    typing = Typing(path)
    text = path.read_text(encoding="utf-8")
    whole = typing.shows(text)
    for start in range(0, len(text) - 40, max(1, len(text) // 12)):
        for end in range(start + 40, start, -8):
            typing.shows(text[:start] + text[end:])
        assert typing.shows(text).diagnostics == whole.diagnostics


@pytest.mark.parametrize("path", CASES[:: max(1, len(CASES) // 20)], ids=lambda path: path.stem)
def test_a_key_shows_what_a_check_from_scratch_shows(path):
    text = path.read_text(encoding="utf-8")
    typing = Typing(path)
    for end in keys(len(text), 12):
        fresh = Workspace(typing.read, describe, lambda _: str(path.parent))
        fresh.open(str(path), text[:end])
        assert typing.shows(text[:end]).diagnostics == fresh.snapshot(str(path)).diagnostics
