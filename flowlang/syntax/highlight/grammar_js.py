"""The derived grammar -> `grammar.js`, tree-sitter's own notation, for whoever has its command line.

It says what `parser.c` does, rule for rule, and gives nodes the same names: a rule with aliases becomes a
hidden rule with a named one for each alias, since tree-sitter names rules and not alternatives. What its
regular expressions cannot say (`\\b`, a look ahead) is left to the order of its tokens and to `scanner.c`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import attrs
from lark.grammar import NonTerminal, Terminal
from lark.lexer import Token
from lark.load_grammar import load_grammar

from flowlang.syntax.highlight.derived import NAMES, node_name

Ebnf: TypeAlias = Any  # a tree of Lark's reader of grammars, which gives them no types

TOKENS = {
    "NAME": ("_word", "/[A-Za-z_][A-Za-z0-9_]*/"),
    "INT": ("_int", "/[0-9][0-9_]*/"),
    "FLOAT": ("_float", r"token(prec(2, /[0-9][0-9_]*(\.[0-9]+([eE][+-]?[0-9]+)?|[eE][+-]?[0-9]+)/))"),
    "DURATION": ("_duration", r"token(prec(3, /([0-9]+(\.[0-9]+)?(ms|s|m|h|d))+/))"),
    "RAW_STRING": ("_raw_string", r"/'[^'\n]*'/"),
    "STRING_TEXT": ("string_text", r'token.immediate(prec(1, /([^"\\\n$]|\$[^"\\\n{$])+|\$/))'),
    "ESCAPE": ("_escape_token", r"token.immediate(/\\[^\n]/)"),
    "HOLE_START": ("_hole_start", 'token.immediate("${")'),
    "BLOCK_TEXT": ("_block_text", r'token.immediate(prec(1, /([^"\\$]|\$[^"\\{$])+|\$|""?/))'),
    "BLOCK_ESCAPE": ("_block_escape_token", r"token.immediate(/\\(.|\n)/)"),
    "BLOCK_HOLE_START": ("_block_hole_start", 'token.immediate("${")'),
    "COMMENT": ("comment", r"/\/\/[^\n]*/"),
    "DOC_COMMENT": ("doc_comment", r"token(prec(1, /\/\/\/[^\n]*/))"),
}
SHOWN = {
    "BLOCK_TEXT": "alias($._block_text, $.string_text)",
    "HOLE_START": 'alias($._hole_start, "${")',
    "BLOCK_HOLE_START": 'alias($._block_hole_start, "${")',
    "FIRST": "$.first",
}
"""Terminals that a rule does not call by the name of their token."""


def grammar_js(grammar: str) -> str:
    """The text of `grammar.js` for a derived grammar."""
    writer, trees = writer_of(grammar)
    rules = [
        f"    {own}: $ => {body}," for name, tree in trees.items() for own, body in writer.written(name, tree)
    ]
    tokens = [f"    {name}: _ => {pattern}," for name, pattern in TOKENS.values()]
    return HEADER.format(digest=grammar.split("\n", 1)[0][3:]) + "\n".join(rules + tokens) + "\n  },\n});\n"


def writer_of(grammar: str) -> tuple[Writer, dict[str, Ebnf]]:
    """A writer for a grammar, and the tree of each of its rules."""
    parsed, _ = load_grammar(grammar, "flowlang.lark", [], False)  # type: ignore[no-untyped-call]
    trees = {str(name): tree for name, _, tree, _ in parsed.rule_defs}
    passing = {str(name) for name, _, _, options in parsed.rule_defs if options.expand1}
    hidden = {name for name, tree in trees.items() if name in passing or makes_no_node(name, tree)}
    visible = sorted((name for name in trees if name not in hidden), key=node_first)
    literals = {name: literal for name, (tree, _) in parsed.term_defs if (literal := literal_of(tree))}
    return Writer(visible, hidden, passing, literals), trees


def node_first(name: str) -> bool:
    """Sorts the rules whose nodes have their name before those that share it."""
    return name in NAMES


def literal_of(tree: Ebnf) -> str | None:
    """The text of a terminal that is one literal; None for a pattern."""
    tokens = list(tree.scan_values(lambda token: isinstance(token, Token)))
    return str(tokens[0]) if [token.type for token in tokens] == ["STRING"] else None


def makes_no_node(name: str, tree: Ebnf) -> bool:
    """Whether a rule makes no node itself: its alternatives do, or what it is made of."""
    return name.startswith("_") or any(child.data == "alias" for child in tree.children)


@attrs.frozen
class Writer:
    """Writes rules: `rules` make nodes, `hidden` ones do not; of these, `passing` ones pass on what they are
    made of. `literals` are the terminals that are one text."""

    rules: list[str]
    hidden: set[str]
    passing: set[str]
    literals: dict[str, str]

    def written(self, name: str, tree: Ebnf) -> Iterator[tuple[str, str]]:
        """A rule of the grammar, followed by those of its alternatives that have a name."""
        if name not in self.hidden or name.startswith("_"):
            yield self.own_name(name), self.expression(tree)
            return
        named: dict[str, list[str]] = {}
        alternatives: dict[str, None] = {}
        for alternative in tree.children:
            body = self.expression(alternative)
            if alternative.data != "alias" and name in self.passing:
                alternatives[body] = None
                continue
            alias = str(alternative.children[1].name) if alternative.data == "alias" else name
            own = f"{name}_as_{alias}".replace("__", "_").rstrip("_")
            alternatives[f"alias($.{own}, $.{node_name(alias)})"] = None
            named.setdefault(own, []).append(body)
        yield f"_{name}", combined("choice", alternatives)
        yield from ((own, combined("choice", bodies)) for own, bodies in named.items())

    def own_name(self, name: str) -> str:
        """What a rule is called here: as its nodes are, unless another rule's are called so too."""
        if name in self.hidden:
            return f"_{name.lstrip('_')}"
        shared = [other for other in self.rules if node_name(other) == node_name(name)]
        return node_name(name) if shared[0] == name else name

    def reference(self, name: str) -> str:
        own = self.own_name(name)
        is_shared = name not in self.hidden and own != node_name(name)
        return f"alias($.{own}, $.{node_name(name)})" if is_shared else f"$.{own}"

    def expression(self, tree: Ebnf) -> str:
        match tree.data:
            case "expansions":
                return combined("choice", map(self.expression, tree.children))
            case "expansion":
                return combined("seq", map(self.expression, tree.children))
            case "alias":
                return self.expression(tree.children[0])
            case "maybe":
                return f"optional({self.expression(tree.children[0])})"
            case "expr":
                repeated, sign = tree.children
                return f"{REPEATS[str(sign)]}({self.expression(repeated)})"
            case _:
                return self.symbol(tree.children[0])

    def symbol(self, value: Ebnf) -> str:
        match value:
            case NonTerminal(name=name):
                return self.reference(str(name))
            case Terminal(name=name):
                literal = self.literals.get(str(name))
                return literal or SHOWN.get(str(name)) or f"$.{TOKENS[str(name)][0]}"
            case _:
                return str(value.children[0])  # a literal, in double quotes, which JavaScript reads alike


REPEATS = {"*": "repeat", "+": "repeat1", "?": "optional"}


def combined(function: str, parts: Iterable[str]) -> str:
    listed = list(parts)
    return listed[0] if len(listed) == 1 else f"{function}({', '.join(listed)})"


HEADER = """\
// Made from flowlang.lark ({digest}) by `python -m flowlang.syntax.highlight`; do not edit.

/// <reference types="tree-sitter-cli/dsl" />

module.exports = grammar({{
  name: "flow",
  word: $ => $._word,
  externals: $ => [$.first],
  extras: $ => [/[ \\t\\r\\n]/, $.comment, $.doc_comment],

  rules: {{
"""
