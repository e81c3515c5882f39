"""The machine of `states` -> a TextMate grammar, for VS Code, Sublime Text, JetBrains and GitHub.

A state that is entered becomes a region from the rule that enters it to the one that leaves it. TextMate
sees a text line by line, so the end of a line is `$` here."""

from __future__ import annotations

import json
from typing import Any, TypeAlias

from flowlang.syntax.highlight.states import END_OF_LINE, Rule, State, states

Pattern: TypeAlias = dict[str, Any]

SCOPES = {
    "doc": "comment.line.documentation",
    "comment": "comment.line.double-slash",
    "string": "string.quoted",
    "escape": "constant.character.escape",
    "hole": "punctuation.section.embedded",
    "number": "constant.numeric",
    "duration": "constant.numeric.duration",
    "declaration": "keyword.control.declaration",
    "statement": "keyword.control.statement",
    "task": "keyword.control.task",
    "clause": "keyword.control.clause",
    "operator": "keyword.operator.word",
    "constant": "constant.language",
    "part": "keyword.control",
    "type": "entity.name.type",
    "constructor": "entity.name.type.constructor",
    "callable": "entity.name.function",
    "method": "entity.name.function.member",
    "property": "variable.other.property",
    "value": "variable.other",
    "sign": "keyword.operator",
    "bracket": "punctuation.section",
}
"""What TextMate calls the kinds; `blank` has no name. Keywords are all `keyword.control`, which VS Code takes
those of a language server for, so that they do not change their colour when it comes."""


def textmate() -> str:
    """The text of `flow.tmLanguage.json`."""
    machine = {state.name: state for state in states()}
    grammar = {
        "name": "flow",
        "scopeName": "source.flow",
        "fileTypes": ["flow"],
        "patterns": [{"include": "#file"}],
        "repository": {name: {"patterns": patterns(state, machine)} for name, state in machine.items()},
    }
    return json.dumps(grammar, indent=1, ensure_ascii=False) + "\n"


def patterns(state: State, machine: dict[str, State]) -> list[Pattern]:
    own = [
        region(rule, machine[rule.enter]) if rule.enter else match(rule)
        for rule in state.rules
        if not rule.leave
    ]
    return [*own, *({"include": f"#{name}"} for name in state.includes)]


def match(rule: Rule) -> Pattern:
    if len(rule.parts) == 1:
        return named(rule.parts[0][0]) | {"match": rule.parts[0][1] + rule.ahead}
    return {"match": rule.pattern, "captures": captures(rule)}


def region(rule: Rule, entered: State) -> Pattern:
    ends = [leaving for leaving in entered.rules if leaving.leave]
    end = "|".join("$" if leaving.pattern == f"({END_OF_LINE})" else leaving.pattern for leaving in ends)
    return named(entered.kind) | {
        "begin": rule.pattern,
        "beginCaptures": captures(rule),
        "end": end,
        "endCaptures": captures(ends[0]),
        "patterns": [{"include": f"#{entered.name}"}],
    }


def captures(rule: Rule) -> Pattern:
    return {str(n): named(kind) for n, (kind, _) in enumerate(rule.parts, 1) if named(kind)}


def named(kind: str) -> Pattern:
    return {"name": f"{SCOPES[kind]}.flow"} if kind in SCOPES else {}
