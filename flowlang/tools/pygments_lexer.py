"""Colours for Pygments: documentation sites, notebooks, `pygmentize flow.flow`.

Runs the machine of `syntax/highlight/states`; Pygments finds it by its entry point, and nothing of ours
imports it."""

from __future__ import annotations

from typing import Any, ClassVar

from pygments import token
from pygments.lexer import RegexLexer, bygroups, include
from pygments.token import _TokenType

from flowlang.syntax.highlight.states import Rule, State, states

TOKENS: dict[str, _TokenType] = {
    "doc": token.String.Doc,
    "comment": token.Comment.Single,
    "string": token.String,
    "escape": token.String.Escape,
    "hole": token.String.Interpol,
    "number": token.Number,
    "duration": token.Literal.Date,
    "declaration": token.Keyword.Declaration,
    "statement": token.Keyword,
    "task": token.Keyword.Control,
    "clause": token.Keyword.Namespace,
    "operator": token.Operator.Word,
    "constant": token.Keyword.Constant,
    "part": token.Keyword.Pseudo,
    "type": token.Keyword.Type,
    "constructor": token.Name.Class,
    "callable": token.Name.Function,
    "method": token.Name.Function.Magic,
    "property": token.Name.Attribute,
    "value": token.Name.Variable,
    "sign": token.Operator,
    "bracket": token.Punctuation,
    "blank": token.Whitespace,
}
"""What Pygments calls the kinds."""


def rules(state: State) -> list[Any]:
    return [*(lexer_rule(rule) for rule in state.rules), *(include(name) for name in state.includes)]


def lexer_rule(rule: Rule) -> tuple[Any, ...]:
    next_state = ("#pop",) if rule.leave else (rule.enter,) if rule.enter else ()
    by_part = bygroups(*(TOKENS[kind] for kind, _ in rule.parts))  # type: ignore[no-untyped-call]
    return rule.pattern, by_part, *next_state


class FlowLexer(RegexLexer):
    """Tells apart the kinds of text in a `.flow` file."""

    name = "flow"
    url = "https://pypi.org/project/flowlang/"
    aliases: ClassVar[list[str]] = ["flow", "flowlang"]
    filenames: ClassVar[list[str]] = ["*.flow"]
    mimetypes: ClassVar[list[str]] = ["text/x-flow"]
    version_added = ""
    tokens: ClassVar[dict[str, list[Any]]] = {
        "root": [include("file")],
        **{state.name: rules(state) for state in states()},
    }
