"""The grammar, the tables that are made from it, and the driver that walks them, against Lark itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lark import Lark, Tree

from flowlang.syntax import words
from flowlang.syntax.automaton import Automaton, Machine, machine
from flowlang.syntax.generate import GRAMMAR, STARTS, digest, tables
from flowlang.syntax.lexer import Lexer
from flowlang.syntax.parser import parse
from flowlang.syntax.tables import TABLES, load
from flowlang.text.source import Source, Span

ROOT = Path(__file__).parent
FOLDERS = (ROOT / "cases", ROOT.parent / "examples")
TEXT = GRAMMAR.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def lark() -> Lark:
    return Lark(TEXT, parser="lalr", strict=True)


def test_lark_accepts_the_grammar_in_strict_mode(lark: Lark):
    assert lark.parse("").children == []


def test_the_tables_were_made_from_this_grammar():
    assert load().digest == digest(TEXT), "run `python -m flowlang.syntax.generate`"


def test_the_tables_are_what_lark_makes_of_the_grammar():
    assert Path(TABLES).read_text(encoding="utf-8") == tables(TEXT), (
        "run `python -m flowlang.syntax.generate`"
    )


def sound() -> list[Path]:
    """The flow files at hand in which the parser finds nothing; Lark knows no dangling doc comments."""

    def is_sound(path: Path) -> bool:
        module = parse(Source(path.name, path.read_text(encoding="utf-8")))
        return not module.diagnostics and not any(item.parsed.diagnostics for item in module.items)

    return [path for folder in FOLDERS for path in sorted(folder.rglob("*.flow")) if is_sound(path)]


@pytest.mark.parametrize("path", sound(), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_tokens_and_trees_are_those_of_lark(lark: Lark, path: Path):
    text = path.read_text(encoding="utf-8")
    interactive = lark.parse_interactive(text)
    theirs = [
        (spelled(lark, token.type), token.start_pos, token.end_pos) for token in interactive.iter_parse()
    ]
    ours, trees = walked(text)
    assert ours == theirs
    assert trees == lark.parse(text).children


def spelled(lark: Lark, name: str) -> str:
    """A literal by its text, as in our tables."""
    pattern = lark.get_terminal(name).pattern
    return pattern.value if pattern.type == "str" else name


def walked(text: str) -> tuple[list[tuple[str, int, int]], list[Tree[Any]]]:
    """The tokens of all declarations, and Lark's own kind of trees of them, by our lexer and automaton."""
    tokens, trees, start = [], [], 0
    while True:
        automaton = Automaton(trees_machine(), None, "declaration")
        for terminal, word, begin, end in Lexer(text, load()).tokens(start, len(text), automaton.states):
            if not automaton.feed(terminal, word, begin, end):
                break
            tokens.append((terminal, begin, end))
        if not automaton.values:
            return tokens, trees
        trees.append(automaton.finish())
        start = automaton.end


def trees_machine() -> Machine:
    """The machine with rules that make Lark's trees instead of nodes."""

    def maker(name: str):
        return lambda _, span, *children: Tree(name, list(children))

    bound = [action._replace(make=maker(action.name) if action.make else None) for action in machine().rules]
    return Machine(load(), [action._replace(deepens=False) for action in bound])


@pytest.mark.parametrize(
    ("start", "lists"),
    [
        ("declaration", {words.DECLARATIONS}),
        ("statement", {words.STATEMENTS}),
        ("test_statement", {words.TEST_STATEMENTS}),
    ],
)
def test_the_lists_of_words_are_those_of_the_grammar(start: str, lists: set[tuple[str, ...]]):
    first, _ = load().starts[start]
    assert {frozenset(words) for words in lists} == {frozenset(accepted_words(first))}


def accepted_words(state: int) -> Iterator[str]:
    return (terminal for terminal in load().actions[state] if terminal.islower())


def test_clauses_and_policies_are_those_of_the_grammar():
    assert set(words.CLAUSES) <= awaited("statement", "step a = b ")
    assert set(words.POLICIES) <= awaited("declaration", "agent a() ")
    assert set(words.TASKS) - {"first"} <= awaited("statement", "step a = ")


def awaited(start: str, text: str) -> set[str]:
    automaton = Automaton(trees_machine(), None, start)
    for token in Lexer(text, load()).tokens(0, len(text), automaton.states):
        assert automaton.feed(*token)
    return automaton.expected()


def test_every_start_of_the_tables_is_a_rule():
    assert set(load().starts) == set(STARTS)


ANY_WORD = {
    "statement": [
        "let a = b.{}",
        "let a = b?.{}.c",
        "let a = {{ {}: 1 }}",
        "let a = f({}: 1, {}: 2)",
        "let a = match b {{ A({}: c) -> 1 }}",
    ],
    "declaration": [
        "type A = {{ {}: int, /// doc\n {}: int }}",
        "type A = A({}: int)",
        "agent a({}: int, /// doc\n {}: int)",
    ],
}


@pytest.mark.parametrize("word", sorted(word for word in load().literals if word.isalpha()))
def test_any_word_is_a_name_behind_a_dot_and_before_a_colon(word: str):
    for start, forms in ANY_WORD.items():
        for form in forms:
            text = form.format(word, word)
            automaton = Automaton(trees_machine(), None, start)
            for token in Lexer(text, load()).tokens(0, len(text), automaton.states):
                assert automaton.feed(*token), text
            assert automaton.finish() is not None, text


def test_a_rule_begins_at_its_first_and_ends_at_its_last_token():
    spans: list[tuple[str, Span]] = []

    def maker(name: str):
        return lambda _, span, *children: spans.append((name, span))

    actions = [
        action._replace(make=maker(action.name) if action.make else None) for action in machine().rules
    ]
    automaton = Automaton(Machine(load(), actions), None, "statement")
    text = "  step a = f( x : 1 )  // end\n when b "
    for token in Lexer(text, load()).tokens(0, len(text), automaton.states):
        automaton.feed(*token)
    automaton.finish()
    shown = {name: text[slice(*span)] for name, span in spans}
    assert shown["step"] == "step a = f( x : 1 )  // end\n when b"
    assert shown["call"] == "f( x : 1 )"
    assert shown["when"] == "when b"


def test_parsing_needs_the_tables_and_not_lark():
    code = "import sys; import flowlang.syntax.parser; print('lark' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT.parent, capture_output=True, text=True, check=True
    )
    assert run.stdout == "False\n"
