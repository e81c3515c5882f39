"""Pieces of text that edits write: a value of a type, a clause of a step, a free name, the indent of a line.

What is written parses wherever it is put, and is of the type that is wanted where there is a literal of
it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import attrs

from flowlang.ide.offers import quoted
from flowlang.ide.snapshot import Edit, Snapshot, span_of
from flowlang.semantics.facts import Local, Namespace
from flowlang.semantics.types import (
    Enum,
    ListOf,
    MapOf,
    Optional,
    Record,
    Secret,
    Type,
    Union,
    is_optional,
    show,
)
from flowlang.syntax import ast
from flowlang.syntax.words import RESERVED
from flowlang.text.source import Span

Kind: TypeAlias = Literal["quickfix", "refactor.extract", "refactor.rewrite"]


@attrs.frozen
class Change:
    """Edits, and what they do in the words of a menu."""

    title: str
    edits: tuple[Edit, ...]
    kind: Kind = "quickfix"


VALUES = {
    "string": '""',
    "int": "0",
    "float": "0.0",
    "bool": "false",
    "duration": "1s",
    "datetime": "run.started",
}


def value_of(type: Type | None) -> str:
    """A value to begin with, of a type; null where there is none that could be written."""
    match type:
        case Optional():
            return "null"
        case ListOf():
            return "[]"
        case MapOf():
            return "{}"
        case Secret(inner):
            return value_of(inner)
        case Enum(values=values) if values:
            return quoted(values[0])
        case Record(fields=fields):
            inside = [f"{f.name}: {value_of(f.type)}" for f in fields if not is_optional(f.type)]
            return f"{{ {', '.join(inside)} }}" if inside else "{}"
        case Union(cases=cases) if cases:
            given = [f for f in cases[0].fields if not is_optional(f.type)]
            return f"{cases[0].name}({', '.join(f'{f.name}: {value_of(f.type)}' for f in given)})"
    return "null" if type is None else VALUES.get(show(type), "null")


def type_text(type: Type | None) -> str:
    """A type as a declaration may write it: a literal is a string, what is not known `json`."""
    match type:
        case None:
            return "json"
        case Enum(values=values, name=None) if len(values) == 1:
            return "string"
        case ListOf(item):
            return f"list<{type_text(item)}>"
        case Optional(inner):
            return f"{type_text(inner)}?"
    shown = show(type)
    return "json" if "…" in shown or shown in ("never", "[]", "null", "failure", "run") else shown


def indent_of(text: str, offset: int) -> str:
    """The blanks that the line of an offset begins with."""
    start = text.rfind("\n", 0, offset) + 1
    line = text[start:offset]
    return line[: len(line) - len(line.lstrip())]


def clause_edit(snapshot: Snapshot, item: ast.Item, step: ast.Step, clause: str) -> Edit:
    """One more clause of a step, on a line of its own."""
    span = span_of(item, step)
    at = span_of(item, step.name).start
    return Edit(snapshot.path, Span(span.end, span.end), f"\n{indent_of(snapshot.text, at)}  {clause}")


def statement_edit(snapshot: Snapshot, item: ast.Item, statement: ast.Node, text: str) -> Edit:
    """One more statement before another, on a line of its own."""
    start = span_of(item, statement).start
    return Edit(snapshot.path, Span(start, start), f"{text}\n{indent_of(snapshot.text, start)}")


def free_name(wanted: str, taken: Iterable[str]) -> str:
    """A name that nothing has, as like the wanted one as can be."""
    known = {*taken, *RESERVED}
    name, number = wanted, 2
    while name in known:
        name, number = f"{wanted}{number}", number + 1
    return name


def value_names(snapshot: Snapshot, item: ast.Item) -> set[str]:
    """The names that values have anywhere in a declaration, and those of modules, which they may not take."""
    facts = snapshot.facts(item)
    found = {symbol.name for symbol in facts.symbols.values() if isinstance(symbol, Local)}
    names = (node for node in ast.walk(item.declaration) if isinstance(node, ast.Name))
    found |= {name.name for name in names if name.id not in facts.symbols}
    modules = (n for n, each in snapshot.module.namespace.items() if isinstance(each, Namespace))
    return found.union(modules)


def indented(text: str, indent: str) -> str:
    """A text whose lines but the first go in deeper."""
    return text.replace("\n", f"\n{indent}")
