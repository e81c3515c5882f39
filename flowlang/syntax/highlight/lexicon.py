"""The one table of keywords that every highlighter colours by, read off the parse tables.

Hardly a word is reserved, so an editor that colours by regular expressions has to guess where a word is a
keyword. The parse tables know what may follow one, and that is what it is told by: `limit` is a keyword
before an expression (`limit 4 at once`) and a name before anything else (`limit: 4`, `limit + 1`). Each
keyword comes with that look ahead as a regular expression which Python, Oniguruma and JavaScript read
alike, and which sees no further than the end of its line.

A guess stays a guess: a language server's semantic tokens are exact. Tree-sitter needs no look ahead,
since it has the tables themselves."""

from __future__ import annotations

from functools import cache

import attrs

from flowlang.syntax import words
from flowlang.syntax.tables import END, Tables, load

ROLES = {
    "declaration": words.DECLARATIONS,
    "statement": (*words.STATEMENTS, *words.TEST_STATEMENTS),
    "task": words.TASKS,
    "clause": (*words.CLAUSES, *words.POLICIES),
    "operator": ("and", "or", "not", "in", "is", "as"),
    "constant": ("true", "false", "null"),
}
"""What a keyword does, the first that fits; one in none of these is a `part` of something else."""


@attrs.frozen
class Keyword:
    """`ahead` is the regular expression of what follows it where it is one, empty where anything may.

    One that stands only `behind` certain other keywords, such as the `once` of `at once`, is told by them."""

    text: str
    role: str
    ahead: str
    behind: tuple[str, ...] = ()


@cache
def keywords() -> tuple[Keyword, ...]:
    """All words of the grammar, in alphabetical order."""
    tables = load()
    found = {word for word in tables.literals if word.isalpha()} | {"first"}
    return tuple(
        Keyword(word, role(word), ahead(tables, word), behind(tables, word)) for word in sorted(found)
    )


def role(word: str) -> str:
    return next((role for role, members in ROLES.items() if word in members), "part")


def by_role() -> dict[str, tuple[Keyword, ...]]:
    return {r: tuple(k for k in keywords() if k.role == r) for r in (*ROLES, "part")}


def operators() -> tuple[str, ...]:
    """The signs of the grammar, the longest first, so that they may be tried in this order."""
    return tuple(sorted((s for s in load().literals if not s.isalpha()), key=lambda s: (-len(s), s)))


def ahead(tables: Tables, word: str) -> str:
    """What may follow a keyword on its line, as a look ahead."""
    if word in words.RESERVED or behind(tables, word):
        return ""
    if word == "first":
        return r"(?=[ \t]+[A-Za-z0-9_.]+[ \t]+of\b)"
    following = followers(tables, word)
    names = {w for w in following if w.isalpha() and w.islower()}
    signs = sorted(SIGNS[terminal] for terminal in following - names - {END} if terminal in SIGNS)
    if "NAME" in following:
        others = "|".join(sorted(words.RESERVED - following))
        signs.append(rf"[ \t]+(?!(?:{others})\b)[A-Za-z_]")
    elif names:
        signs += [rf"[ \t]+(?:{'|'.join(sorted(names))})\b", SIGNS[END]]
    return f"(?={'|'.join(signs)})"


def followers(tables: Tables, word: str) -> set[str]:
    """The terminals that may come behind a keyword, in any of its uses."""
    behind = {row[word] for row in tables.actions if row.get(word, -1) >= 0}
    return {terminal for state in behind for terminal in tables.actions[state]}


def behind(tables: Tables, word: str) -> tuple[str, ...]:
    """The keywords one of which must stand before this one; nothing where other things may."""
    places = {state for state, row in enumerate(tables.actions) if row.get(word, -1) >= 0}
    before = {terminal for row in tables.actions for terminal, to in row.items() if to in places}
    behind_rules = any(to in places for row in tables.gotos for to in row.values())
    at_start = any(first in places for first, _ in tables.starts.values())
    only_words = all(terminal.isalpha() and terminal.islower() for terminal in before)
    return tuple(sorted(before)) if only_words and not behind_rules and not at_start else ()


# How what may follow a keyword begins. What may stand behind a name as well tells nothing: `(` is there
# only behind a blank, and `-` only where no blank follows it.
SIGNS = {
    "INT": r"[ \t]+[0-9]",
    "STRING": r"[ \t]+[\"']",
    "(": r"[ \t]+\(",
    "[": r"[ \t]+\[",
    "{": r"[ \t]*\{",
    "-": r"[ \t]+-[A-Za-z0-9_(]",
    "->": r"[ \t]*->",
    ",": r"[ \t]*,",
    END: r"[ \t]*(?:$|\n|//)",
}
