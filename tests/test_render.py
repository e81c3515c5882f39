"""What a person sees of a diagnostic, character by character, and what a program gets."""

from __future__ import annotations

import json
import re
from textwrap import dedent

from hypothesis import given
from hypothesis import strategies as st

from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Edit, Fix, Label
from flowlang.text.display import cells, width
from flowlang.text.render import Report, Style, apply_edits, render, render_all, render_report, summary
from flowlang.text.report import as_json, as_sarif
from flowlang.text.source import Anchor, Source, Span


def mark(text: str, path: str = "a.flow") -> tuple[Source, Span]:
    """A source and the span between the brackets `⟦` and `⟧` in it, which are taken out."""
    start, end = text.index("⟦"), text.index("⟧") - 1
    return Source(path, text.replace("⟦", "").replace("⟧", "")), Span(start, end)


def shown(text: str, *, columns: int = 60, label: str = "here", message: str = "no") -> str:
    source, span = mark(text)
    found = Diagnostic(codes.UNKNOWN_NAME, message, Label(span, label, Anchor(source.path)))
    return render(found, {source.path: source}.get, Style(columns))


def page(text: str) -> str:
    return dedent(text).removeprefix("\n")


def test_a_plain_place():
    assert shown("flow f() {\n  step a = ⟦serch⟧()\n}\n", label="not declared") == page("""
        error[E201 unknown-name]: no
         --> a.flow:2:12
          |
        2 |   step a = serch()
          |            ^^^^^ not declared
        """)


def test_the_gutter_is_as_wide_as_the_last_number():
    assert shown("\n" * 99 + "x⟦y⟧\n") == page("""
        error[E201 unknown-name]: no
           --> a.flow:100:2
            |
        100 | xy
            |  ^ here
        """)


def test_tabs_and_wide_characters_and_accents_keep_the_underline_in_place():
    assert shown("\tnaïve = '日本' e\u0301 ⟦ab⟧") == page("""
        error[E201 unknown-name]: no
         --> a.flow:1:18
          |
        1 |     naïve = '日本' e\u0301 ab
          |                      ^^ here
        """)


def test_what_hides_is_spelled_out():
    assert shown('a = ⟦"\u202e\x1b\x00\u200b\ud800"⟧') == page("""
        error[E201 unknown-name]: no
         --> a.flow:1:5
          |
        1 | a = "<U+202E><U+001B><U+0000><U+200B><U+D800>"
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ here
        """)


def test_a_message_cannot_steer_the_terminal():
    assert shown("⟦a⟧", message="\x1b[31mred\x07", label="\x1b") == page("""
        error[E201 unknown-name]: <U+001B>[31mred<U+0007>
         --> a.flow:1:1
          |
        1 | a
          | ^ <U+001B>
        """)


def test_a_long_line_is_cut_around_the_place():
    text = shown("a + " * 100 + "⟦zz⟧" + " + b" * 100, columns=40)
    assert text == page("""
        error[E201 unknown-name]: no
         --> a.flow:1:401
          |
        1 | … + a + a + zz + b + b + b + b + b…
          |             ^^ here
        """)


def test_a_line_of_a_mebibyte_costs_no_more_than_its_window():
    text = shown("é" * 500_000 + "⟦b⟧" + "\u202e" * 500_000, columns=40)
    assert "b<U+202E>" in text and all(width(line) <= 40 for line in text.splitlines())


def test_a_label_without_room_goes_below():
    assert shown(
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ⟦bbbb⟧", columns=42, label="this is not known here"
    ) == page("""
        error[E201 unknown-name]: no
         --> a.flow:1:33
          |
        1 | aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa bbbb
          |                                 ^^^^
          |                   this is not known
          |                   here
        """)


def test_a_span_over_a_few_lines():
    assert shown("a = ⟦for each x in y {\n  yield x\n}⟧\n") == page("""
        error[E201 unknown-name]: no
         --> a.flow:1:5
          |
        1 | a = for each x in y {
          |     ^^^^^^^^^^^^^^^^^
        2 |   yield x
        3 | }
          | ^ here
        """)


def test_a_span_over_many_lines_shows_its_ends():
    assert shown("⟦{" + "\n  x" * 20 + "\n}⟧") == page("""
        error[E201 unknown-name]: no
          --> a.flow:1:1
           |
         1 | {
           | ^
         2 |   x
        ...
        22 | }
           | ^ here
        """)


def test_the_end_of_the_file_is_shown_below_its_last_line():
    assert shown("flow f() {\n⟦⟧", label="the file ends here") == page("""
        error[E201 unknown-name]: no
         --> a.flow:2:1
          |
        1 | flow f() {
        2 |
          | ^ the file ends here
        """)


def test_an_empty_file():
    assert shown("⟦⟧") == page("""
        error[E201 unknown-name]: no
         --> a.flow:1:1
          |
        1 |
          | ^ here
        """)


def test_a_line_break_belongs_to_the_line_it_ends():
    assert shown("a⟦b\r\n⟧c") == page("""
        error[E201 unknown-name]: no
         --> a.flow:1:2
          |
        1 | ab
          |  ^ here
        """)


