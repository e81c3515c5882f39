"""The files of a workspace: which are found, which are passed by, and how their changes are noticed."""

from __future__ import annotations

import os

import pytest

from flowlang.ide.snapshot import Snapshot
from flowlang.tools.lsp import disk
from flowlang.tools.lsp.disk import Stamps, find_flows, workspace_on_disk


def write(path, text="flow f() { return null }\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return str(path)


def test_flows_are_found_the_nearest_to_the_top_first(tmp_path):
    deep = write(tmp_path / "a" / "b" / "deep.flow")
    top = write(tmp_path / "top.flow")
    write(tmp_path / "notes.txt")
    for name in (".git", ".venv", "node_modules", "__pycache__", "venv"):
        write(tmp_path / name / "hidden.flow")
    assert find_flows([str(tmp_path), str(tmp_path / "a")]) == [top, deep]
    assert find_flows([str(tmp_path / "nowhere")]) == []


def test_what_is_looked_at_has_an_end(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "MOST_FILES", 3)
    monkeypatch.setattr(disk, "MOST_FOLDERS", 4)
    for number in range(9):
        write(tmp_path / f"{number}.flow")
    assert len(find_flows([str(tmp_path)])) == 3
    for number in range(9):
        write(tmp_path / "below" / str(number) / "x.txt")
    assert find_flows([str(tmp_path / "below")]) == []


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no links here")
def test_links_to_folders_are_not_followed(tmp_path):
    one = write(tmp_path / "one.flow")
    (tmp_path / "again").symlink_to(tmp_path)
    assert find_flows([str(tmp_path)]) == [one]


def test_changes_are_noticed_once_each(tmp_path):
    stamps = Stamps()
    path = write(tmp_path / "a.flow")
    stamps.note(path)
    stamps.note(str(tmp_path / "gone.flow"))
    assert stamps.changed() == []
    write(tmp_path / "a.flow", "// longer than it was before, by a good deal\n")
    write(tmp_path / "gone.flow")
    assert stamps.changed() == [path, str(tmp_path / "gone.flow")]
    assert stamps.changed() == []


def test_a_workspace_reads_what_a_flow_uses_and_knows_when_to_read_it_again(tmp_path):
    stamps = Stamps()
    workspace = workspace_on_disk(stamps)
    write(tmp_path / "tools.py", "def one() -> int:\n    return 1\n")
    main = write(
        tmp_path / "main.flow",
        'use python tools = "tools.py"\nflow main() -> int {\n  step a = tools.one()\n  return a\n}\n',
    )
    found = workspace.snapshot(main)
    assert isinstance(found, Snapshot)
    assert found.diagnostics == ()
    write(tmp_path / "tools.py", "def another() -> int:\n    return 12345\n")
    assert stamps.changed() == [str(tmp_path / "tools.py")]
    workspace.forget([])
    again = workspace.snapshot(main)
    assert isinstance(again, Snapshot)
    assert [each.code.slug for each in again.diagnostics] == ["unknown-name"]


LOCK = """{"format": 1, "targets": {"mcp": {"npx files": {"%s": {"input": {}}}}}}"""


def test_a_workspace_takes_up_a_lock_that_has_changed(tmp_path):
    stamps = Stamps()
    workspace = workspace_on_disk(stamps)
    text = 'use mcp files = "npx files"\nflow main() -> string {\n  step a = files.one()\n  return a\n}\n'
    main = write(tmp_path / "main.flow", text)
    assert slugs(workspace.snapshot(main)) == ["not-locked"]
    for name, expected in (("one", []), ("another", ["unknown-name"])):
        write(tmp_path / "flow.lock", LOCK % name)
        assert stamps.changed() == [str(tmp_path / "flow.lock")]
        workspace.forget([])
        assert slugs(workspace.snapshot(main)) == expected


def slugs(found):
    assert isinstance(found, Snapshot)
    return [each.code.slug for each in found.diagnostics]


def test_a_link_that_leads_out_of_the_project_is_not_imported(tmp_path):
    write(tmp_path / "secret" / "other.flow")
    main = write(tmp_path / "project" / "main.flow", 'import "link.flow" as link\n')
    (tmp_path / "project" / "link.flow").symlink_to(tmp_path / "secret" / "other.flow")
    found = workspace_on_disk(Stamps()).snapshot(main)
    assert isinstance(found, Snapshot)
    assert [each.code.slug for each in found.diagnostics] == ["import-outside"]
