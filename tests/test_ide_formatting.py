"""Formatting in an editor: edits that lead to what `flow fmt` writes, and no more of them than needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.ide import at_mark, marked, snapshot

from flowlang.ide.formatting import format_document, format_on_type, format_range
from flowlang.ide.snapshot import Edit
from flowlang.syntax.printer import format_source
from flowlang.text.source import Source, Span

CASES = sorted((Path(__file__).parent / "cases" / "format").rglob("*.flow"))


def applied(text: str, edits: tuple[Edit, ...]) -> str:
    for edit in sorted(edits, reverse=True):
        text = text[: edit.span.start] + edit.text + text[edit.span.end :]
    return text


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_file_becomes_what_the_formatter_makes_of_it(path):
    text = path.read_text(encoding="utf-8")
    formatted = format_source(Source("main.flow", text))
    if not isinstance(formatted, str) or "\r" in text:
        return
    edits = format_document(snapshot(text))
    assert applied(text, edits) == formatted
    ends = [edit.span.end for edit in edits]
    assert all(end <= after.span.start for end, after in zip(ends, edits[1:], strict=False))


def test_only_what_differs_is_edited():
    text = "flow a() -> int { return 1 }\n\nflow b()->int {\n  return  2\n}\n"
    assert [(text[slice(*edit.span)], edit.text) for edit in format_document(snapshot(text))] == [
        (" return 1 ", "\n  return 1\n"),
        ("->int {\n  return ", " -> int {\n  return"),
    ]


def test_a_formatted_file_needs_no_edits():
    text = "flow a() -> int {\n  return 1\n}\n"
    assert format_document(snapshot(text)) == ()


def test_line_breaks_stay_what_they_are():
    text = "flow a()->int {\r\n  return  1\r\n}\r\n"
    assert applied(text, format_document(snapshot(text))) == "flow a() -> int {\r\n  return 1\r\n}\r\n"
    assert format_document(snapshot("flow a() -> int {\r\n  return 1\r\n}\r\n")) == ()


def test_a_broken_declaration_keeps_no_other_from_being_formatted():
    text = "flow a()->int { return = 1 }\n\ntype T={a:int}\n"
    assert applied(text, format_document(snapshot(text))) == (
        "flow a()->int { return = 1 }\n\ntype T = { a: int }\n"
    )


def test_a_stretch_formats_the_declarations_that_it_touches():
    text = "type A={a:int}\ntype B={a:int} // why\ntype C={a:int}\n"
    edits = format_range(snapshot(text), Span(16, 17))
    assert applied(text, edits) == "type A={a:int}\ntype B = { a: int } // why\ntype C={a:int}\n"


TYPED = [
    # what was typed, text with the cursor behind it, what becomes of the text
    ("}", "flow f()->int { return 1 }$0", "flow f() -> int {\n  return 1\n}"),
    ("}", "flow f()->{a:int}$0 { return {a:1} }", None),  # not the end of it
    ("}", "flow f()->int { return = }$0", None),
    ("\n", "flow f() {\n$0", "flow f() {\n  "),
    ("\n", "flow f() {\n$0}", None),
    ("\n", "flow f() {\n  step a = g(\n$0)", "flow f() {\n  step a = g(\n  )"),
    ("\n", "flow f() {\n  step a = g()\n    $0", None),
    ("\n", 'flow f() {\n  let a = """\n  {\n$0"""\n}', None),
    ("\n", "$0", None),
]


@pytest.mark.parametrize(("typed", "text", "expected"), TYPED)
def test_typing_lays_out_what_it_completes(typed, text, expected):
    given, offset = at_mark(text)
    plain, _ = marked(text)
    edits = format_on_type(given, offset, typed)
    assert applied(plain, edits) == (expected if expected is not None else plain)
