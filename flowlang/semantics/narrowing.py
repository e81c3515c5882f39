"""What a condition says about the types of paths.

Only facts that hold by the form of the condition: a comparison with null or with a literal, `is`, and
equality with something that is never null. Conjunctions are split by the caller; a disjunction says of a
path what both sides say of it."""

from __future__ import annotations

from collections.abc import Mapping

from flowlang.semantics.facts import Constructor, Symbol
from flowlang.semantics.scope import Env, Path, path_of
from flowlang.semantics.types import (
    NEVER,
    NULL,
    Enum,
    Type,
    Union,
    is_optional,
    is_poison,
    join,
    optional,
    present,
)
from flowlang.syntax import ast

Narrowed = dict[Path, Type]


def narrowed(
    part: ast.Expr, truth: bool, symbols: Mapping[int, Symbol], types: Mapping[int, Type], env: Env
) -> Narrowed:
    """The narrower types of paths where a condition (that is no conjunction) has the given truth."""
    match part:
        case ast.Binary(operator="==" | "!=" as operator):
            return _equality(part, truth == (operator == "=="), symbols, types)
        case ast.Is(value=value, case=None):
            return _null(value, truth, symbols, types)
        case ast.Is(value=value, case=ast.QualifiedName() as case):
            return _case(value, symbols.get(case.id), truth, symbols, types)
        case ast.Binary(operator="or" | "and"):
            left = narrowed_all(part.left, truth, symbols, types, env)
            right = narrowed_all(part.right, truth, symbols, types, env)
            return _either(left, right)
        case _:
            return {}


def always_holds(part: ast.Expr, symbols: Mapping[int, Symbol], types: Mapping[int, Type]) -> bool | None:
    """The answer to a condition whose value can only be what it asks for; None where it is open."""
    match part:
        case ast.Binary(operator="==" | "!=" as operator, left=left, right=ast.StringLiteral(value=value)):
            found = types.get(left.id)
            if isinstance(found, Enum) and found.values == (value,):
                return operator == "=="
        case ast.Is(value=value, case=ast.QualifiedName() as name):
            found, case = types.get(value.id), symbols.get(name.id)
            if isinstance(found, Union) and isinstance(case, Constructor):
                return True if [c.name for c in found.cases] == [case.case] else None
    return None


def narrowed_all(
    expr: ast.Expr, truth: bool, symbols: Mapping[int, Symbol], types: Mapping[int, Type], env: Env
) -> Narrowed:
    """The same for one side of a disjunction, itself perhaps a comparison only."""
    while isinstance(expr, ast.Unary) and expr.operator == "not":
        expr, truth = expr.operand, not truth
    return narrowed(expr, truth, symbols, types, env)


def _either(left: Narrowed, right: Narrowed) -> Narrowed:
    found: Narrowed = {}
    for path in left:
        joined = join(left[path], right[path]) if path in right else None
        if joined is not None:
            found[path] = joined
    return found


def _equality(
    part: ast.Binary, equal: bool, symbols: Mapping[int, Symbol], types: Mapping[int, Type]
) -> Narrowed:
    found: Narrowed = {}
    for side, other in ((part.left, part.right), (part.right, part.left)):
        if isinstance(other, ast.NullLiteral):
            return _null(side, equal, symbols, types)
        known = types.get(other.id)
        if equal and known is not None and not is_optional(known) and not is_poison(known):
            found.update(_null(side, False, symbols, types))
        if isinstance(other, ast.StringLiteral):
            found.update(_literal(side, other.value, equal, symbols, types))
    return found


def _null(
    value: ast.Expr, is_null: bool, symbols: Mapping[int, Symbol], types: Mapping[int, Type]
) -> Narrowed:
    """A value known to be null or not, and (not null) everything before a `?.` on the way to it."""
    path, type = path_of(value, symbols), types.get(value.id)
    found: Narrowed = {}
    if path is not None and type is not None and not is_poison(type) and is_optional(type):
        found[path] = NULL if is_null else present(type)
    if not is_null and isinstance(value, ast.Member):
        found.update(_null(value.target, False, symbols, types))
    return found


def _literal(
    side: ast.Expr, value: str, equal: bool, symbols: Mapping[int, Symbol], types: Mapping[int, Type]
) -> Narrowed:
    path, type = path_of(side, symbols), types.get(side.id)
    if path is None or type is None or not isinstance(present(type), Enum):
        return {}
    inside = present(type)
    assert isinstance(inside, Enum)
    if equal:
        return {path: Enum((value,))} if value in inside.values else {}
    rest = tuple(v for v in inside.values if v != value)
    if len(rest) == len(inside.values):
        return {}
    left: Type = Enum(rest) if rest else NEVER
    return {path: optional(left) if is_optional(type) else left}


def _case(
    value: ast.Expr,
    case: Symbol | None,
    truth: bool,
    symbols: Mapping[int, Symbol],
    types: Mapping[int, Type],
) -> Narrowed:
    path, type = path_of(value, symbols), types.get(value.id)
    if path is None or type is None or not isinstance(case, Constructor):
        return {}
    inside = present(type)
    if not isinstance(inside, Union):
        return {}
    if truth:
        return {path: inside.only([case.case])}
    rest = inside.only(c.name for c in inside.cases if c.name != case.case)
    return {path: optional(rest) if is_optional(type) else rest}
