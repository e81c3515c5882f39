"""The files below a workspace's folders: finding them, reading them, and noticing that they changed.

Finding is bounded, since anybody may open their home folder as a workspace, and passes by what holds no
flows of one's own. Whether files changed is usually told by the client; for one that cannot tell, `changed`
looks at times and sizes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import attrs

from flowlang.agents.describe import describe
from flowlang.agents.locked import lock_path
from flowlang.agents.roots import CONFIG_NAME, root_folder
from flowlang.ide.workspace import Workspace
from flowlang.semantics.check import Checked
from flowlang.semantics.modules import Read
from flowlang.semantics.providers import Description, Mistake
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Source, Span
from flowlang.tools.environments import environment_of
from flowlang.tools.files import SUFFIX, link_to_outside, read_source
from flowlang.tools.plan_settings import is_plan

MOST_FILES = 500
MOST_FOLDERS = 5_000
UNSAVED = "save this file first"
PASSED_BY = frozenset({"node_modules", "__pycache__", "venv", "site-packages"})

Stamp: TypeAlias = "tuple[int, int] | None"
"""time of the last change in nanoseconds and size; None where there is no file"""


def workspace_on_disk(stamps: Stamps, environment: Callable[[], str | None] = lambda: None) -> Workspace:
    """A workspace of files with absolute paths. What is not a file on disk has no neighbours to import.
    `environment` names the one whose tables of flow.toml hold; None is that of FLOW_ENV."""

    def read(path: str) -> Source | Diagnostic:
        if not os.path.isabs(path):
            return _not_on_disk(path)
        stamps.note(path)
        return read_source(path)

    def behind(provider: str, target: str, using_path: str) -> Description:
        if not os.path.isabs(using_path):
            return Description(target, mistakes=(Mistake("there is no such file", UNSAVED),))
        stamps.note(os.path.normpath(os.path.join(os.path.dirname(using_path), target)))
        stamps.note(lock_path(using_path))
        found = describe(provider, target, using_path, environment_of(environment()))
        if found.path:
            stamps.note(os.path.abspath(found.path))
        return found

    def root_of(path: str) -> str:
        if not os.path.isabs(path):
            return ""
        root = root_folder(path)
        stamps.note(os.path.join(root, CONFIG_NAME))
        return root

    def refuse(root: str, path: str) -> Diagnostic | None:
        return link_to_outside(root, path) if os.path.isabs(path) else None

    def checked_plan(path: str, read: Read) -> Checked | None:
        return _checked_plan(path, read, environment())

    return Workspace(read, behind, root_of, refuse, checked_plan)


def _checked_plan(path: str, read: Read, environment: str | None) -> Checked | None:
    """A plan in YAML or JSON, checked with the agents that flow.toml gives it; None for other files."""
    if not (is_plan(path) and os.path.isabs(path)):
        return None
    from flowlang.tools.plan_files import check_if_plan

    return check_if_plan(path, read, root_folder(path), environment)


def find_flows(folders: Iterable[str]) -> list[str]:
    """The flow files below some folders, at most `MOST_FILES`, the nearest to the top first."""
    found: dict[str, None] = {}
    for folder in folders:
        for parent, names in _folders_below(folder):
            for name in names:
                if name.endswith(SUFFIX):
                    found[os.path.join(parent, name)] = None
                if len(found) >= MOST_FILES:
                    return list(found)
    return list(found)


def _folders_below(folder: str) -> Iterator[tuple[str, list[str]]]:
    """Folders level by level, each with the names of the files in it."""
    pending = [folder]
    for index in range(MOST_FOLDERS):
        if index >= len(pending):
            return
        try:
            with os.scandir(pending[index]) as entries:
                inside = sorted(entries, key=lambda entry: entry.name)
            folders = [entry.path for entry in inside if entry.is_dir(follow_symlinks=False)]
            names = [entry.name for entry in inside if entry.is_file()]
        except OSError:
            continue
        pending += [path for path in folders if not _is_passed_by(os.path.basename(path))]
        yield pending[index], names


def _is_passed_by(name: str) -> bool:
    return name.startswith(".") or name in PASSED_BY


@attrs.define(eq=False)
class Stamps:
    """How the files were that have been read."""

    known: dict[str, Stamp] = attrs.field(factory=dict)

    def note(self, path: str) -> None:
        self.known[path] = stamp_of(path)

    def changed(self) -> list[str]:
        """The files that are no longer as they were when they were read, or when this was asked last."""
        now = {path: stamp_of(path) for path in self.known}
        changed = [path for path, stamp in now.items() if stamp != self.known[path]]
        self.known = now
        return changed


def stamp_of(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size


def _not_on_disk(path: str) -> Diagnostic:
    label = Label(Span(0, 0), "", Anchor(path))
    return Diagnostic(codes.UNREADABLE_FILE, "there is no such file", label, help=UNSAVED)
