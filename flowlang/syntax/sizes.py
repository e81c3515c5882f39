"""The limits on the length of an expression and on how deep brackets nest."""

from __future__ import annotations

from typing import get_args

from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Problems

MAX_EXPRESSION = 16 * 1024  # characters
MAX_NESTING = 64  # brackets

EXPRESSIONS = get_args(ast.Expr)


def is_too_long(expression: ast.Node) -> bool:
    """Whether an expression is longer than one may be, which the parser reports."""
    return expression.span.end - expression.span.start > MAX_EXPRESSION and not holds_tasks(expression)


def report_large_expressions(tree: ast.Node, problems: Problems) -> None:
    """Report each expression in a tree that is too large, as a whole."""
    pending = [tree]
    while pending:
        node = pending.pop()
        if node.span.end - node.span.start <= MAX_EXPRESSION:
            continue  # and so are its parts
        if isinstance(node, EXPRESSIONS) and not holds_tasks(node):
            problems.report(
                codes.EXPRESSION_TOO_LARGE,
                node.span,
                "this expression is longer than 16 KiB",
                help="give parts of it names with `let`, or hand the text in as a parameter",
            )
        else:
            pending.extend(ast.children(node))


def holds_tasks(node: ast.Node) -> bool:
    """Whether an `if` or a `match` stands as a task, with arms that are no expressions."""
    match node:
        case ast.If(then=then, otherwise=otherwise):
            arms = [then, otherwise]
        case ast.Match(arms=match_arms):
            arms = [arm.task for arm in match_arms]
        case _:
            return False
    return any(not isinstance(arm, EXPRESSIONS) or holds_tasks(arm) for arm in arms)
