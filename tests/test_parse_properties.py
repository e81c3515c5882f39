"""What holds for any text: parsing never raises, and trees are sound."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_parse import placed

from flowlang.syntax import ast
from flowlang.syntax.parser import parse
from flowlang.testing.sources import mutated, soups
from flowlang.text.render import apply_edits
from flowlang.text.source import Source

ROOT = Path(__file__).parent
TEXTS = [
    path.read_text(encoding="utf-8")
    for path in [ROOT / "cases/format/desk.flow", *sorted((ROOT / "cases/parse").glob("*.flow"))]
]
few = settings(max_examples=60, deadline=None)


EXAMPLES = mutated(st.sampled_from(TEXTS))


@few
@given(st.text())
def test_any_text_has_a_sound_tree(text: str):
    assert_sound(parse(Source("t.flow", text)))


@few
@given(EXAMPLES)
def test_a_mutated_example_has_a_sound_tree(text: str):
    assert_sound(parse(Source("t.flow", text)))


@few
@given(soups)
def test_any_words_have_a_sound_tree(text: str):
    assert_sound(parse(Source("t.flow", text)))


def assert_sound(module: ast.Module) -> None:
    end = 0
    for item in module.items:
        assert item.offset >= end, "declarations do not overlap"
        end = item.offset + len(item.parsed.text)
        ids = [node.id for node in ast.walk(item.declaration)]
        assert len(ids) == len(set(ids))
        assert item.declaration.span.end <= len(item.parsed.text)
        for node in ast.walk(item.declaration):
            start = node.span.start
            for child in ast.children(node):
                assert start <= child.span.start <= child.span.end <= node.span.end, (node, child)
                assert child.id < node.id or isinstance(node, ast.Block | ast.FlowDecl), (node, child)
                start = child.span.start if in_order(node) else start
    assert len({item.key for item in module.items}) == len(module.items)
    for diagnostic in placed(module):
        for label in (diagnostic.primary, *diagnostic.related):
            assert 0 <= label.span.start <= label.span.end <= len(module.source.text)


def in_order(node: ast.Node) -> bool:
    """Whether the fields of a node stand in the order of the text."""
    return not isinstance(node, ast.Binary | ast.Entry | ast.Binding)


@few
@given(st.sampled_from(TEXTS), EXAMPLES)
def test_an_earlier_version_changes_nothing_but_the_work(earlier: str, text: str):
    fresh = parse(Source("t.flow", text))
    again = parse(Source("t.flow", text), previous=parse(Source("t.flow", earlier)))
    assert [(i.key, i.offset, repr(i.parsed)) for i in again.items] == [
        (i.key, i.offset, repr(i.parsed)) for i in fresh.items
    ]


def test_declarations_that_only_move_keep_their_trees():
    before = parse(Source("t.flow", TEXTS[0]))
    after = parse(Source("t.flow", "// moved\n" + TEXTS[0]), previous=before)
    assert all(a.parsed is b.parsed for a, b in zip(after.items, before.items, strict=True))


def test_one_changed_declaration_is_parsed_alone():
    text = TEXTS[0]
    before = parse(Source("t.flow", text))
    after = parse(Source("t.flow", text.replace("limit: int = 10", "limit: int = 11")), previous=before)
    changed = [b.key for a, b in zip(before.items, after.items, strict=True) if a.parsed is not b.parsed]
    assert changed == ["search"]


@pytest.mark.parametrize("line_break", ["\r\n", "\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_breaks_and_a_byte_order_mark_change_nothing(line_break: str, mark: str):
    for text in TEXTS:
        source = Source("t.flow", mark + text.replace("\n", line_break))
        plain = Source("t.flow", text)
        assert [seen(source, d) for d in placed(parse(source))] == [
            seen(plain, d) for d in placed(parse(plain))
        ]


def seen(source: Source, diagnostic) -> tuple[str, int, int]:
    line, column = source.position(diagnostic.primary.span.start)
    return diagnostic.message, line, column - (line == 1 and source.text.startswith("\ufeff"))


@pytest.mark.parametrize("path", sorted((ROOT / "cases/parse").glob("*.flow")), ids=lambda path: path.stem)
def test_a_fix_mends_what_it_promises(path: Path):
    source = Source(path.name, path.read_text(encoding="utf-8"))
    found = list(placed(parse(source)))
    for diagnostic in found:
        if diagnostic.fix:
            mended = Source(path.name, apply_edits(source, diagnostic.fix))
            left = list(placed(parse(mended)))
            same = [d for d in left if d.message == diagnostic.message]
            assert len(same) < len([d for d in found if d.message == diagnostic.message]), diagnostic
