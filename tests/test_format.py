"""`flow fmt`: what formatted text looks like, and what formatting never does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowlang.syntax.printer import format_source
from flowlang.text.source import Source

ROOT = Path(__file__).resolve().parent.parent
CASES = sorted(p for p in (ROOT / "tests/cases/format").glob("*.flow") if not p.name.endswith(".out.flow"))
EXAMPLES = sorted((ROOT / "examples").rglob("*.flow"))


def formatted(text: str) -> str:
    result = format_source(Source("a.flow", text))
    assert isinstance(result, str), result
    return result


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_cases(path: Path) -> None:
    """`name.flow` is formatted to `name.out.flow`, which is left alone; UPDATE_CASES=1 writes the latter."""
    wanted = path.with_suffix(".out.flow")
    result = formatted(path.read_text(encoding="utf-8"))
    if os.environ.get("UPDATE_CASES"):
        wanted.write_text(result, encoding="utf-8")
    assert result == wanted.read_text(encoding="utf-8")
    assert formatted(result) == result


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_examples_are_formatted(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(text) == text
