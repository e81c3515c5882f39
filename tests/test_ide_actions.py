"""Quick fixes and refactorings: what is offered at a selection, and the lines that each changes."""

from __future__ import annotations

from support.cursors import Case, applied, cases, changed_lines, expect

from flowlang.ide.actions import actions, fix_all
from flowlang.ide.snapshot import Snapshot


@cases("actions.txt")
def test_actions(case: Case) -> None:
    snapshots = case.snapshots()
    shown: list[str] = []
    for action in actions(snapshots[case.path], case.selection, snapshots):
        shown.append(f"{action.kind}: {action.title}")
        after = applied(case.texts, action.edits)
        shown.append(changed_lines({case.path: case.texts[case.path]}, after))
    expect("actions.txt", case, "\n".join(shown) or "none")


@cases("actions.txt")
def test_all_fixes_at_once_do_not_overlap(case: Case) -> None:
    snapshot: Snapshot = case.snapshot()
    assert applied(case.texts, fix_all(snapshot))
