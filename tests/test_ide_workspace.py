"""The workspace: unsaved texts over files, and what is checked again when something changes."""

from __future__ import annotations

import attrs
import pytest

from flowlang.ide.snapshot import Snapshot
from flowlang.ide.workspace import Workspace
from flowlang.semantics.providers import Description
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Source, Span

LIB = "/// Doubles.\nflow double(n: int) -> int { return n * 2 }\n"
MAIN = 'import "lib.flow" as lib\n\nflow main() -> int {\n  step a = lib.double(n: 1)\n  return a\n}\n'


@attrs.define
class Disk:
    """Files in memory, and which of them were read."""

    files: dict[str, str]
    reads: list[str] = attrs.field(factory=list)
    described: list[str] = attrs.field(factory=list)
    root: str = "/w"

    def read(self, path: str) -> Source | Diagnostic:
        self.reads.append(path)
        if path in self.files:
            return Source(path, self.files[path])
        return Diagnostic(codes.UNREADABLE_FILE, "there is no such file", Label(Span(0, 0), "", Anchor(path)))

    def describe(self, provider: str, target: str, path: str) -> Description:
        self.described.append(target)
        return Description(target)

    def workspace(self) -> Workspace:
        return Workspace(self.read, self.describe, lambda path: self.root)


@pytest.fixture
def disk() -> Disk:
    return Disk({"/w/main.flow": MAIN, "/w/lib.flow": LIB})


def slugs(workspace: Workspace, path: str) -> list[str]:
    found = workspace.snapshot(path)
    return [d.code.slug for d in (found.diagnostics if isinstance(found, Snapshot) else [found])]


def test_a_file_is_checked_with_what_it_imports_and_once(disk):
    workspace = disk.workspace()
    first = workspace.snapshot("/w/main.flow")
    assert slugs(workspace, "/w/main.flow") == []
    assert workspace.snapshot("/w/main.flow") is first
    assert sorted(disk.reads) == ["/w/lib.flow", "/w/main.flow"]


def test_an_unsaved_text_stands_over_the_file_until_it_is_closed(disk):
    workspace = disk.workspace()
    workspace.open("/w/main.flow", MAIN.replace("return a", "return b"))
    assert slugs(workspace, "/w/main.flow") == ["unknown-name"]
    workspace.close("/w/main.flow")
    assert slugs(workspace, "/w/main.flow") == []


def test_an_importer_of_an_unsaved_text_is_checked_again(disk):
    workspace = disk.workspace()
    before = workspace.snapshot("/w/main.flow")
    assert workspace.is_still("/w/main.flow", before)
    workspace.open("/w/lib.flow", LIB.replace("n: int", "m: int").replace("n * 2", "m * 2"))
    assert not workspace.is_still("/w/main.flow", before)
    assert slugs(workspace, "/w/main.flow") == ["unknown-argument"]


def test_opening_a_file_as_it_is_changes_nothing(disk):
    workspace = disk.workspace()
    first = workspace.snapshot("/w/main.flow")
    workspace.open("/w/lib.flow", LIB)
    workspace.open("/w/lib.flow", LIB)
    assert workspace.snapshot("/w/main.flow") is first
    workspace.close("/w/lib.flow")
    assert workspace.snapshot("/w/main.flow") is first


def test_a_key_leaves_every_other_declaration_as_it_is(disk):
    workspace = disk.workspace()
    text = LIB + "flow other() -> int { return 1 }\n"
    workspace.open("/w/lib.flow", text)
    before = workspace.snapshot("/w/lib.flow")
    workspace.open("/w/lib.flow", "// moved\n" + text.replace("return 1", "return 10"))
    after = workspace.snapshot("/w/lib.flow")
    assert after.module.entries["double"] is before.module.entries["double"]
    assert after.module.entries["other"] is not before.module.entries["other"]


