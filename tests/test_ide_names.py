"""Hover, signature help and navigation: what is said of a name, and where it leads, case by case."""

from __future__ import annotations

from support.cursors import Case, cases, expect, quoted

from flowlang.ide.hover import hover
from flowlang.ide.navigation import Target, definition, highlights, references, type_definition
from flowlang.ide.signature import signature_help
from flowlang.ide.snapshot import Snapshots


@cases("hover.txt")
def test_hover(case: Case) -> None:
    found = hover(case.snapshot(), case.offset)
    if found is None:
        return expect("hover.txt", case, "none")
    word = case.snapshot().text[found.span.start : found.span.end]
    expect("hover.txt", case, "\n".join([f"[{word}] {found.code}", *found.text.split("\n")]).strip())


@cases("signature.txt")
def test_signature(case: Case) -> None:
    found = signature_help(case.snapshot(), case.offset)
    if found is None:
        return expect("signature.txt", case, "none")
    label = found.label
    if found.active is not None:
        start, end = found.parameters[found.active][0]
        label = f"{label[:start]}[{label[start:end]}]{label[end:]}"
    expect("signature.txt", case, "\n".join([label, found.doc or ""]))


@cases("navigation.txt")
def test_navigation(case: Case) -> None:
    """Definition, the definition of the type, and all mentions, each in its line."""
    snapshots = case.snapshots()
    snapshot = snapshots[case.path]
    lines = [f"definition {shown(target, snapshots)}" for target in definition(snapshot, case.offset)]
    lines += [f"type {shown(target, snapshots)}" for target in type_definition(snapshot, case.offset)]
    for location in references(snapshots, snapshot, case.offset):
        lines.append(f"mention {location.path}: {quoted(snapshots[location.path], location.span)}")
    expect("navigation.txt", case, "\n".join(lines) or "none")
    marks = {highlight.span for highlight in highlights(snapshot, case.offset)}
    own = {each.span for each in references(snapshots, snapshot, case.offset) if each.path == case.path}
    assert marks == own


def shown(target: Target, snapshots: Snapshots) -> str:
    if target.line is not None:
        return f"{target.path}, line {target.line}"
    snapshot = snapshots[target.path]
    assert target.whole.start <= target.span.start <= target.span.end <= target.whole.end
    return f"{target.path}: {quoted(snapshot, target.span)}"
