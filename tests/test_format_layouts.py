"""Formatting does not depend on the layout it finds, and keeps every comment, wherever one may stand."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from flowlang.syntax.parser import parse
from flowlang.syntax.printer import format_source
from flowlang.syntax.tables import load
from flowlang.text.source import Source

ROOT = Path(__file__).resolve().parent.parent
FILES = [*(ROOT / "tests/cases/format").glob("*.out.flow"), *(ROOT / "examples").rglob("*.flow")]
TOKEN = re.compile(
    rf"""{load().patterns["STRING"]}|//[^\n]*|\w+(?:\.\d\w*)?|=>|->|\?[.?]|\.\.\.?|[=!<>]=|\S"""
)

BLANKS = ["", " ", "\n ", "\n\n ", "\n \n\n ", "\t", "\r\n  "]
COMMENTS = [" // {}\n ", "\n // {}\n ", "\n\n // {}\n\n ", "// {}\n // and {}\n "]


def declarations() -> list[list[str]]:
    """The tokens of every declaration in the cases and the examples, without its comments."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(FILES)]
    items = [item.parsed for text in texts for item in parse(Source("a.flow", text)).items]
    words = [[found[0] for found in TOKEN.finditer(parsed.text)] for parsed in items]
    return [[word for word in tokens if not word.startswith("//")] for tokens in words]


DECLARATIONS = declarations()


@st.composite
def layouts(draw: st.DrawFn, between: list[str]) -> tuple[str, str]:
    """A declaration in a random layout, and in a plain one."""
    tokens = draw(st.sampled_from(DECLARATIONS))
    gaps = st.dictionaries(st.integers(0, len(tokens) - 1), st.sampled_from(between), max_size=12)
    return laid_out(tokens, draw(gaps)), laid_out(tokens, {})


def laid_out(tokens: list[str], gaps: dict[int, str]) -> str:
    """The tokens with what stands behind some of them, and a blank behind the others."""
    text = ""
    for number, token in enumerate(tokens):
        gap = gaps.get(number, " ").replace("{}", f"comment {number}")
        if number == 0 or token == "first" or tokens[number - 1] == "first":
            gap = " "  # the name of a declaration stands on its line; `first 2 of` is looked at as a whole
        may_touch = token in tuple("()[]{},") or tokens[min(number + 1, len(tokens) - 1)] in tuple("()[]{},")
        text += token + (gap or ("" if may_touch else " "))
    return text


def formatted(text: str) -> str:
    result = format_source(Source("a.flow", text))
    assert isinstance(result, str), (text, result)
    return result


def without_blank_lines(text: str) -> str:
    return re.sub(r"\n\n+", "\n", text)


@given(layouts(BLANKS))
@settings(max_examples=150, deadline=None)
def test_the_layout_of_the_author_does_not_matter(texts: tuple[str, str]) -> None:
    text, plain = texts
    result = formatted(text)
    assert formatted(result) == result
    assert without_blank_lines(result) == without_blank_lines(formatted(plain))


@given(layouts(COMMENTS + BLANKS))
@settings(max_examples=300, deadline=None)
def test_comments_may_stand_anywhere(texts: tuple[str, str]) -> None:
    text, _ = texts
    result = formatted(text)
    assert result.count("// ") == text.count("// ")
    assert formatted(result) == result
