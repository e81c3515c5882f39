"""Text -> tokens, in one pass, with the keywords that the parser's state accepts.

Lark's contextual lexer compiles a regular expression for each parser state; here one expression, made
of the grammar's terminals in Lark's order of priority, serves them all. What a match means is decided
afterwards: a word is a keyword if the state accepts that keyword, else a name; and where the state
accepts no operator as long as `>=`, it is `>` (in `list<int>= []`). A test holds the tokens equal to
those of Lark's own lexer.

The lexer never fails. What no terminal matches comes out as a `STRAY` character or an `UNCLOSED` string,
which no state accepts. A `///` where nothing can be documented is a comment, and remembered."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator
from functools import cache
from typing import TypeAlias

import attrs

from flowlang.syntax.tables import Tables

STRAY, UNCLOSED = "STRAY", "UNCLOSED"

Token: TypeAlias = tuple[str, str, int, int]  # terminal, text, start, end
Matches: TypeAlias = Callable[[str, int, int], Iterator[re.Match[str]]]


@attrs.define(eq=False, repr=False)
class Lexer:
    """Reads the tokens of one text, in stretches that may overlap.

    Gathers by the way where the comments are, start to end, and among them the doc comments that
    document nothing."""

    text: str
    tables: Tables
    comments: dict[int, int] = attrs.field(factory=dict)
    dangling: dict[int, int] = attrs.field(factory=dict)

    def tokens(self, start: int, end: int, states: list[int]) -> Iterator[Token]:
        """The tokens of a stretch of the text; the last of `states` is the parser's state at each."""
        text, actions = self.text, self.tables.actions
        matches, keywords = compiled(self.tables)
        while start < end:
            for match in matches(text, start, end):
                kind = match.lastgroup or ""
                word, start = match[kind], match.end()
                if kind == "NAME":
                    is_keyword = word in keywords and word in actions[states[-1]]
                    yield word if is_keyword else kind, word, start - len(word), start
                elif kind == "LITERAL":
                    accepted = longest_accepted(word, actions[states[-1]])
                    begin = start - len(word)
                    start = begin + len(accepted)
                    yield accepted, accepted, begin, start
                    if accepted != word:
                        break  # go on behind the shorter one
                elif terminal := self.terminal(kind, start - len(word), start, actions[states[-1]]):
                    yield terminal, word, start - len(word), start

    def terminal(self, kind: str, start: int, end: int, accepted: Container[str]) -> str:
        """What a match of one of the rarer kinds is in a state; "" for what is passed over."""
        if kind == "FIRST":
            return kind if kind in accepted else "NAME"
        if kind == "STRING_WITH_OPEN_HOLE":
            return "STRING"
        if kind == "DOC":
            if kind in accepted and self.documents(end, accepted):
                return kind
            self.dangling[start] = end
        if kind in ("COMMENT", "DOC"):
            self.comments[start] = end
        return "" if kind in self.tables.ignored or kind == "DOC" else kind

    def documents(self, end: int, accepted: Container[str]) -> bool:
        """Whether something that can have documentation stands behind a doc comment that ends here.

        The state cannot tell: among statements only a step has one, and a brace may follow too. (Where
        `let` does not fit, no statement begins, or the step's documentation has begun already.)"""
        following = BEHIND_DOCS.match(self.text, end)
        assert following
        return following[1] == "step" if "let" in accepted else bool(following[1])


BEHIND_DOCS = re.compile(r"(?:\s+|//[^\n]*)*([A-Za-z_][A-Za-z0-9_]*|)")


def longest_accepted(operator: str, accepted: Container[str]) -> str:
    """The longest beginning of an operator that a state accepts; the operator itself where none is."""
    for length in range(len(operator), 0, -1):
        if operator[:length] in accepted:
            return operator[:length]
    return operator


@cache
def compiled(tables: Tables) -> tuple[Matches, frozenset[str]]:
    """The expression that matches the next token behind any blanks, and the words that may be keywords."""
    name = re.compile(tables.patterns["NAME"])
    keywords = frozenset(word for word in tables.literals if name.fullmatch(word))
    operators = sorted(tables.literals - keywords, key=len, reverse=True)
    blank = tables.patterns["BLANK"]
    kinds = {kind: pattern for kind, pattern in tables.patterns.items() if kind != "BLANK"}
    kinds["LITERAL"] = "|".join(map(re.escape, operators))
    kinds |= MISTAKES
    alternatives = "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in kinds.items())
    return re.compile(f"(?:{blank})?+(?:{alternatives})").finditer, keywords


# What may stand where no terminal matches, in this order. A string with a hole that does not end is
# still a string, and the tree builder says what is wrong with the hole.
MISTAKES = {
    "STRING_WITH_OPEN_HOLE": r'"(?!"")(?:[^"\\\n]|\\.)*+"',
    UNCLOSED: r'"""(?s:.)*|["\'][^\n]*',
    STRAY: r"(?s:.)",
    "BLANK": r"\Z",  # the end of the text, perhaps behind blanks
}
