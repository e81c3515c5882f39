"""The files that an editor works with, and what is known of each: unsaved texts over those on disk.

`snapshot(path)` checks a file as the entry of its project, as `flow check` does, and keeps the result for as
long as nothing that it was made from has changed: the texts that were read (or were not there), what stands
behind each `use`, the root. That is compared by identity, so a workspace asks what things are and never has
to be told what depends on what; an importer of a changed file is simply no longer current.

Everything is shared. Trees and facts of a file as it was last checked, in whichever project that was, are
what the next check begins with, so a key costs the declaration that it changes, in however many projects.

No files and no threads here: what reads is handed in, and one caller at a time may use a workspace. What was
read is believed until `forget`, which whoever watches the disk calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

import attrs

from flowlang.ide.snapshot import Snapshot, Snapshots
from flowlang.semantics.check import Checked, CheckedModule, check
from flowlang.semantics.modules import Project, Read, load
from flowlang.semantics.providers import Describe, Description
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Source

Text: TypeAlias = Source | Diagnostic
Use: TypeAlias = tuple[str, str, str]
"""provider, target and the path of the using file"""


@attrs.frozen(eq=False, repr=False)
class _Entry:
    """What a file was found to be, and all that this was made from."""

    found: Snapshot | Diagnostic
    root: str
    texts: Mapping[str, Text]
    uses: Mapping[Use, Description]


@attrs.define(eq=False, repr=False)
class Workspace:
    """`read` gives the texts of files on disk, `root_of` the root of a file's project, and `refuse` the
    reason why a project with a root may not import a file, if there is one. `check_other` checks files in
    other forms than the language's own, such as plans in YAML; None for all that are none."""

    read: Read
    describe: Describe
    root_of: Callable[[str], str]
    refuse: Callable[[str, str], Diagnostic | None] = lambda root, path: None
    check_other: Callable[[str, Read], Checked | None] = lambda path, read: None
    _open: dict[str, Source] = attrs.field(init=False, factory=dict)
    _texts: dict[str, Text] = attrs.field(init=False, factory=dict)
    _doubted: dict[str, Text] = attrs.field(init=False, factory=dict)  # forgotten, and perhaps as before
    _uses: dict[Use, Description] = attrs.field(init=False, factory=dict)
    _roots: dict[str, str] = attrs.field(init=False, factory=dict)
    _refusals: dict[tuple[str, str], Diagnostic | None] = attrs.field(init=False, factory=dict)
    _entries: dict[str, _Entry] = attrs.field(init=False, factory=dict)
    _modules: dict[str, CheckedModule] = attrs.field(init=False, factory=dict)

    def open(self, path: str, text: str) -> None:
        """From now on the file has this text, whatever stands on disk."""
        before = self._open.get(path) or self._texts.get(path)
        if isinstance(before, Source) and before.text == text:
            self._open[path] = before
        else:
            self._open[path] = Source(path, text)

    def close(self, path: str) -> None:
        """From now on the file is what stands on disk."""
        source = self._open.pop(path, None)
        if source is not None:
            self.forget([path])
            self._doubted[path] = source

    def forget(self, paths: Iterable[str] | None = None) -> None:
        """These files, or any, may have changed on disk: read them again when they are asked for."""
        for path in list(self._texts) if paths is None else paths:
            if path in self._texts:
                self._doubted[path] = self._texts.pop(path)
        self._uses.clear()
        self._roots.clear()
        self._refusals.clear()

    def text(self, path: str) -> Text:
        """What a file says, whatever kind of file it is."""
        if path in self._open:
            return self._open[path]
        if path not in self._texts:
            found, before = self.read(path), self._doubted.pop(path, None)
            self._texts[path] = before if before is not None and before == found else found
        return self._texts[path]

    def snapshot(self, path: str) -> Snapshot | Diagnostic:
        """The file as it is now; where it cannot be read, the one placed diagnostic that says why."""
        entry = self._entries.get(path)
        if entry is None or not self._is_current(path, entry):
            entry = self._entries[path] = self._checked(path)
        return entry.found

    def snapshots(self, paths: Iterable[str]) -> Snapshots:
        """Those of some files that can be read."""
        found = ((path, self.snapshot(path)) for path in paths)
        return {path: each for path, each in found if isinstance(each, Snapshot)}

    def known(self, paths: Iterable[str]) -> Snapshots:
        """Those of some files that have been looked at, as they were then; nothing is read or checked."""
        entries = ((path, self._entries.get(path)) for path in paths)
        return {path: e.found for path, e in entries if e is not None and isinstance(e.found, Snapshot)}

    def is_still(self, path: str, found: Snapshot | Diagnostic | None) -> bool:
        """Whether `snapshot` would give what it gave somebody before."""
        entry = self._entries.get(path)
        return entry is not None and entry.found is found and self._is_current(path, entry)

    def _is_current(self, path: str, entry: _Entry) -> bool:
        return (
            self._root(path) == entry.root
            and all(self._seen(path, entry.root, seen) is text for seen, text in entry.texts.items())
            and all(self._described(use) is found for use, found in entry.uses.items())
        )

    def _checked(self, path: str) -> _Entry:
        texts: dict[str, Text] = {}
        uses: dict[Use, Description] = {}

        def read(wanted: str) -> Text:
            return texts.setdefault(wanted, self._seen(path, root, wanted))

        def describe(provider: str, target: str, using_path: str) -> Description:
            use = provider, target, using_path
            return uses.setdefault(use, self._described(use))

        root, before = self._root(path), self._known()
        checked = self.check_other(path, read)
        if checked is None:
            project = load(path, read=read, describe=describe, root=root, previous=before.project)
            checked = check(project, previous=before)
        self._modules.update(checked.modules)
        found = Snapshot(path, checked) if path in checked.modules else checked.diagnostics[0]
        return _Entry(found, root, texts, uses)

    def _known(self) -> Checked:
        """All modules as they were last checked, in the shape of an earlier result."""
        modules = {path: each.module for path, each in self._modules.items()}
        project = Project("", modules, tuple(modules), {}, self.describe, ())
        return Checked(project, self._modules.copy())

    def _seen(self, entry: str, root: str, path: str) -> Text:
        """A file as the project of an entry sees it. The entry itself may lie anywhere: somebody named it."""
        if path != entry:
            if (root, path) not in self._refusals:
                self._refusals[root, path] = self.refuse(root, path)
            if refusal := self._refusals[root, path]:
                return refusal
        return self.text(path)

    def _described(self, use: Use) -> Description:
        if use not in self._uses:
            self._uses[use] = self.describe(*use)
        return self._uses[use]

    def _root(self, path: str) -> str:
        if path not in self._roots:
            self._roots[path] = self.root_of(path)
        return self._roots[path]