def everything() -> tuple[Diagnostic, dict[str, Source]]:
    main, span = mark("step a = ⟦serch⟧()\nstep b = a\n")
    other, there = mark("agent ⟦search⟧()\n", "lib/tools.flow")
    found = Diagnostic(
        codes.UNKNOWN_NAME,
        "nothing here is called `serch`",
        Label(span, "not declared", Anchor("a.flow")),
        (Label(Span(22, 23), "used here", Anchor("a.flow")), Label(there, "this one?", Anchor(other.path))),
        "did you mean `search`? Write it so:\n    step a = search()",
        Fix("write `search`", (Edit(span, "search"),)),
    )
    return found, {"a.flow": main, other.path: other}


def test_related_places_help_and_fix():
    found, sources = everything()
    assert render(found, sources.get) == page("""
        error[E201 unknown-name]: nothing here is called `serch`
         --> a.flow:1:10
          |
        1 | step a = serch()
          |          ^^^^^ not declared
        2 | step b = a
          |      - used here
          |
         ::: lib/tools.flow:1:7
          |
        1 | agent search()
          |       ------ this one?
          |
          = help: did you mean `search`? Write it so:
                      step a = search()
          = fix: write `search`
        1 + step a = search()
        """)


def test_colour_adds_nothing_but_escapes():
    found, sources = everything()
    painted = render(found, sources.get, Style(color=True))
    assert "\x1b[1;31m^^^^^" in painted
    assert re.sub(r"\x1b\[[\d;]*m", "", painted) == render(found, sources.get)


def test_a_source_that_is_gone_leaves_its_path():
    found, _ = everything()
    assert render(found, lambda path: None).splitlines()[:4] == [
        "error[E201 unknown-name]: nothing here is called `serch`",
        " --> a.flow",
        "  |",
        " ::: lib/tools.flow",
    ]


def test_a_source_that_became_shorter_is_no_trouble():
    found, sources = everything()
    short = {path: Source(path, "x") for path in sources}
    assert "a.flow:1:2" in render(found, short.get)


def test_a_report_needs_no_place():
    report = Report("error", "error", "the run was stopped", help="start it again")
    assert (
        render_report(report, lambda path: None) == "error: the run was stopped\n  = help: start it again\n"
    )


def test_a_summary_counts():
    found, _ = everything()
    assert summary([], 1) == "no mistakes in 1 file"
    assert summary([found], 2) == "1 error in 2 files"
    warning = Diagnostic(codes.UNUSED, "", Label(Span(0, 0)))
    assert summary([found, warning, warning], 1) == "1 error and 2 warnings in 1 file"


def test_json():
    found, sources = everything()
    (made,) = json.loads(json.dumps(as_json([found], sources.get)))
    place = {"line": 1, "column": 10, "end_line": 1, "end_column": 15}
    assert made == {
        "code": "E201",
        "slug": "unknown-name",
        "severity": "error",
        "message": "nothing here is called `serch`",
        "help": "did you mean `search`? Write it so:\n    step a = search()",
        "path": "a.flow",
        **place,
        "related": [
            {
                "path": "a.flow",
                "line": 2,
                "column": 6,
                "end_line": 2,
                "end_column": 7,
                "message": "used here",
            },
            {
                "path": "lib/tools.flow",
                "line": 1,
                "column": 7,
                "end_line": 1,
                "end_column": 13,
                "message": "this one?",
            },
        ],
        "fix": {"title": "write `search`", "edits": [{**place, "text": "search"}]},
    }


def test_sarif():
    found, sources = everything()
    log = as_sarif([found, found], sources.get, version="1")
    (run,) = log["runs"]
    assert log["version"] == "2.1.0" and len(run["results"]) == 2
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["E201"]
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 1, "startColumn": 10, "endLine": 1, "endColumn": 15}


def test_edits_are_made_from_the_front_whatever_their_order():
    fix = Fix("swap", (Edit(Span(2, 3), "A"), Edit(Span(0, 1), "CC")))
    assert apply_edits(Source("a", "a b"), fix) == "CC A"


TEXT = st.text(st.sampled_from("ab \t\n\r日e\u0301\u202e\x00\ud800🙂") | st.characters(), max_size=120)


@given(TEXT, st.integers(-3, 140), st.integers(-3, 140), st.integers(10, 80), TEXT)
def test_any_place_in_any_text_can_be_shown(text, start, end, columns, words):
    source = Source("a.flow", text)
    label = Label(Span(start, max(start, end)), words, Anchor("a.flow"))
    found = Diagnostic(codes.SYNTAX, words, label, (), words, Fix(words, (Edit(label.span, words),)))
    drawn = render_all([found, found], {"a.flow": source}.get, Style(columns))
    assert drawn.encode()  # no lone surrogate is left
    assert all(char == "\n" or char.isprintable() for char in drawn)
    assert "\x1b" not in drawn and "\r" not in drawn and drawn.endswith("\n")
    as_json([found], {"a.flow": source}.get)


@given(TEXT)
def test_cells_add_up(text):
    made = cells(text.replace("\n", ""))
    assert made.width == width(made.text())
