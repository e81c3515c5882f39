"""The keyword table -> a small machine of states and rules that any highlighter can run.

A rule matches parts that follow each other, each of its own kind, and may enter or leave a state; the first
rule that matches wins. TextMate, Monarch and Pygments are given the same machine, so they agree on each
character; only what they call the kinds is theirs. Its regular expressions keep to what Python, Oniguruma
and JavaScript have in common, and to one line: `(?=\\n)` is its end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache

import attrs

from flowlang.syntax import words
from flowlang.syntax.highlight.lexicon import Keyword, by_role, keywords, operators
from flowlang.syntax.tables import load

GENERIC_TYPES = ("list", "map", "secret")
PLAIN_TYPES = tuple(sorted(words.TYPES - {*GENERIC_TYPES, "null"}))
NAMED_BY = {
    "callable": ("flow", "agent", "ask", "run"),
    "type": ("type", "error", "event"),
    "value": ("step", "let", "each", "from"),
    "constant": ("effect",),
}
"""The keywords that a name follows, by the kind of the name."""

NAME = "[A-Za-z_][A-Za-z0-9_]*"
BLANK = "[ \\t]"
END_OF_LINE = r"(?=\n)"


@attrs.frozen
class Rule:
    """Matches `parts` (kind, regular expression), one behind the other and before `ahead`."""

    parts: tuple[tuple[str, str], ...]
    ahead: str = ""
    enter: str = ""
    leave: bool = False

    @property
    def pattern(self) -> str:
        """One expression with a group for each part."""
        return "".join(f"({part})" for _, part in self.parts) + self.ahead


@attrs.frozen
class State:
    """`kind` is what all of its text is besides; `includes` names states whose rules follow its own."""

    name: str
    rules: tuple[Rule, ...]
    kind: str = ""
    includes: tuple[str, ...] = ()


@cache
def states() -> tuple[State, ...]:
    """The machine; it starts in the first state."""
    return (
        State("file", (), includes=("code",)),
        State("code", tuple(code())),
        State("line_string", tuple(string('"', is_block=False)), "string"),
        State("block_string", tuple(string('"""', is_block=True)), "string"),
        State("line_hole", (closing("}", "hole"), LINE_ENDS, NESTING), includes=("code",)),
        State("block_hole", (closing("}", "hole"), NESTING), includes=("code",)),
        State("nested", (closing("}", "bracket"), NESTING), includes=("code",)),
        State("generic", tuple(generic())),
    )


def rule(kind: str, pattern: str, ahead: str = "", *, enter: str = "", leave: bool = False) -> Rule:
    return Rule(((kind, pattern),), ahead, enter, leave)


def closing(sign: str, kind: str) -> Rule:
    return rule(kind, "\\" + sign, leave=True)


NESTING = rule("bracket", r"\{", enter="nested")
LINE_ENDS = rule("blank", END_OF_LINE, leave=True)


def string(quote: str, *, is_block: bool) -> Iterator[Rule]:
    """What stands in a string, up to what ends it."""
    yield rule("string", quote, leave=True)
    yield rule("escape", r"\\[^\n]")
    yield rule("hole", r"\$\{", enter="block_hole" if is_block else "line_hole")
    if is_block:
        yield rule("string", r'[^"\\$]+|["\\$]')
    else:
        yield LINE_ENDS
        yield rule("string", r'[^"\\$\n]+|[\\$]')


def generic() -> Iterator[Rule]:
    """What stands between the `<` and `>` of a type."""
    yield rule("sign", ">", leave=True)
    yield rule("sign", "<", enter="generic")
    yield rule("sign", r"[?,.]")
    yield rule("type", NAME)
    yield rule("string", r"\"[^\"\n]*\"|'[^'\n]*'")
    yield rule("sign", r"\|")
    yield rule("blank", f"{BLANK}+")
    yield rule("blank", r"(?=[^ \t<>?,.|\"'A-Za-z_])", leave=True)


def code() -> Iterator[Rule]:
    """What stands outside of strings."""
    patterns = load().patterns
    yield rule("doc", r"///[^\n]*")
    yield rule("comment", r"//[^\n]*")
    yield rule("string", '"""', enter="block_string")
    yield rule("string", '"', enter="line_string")
    yield rule("string", r"'[^'\n]*'")
    yield rule("duration", patterns["DURATION"])
    yield rule("number", patterns["FLOAT"])
    yield rule("number", patterns["INT"])
    yield rule("sign", r"\.\.\.?")
    yield Rule((("sign", r"\??\."), ("blank", f"{BLANK}*"), ("method", NAME)), rf"(?={BLANK}*\()")
    yield Rule((("sign", r"\??\."), ("blank", f"{BLANK}*"), ("property", NAME)))
    yield from named()
    yield rule("property", NAME, f"(?={BLANK}*:)")
    yield from types()
    yield from (Rule(spelled(keyword)) for keyword in keywords() if keyword.behind)
    yield from told_alone()
    yield rule("constructor", r"[A-Z][A-Za-z0-9_]*", rf"(?={BLANK}*\()")
    yield rule("type", r"[A-Z][A-Za-z0-9_]*")
    yield rule("callable", NAME, rf"(?={BLANK}*\()")
    yield rule("value", NAME)
    yield rule("bracket", r"[\[\](){}]")
    yield rule("sign", "|".join(escaped(sign) for sign in operators() if sign not in "[](){}"))
    yield rule("blank", r"[ \t\r\n]+")


def named() -> Iterator[Rule]:
    """A keyword together with the name that follows it."""
    known = {keyword.text: keyword for keyword in keywords()}
    for kind, texts in NAMED_BY.items():
        yield from (Rule((*spelled(known[text]), ("blank", f"{BLANK}+"), (kind, NAME))) for text in texts)


def spelled(keyword: Keyword) -> tuple[tuple[str, str], ...]:
    """A keyword, with the one before it by which it is told."""
    own = (keyword.role, rf"\b{keyword.text}\b{keyword.ahead}")
    if not keyword.behind:
        return (own,)
    return (("part", rf"\b(?:{'|'.join(keyword.behind)})\b"), ("blank", f"{BLANK}+"), own)


def told_alone() -> Iterator[Rule]:
    """The keywords of each role that need none before them."""
    for role, members in by_role().items():
        yield rule(role, any_of(keyword for keyword in members if not keyword.behind))


def types() -> Iterator[Rule]:
    """Built-in types: behind a colon, an arrow or `as`, and those that have parameters."""
    generic = rf"\b(?:{'|'.join(GENERIC_TYPES)})\b"
    yield Rule((("type", generic), ("blank", f"{BLANK}*"), ("sign", "<")), enter="generic")
    plain = rf"(?:{'|'.join(PLAIN_TYPES)})\b"
    yield Rule((("sign", ":|->"), ("blank", f"{BLANK}*"), ("type", plain)), rf"(?!{BLANK}*[.(])")
    yield Rule((("operator", r"\bas\b"), ("blank", f"{BLANK}+"), ("type", plain)))


def any_of(members: Iterable[Keyword]) -> str:
    """Keywords that are told by the same look ahead stand together."""
    groups: dict[str, list[str]] = {}
    for keyword in members:
        groups.setdefault(keyword.ahead, []).append(keyword.text)
    return r"\b(?:" + "|".join(rf"(?:{'|'.join(texts)})\b{ahead}" for ahead, texts in groups.items()) + ")"


def escaped(sign: str) -> str:
    return "".join(f"\\{c}" if c in "|?.*+^$" else c for c in sign)
