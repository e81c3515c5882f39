"""The names of a module: what its declarations put into the namespace, and what may be suggested of them.

A matter of form. What a name stands for is known when its declaration has been checked; what kind of thing it
will be is known at once, and that is enough for a did-you-mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from flowlang.semantics import builtins, types
from flowlang.semantics.declare import GENERICS
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    ErrorName,
    EventName,
    Interface,
    Namespace,
    TypeName,
)
from flowlang.semantics.lookup import kind_in_sight
from flowlang.semantics.mentions import called_names, named_types
from flowlang.syntax import ast

BUILT_IN = frozenset((*types.SCALARS, *GENERICS, *builtins.ERRORS, *builtins.AMBIENT))
KINDS: dict[type[ast.Node], type[Interface]] = {
    ast.ErrorDecl: ErrorName,
    ast.EventDecl: EventName,
    ast.AgentDecl: Callable,
    ast.FlowDecl: Callable,
}

Outlook: TypeAlias = Mapping[tuple[str, str], type[Interface] | None]
"""The names in sight and what they are: (name, "") or (alias, name)."""


def declared_names(declaration: ast.Declaration) -> Iterable[ast.Ident]:
    """The names that a declaration puts into the namespace."""
    match declaration:
        case ast.TestDecl():
            return ()
        case ast.TypeDecl(name=name, definition=ast.Variants(variants=variants)):
            return (name, *(v.name for v in variants))
        case _:
            return () if declaration.name is None else (declaration.name,)


def title(declaration: ast.Declaration) -> str:
    """What a declaration is called in messages."""
    return declaration.name.name if isinstance(declaration.name, ast.Ident) else ""


def kind_of_name(declaration: ast.Declaration, name: ast.Ident) -> type[Interface] | None:
    """What a name of a declaration will be when it is checked."""
    if isinstance(declaration, ast.TypeDecl):
        return TypeName if name is declaration.name else Constructor
    return KINDS.get(type(declaration))


def is_built_in(declaration: ast.Declaration, name: str) -> bool:
    """Whether a declaration takes a name that the language has for the same kind of thing."""
    if isinstance(declaration, ast.TypeDecl):
        return name in types.SCALARS or name in GENERICS
    return isinstance(declaration, ast.ErrorDecl) and name in builtins.ERRORS


def mentions_of_kind(declaration: ast.Declaration) -> dict[str, None]:
    """The types that a type mentions, or the flows (and whatever else) that a flow calls."""
    match declaration:
        case ast.TypeDecl():
            return named_types(declaration)
        case ast.FlowDecl():
            return {name: None for name, member in called_names(declaration) if not member}
        case _:
            return {}


def outlook_of(names: Mapping[str, Interface]) -> Outlook:
    """The names in sight, those of imported modules behind their alias."""
    own: dict[tuple[str, str], type[Interface] | None] = {
        (name, ""): kind_in_sight(interface) for name, interface in names.items()
    }
    for alias, namespace in names.items():
        if isinstance(namespace, Namespace):
            own.update({(alias, name): kind_in_sight(i) for name, i in namespace.members.items()})
    return own
