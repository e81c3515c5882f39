"""Types that the checker found -> trees, for what has to be written out: the result of a plan's flow."""

from __future__ import annotations

from collections.abc import Iterable

from flowlang.planning.agents import Library
from flowlang.planning.literals import quoted
from flowlang.planning.trees import Maker
from flowlang.semantics import types
from flowlang.semantics.facts import TypeName
from flowlang.semantics.types import Type
from flowlang.syntax import ast
from flowlang.text.source import Span


class Unwritable(Exception):
    """What no text of the language means, in words: the type of the items of `[]`, say."""


def type_tree(make: Maker, span: Span, type: Type, libraries: Iterable[Library]) -> ast.TypeExpr:
    """A type as it is written, by its name where a library gives it one. Raises Unwritable."""
    known = list(libraries)

    def written(type: Type) -> ast.TypeExpr:
        name = next((found for library in known if (found := _name_in(library, type))), None)
        if name is not None:
            return make(ast.NamedType, span, make.qualified(span, *name))
        match type:
            case types.ListOf(item):
                return make(ast.GenericType, span, make.ident(span, "list"), (written(item),))
            case types.MapOf(value):
                return make(ast.GenericType, span, make.ident(span, "map"), (written(value),))
            case types.Optional(inner):
                return make(ast.OptionalType, span, written(inner))
            case types.Enum(values=values):
                texts = tuple(make(ast.Text, span, value, quoted(value)) for value in values)
                return make(ast.EnumType, span, texts)
            case types.Record(fields=fields):
                trees = (
                    make(ast.Field, span, make.ident(span, field.name), written(field.type), None)
                    for field in fields
                )
                return make(ast.RecordType, span, tuple(trees))
            case types.Scalar(name=plain) if type in types.SCALARS.values():
                return make(ast.NamedType, span, make.qualified(span, None, plain))
        raise Unwritable(f"the type of the result, {types.show(type)}, has no text")

    return written(type)


def _name_in(library: Library, type: Type) -> tuple[str, str] | None:
    """The alias and the name that a library has for a type that has a name."""
    name = getattr(type, "name", None)
    if isinstance(type, types.Scalar) or name is None:
        return None
    found = library.members.get(name)
    same = isinstance(found, TypeName) and (found.type == type or _is_part(type, found.type))
    return (library.alias, name) if same else None


def _is_part(type: Type, whole: Type) -> bool:
    """Whether a union is what narrowing left of another."""
    unions = isinstance(type, types.Union) and isinstance(whole, types.Union)
    return unions and (type.module, type.name) == (whole.module, whole.name)  # type: ignore[union-attr]
