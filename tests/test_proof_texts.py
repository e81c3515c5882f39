"""What holds for every text, right or wrong: it is answered, and nothing about it is lost or invented.

Beside these: any tree prints and parses (`test_format_trees`), trees of any text are sound
(`test_parse_properties`), any declarations and tokens are checked (`test_check_robust`)."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from support.checking import check_texts
from test_check_incremental import assert_same
from test_check_robust import examine
from test_ide_properties import snapshot_of, use_everything
from test_parse_properties import assert_sound

import flowlang.testing as ft
from flowlang.syntax.compare import first_difference
from flowlang.syntax.parser import parse
from flowlang.syntax.printer import format_source
from flowlang.testing.plans import well_typed
from flowlang.testing.sources import changed
from flowlang.text.source import Source
from flowlang.tools.converting import converted
from flowlang.tools.frontend import NotRunnable, check_text

CANNOT = {"cannot-convert", "nothing-to-run"}


@settings(max_examples=150)
@given(ft.sources())
def test_any_text_parses_to_a_sound_tree(text: str) -> None:
    assert_sound(parse(Source("t.flow", text)))


@settings(max_examples=100)
@given(ft.sources())
def test_any_text_is_checked(text: str) -> None:
    examine(check_text(text, "made.flow"))


@settings(max_examples=150)
@given(ft.sources())
def test_any_text_is_formatted_once_and_for_all_or_refused(text: str) -> None:
    formatted = format_source(Source("t.flow", text))
    if isinstance(formatted, str):
        assert format_source(Source("t.flow", formatted)) == formatted


@settings(max_examples=60)
@given(well_typed())
def test_what_is_printed_parses_to_what_was_printed(text: str) -> None:
    """`well_typed` has printed it: printing what that parses to gives it again."""
    module = parse(Source("t.flow", text))
    assert not module.diagnostics
    assert format_source(Source("t.flow", text)) == text
    again = parse(Source("t.flow", text))
    for one, other in zip(module.items, again.items, strict=True):
        assert first_difference(one.declaration, other.declaration) is None


@settings(max_examples=60)
@given(ft.sources())
def test_any_text_becomes_a_plan_or_is_refused(text: str) -> None:
    checked = check_text(text, "made.flow")
    try:
        document = converted(checked, "yaml")
    except NotRunnable as refused:
        assert checked.has_errors or {found.code.slug for found in refused.diagnostics} <= CANNOT
    else:
        examine(check_text(document, "made.yaml"))


@settings(max_examples=30)
@given(st.data())
def test_what_was_known_of_an_earlier_text_changes_nothing(data: st.DataObject) -> None:
    text = data.draw(well_typed(25))
    known = check_texts({"main.flow": text})
    for _ in range(3):
        text = data.draw(changed(text))
        known = check_texts({"main.flow": text}, previous=known)
        assert_same(known, check_texts({"main.flow": text}))


@settings(max_examples=40)
@given(ft.sources(), st.floats(0, 1))
def test_an_editor_can_ask_everything_anywhere(text: str, where: float) -> None:
    use_everything(snapshot_of({"made.flow": text}, "made.flow"), int(where * len(text)))
