"""The machine of `states` -> a Monarch grammar, for Monaco: the argument of `setMonarchTokensProvider`."""

from __future__ import annotations

import json
from typing import Any

from flowlang.syntax.highlight.states import Rule, State, states

TOKENS = {
    "doc": "comment.doc",
    "comment": "comment",
    "string": "string",
    "escape": "string.escape",
    "hole": "delimiter.hole",
    "number": "number",
    "duration": "number.duration",
    "declaration": "keyword.declaration",
    "statement": "keyword.statement",
    "task": "keyword.task",
    "clause": "keyword.clause",
    "operator": "keyword.operator",
    "constant": "constant",
    "part": "keyword",
    "type": "type",
    "constructor": "type.constructor",
    "callable": "function",
    "method": "function.method",
    "property": "variable.property",
    "value": "variable",
    "sign": "operator",
    "bracket": "delimiter.bracket",
    "blank": "white",
}
"""What Monaco's themes call the kinds."""


def monarch() -> str:
    """The text of `flow.monarch.json`."""
    grammar = {
        "defaultToken": "invalid",
        "tokenPostfix": ".flow",
        "includeLF": True,
        "start": "file",
        "brackets": [{"open": o, "close": c, "token": "delimiter.bracket"} for o, c in ("{}", "[]", "()")],
        "tokenizer": {state.name: rules(state) for state in states()},
    }
    return json.dumps(grammar, indent=1, ensure_ascii=False) + "\n"


def rules(state: State) -> list[Any]:
    return [
        *([rule.pattern, actions(rule)] for rule in state.rules),
        *({"include": f"@{n}"} for n in state.includes),
    ]


def actions(rule: Rule) -> Any:
    listed: list[Any] = [TOKENS[kind] for kind, _ in rule.parts]
    if next_state := "@pop" if rule.leave else f"@{rule.enter}" if rule.enter else "":
        listed[-1] = {"token": listed[-1], "next": next_state}
    return listed
