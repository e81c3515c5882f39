"""What the other files of a workspace offer: names that an import would bring, and paths.

A file that is not imported is offered only where its import would be sound: it lies in the folder of this one
or below, and does not import this one itself."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

import attrs

from flowlang.ide import offers
from flowlang.ide.offers import Offer
from flowlang.ide.snapshot import Edit, Snapshot, Snapshots
from flowlang.ide.wording import bare
from flowlang.semantics.facts import Interface
from flowlang.syntax import ast
from flowlang.text.source import Span

MOST_OFFERED = 50


@attrs.frozen(eq=False, repr=False)
class Elsewhere:
    """The files beside the one at hand; `typed` is what of a name stands there already."""

    snapshot: Snapshot
    others: Snapshots
    typed: str

    def offers(self, *kinds: type[Interface]) -> Iterator[Offer]:
        """Names of some kinds in files that are not imported yet, each with the import that it needs."""
        paths = self.importable() if self.typed else ()
        found = (offer for path in paths for offer in self._of_file(path, kinds))
        for _, offer in zip(range(MOST_OFFERED), found, strict=False):
            yield offer

    def members(self, alias: str, *kinds: type[Interface]) -> Iterator[Offer]:
        """What a file has that an import would call `alias` here, each with that import."""
        for path in self.importable():
            if free_alias(path, self.snapshot) == alias:
                edit = import_edit(self.snapshot, path, alias)
                for name, found in self._declared(path, kinds):
                    yield attrs.evolve(offers.interface(name, found, bare), edits=(edit,))

    def importable(self) -> list[str]:
        """The files that could be imported here and are not."""
        own, folder = self.snapshot.path, posixpath.dirname(self.snapshot.path)
        imported = {
            target for (path, _), target in self.snapshot.checked.project.imports.items() if path == own
        }
        return sorted(
            path
            for path, other in self.others.items()
            if path != own
            and path not in imported
            and own not in other.checked.modules
            and _below(path, folder)
        )

    def _of_file(self, path: str, kinds: tuple[type[Interface], ...]) -> Iterator[Offer]:
        alias = free_alias(path, self.snapshot)
        edit = import_edit(self.snapshot, path, alias)
        for name, found in self._declared(path, kinds):
            if name.lower().startswith(self.typed.lower()):
                offer = offers.interface(f"{alias}.{name}", found, bare)
                detail = f"{offer.detail}  (import {posixpath.basename(path)})"
                yield attrs.evolve(offer, detail=detail, rank=9, edits=(edit,))

    def _declared(self, path: str, kinds: tuple[type[Interface], ...]) -> Iterator[tuple[str, Interface]]:
        names = self.others[path].module.namespace.items()
        return ((name, found) for name, found in names if isinstance(found, kinds))


def _below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def free_alias(path: str, snapshot: Snapshot) -> str:
    """A name for a module: that of its file, if nothing has it."""
    stem = re.sub(r"\W", "_", posixpath.basename(path).removesuffix(".flow"), flags=re.ASCII)
    alias = stem if stem and not stem[0].isdigit() else f"_{stem}"
    number = 2
    while alias in snapshot.module.namespace:
        alias, number = f"{stem}{number}", number + 1
    return alias


def import_edit(snapshot: Snapshot, path: str, alias: str) -> Edit:
    """The import of a file, behind those that stand there."""
    written = relative(path, snapshot.path)
    line = f'import "{written}" as {alias}'
    imports = [item for item in snapshot.tree.items if isinstance(item.declaration, ast.Import)]
    if imports:
        end = imports[-1].offset + len(imports[-1].parsed.text)
        return Edit(snapshot.path, Span(end, end), f"\n{line}")
    start = snapshot.tree.items[0].offset if snapshot.tree.items else 0
    return Edit(snapshot.path, Span(start, start), f"{line}\n\n")


def relative(path: str, using: str) -> str:
    """A path as a file writes it."""
    return posixpath.relpath(path, posixpath.dirname(using) or ".")


def paths_for(around: ast.Node, path: str, others: Snapshots, files: Iterable[str]) -> Iterator[Offer]:
    """The files that an import or a use may name."""
    if isinstance(around, ast.Import):
        found = sorted(other for other in others if other != path)
    elif isinstance(around, ast.Use):
        found = sorted(file for file in files if file.endswith(".py"))
    else:
        return
    for each in found:
        yield Offer(offers.quoted(relative(each, path)), "path", each, rank=0)