def test_the_facts_of_a_file_are_shared_by_those_who_import_it(disk):
    workspace = disk.workspace()
    library = workspace.snapshot("/w/lib.flow")
    importer = workspace.snapshot("/w/main.flow")
    assert importer.checked.modules["/w/lib.flow"] is library.module


def test_what_changes_on_disk_is_seen_when_it_is_forgotten(disk):
    workspace = disk.workspace()
    first = workspace.snapshot("/w/main.flow")
    del disk.files["/w/lib.flow"]
    assert workspace.snapshot("/w/main.flow") is first
    workspace.forget(["/w/lib.flow"])
    assert slugs(workspace, "/w/main.flow") == ["unknown-module"]
    disk.files["/w/lib.flow"] = LIB
    workspace.forget()
    assert slugs(workspace, "/w/main.flow") == []


def test_a_file_that_was_forgotten_and_is_as_it_was_is_not_checked_again(disk):
    workspace = disk.workspace()
    first = workspace.snapshot("/w/main.flow")
    workspace.forget()
    assert workspace.snapshot("/w/main.flow") is first


def test_what_stands_behind_a_use_is_read_once_until_forgotten(disk):
    workspace = disk.workspace()
    disk.files["/w/main.flow"] = 'use python tools = "tools.py"\nflow main() { return null }\n'
    for _ in range(3):
        workspace.snapshot("/w/main.flow")
    workspace.open("/w/main.flow", disk.files["/w/main.flow"] + "// more\n")
    workspace.snapshot("/w/main.flow")
    assert disk.described == ["tools.py"]
    workspace.forget(["/w/tools.py"])
    workspace.snapshot("/w/main.flow")
    assert disk.described == ["tools.py", "tools.py"]


def test_a_file_that_is_not_there_has_one_diagnostic_and_may_come_later(disk):
    workspace = disk.workspace()
    assert slugs(workspace, "/w/new.flow") == ["unreadable-file"]
    workspace.open("/w/new.flow", "flow f() { return null }\n")
    assert slugs(workspace, "/w/new.flow") == []


def test_a_new_root_checks_again(disk):
    workspace = disk.workspace()
    disk.files["/w/sub/a.flow"] = 'import "../lib.flow" as lib\nflow f() -> int { return lib.double(n: 1) }\n'
    disk.root = "/w/sub"
    assert slugs(workspace, "/w/sub/a.flow") == ["import-outside"]
    disk.root = "/w"
    workspace.forget(["/w/flow.toml"])
    assert slugs(workspace, "/w/sub/a.flow") == []


def test_documentation_and_places_are_those_of_now(disk):
    workspace = disk.workspace()
    workspace.snapshot("/w/main.flow")
    workspace.open("/w/lib.flow", "// down\n/// More.\n" + LIB)
    found = workspace.snapshot("/w/main.flow")
    main = found.tree.items[1]
    (symbol,) = {s for s in found.facts(main).symbols.values() if getattr(s, "kind", "") == "flow"}
    assert found.current(symbol).declared.doc == "More.\nDoubles."
    place = found.place_of(symbol)
    assert place.path == "/w/lib.flow"
    assert ("// down\n/// More.\n" + LIB)[slice(*place.span)] == "double"


def test_each_file_of_a_cycle_shows_it(disk):
    disk.files |= {"/w/a.flow": 'import "b.flow" as b\n', "/w/b.flow": 'import "a.flow" as a\n'}
    workspace = disk.workspace()
    assert slugs(workspace, "/w/a.flow")[0] == "import-cycle"
    assert slugs(workspace, "/w/b.flow")[0] == "import-cycle"


def test_a_file_that_may_not_be_imported_may_still_be_looked_at(disk):
    no = Diagnostic(codes.IMPORT_OUTSIDE, "a link", Label(Span(0, 0), "", Anchor("/w/lib.flow")))
    workspace = attrs.evolve(disk.workspace(), refuse=lambda root, path: no if "lib" in path else None)
    assert slugs(workspace, "/w/main.flow") == ["import-outside"]
    assert slugs(workspace, "/w/lib.flow") == []
