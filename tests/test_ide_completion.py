"""Completion: what a menu holds at a cursor, and in which order; cases in `cases/ide/completion.txt`."""

from __future__ import annotations

import re

import attrs
import pytest
from support.cursors import Case, applied, cases

from flowlang.ide import keywords, prefix
from flowlang.ide.completion import Completions, complete
from flowlang.ide.offers import Offer
from flowlang.ide.snapshot import Edit
from flowlang.semantics import builtins
from flowlang.semantics.declare import EFFECTS
from flowlang.syntax.declaration import parse_declaration
from flowlang.syntax.words import DECLARATIONS, TYPES


@cases("completion.txt")
def test_completion(case: Case) -> None:
    found = complete(case.snapshot(), case.offset, case.snapshots())
    for line in case.expected.split("\n"):
        hold(line, found, case)


def hold(line: str, found: Completions, case: Case) -> None:
    """What one line of an expectation says of a menu."""
    labels = [offer.label for offer in found.offers]
    word, _, rest = line.partition(": ")
    names = rest.split(", ")
    if line == "none":
        assert not labels
    elif word == "all":
        assert labels == names
    elif word == "first":
        assert labels[: len(names)] == names
    elif word == "has":
        assert set(names) <= set(labels), sorted(set(names) - set(labels))
    elif word == "lacks":
        assert not set(names) & set(labels), sorted(set(names) & set(labels))
    else:
        label = word.removeprefix("insert ")
        label, rest = (label + ":", rest[2:]) if rest.startswith(": ") else (label, rest)
        offer = next(offer for offer in found.offers if offer.label == label)
        assert rest in inserted(offer, found, case), inserted(offer, found, case)


def inserted(offer: Offer, found: Completions, case: Case) -> list[str]:
    """The lines of the file with an item taken."""
    edit = Edit(case.path, found.word, offer.snippet or offer.text)
    text = applied(case.texts, [edit, *offer.edits])[case.path]
    return [line.strip() for line in text.split("\n")]


def test_an_offer_says_all_that_an_editor_shows() -> None:
    assert {field.name for field in attrs.fields(Offer)} == {
        "label", "kind", "detail", "doc", "insert", "snippet", "rank", "edits",
    }  # fmt: skip


def test_every_word_of_the_language_is_explained() -> None:
    told = {word for words in keywords.KEYWORDS for word in words.split(" ")}
    assert prefix.keywords() <= told
    assert set(keywords.TYPES) == TYPES
    assert set(keywords.ERRORS) == set(builtins.ERRORS)
    assert set(keywords.AMBIENT) == set(builtins.AMBIENT)
    assert tuple(keywords.EFFECTS) == EFFECTS


def test_the_shape_of_a_word_begins_with_it() -> None:
    for words, keyword in keywords.KEYWORDS.items():
        assert not keyword.shape or keyword.shape.startswith(words), words


@pytest.mark.parametrize("word", DECLARATIONS)
def test_the_shape_of_a_declaration_is_one(word: str) -> None:
    shape = re.sub(r"\$\{\d+[:|]([^,}|]*)[^}]*\}|\$\d", r"\1", keywords.KEYWORDS[word].shape)
    assert not [d for d in parse_declaration(shape).diagnostics if d.severity == "error"], shape
