"""Compare two trees by what they mean: the formatter's proof that it changed nothing.

Ids and places do not count, nor does the order of clauses and policies, nor how a string is written
(its value does). The comparison keeps its own stack, since chains of operators make deep trees."""

from __future__ import annotations

from typing import TypeAlias

from flowlang.syntax import ast
from flowlang.syntax.order import clauses_in_order, policies_in_order

Part: TypeAlias = object  # a node, a tuple of parts, or a plain value


def first_difference(left: ast.Node, right: ast.Node) -> tuple[Part, Part] | None:
    """The first two parts that differ; None if the trees mean the same."""
    pending: list[tuple[Part, Part]] = [(left, right)]
    while pending:
        pair = pending.pop()
        left_parts, right_parts = map(parts, pair)
        if type(pair[0]) is not type(pair[1]) or len(left_parts) != len(right_parts):
            return pair
        if left_parts:
            pending.extend(reversed(list(zip(left_parts, right_parts, strict=True))))
        elif not isinstance(pair[0], ast.Node | tuple) and pair[0] != pair[1]:
            return pair
    return None


def parts(part: Part) -> tuple[Part, ...]:
    """What a part is made of; nothing, for a plain value."""
    match part:
        case tuple():
            return part
        case ast.Step(name=name, annotation=annotation, task=task, clauses=clauses, doc=doc):
            return name, annotation, task, *clauses_in_order(clauses), doc
        case ast.AgentDecl(name=name, asks=asks, signature=signature, policies=policies, doc=doc):
            return name, asks, signature, *policies_in_order(policies), doc
        case ast.StringLiteral(value=value) | ast.Text(value=value):
            return (value,)
        case ast.Interpolation(parts=pieces):
            return pieces
        case ast.Node():
            return tuple(ast.contents(part))
    return ()
