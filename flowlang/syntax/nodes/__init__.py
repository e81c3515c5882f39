"""Rules of the grammar -> nodes of the tree: one method for each rule or alias that makes a node.

A method takes the span of what its rule matched and the values of the rule's children, in the order of
the grammar (an absent `[option]` is None), and returns the node, or a plain value where the tree has no
node of its own. Children are built before their parents, so ids grow in source order.

What the grammar cannot say is said here: numbers have a range, escapes a meaning, a name may not be one
of the words that begin or join expressions. Such a mistake is reported and a node stands there all the
same, so nothing else is lost."""

from __future__ import annotations

from flowlang.syntax.nodes.base import MAX_DEPTH
from flowlang.syntax.nodes.declarations import DeclarationNodes
from flowlang.syntax.nodes.expressions import ExpressionNodes
from flowlang.syntax.nodes.steps import StepNodes

__all__ = ["DEEPENING", "MAX_DEPTH", "RESETTING", "Builder"]


class Builder(DeclarationNodes, StepNodes, ExpressionNodes):
    """The makers of all nodes, named as the rules of the grammar."""


# The rules whose nodes can hold nodes of their own kind, and so make a tree deep; and the rules at which
# counting starts anew, since blocks are limited as brackets are.
# fmt: off
DEEPENING = frozenset([
    "binary", "not_", "negative", "is_case", "is_null", "cast", "member", "safe_member", "index", "call",
    "if_", "if_task", "match", "match_task", "list_literal", "record_literal", "optional_type",
    "generic_type", "record_type",
])
# fmt: on
RESETTING = frozenset(["block", "test_block"])
