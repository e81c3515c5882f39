"""From a name to what it names, and back: definition, type definition, references, highlights.

All of it is one relation, that of `meaning.py`, read in both directions. What comes from a `use` is
declared in another language, so its definition is a line of that file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import attrs

from flowlang.ide.half import checked_half, half_at, symbol_in_half, word_around
from flowlang.ide.meaning import (
    Declaration,
    Foreign,
    Meaning,
    Mention,
    Owners,
    Part,
    Variable,
    declared,
    meaning_of,
    mentions,
    mentions_at,
)
from flowlang.ide.snapshot import Location, Snapshot, Snapshots, Spot
from flowlang.semantics.facts import Callable, Local, Namespace
from flowlang.semantics.types import ListOf, MapOf, Optional, Secret, Type, Union
from flowlang.syntax import ast
from flowlang.text.source import Span


@attrs.frozen
class Target:
    """Where something is declared. `line`, counted from 1, is of a file in another language, and then
    `span` says nothing; `whole` is the whole declaration around the name, as a preview shows it."""

    path: str
    span: Span
    whole: Span
    line: int | None = None


def definition(snapshot: Snapshot, offset: int) -> tuple[Target, ...]:
    """Where what stands at an offset is declared; a file for the path of an import."""
    path = imported_path(snapshot, offset)
    if path is not None:
        return (Target(path, Span(0, 0), Span(0, 0)),)
    meanings = [mention.meaning for mention in mentions_at(snapshot, offset)] or half_meant(snapshot, offset)
    found = (target_of(snapshot, meaning) for meaning in meanings)
    return tuple(dict.fromkeys(target for target in found if target is not None))


def half_meant(snapshot: Snapshot, offset: int) -> list[Meaning]:
    """What the word at an offset would mean if the statement around it were whole."""
    spot = snapshot.spot_at(offset)
    if spot is None or not isinstance(spot.node, ast.Broken | ast.BrokenExpr):
        return []
    word = word_around(snapshot.text, offset)
    half = checked_half(snapshot, half_at(snapshot, word.end))
    found = symbol_in_half(snapshot, half, snapshot.text[word.start : word.end])
    if found is None:
        return []
    symbol, _ = found
    if not isinstance(symbol, Local):
        return [meaning_of(symbol, snapshot)]
    declaring = [m for m in mentions(snapshot, spot.item) if m.declares and m.meaning.name == symbol.name]
    there = [m for m in declaring if m.span == symbol.span.shifted(spot.item.offset)]
    return [m.meaning for m in there or declaring]  # what is mended before it may have moved it


def type_definition(snapshot: Snapshot, offset: int) -> tuple[Target, ...]:
    """Where the type of what stands at an offset is declared, and those of its items."""
    spot = snapshot.spot_at(offset)
    if spot is None:
        return ()
    found = [target_of(snapshot, owner) for owner in declared_types(snapshot, type_at(snapshot, spot))]
    return tuple(dict.fromkeys(target for target in found if target is not None))


def type_at(snapshot: Snapshot, spot: Spot) -> Type | None:
    """The type of the value at a place, or of what the agent or flow there gives."""
    node = spot.parent if isinstance(spot.parent, ast.Member) and spot.node is spot.parent.name else spot.node
    found = snapshot.symbol_of(spot.item, node)
    return found.result if isinstance(found, Callable) else snapshot.type_of(spot.item, node)


def implementations(snapshot: Snapshot, offset: int) -> tuple[Target, ...]:
    """What does the work of an agent: the function behind a `use`. Other agents are bound outside of
    flows."""
    found = definition(snapshot, offset)
    return tuple(target for target in found if target.line is not None)


def references(
    snapshots: Snapshots, snapshot: Snapshot, offset: int, *, declaration: bool = True
) -> tuple[Location, ...]:
    """All mentions, in all files, of what stands at an offset; with its `declaration` or without."""
    meanings = {mention.meaning for mention in mentions_at(snapshot, offset)}
    found = [
        Location(path, mention.span)
        for path, mention in mentions_of(meanings, {**snapshots, snapshot.path: snapshot})
        if declaration or not mention.declares
    ]
    return tuple(dict.fromkeys(sorted(found)))


@attrs.frozen
class Highlight:
    span: Span
    kind: Literal["read", "write"]


def highlights(snapshot: Snapshot, offset: int) -> tuple[Highlight, ...]:
    """The mentions in this file of what stands at an offset; `write` where it is declared."""
    meanings = {mention.meaning for mention in mentions_at(snapshot, offset)}
    found = mentions_of(meanings, {snapshot.path: snapshot})
    marks = {mention.span: mention.declares for _, mention in found}
    return tuple(Highlight(span, "write" if marks[span] else "read") for span in sorted(marks))


def mentions_of(meanings: set[Meaning], snapshots: Snapshots) -> Iterator[tuple[str, Mention]]:
    """The mentions of some meanings, by file. A declaration without the word is not looked into."""
    words = {word_of(meaning) for meaning in meanings}
    local = {meaning.key for meaning in meanings if isinstance(meaning, Variable)}
    is_local = bool(meanings) and len(local) == len(meanings)
    for path, snapshot in snapshots.items():
        owners = Owners(snapshot)
        for item in snapshot.tree.items if meanings else ():
            if (is_local and item.key not in local) or not any(w in item.parsed.text for w in words):
                continue
            for mention in mentions(snapshot, item, owners):
                if mention.meaning in meanings:
                    yield path, mention


def word_of(meaning: Meaning) -> str:
    """The word that every mention has."""
    return meaning.name


# Targets


def imported_path(snapshot: Snapshot, offset: int) -> str | None:
    """The file that an import at an offset names with its path."""
    spot = snapshot.spot_at(offset)
    if spot is None or not isinstance(spot.node, ast.Text) or not isinstance(spot.parent, ast.Import):
        return None
    return snapshot.checked.project.imports.get((snapshot.path, spot.item.key))


def target_of(snapshot: Snapshot, meaning: Meaning) -> Target | None:
    """Where something is declared; None where nobody can see it."""
    if isinstance(meaning, Foreign):
        return foreign_target(snapshot, meaning)
    mention = declared(snapshot, meaning)
    if mention is None:
        return None
    path = meaning.owner.module if isinstance(meaning, Part) else meaning.module
    return Target(path, mention.span, around(Snapshot(path, snapshot.checked), mention.span))


def around(home: Snapshot, span: Span) -> Span:
    """The statement or the declaration that a name is declared by."""
    spot = home.spot_at(span.start)
    if spot is None:
        return span
    node = spot.nearest(ast.Step, ast.Let, ast.Param, ast.Field, ast.Variant) or spot.nodes[0]
    return node.span.shifted(spot.item.offset)


def foreign_target(snapshot: Snapshot, meaning: Foreign) -> Target | None:
    """The line of a function in the file behind a `use`."""
    module = snapshot.checked.modules.get(meaning.module)
    alias = module.namespace.get(meaning.alias) if module else None
    item = snapshot.item(alias.declared.anchor) if isinstance(alias, Namespace) else None
    if item is None or not isinstance(item.declaration, ast.Use):
        return None
    use = item.declaration
    described = snapshot.checked.project.describe(use.provider.name, use.target.value, meaning.module)
    lines = {agent.name: agent.line for agent in described.agents}
    return Target(described.path, Span(0, 0), Span(0, 0), lines.get(meaning.name) or 1)


def declared_types(snapshot: Snapshot, type: Type | None) -> Iterator[Declaration]:
    """The declared types that a type is, or is made of at its outside."""
    match type:
        case ListOf(inner) | MapOf(inner) | Optional(inner) | Secret(inner):
            yield from declared_types(snapshot, inner)
        case Union(module=module, name=name):
            yield Declaration(module, name)
        case _:
            yield from Owners(snapshot).of(type)
