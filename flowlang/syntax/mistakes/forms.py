"""What a parser's state awaits -> the one thing to say that is missed, and the form of the construct.

A state may accept forty terminals; most of them only continue what could as well end there. Here they
are put together to what a person would say: a value, a task, a type, a clause, or a few marks."""

from __future__ import annotations

from flowlang.syntax.mistakes.misfit import Misfit
from flowlang.syntax.tables import END
from flowlang.syntax.words import CLAUSES, DECLARATIONS, POLICIES, STATEMENTS, TEST_STATEMENTS
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label

FORMS = {
    "import": 'import "trips.flow" as trips',
    "use": 'use python tools = "tools.py"',
    "type": "type Draft = { text: string, score: float }",
    "error": "error RateLimited(retry_after: duration)",
    "event": "event Paid(order: string)",
    "agent": "agent read(url: string) -> string raises NotFound effect read",
    "ask": "ask approve(question: string) -> Verdict",
    "flow": "flow brief(topic: string, depth: int = 2) -> Outcome { … }",
    "test": 'test "a missing page is skipped" { given … run … expect … }',
    "step": "step page = read(url: source.url)",
    "let": "let best = drafts.filter(d => d.score > 0.8)",
    "require": 'require depth >= 1 else "depth must be at least 1"',
    "ensure": 'ensure result.size() > 0 else "there is no text"',
    "fail": "fail NotFound() when found.is_empty()",
    "return": "return Published(url: url) when final.score > 0.9",
    "yield": "yield page",
    "next": "next revised",
    "for": "for each source in found where source.score > 0.5, 8 at once { … yield page }",
    "while": "while draft.score < 0.9, at most 3 times, from draft = first { … next better }",
    "choose": 'choose { when urgent -> "accept"  else -> approve(question: "publish?") }',
    "match": "match outcome { Published(url) -> url  else -> null }",
    "do": "do { step a = …  yield a }",
    "race": "race { search(query: a), search(query: b) }",
    "FIRST": "first 2 of { search(query: a), search(query: b), search(query: c) }",
    "wait": "wait for Paid where e => e.order == id",
    "sleep": "sleep 10m",
    "if": 'if urgent then "now" else "later"',
    "retry": "retry 3 times on RateLimited backoff 1s to 1m",
    "on": "retry 3 times on RateLimited, Unavailable",
    "backoff": "backoff 1s to 1m",
    "timeout": "timeout 30s, or timeout 30s per attempt",
    "limit": "limit 8 at once, 100 per 1m",
    "breaker": "breaker 5 failures within 1m reset 30s",
    "cache": "cache 1h",
    "effect": "effect read",
    "raises": "raises NotFound, RateLimited",
    "when": "when depth > 3 otherwise null",
    "after": "after hotel, train",
    "key": 'key "order-${id}"',
    "catch": "catch NotFound, Timeout as e -> null",
    "undo": "undo cancel_hotel(id: hotel.id)",
    "finally": "finally { step closed = close_session() }",
    "given": 'given read fails NotFound when url == "a"',
    "send": 'send Paid(order: "7") after 1h',
    "run": 'run out = brief(topic: "trio")',
    "expect": "expect out is Rejected",
}

LITERALS = frozenset(["INT", "FLOAT", "DURATION", "STRING", "true", "false", "null"])
VALUE = LITERALS | {"NAME", "(", "[", "{", "-", "not", "if", "match"}
TASK = VALUE | {"for", "while", "choose", "do", "race", "FIRST", "wait", "sleep", "fail"}

# What some terminals are together: those that must be awaited for that, and those it stands for.
GROUPS = {
    "a declaration": (DECLARATIONS, DECLARATIONS),
    "a statement": (STATEMENTS, STATEMENTS),
    "a line of a test": (TEST_STATEMENTS, TEST_STATEMENTS),
    "a policy": (POLICIES, POLICIES),
    "a clause": (CLAUSES, CLAUSES),
    "a pattern": (("NAME", "INT", "STRING", "else"), LITERALS | {"NAME", "else"}),
    "a task": (TASK, TASK),
    "a value": (("INT", "NAME", "("), VALUE),
    "a type": (("NAME", "STRING", "{", "("), ("NAME", "STRING", "{", "(")),
    "a name": (("NAME",), ("NAME",)),
    "a string": (("STRING",), ("STRING",)),
}

