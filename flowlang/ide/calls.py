"""The call hierarchy: what a flow calls, and who calls a flow or an agent.

A test calls what it runs. A call of an agent from a `use` leads to the `use`, since what that calls in turn
is written in another language."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from flowlang.ide.meaning import Declaration, Foreign, meaning_of
from flowlang.ide.snapshot import Snapshot, Snapshots, span_of
from flowlang.ide.wording import bare, callable_line
from flowlang.semantics.facts import Callable
from flowlang.syntax import ast
from flowlang.text.source import Span


@attrs.frozen
class Called:
    """A flow, an agent, an ask or a test: where it stands, and which stretch of that is its name."""

    meaning: Declaration | Foreign
    kind: str
    detail: str
    path: str
    span: Span
    name_span: Span


@attrs.frozen
class CallsOf:
    """Another end of some calls, and where they stand in the file of the one that calls."""

    other: Called
    spans: tuple[Span, ...]


def called_at(snapshot: Snapshot, offset: int) -> Called | None:
    """What may be called, or calls, at an offset: by its name, or from anywhere inside of it."""
    spot = snapshot.spot_at(offset)
    if spot is None:
        return None
    for node in reversed(spot.nodes):
        found = snapshot.symbol_of(spot.item, node)
        if isinstance(found, Callable):
            return of_callable(snapshot, found)
    return of_item(snapshot, spot.item)


def incoming(snapshots: Snapshots, called: Called) -> tuple[CallsOf, ...]:
    """The flows and tests that call something."""
    name = called.meaning.name
    found: list[CallsOf] = []
    for snapshot in snapshots.values():
        for item in snapshot.tree.items:
            spans = [
                span_of(item, call.callee)
                for call, target in (calls_in(snapshot, item) if name in item.parsed.text else ())
                if meaning_of(target, snapshot) == called.meaning
            ]
            caller = of_item(snapshot, item) if spans else None
            if caller is not None:
                found.append(CallsOf(caller, tuple(spans)))
    return tuple(found)


def outgoing(snapshots: Snapshots, called: Called) -> tuple[CallsOf, ...]:
    """What a flow or a test calls, each once, in the order of the text."""
    snapshot = snapshots.get(called.path)
    item = snapshot.item_at(called.name_span.start) if snapshot else None
    if snapshot is None or item is None:
        return ()
    spans: dict[Called, list[Span]] = {}
    for call, target in calls_in(snapshot, item):
        other = of_callable(snapshot, target)
        if other is not None and other != called:
            spans.setdefault(other, []).append(span_of(item, call.callee))
    return tuple(CallsOf(other, tuple(places)) for other, places in spans.items())


def calls_in(snapshot: Snapshot, item: ast.Item) -> Iterator[tuple[ast.Call, Callable]]:
    for node in ast.walk(item.declaration):
        found = snapshot.symbol_of(item, node.callee) if isinstance(node, ast.Call) else None
        if isinstance(node, ast.Call) and isinstance(found, Callable):
            yield node, found


def of_callable(snapshot: Snapshot, found: Callable) -> Called | None:
    """Something to call, at its declaration."""
    current = snapshot.current(found)
    found = current if isinstance(current, Callable) else found
    place = snapshot.place_of(found)
    item = snapshot.item(found.declared.anchor)
    if place is None or item is None:
        return None
    whole = span_of(item, item.declaration)
    meaning = meaning_of(found, snapshot)
    detail = callable_line(found, bare, found.declared.name)
    return Called(meaning, found.kind, detail, place.path, whole, place.span)


def of_item(snapshot: Snapshot, item: ast.Item) -> Called | None:
    """A declaration that calls or is called."""
    declaration, interface = item.declaration, snapshot.facts(item).interface
    if isinstance(interface, Callable):
        return of_callable(snapshot, interface)
    if not isinstance(declaration, ast.TestDecl):
        return None
    meaning = Declaration(snapshot.path, item.key)
    whole, name = span_of(item, declaration), span_of(item, declaration.name)
    return Called(meaning, "test", "test", snapshot.path, whole, name)
