"""Records that nobody named, and that are meant for a declared type all the same.

`{ url: u, title: t }` is a record of its own where nothing asks for a declared one, and may yet be passed
on to where a `Source` is wanted: types fit by their fields. So when a field gets another name, a statement
that no longer checks is looked at again: its records without a name that have just the fields of the type
are taken for it. Only what a mistake points at is touched, and the mistake must be gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from flowlang.ide.meaning import Mention, Part, Short
from flowlang.ide.snapshot import Snapshot, Spot, span_of
from flowlang.semantics.facts import TypeName
from flowlang.semantics.types import Record, Type, present
from flowlang.syntax import ast


def unnamed_mentions(snapshot: Snapshot, offset: int, field: Part) -> Iterator[Mention]:
    """The mentions of a field, in the statement at an offset, by records of its type's shape without a
    name."""
    spot = snapshot.spot_at(offset)
    module = snapshot.checked.modules.get(field.owner.module)
    owner = module.namespace.get(field.owner.name) if module else None
    if spot is None or not isinstance(owner, TypeName) or not isinstance(owner.type, Record):
        return
    shape = shape_of(Record(owner.type.fields))
    for statement in statements_behind(snapshot, spot):
        for node in ast.walk(statement):
            yield from mentions_by(snapshot, spot.item, node, shape, field)


def mentions_by(
    snapshot: Snapshot, item: ast.Item, node: ast.Node, shape: frozenset[str] | None, field: Part
) -> Iterator[Mention]:
    match node:
        case ast.RecordLiteral(entries=entries):
            alike = shape_of(snapshot.type_of(item, node)) == shape
            for entry in entries if alike else ():
                if isinstance(entry, ast.Entry) and entry.name.name == field.name:
                    short: Short = "field" if entry.short else None
                    yield Mention(span_of(item, entry.name), field, short=short)
        case ast.Member(target=target, name=name):
            if name.name == field.name and shape_of(snapshot.type_of(item, target)) == shape:
                yield Mention(span_of(item, name), field)


def statements_behind(snapshot: Snapshot, spot: Spot) -> list[ast.Node]:
    """The statement at a place, and those of its block that its values come from."""
    statement = spot.nearest(*STATEMENTS)
    block = spot.nearest(ast.Block)
    if statement is None or block is None or statement not in block.statements:
        return [statement or spot.nodes[0]]
    facts = snapshot.facts(spot.item).statements
    behind, pending = {statement.id}, [statement.id]
    while pending:
        known = facts.get(pending.pop())
        more = set(known.depends) - behind if known else set()
        behind |= more
        pending += more
    return [each for each in block.statements if each.id in behind]


STATEMENTS = (
    ast.Step, ast.Let, ast.Return, ast.Yield, ast.Next, ast.Require, ast.Ensure, ast.Fail, ast.Given,
    ast.Expect,
)  # fmt: skip


def shape_of(type: Type | None) -> frozenset[str] | None:
    """The names of the fields of a record that has no name itself; None for any other type."""
    inside = None if type is None else present(type)
    if not isinstance(inside, Record) or inside.name is not None:
        return None
    return frozenset(field.name for field in inside.fields)
