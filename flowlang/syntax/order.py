"""The order in which clauses and policies are printed, whatever order they were written in.

They may be written in any, since each says by itself what it is about. Those of one kind keep their
order, because handlers are tried in it; but `timeout` comes before `timeout … per attempt`."""

from __future__ import annotations

from flowlang.syntax import ast

CLAUSES = (ast.When, ast.After, ast.Key, ast.Timeout, ast.Retry, ast.Catch, ast.Undo, ast.Finally)
POLICIES = (ast.Effect, ast.Timeout, ast.Retry, ast.Limit, ast.Breaker, ast.Cache)


def clauses_in_order(clauses: tuple[ast.Clause, ...]) -> list[ast.Clause]:
    return sorted(clauses, key=lambda clause: (CLAUSES.index(type(clause)), is_per_attempt(clause)))


def policies_in_order(policies: tuple[ast.Policy, ...]) -> list[ast.Policy]:
    return sorted(policies, key=lambda policy: (POLICIES.index(type(policy)), is_per_attempt(policy)))


def is_per_attempt(part: ast.Clause | ast.Policy) -> bool:
    return isinstance(part, ast.Timeout) and part.per_attempt
