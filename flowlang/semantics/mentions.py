"""Which names from outside a part of the tree mentions: what a step waits for.

A dependency is nothing but a mention, so this is where the graph is read off. Binders inside (lambda
parameters, loop variables, loop states, `as` names, pattern names, the statements of nested blocks) hide
outer names; a declaration before `(` is no value and no mention."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flowlang.syntax import ast

Mentions = dict[str, ast.Node]
"""name -> where it is mentioned first"""


def mentions(tree: ast.Node) -> Mentions:
    """The free names of a tree, in source order."""
    found: Mentions = {}
    pending: list[tuple[ast.Node, frozenset[str]]] = [(tree, frozenset())]
    while pending:
        node, bound = pending.pop()
        if isinstance(node, ast.Name):
            if node.name not in bound:
                found.setdefault(node.name, node)
        else:
            pending.extend(reversed(list(_parts(node, bound))))
    return found


def _parts(node: ast.Node, bound: frozenset[str]) -> Iterator[tuple[ast.Node, frozenset[str]]]:
    """The nodes below one, each with the names that are bound there."""
    match node:
        case ast.Call(callee=callee, arguments=arguments):
            if isinstance(callee, ast.Member):
                yield callee.target, bound
            yield from _all(arguments, bound)
        case ast.Lambda(params=params, body=body):
            yield body, bound | {p.name for p in params}
        case ast.ForEach():
            yield node.source, bound
            yield from _all([node.at_once, node.tolerating], bound)
            inner = bound | {node.first.name} | ({node.second.name} if node.second else set())
            yield from _all([node.where, node.body], inner)
        case ast.While():
            yield from _all([node.initial, node.limit, node.every], bound)
            yield from _all([node.condition, node.body], bound | {node.state.name})
        case ast.Catch(binding=binding, handler=handler):
            yield handler, bound | {binding.name} if binding else bound
        case ast.MatchArm(pattern=ast.ConstructorPattern(bindings=bindings), task=task):
            yield task, bound | {b.name.name for b in bindings}
        case ast.MatchArm(task=task):
            yield task, bound
        case ast.Block(statements=statements):
            yield from _all(statements, bound | set(declared_names(statements)))
        case ast.Step(name=name):
            inside = bound | {name.name}
            yield node.task, bound
            for clause in node.clauses:
                yield clause, inside if isinstance(clause, ast.Undo) else bound
        case ast.After(names=names):
            for name in names:
                yield ast.Name(name.id, name.span, name.name), bound
        case ast.Entry(value=value) | ast.Argument(value=value):
            yield value, bound
        case ast.Member(target=target):
            yield target, bound
        case ast.Cast(value=value) | ast.Is(value=value):
            yield value, bound
        case _:
            yield from _all(ast.children(node), bound)


def _all(
    nodes: Iterable[ast.Node | None], bound: frozenset[str]
) -> Iterator[tuple[ast.Node, frozenset[str]]]:
    return ((node, bound) for node in nodes if node is not None)


def declared_names(statements: Iterable[ast.Statement]) -> Iterator[str]:
    """The value names that the statements of a block declare."""
    for statement in statements:
        if isinstance(statement, ast.Step | ast.Let | ast.Broken) and statement.name is not None:
            yield statement.name.name


def called_names(tree: ast.Node) -> dict[tuple[str, str], None]:
    """The declarations that stand before a `(`: (name, "") or (alias, name)."""
    found: dict[tuple[str, str], None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            match node.callee:
                case ast.Name(name=name):
                    found[name, ""] = None
                case ast.Member(target=ast.Name(name=alias), name=name):
                    found[alias, name.name] = None
    return found


def named_types(tree: ast.Node) -> dict[str, None]:
    """The unqualified type names in a tree."""
    return {
        node.name.name.name: None
        for node in ast.walk(tree)
        if isinstance(node, ast.NamedType) and node.name.module is None
    }
