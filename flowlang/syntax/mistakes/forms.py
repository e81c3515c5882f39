"""What a parser's state awaits -> the one thing to say that is missed, and the form of the construct.

A state may accept forty terminals; most of them only continue what could as well end there. Here they
are put together to what a person would say: a value, a task, a type, a clause, or a few marks."""

from __future__ import annotations

from flowlang.syntax.mistakes.misfit import Misfit
from flowlang.syntax.tables import END
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

# Sets of terminals and what they are together; the first that are all awaited are named.
GROUPS = {
    "a declaration": frozenset(["import", "use", "type", "error", "event", "agent", "ask", "flow", "test"]),
    "a statement": frozenset(["step", "let", "require", "ensure", "fail", "return", "yield", "next"]),
    "a line of a test": frozenset(["given", "send", "run", "expect"]),
    "a policy": frozenset(["timeout", "retry", "effect", "limit", "breaker", "cache"]),
    "a clause": frozenset(["when", "after", "key", "timeout", "retry", "catch", "undo", "finally"]),
    "a task": TASK,
    "a value": VALUE,
    "a type": frozenset(["NAME", "STRING", "{", "("]),
    "a name": frozenset(["NAME"]),
    "a text": frozenset(["STRING"]),
}

# What may follow a finished expression or type nearly everywhere, and so is hardly what is missed.
# fmt: off
CONTINUATIONS = frozenset([
    "+", "-", "*", "/", "%", "..", "??", ".", "?.", "(", "[", "==", "!=", "<", "<=", ">", ">=", "?", "|",
    "in", "is", "as", "and", "or", "DOC", END,
])
# fmt: on


def expectation(misfit: Misfit) -> Diagnostic:
    """The diagnostic for a token of which nothing more is known than that it does not fit."""
    missed = awaited(misfit.expected)
    behind = f" after `{misfit.before}`" if misfit.before else ""
    if misfit.terminal == END:
        message = f"{missed} is missing{behind}"
    else:
        message = f"expected {missed}{behind}, found {described(misfit)}"
    return Diagnostic(codes.SYNTAX, message, Label(misfit.span), help=form_of(misfit))


def awaited(expected: set[str]) -> str:
    """What is missed where these terminals may stand."""
    parts = []
    for name, members in GROUPS.items():
        if members <= expected:
            parts.append(name)
            expected = expected - members
    marks = sorted(expected - CONTINUATIONS, key=lambda mark: (mark.isalpha(), mark))
    parts += [f"`{mark}`" for mark in marks[: 4 - len(parts)]]
    if not parts:
        return "the end of the line"
    return " or ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def described(misfit: Misfit) -> str:
    if misfit.terminal == "STRING":
        return "a string"
    return f"`{misfit.text if len(misfit.text) <= 30 else misfit.text[:29] + '…'}`"


def form_of(misfit: Misfit) -> str | None:
    """How the innermost construct is written that is not finished."""
    keyword = next((symbol for symbol in reversed(misfit.symbols) if symbol in FORMS), None)
    return f"it is written like this: `{FORMS[keyword]}`" if keyword else None
