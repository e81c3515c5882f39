"""The parser, case by case: `tests/cases/parse` says beside each line what is found there.

The files in `half/` are half typed. Above what is found, they say which steps, lets and outcomes of runs
are whole and which are broken (`// whole: first, last`, `// broken: page`): a broken statement must cost
its neighbours nothing, and one mistake is one message."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.cases import UPDATING, blessed, differences, found_in

from flowlang.syntax import ast
from flowlang.syntax.parser import parse
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Anchor, Source

FOLDER = Path(__file__).parent / "cases/parse"
CASES = sorted(FOLDER.rglob("*.flow"))
HALF = sorted((FOLDER / "half").glob("*.flow"))


def placed(module: ast.Module) -> Iterator[Diagnostic]:
    """What was found in a module, with places in its file."""
    offsets = {Anchor(module.source.path, item.key): item.offset for item in module.items}
    homes = [
        (Anchor(module.source.path, item.key), found)
        for item in module.items
        for found in item.parsed.diagnostics
    ]
    homes += [(Anchor(module.source.path), found) for found in module.diagnostics]
    for home, diagnostic in homes:
        yield diagnostic.placed(home, lambda anchor: offsets.get(anchor, 0))


def read(path: Path) -> ast.Module:
    with path.open(encoding="utf-8", newline="") as file:
        return parse(Source(path.name, file.read()))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path: Path):
    module = read(path)
    found = found_in(module.source, placed(module))
    if UPDATING:
        path.write_text(blessed(module.source.text, found), encoding="utf-8", newline="")
        return
    wrong = differences(module.source.text, found)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", HALF, ids=lambda path: path.stem)
def test_neighbours_of_what_is_broken_keep_their_meaning(path: Path):
    module = read(path)
    text = module.source.text
    stated = f"// whole: {', '.join(whole(module))}\n// broken: {', '.join(broken(module)) or '-'}\n"
    if UPDATING:
        rest = re.sub(r"\A// whole: .*\n// broken: .*\n", "", text)
        path.write_text(stated + rest, encoding="utf-8", newline="")
        return
    assert text.startswith(stated), stated


def test_most_half_typed_files_have_one_diagnostic_and_none_more_than_two():
    counts = [len(list(placed(read(path)))) for path in HALF]
    assert len(counts) >= 50
    assert set(counts) <= {1, 2}
    assert counts.count(1) >= 0.9 * len(counts)


def whole(module: ast.Module) -> list[str]:
    return [
        node.name.name
        for item in module.items
        for node in ast.walk(item.declaration)
        if isinstance(node, ast.Step | ast.Let | ast.Run | ast.FlowDecl | ast.AgentDecl)
    ]


def broken(module: ast.Module) -> list[str]:
    return [
        node.name.name if node.name else node.kind or "?"
        for item in module.items
        for node in ast.walk(item.declaration)
        if isinstance(node, ast.Broken | ast.BrokenDecl)
    ]
