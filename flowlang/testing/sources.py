"""Texts of flows, right and wrong: what an editor, a program or a tired person may hand in.

Made-up modules that check; the same with stretches left out, doubled, moved or replaced; what parses and
means nothing; words of the language in any order; and any text at all."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

from flowlang.syntax.printer import print_declaration
from flowlang.syntax.words import (
    CLAUSES,
    DECLARATIONS,
    POLICIES,
    RESERVED,
    STATEMENTS,
    TASKS,
    TEST_STATEMENTS,
    TYPES,
)
from flowlang.testing.plans import well_typed
from flowlang.testing.trees import declarations

PIECES: Final = (
    "{", "}", "(", ")", "[", "]", '"', '"""', "${", "'", "\\", "//", "///", "\n", "->", "=>", "=", ",", ":",
    ".", "?.", "??", "..", "|", "*", "-", "==", "<", "\0", "\ufeff", "é", "1", "1.5", "30s", "1h30m", "a",
    "xs", "main", "list<int>", '"text"', " step a = ", "flow f() {",
)  # fmt: skip


def sources() -> st.SearchStrategy[str]:
    """Texts that may be flows."""
    return st.one_of(well_typed(20), mutated(well_typed(20)), printed, soups, st.text(max_size=60))


@st.composite
def mutated(draw: st.DrawFn, texts: st.SearchStrategy[str]) -> str:
    """A text with one to four stretches left out, doubled, moved, or replaced by a piece of the language."""
    text = draw(texts)
    for _ in range(draw(st.integers(1, 4))):
        text = draw(changed(text))
    return text


@st.composite
def changed(draw: st.DrawFn, text: str) -> str:
    """A text with one stretch left out, doubled, moved, or replaced by a piece of the language."""
    start = draw(st.integers(0, len(text)))
    end = min(len(text), start + draw(st.sampled_from([0, 1, 2, 7, 40, 300])))
    piece = draw(st.sampled_from((*PIECES, *WORDS, text[start:end])))
    if draw(st.booleans()):
        return text[:start] + text[end:]
    place = draw(st.integers(0, len(text)))
    return text[:place] + piece + text[place:]


printed: Final = st.lists(declarations(), min_size=1, max_size=3).map(
    lambda trees: "\n\n".join(map(print_declaration, trees))
)
"""What parses."""

WORDS: Final = tuple(
    f" {word} "
    for words in (
        DECLARATIONS,
        STATEMENTS,
        TASKS,
        CLAUSES,
        POLICIES,
        TEST_STATEMENTS,
        sorted(RESERVED | TYPES),
    )
    for word in words
)
soups: Final = st.lists(st.sampled_from(PIECES + WORDS), max_size=40).map(" ".join)
"""Words of the language in any order."""
