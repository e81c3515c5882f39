"""Scopes and what is known in them: names, narrowed types and conditions that hold.

An `Env` is immutable. `assuming(env, condition, truth)` gives the environment in which a condition is known
to be true or false; that one function serves guards, barriers, `if`, `and`/`or`, `choose` and `filter`.

Two things are learned from a condition. Paths (`a`, `a.b.c`) get narrower types; nothing is ever
reassigned, so this needs no invalidation. And every conjunct becomes a known condition by its structure, so
that a step whose guard implies another's sees the other's plain type."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import TypeAlias

import attrs

from flowlang.semantics.facts import Local, Symbol
from flowlang.semantics.types import UNKNOWN, Type, is_optional
from flowlang.syntax import ast

Path: TypeAlias = tuple[Hashable, ...]
"""A local's id (or ambient name), then field names."""

Condition: TypeAlias = tuple[Hashable, bool]
"""The structure of an expression without negations, and whether it holds."""


@attrs.frozen(eq=False, repr=False)
class Value:
    """A value name. `plain` is the type where `conditions` are known to hold: a guarded step that was not
    skipped. `why` says in words why the type is optional."""

    local: Local
    type: Type
    plain: Type | None = None
    conditions: frozenset[Condition] = frozenset()
    why: str | None = None


@attrs.frozen(eq=False, repr=False)
class Names:
    """The values of one scope and of those around it. `own` grows while a block is checked."""

    own: dict[str, Value] = attrs.field(factory=dict)
    around: Names | None = None

    def find(self, name: str) -> Value | None:
        scope: Names | None = self
        while scope is not None:
            if name in scope.own:
                return scope.own[name]
            scope = scope.around
        return None

    def __iter__(self) -> Iterator[str]:
        scope: Names | None = self
        while scope is not None:
            yield from scope.own
            scope = scope.around


@attrs.frozen(eq=False, repr=False)
class Env:
    """What can be seen at one point. `deadline`: a wait that stands here ends by a deadline around it;
    `cleanup` is "undo" or "finally" where no wait may stand; `unclear`: a condition that is wrong stands
    around, so what may be missing elsewhere may well be known to be there."""

    names: Names = attrs.field(factory=Names)
    narrowed: Mapping[Path, Type] = attrs.field(factory=dict)
    known: frozenset[Condition] = frozenset()
    deadline: bool = False
    cleanup: str | None = None
    unclear: bool = False

    def with_values(self, *values: Value) -> Env:
        """A scope inside of this one."""
        return attrs.evolve(self, names=Names({v.local.name: v for v in values}, self.names))

    def with_narrowed(self, found: Mapping[Path, Type]) -> Env:
        return attrs.evolve(self, narrowed={**self.narrowed, **found}) if found else self

    def with_known(self, *conditions: Condition) -> Env:
        return attrs.evolve(self, known=self.known.union(conditions))

    def type_of(self, value: Value) -> Type:
        """The type of a name here: narrowed, or plain where its guard is known to hold."""
        narrowed = self.narrowed.get((value.local.node, value.local.name))
        if narrowed is not None:
            return narrowed
        if value.plain is not None and value.conditions <= self.known:
            return value.plain
        return self.clear(value.type)

    def clear(self, type: Type) -> Type:
        """A type that nothing is known about here."""
        return UNKNOWN if self.unclear and is_optional(type) else type


def path_of(expr: ast.Node, symbols: Mapping[int, Symbol]) -> Path | None:
    """The path that an expression names, if it is one: a local and fields of it. Needs the symbols of the
    names in it, so the expression must have been inferred."""
    match expr:
        case ast.Name():
            symbol = symbols.get(expr.id)
            return (symbol.node, symbol.name) if isinstance(symbol, Local) else None
        case ast.Member(target=target, name=name):
            path = path_of(target, symbols)
            return path and (*path, name.name)
        case _:
            return None


def condition_of(expr: ast.Expr, symbols: Mapping[int, Symbol], truth: bool = True) -> Condition:
    """An expression as a condition: negations taken off and counted, and every comparison written one way,
    so that `not (a >= b)` is `a < b` and `b > a`."""
    while isinstance(expr, ast.Unary) and expr.operator == "not":
        expr, truth = expr.operand, not truth
    if isinstance(expr, ast.Binary) and expr.operator in COMPARISONS:
        return _comparison(expr, symbols, truth)
    if isinstance(expr, ast.Is) and expr.case is None:
        return ("==", frozenset((structure(expr.value, symbols), NULL))), truth
    return structure(expr, symbols), truth


COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
NULL: Hashable = (ast.NullLiteral.__name__,)


def _comparison(expr: ast.Binary, symbols: Mapping[int, Symbol], truth: bool) -> Condition:
    left, right = structure(expr.left, symbols), structure(expr.right, symbols)
    match expr.operator:
        case "==":
            return ("==", frozenset((left, right))), truth
        case "!=":
            return ("==", frozenset((left, right))), not truth
        case "<":
            return ("<", left, right), truth
        case ">":
            return ("<", right, left), truth
        case "<=":
            return ("<", right, left), not truth
        case _:
            return ("<", left, right), not truth


def structure(tree: ast.Node, symbols: Mapping[int, Symbol]) -> Hashable:
    """A tree as nested tuples without ids and spans: equal for expressions that mean the same by form."""
    if isinstance(tree, ast.Name):
        return path_of(tree, symbols) or tree.name
    parts: list[Hashable] = [type(tree).__name__]
    for name, value in zip(type(tree).__names__[2:], ast.contents(tree), strict=True):
        if name != "text":
            parts.append(_structure_of(value, symbols))
    return tuple(parts)


def _structure_of(value: object, symbols: Mapping[int, Symbol]) -> Hashable:
    if isinstance(value, ast.Node):
        return structure(value, symbols)
    if isinstance(value, tuple):
        return tuple(_structure_of(item, symbols) for item in value)
    assert isinstance(value, Hashable)
    return (type(value).__name__, value)


def conjuncts(expr: ast.Expr, truth: bool = True) -> list[tuple[ast.Expr, bool]]:
    """The parts that all hold when `expr` has the given truth."""
    match expr:
        case ast.Unary(operator="not", operand=operand):
            return conjuncts(operand, not truth)
        case ast.Binary(operator="and") if truth:
            return conjuncts(expr.left, True) + conjuncts(expr.right, True)
        case ast.Binary(operator="or") if not truth:
            return conjuncts(expr.left, False) + conjuncts(expr.right, False)
        case _:
            return [(expr, truth)]
