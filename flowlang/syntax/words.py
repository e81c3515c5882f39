"""The words that things begin with, as far as code outside of the grammar must know them.

A test holds each list equal to what the parse tables accept where such a thing may begin."""

from __future__ import annotations

DECLARATIONS = ("import", "use", "type", "error", "event", "agent", "ask", "flow", "test")
STATEMENTS = ("step", "let", "require", "ensure", "fail", "return", "yield", "next")
TEST_STATEMENTS = ("given", "send", "run", "expect")
TASKS = ("for", "while", "choose", "match", "do", "race", "first", "wait", "sleep")
CLAUSES = ("when", "after", "key", "timeout", "retry", "catch", "undo", "finally")
POLICIES = ("timeout", "retry", "effect", "limit", "breaker", "cache")

RESERVED = frozenset(
    "if then else match not and or in is as true false null for while do choose race wait sleep fail".split()  # noqa: SIM905
)
"""The words that may not name a value: each begins or joins expressions and tasks."""

TYPES = frozenset("string int float bool null duration datetime json list map secret file".split())  # noqa: SIM905
"""The built-in types."""
