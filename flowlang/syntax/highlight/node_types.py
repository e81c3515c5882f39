"""The derived grammar -> `node-types.json`: which nodes there are, and what each may hold.

Tools that make typed bindings read it. A rule that makes no node of its own stands for whatever it is made
of, so each kind of child, and how many there may be, is counted through such rules."""

from __future__ import annotations

import json
from functools import reduce

import attrs
from lark.grammar import NonTerminal, Terminal

from flowlang.syntax.highlight.derived import node_name
from flowlang.syntax.highlight.grammar_js import Ebnf, Writer, writer_of

TERMINALS = {"STRING_TEXT": "string_text", "BLOCK_TEXT": "string_text", "FIRST": "first"}
"""Terminals that are nodes of their own."""


@attrs.frozen
class Children:
    """Kinds of nodes, and how many of them stand side by side: at least, at most; 2 means many."""

    kinds: frozenset[str] = frozenset()
    least: int = 0
    most: int = 0

    def and_(self, other: Children) -> Children:
        return Children(self.kinds | other.kinds, self.least + other.least, min(2, self.most + other.most))

    def or_(self, other: Children) -> Children:
        least, most = min(self.least, other.least), max(self.most, other.most)
        return Children(self.kinds | other.kinds, least, most)


def node_types(grammar: str) -> str:
    """The text of `node-types.json` for a derived grammar."""
    writer, trees = writer_of(grammar)
    found: dict[str, Children] = {}
    for name, tree in trees.items():
        for kind, alternative in nodes_of(name, tree, writer):
            inner = children(alternative, trees, writer)
            found[kind] = found[kind].or_(inner) if kind in found else inner
    leaves = {kind: Children() for kind in (*TERMINALS.values(), "comment", "doc_comment")}
    return (
        json.dumps([shown(kind, inner) for kind, inner in sorted({**leaves, **found}.items())], indent=1)
        + "\n"
    )


def nodes_of(name: str, tree: Ebnf, writer: Writer) -> list[tuple[str, Ebnf]]:
    """The kinds of nodes that a rule makes, with what each is made of."""
    if name not in writer.hidden:
        return [(node_name(name), tree)]
    named = [(alias_of(alternative), alternative) for alternative in tree.children]
    own = (
        []
        if name in writer.passing or name.startswith("_")
        else [(node_name(name), a) for k, a in named if not k]
    )
    return [(kind, alternative) for kind, alternative in named if kind] + own


def alias_of(alternative: Ebnf) -> str:
    return node_name(str(alternative.children[1].name)) if alternative.data == "alias" else ""


def children(tree: Ebnf, trees: dict[str, Ebnf], writer: Writer) -> Children:
    match tree.data:
        case "expansions":
            return reduce(Children.or_, (children(part, trees, writer) for part in tree.children))
        case "expansion":
            return reduce(
                Children.and_, (children(part, trees, writer) for part in tree.children), Children()
            )
        case "alias":
            return children(tree.children[0], trees, writer)
        case "maybe":
            return children(tree.children[0], trees, writer).or_(Children())
        case "expr":
            repeated = children(tree.children[0], trees, writer)
            once = repeated if str(tree.children[1]) == "+" else repeated.or_(Children())
            return once if str(tree.children[1]) == "?" else once.and_(repeated.or_(Children()))
        case _:
            return children_of(tree.children[0], trees, writer)


def children_of(value: Ebnf, trees: dict[str, Ebnf], writer: Writer) -> Children:
    match value:
        case NonTerminal(name=name) if str(name) in writer.hidden:
            return through(str(name), trees, writer)
        case NonTerminal(name=name):
            return Children(frozenset({node_name(str(name))}), 1, 1)
        case Terminal(name=name) if str(name) in TERMINALS:
            return Children(frozenset({TERMINALS[str(name)]}), 1, 1)
        case _:
            return Children()


def through(name: str, trees: dict[str, Ebnf], writer: Writer) -> Children:
    """What a rule that makes no node itself stands for."""
    makes_nodes = name not in writer.passing and not name.startswith("_")
    found = []
    for alternative in trees[name].children:
        if kind := alias_of(alternative) or (node_name(name) if makes_nodes else ""):
            found.append(Children(frozenset({kind}), 1, 1))
        else:
            found.append(children(alternative, trees, writer))
    return reduce(Children.or_, found)


def shown(kind: str, inner: Children) -> dict[str, object]:
    node: dict[str, object] = {"type": kind, "named": True}
    if inner.kinds:
        kinds = [{"type": child, "named": True} for child in sorted(inner.kinds)]
        counted = {"multiple": inner.most > 1, "required": inner.least > 0, "types": kinds}
        node |= {"fields": {}, "children": counted}
    return node
