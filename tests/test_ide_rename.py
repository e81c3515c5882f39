"""Rename: which edits a new name takes, and when it is refused; case by case, the new name in the title."""

from __future__ import annotations

from support.cursors import Case, applied, cases, changed_lines, expect

from flowlang.ide.rename import Refusal, prepare_rename, rename


@cases("rename.txt")
def test_rename(case: Case) -> None:
    name = case.title.rpartition(" -> ")[2]
    snapshots = case.snapshots()
    found = rename(snapshots, snapshots[case.path], case.offset, name)
    if isinstance(found, Refusal):
        return expect("rename.txt", case, f"refused: {found.reason}")
    expect("rename.txt", case, changed_lines(case.texts, applied(case.texts, found)))
    prepared = prepare_rename(snapshots[case.path], case.offset)
    assert not isinstance(prepared, Refusal) and prepared.span.start <= case.offset <= prepared.span.end
