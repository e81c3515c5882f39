"""Positions of a client and offsets of ours, for every text and every way to count."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowlang.tools.lsp.texts import LINE_BREAK, Change, Document, Lines, Position

TEXTS = st.text(st.sampled_from("ab \n\r\t😀é\u2028ß\x00"), max_size=40)
ENCODINGS = st.sampled_from(["utf-8", "utf-16", "utf-32"])
UNITS = {"utf-8": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}
SIZES = {"utf-8": 1, "utf-16": 2, "utf-32": 4}


def by_encoding(text: str, offset: int, encoding: str) -> Position:
    """A position counted by really encoding the line before it."""
    before = LINE_BREAK.split(text[:offset])
    return Position(len(before) - 1, len(before[-1].encode(UNITS[encoding])) // SIZES[encoding])


@given(TEXTS, ENCODINGS)
def test_a_position_counts_what_encoding_the_line_gives(text, encoding):
    lines = Lines(text, encoding)
    for offset in range(len(text) + 1):
        if text[offset - 1 : offset + 1] != "\r\n":
            assert lines.position(offset) == by_encoding(text, offset, encoding)


@given(TEXTS, ENCODINGS)
def test_there_and_back_is_the_same_place(text, encoding):
    lines = Lines(text, encoding)
    for offset in range(len(text) + 1):
        back = lines.offset(lines.position(offset))
        assert back == offset or text[back : offset + 1] == "\r\n"


@given(TEXTS, ENCODINGS, st.integers(-3, 60), st.integers(-3, 60))
def test_every_position_is_somewhere(text, encoding, line, character):
    assert 0 <= Lines(text, encoding).offset(Position(line, character)) <= len(text)


@pytest.mark.parametrize(
    ("text", "line", "character", "offset"),
    [
        ("a😀b", 0, 1, 1),
        ("a😀b", 0, 2, 1),  # between the halves: before it
        ("a😀b", 0, 3, 2),
        ("a\r\nb", 0, 9, 1),  # behind the end of a line, not in its break
        ("a\rb\nc", 2, 0, 4),
        ("a\n", 1, 0, 2),
        ("a\n", 7, 7, 2),
        ("", 0, 0, 0),
    ],
)
def test_a_position_in_utf_16(text, line, character, offset):
    assert Lines(text, "utf-16").offset(Position(line, character)) == offset


@given(TEXTS, ENCODINGS, st.lists(st.tuples(st.integers(0, 45), st.integers(0, 45), TEXTS), max_size=4))
def test_changes_apply_one_after_the_other(text, encoding, edits):
    document, expected, changes = Document("u", "p", 1, text), text, []
    for one, other, new in edits:
        lines = Lines(expected, encoding)
        start, end = (lines.position(offset) for offset in sorted((one, other)))
        changes.append(Change(new, start, end))
        expected = expected[: lines.offset(start)] + new + expected[lines.offset(end) :]
    document.change(2, changes, encoding)
    assert (document.text, document.version) == (expected, 2)


def test_a_range_that_is_turned_around_means_the_same():
    document = Document("u", "p", 1, "abcd")
    document.change(2, [Change("X", Position(0, 3), Position(0, 1))], "utf-16")
    assert document.text == "aXd"
