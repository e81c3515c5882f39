"""What an editor may do at a selection: fixes of mistakes, and changes that keep the meaning.

A fix belongs to a diagnostic. Most fixes are the checker's own; those here write what its help asks for. A
refactoring is offered only if the file, with the edits in it, checks without a mistake that was not there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import attrs

from flowlang.ide.arms import arms_for
from flowlang.ide.fixes import fixes_for
from flowlang.ide.imports import organised_imports
from flowlang.ide.other_files import Elsewhere, free_alias, import_edit
from flowlang.ide.proof import checks_as_before
from flowlang.ide.refactor import refactorings
from flowlang.ide.snapshot import Edit, Snapshot, Snapshots
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Span


@attrs.frozen
class Action:
    """A change that an editor offers. `diagnostic` is the mistake that it mends."""

    title: str
    kind: Literal[
        "quickfix", "refactor.extract", "refactor.rewrite", "source.organizeImports", "source.fixAll"
    ]  # fmt: skip
    edits: tuple[Edit, ...]
    diagnostic: Diagnostic | None = None
    preferred: bool = False


def actions(snapshot: Snapshot, selection: Span, others: Snapshots | None = None) -> tuple[Action, ...]:
    """What may be done at a selection, which may be empty. `others` are the files that could be imported."""
    found = [*quick_fixes(snapshot, selection, others or {})]
    item = snapshot.item_at(selection.start)
    for change in refactorings(snapshot, selection) if item else ():
        if item and checks_as_before(snapshot, item, change.edits):
            found.append(Action(change.title, change.kind, change.edits))
    organised = organised_imports(snapshot)
    if organised:
        found.append(Action("organise imports", "source.organizeImports", organised))
    seen: dict[tuple[Edit, ...], Action] = {}
    for action in found:
        seen.setdefault(action.edits, action)
    return tuple(seen.values())


def quick_fixes(snapshot: Snapshot, selection: Span, others: Snapshots) -> Iterator[Action]:
    """The ways to mend what is wrong at a selection."""
    for diagnostic in snapshot.diagnostics:
        at = diagnostic.primary.span
        if at.end < selection.start or selection.end < at.start:
            continue
        if diagnostic.fix is not None:
            edits = tuple(Edit(snapshot.path, e.span, e.text) for e in diagnostic.fix.edits)
            yield Action(diagnostic.fix.title, "quickfix", edits, diagnostic, preferred=True)
        for change in (*fixes_for(snapshot, diagnostic), *arms_for(snapshot, diagnostic)):
            yield Action(change.title, "quickfix", change.edits, diagnostic)
        yield from imports_for(snapshot, diagnostic, others)


def imports_for(snapshot: Snapshot, diagnostic: Diagnostic, others: Snapshots) -> Iterator[Action]:
    """The imports that would bring a name that is missing."""
    if diagnostic.code not in (codes.UNKNOWN_NAME, codes.UNKNOWN_TYPE):
        return
    at = diagnostic.primary.span
    name = snapshot.text[at.start : at.end]
    for path in Elsewhere(snapshot, others, name).importable():
        found = others[path].module.namespace.get(name)
        if found is not None and found.declared.module == path:
            alias = free_alias(path, snapshot)
            edits = (
                import_edit(snapshot, path, alias),
                Edit(snapshot.path, Span(at.start, at.start), f"{alias}."),
            )
            yield Action(f"import `{alias}.{name}`", "quickfix", edits, diagnostic)


def fix_all(snapshot: Snapshot, diagnostics: Iterable[Diagnostic] | None = None) -> tuple[Edit, ...]:
    """The fixes that the checker is sure of, all at once; of two that overlap the first."""
    found: list[Edit] = []
    for diagnostic in snapshot.diagnostics if diagnostics is None else diagnostics:
        edits = [Edit(snapshot.path, e.span, e.text) for e in diagnostic.fix.edits] if diagnostic.fix else []
        if not any(overlap(new.span, old.span) for new in edits for old in found):
            found += edits
    return tuple(sorted(found))


def overlap(one: Span, other: Span) -> bool:
    return one.start < other.end and other.start < one.end