# What may follow a finished expression or type, and so is hardly what is missed.
# fmt: off
BEHIND_EXPRESSION = frozenset([
    "+", "-", "*", "/", "%", "..", "??", ".", "?.", "(", "[", "==", "!=", "<", "<=", ">", ">=",
    "in", "is", "as", "and", "or", "DOC", END,
])
# fmt: on
BEHIND_TYPE = frozenset(["?", ".", "<", "|", "DOC", END])

# What is missed most likely, where something optional could stand before it.
USUAL = {
    frozenset([":", "="]): "`=`",
    frozenset([",", "->", "as"]): "`->`",
    frozenset([",", "in"]): "`in`",
    frozenset([",", "where", "{"]): "a block `{ … }`",
    frozenset(["in", "{"]): "`{`",
}

# What kind of value is meant behind some keywords.
KINDS = {
    **dict.fromkeys(("timeout", "cache", "sleep", "every", "within", "reset", "backoff", "to"), "a duration"),
    **dict.fromkeys(("constant", "linear", "exponential"), "a duration"),
    **dict.fromkeys(("retry", "most", "limit", "breaker", "tolerating"), "a number"),
    **dict.fromkeys(("when", "require", "ensure", "while", "if", "expect", "where"), "a condition"),
}


def expectation(misfit: Misfit) -> Diagnostic:
    """The diagnostic for a token of which nothing more is known than that it does not fit."""
    missed = awaited(misfit)
    behind = f" after `{misfit.before}`" if misfit.before else ""
    if misfit.terminal == END:
        message = f"{missed} is missing{behind}"
    else:
        message = f"expected {missed}{behind}, found {described(misfit)}"
    return Diagnostic(codes.SYNTAX, message, Label(misfit.span), help=form_of(misfit))


def awaited(misfit: Misfit) -> str:
    """What is missed, in a few words."""
    expected = misfit.expected
    usual = USUAL.get(frozenset(expected - BEHIND_EXPRESSION)) or USUAL.get(frozenset(expected - BEHIND_TYPE))
    if usual:
        return usual
    parts = []
    for name, (needed, all_of_it) in GROUPS.items():
        if expected.issuperset(needed):
            parts.append(
                KINDS.get(misfit.symbols[-1], name) if name == "a value" and misfit.symbols else name
            )
            expected = expected.difference(all_of_it)
    expected -= BEHIND_EXPRESSION if "+" in expected else BEHIND_TYPE
    parts += [f"`{mark}`" for mark in sorted(expected, key=by_kind)[: 4 - len(parts)]]
    if not parts:
        return "`}`" if misfit.automaton.start == "expression" else "the end of the line"
    return " or ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def by_kind(mark: str) -> tuple[bool, str]:
    """Marks before words."""
    return mark.isalpha(), mark


def described(misfit: Misfit) -> str:
    if misfit.terminal == "STRING":
        return "a string"
    return f"`{misfit.text if len(misfit.text) <= 30 else misfit.text[:29] + '…'}`"


def form_of(misfit: Misfit) -> str | None:
    """How the innermost construct is written that is not finished; None deep inside of an expression."""
    symbols = misfit.symbols
    for distance, symbol in enumerate(reversed(symbols[-6:])):
        if symbol in ("(", "[", "{") or (symbol in STATEMENTS and distance > 2):
            return None
        if symbol == "for" and symbols[-distance - 2 : -distance - 1] == ["wait"]:
            symbol = "wait"
        if symbol in FORMS:
            return f"it is written like this: `{FORMS[symbol]}`"
    return None
