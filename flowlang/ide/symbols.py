"""The named things of a file, as an outline and as an index to search.

The outline holds every declaration and, below it, what it names: fields, cases, parameters, steps. A broken
statement or declaration stays in it as long as its name can be read, so the outline does not flicker while
somebody types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import attrs

from flowlang.ide.snapshot import Location, Snapshot, Snapshots
from flowlang.semantics.check import Entry
from flowlang.semantics.facts import Callable, Interface
from flowlang.semantics.types import brief, is_poison
from flowlang.syntax import ast
from flowlang.syntax.remembered import remembered
from flowlang.text.source import Span

SymbolKind: TypeAlias = Literal[
    "import", "use", "type", "case", "field", "error", "event", "agent", "ask", "flow", "test", "parameter",
    "step", "let", "run", "broken",
]  # fmt: skip

MOST_FOUND = 256
"""As many as anyone reads of a search."""

LONGEST_TYPE = 60  # characters of a written type in the outline


@attrs.frozen
class Symbol:
    """A named thing: `span` is all of it, `name_span` its name, `detail` its type in short, or nothing."""

    name: str
    kind: SymbolKind
    span: Span
    name_span: Span
    detail: str = ""
    inner: tuple[Symbol, ...] = ()

    def shifted(self, offset: int) -> Symbol:
        inner = tuple(each.shifted(offset) for each in self.inner)
        span, name_span = self.span.shifted(offset), self.name_span.shifted(offset)
        return Symbol(self.name, self.kind, span, name_span, self.detail, inner)


@attrs.frozen
class Found:
    """A declaration of a workspace, as a search shows it. `container` is the name around it, or nothing."""

    name: str
    kind: SymbolKind
    location: Location
    container: str = ""


def document_symbols(snapshot: Snapshot) -> tuple[Symbol, ...]:
    """The outline of a file, in the order of its text."""
    entries = snapshot.module.entries
    return tuple(
        symbol.shifted(item.offset)
        for item in snapshot.tree.items
        for symbol in _of_declaration(entries[item.key])
    )


def workspace_symbols(snapshots: Snapshots, query: str) -> tuple[Found, ...]:
    """Declarations and cases whose name has the letters of the query in its order, the closest first."""
    found: list[tuple[int, str, Found]] = []
    for path, snapshot in snapshots.items():
        for symbol, container in _searchable(snapshot):
            distance = _distance(query, symbol.name)
            if distance is not None:
                place = Location(path, symbol.name_span)
                found.append(
                    (distance, symbol.name.lower(), Found(symbol.name, symbol.kind, place, container))
                )
    return tuple(each for _, _, each in sorted(found, key=lambda row: row[:2])[:MOST_FOUND])


def _searchable(snapshot: Snapshot) -> Iterator[tuple[Symbol, str]]:
    for symbol in document_symbols(snapshot):
        if symbol.kind not in ("import", "use"):
            yield symbol, ""
            yield from ((inner, symbol.name) for inner in symbol.inner if inner.kind == "case")


def _distance(query: str, name: str) -> int | None:
    """How far a name is from what was typed: 0 for itself, None where it lacks a letter."""
    wanted, letters = query.lower(), name.lower()
    if wanted in letters:
        return len(letters) - len(wanted) + letters.index(wanted)
    rest = iter(letters)
    return 100 + len(letters) if all(letter in rest for letter in wanted) else None


@remembered
def _of_declaration(entry: Entry) -> tuple[Symbol, ...]:
    """The symbol of a declaration, relative to it; none where it has no name."""
    declaration = entry.parsed.declaration
    name = declaration.name
    if name is None:
        return ()
    text = name.value if isinstance(name, ast.Text) else name.name
    inner = tuple(_inner(entry, declaration))
    detail = _detail(entry.facts.interface)
    return (Symbol(text, _kind(declaration), declaration.span, name.span, detail, inner),)


def _kind(declaration: ast.Declaration) -> SymbolKind:
    match declaration:
        case ast.Import():
            return "import"
        case ast.Use():
            return "use"
        case ast.TypeDecl():
            return "type"
        case ast.ErrorDecl():
            return "error"
        case ast.EventDecl():
            return "event"
        case ast.AgentDecl(asks=asks):
            return "ask" if asks else "agent"
        case ast.FlowDecl():
            return "flow"
        case ast.TestDecl():
            return "test"
        case ast.BrokenDecl(kind=kind):
            return _BROKEN.get(kind, "broken")


_BROKEN: dict[str, SymbolKind] = {
    "import": "import", "use": "use", "type": "type", "error": "error", "event": "event", "agent": "agent",
    "ask": "ask", "flow": "flow", "test": "test",
}  # fmt: skip


def _detail(interface: Interface | None) -> str:
    if not isinstance(interface, Callable) or is_poison(interface.result):
        return ""
    return f"-> {brief(interface.result)}"


def _inner(entry: Entry, outer: ast.Node) -> Iterator[Symbol]:
    """What is named directly below a node, with what is named below that."""
    for node, kind, name in _named_below(outer):
        inner = tuple(_inner(entry, node))
        yield Symbol(name.name, kind, node.span, name.span, _type_of(entry, node, name), inner)


def _type_of(entry: Entry, node: ast.Node, name: ast.Ident) -> str:
    if isinstance(node, ast.Field | ast.Param):
        return " ".join(entry.parsed.text[slice(*node.type.span)].split())[:LONGEST_TYPE]
    type = entry.facts.types.get(name.id)
    return "" if type is None or is_poison(type) else brief(type)


def _named_below(outer: ast.Node) -> Iterator[tuple[ast.Node, SymbolKind, ast.Ident]]:
    pending = list(ast.children(outer))[::-1]
    while pending:
        node = pending.pop()
        if named := _named(node):
            yield node, *named
        elif not isinstance(node, _LEAVES):
            pending.extend(reversed(list(ast.children(node))))


_LEAVES = (ast.Call, ast.Binary, ast.Lambda, ast.Interpolation, ast.RecordLiteral, ast.ListLiteral)
"""Nodes that nothing with a name of its own stands in."""


def _named(node: ast.Node) -> tuple[SymbolKind, ast.Ident] | None:
    match node:
        case ast.Field(name=name):
            return "field", name
        case ast.Variant(name=name):
            return "case", name
        case ast.Param(name=name):
            return "parameter", name
        case ast.Step(name=name):
            return "step", name
        case ast.Let(name=name):
            return "let", name
        case ast.Run(name=name):
            return "run", name
        case ast.Broken(kind=kind, name=ast.Ident() as name):
            return ("let" if kind == "let" else "step"), name
    return None
