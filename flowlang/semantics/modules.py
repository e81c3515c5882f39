"""Load a project: an entry file and everything it imports, parsed, in the order imports need.

Paths are text and files come from a reader, so an editor's unsaved buffers and tests work like the disk.
An import is relative to the importing file and may not leave the root, which is the folder of the nearest
`flow.toml` as the caller found it; a reader that follows links checks them against the same root.
Invariant: every module of `order` stands after those it imports; an import that is missing, leaves the
root or closes a cycle is reported where it stands and left out."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

from flowlang.semantics.order import shortened
from flowlang.semantics.providers import Describe
from flowlang.semantics.suggest import did_you_mean
from flowlang.syntax import ast
from flowlang.syntax.parser import parse
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Source

Read: TypeAlias = Callable[[str], Source | Diagnostic]
"""path -> its text, or one placed diagnostic that says why there is none"""

ParseEntry: TypeAlias = Callable[[Source], ast.Module]
"""The tree of an entry that is written in another form than the language's own, such as a plan in YAML"""


@attrs.frozen(eq=False, repr=False)
class Project:
    """`imports` maps a module and the key of an import in it to the path of the imported module.
    `diagnostics` are about files and imports, placed."""

    entry: str
    modules: Mapping[str, ast.Module]
    order: tuple[str, ...]
    imports: Mapping[tuple[str, str], str]
    describe: Describe
    diagnostics: tuple[Diagnostic, ...]


def load(
    path: str,
    *,
    read: Read,
    describe: Describe,
    root: str | None = None,
    previous: Project | None = None,
    parse_entry: ParseEntry | None = None,
) -> Project:
    """Parse `path` and all it imports. Never raises for what it finds in files."""
    loader = _Loader(read, posixpath.dirname(path) if root is None else root, previous, parse_entry)
    loader.load(path)
    order = loader.order(path)
    return Project(path, loader.modules, order, loader.imports, describe, tuple(loader.found))


@attrs.define(eq=False, repr=False)
class _Loader:
    read: Read
    root: str
    previous: Project | None
    parse_entry: ParseEntry | None
    modules: dict[str, ast.Module] = attrs.field(factory=dict)
    imports: dict[tuple[str, str], str] = attrs.field(factory=dict)
    found: list[Diagnostic] = attrs.field(factory=list)
    failed: dict[str, Diagnostic] = attrs.field(factory=dict)

    def load(self, entry: str) -> None:
        entry = posixpath.normpath(entry)
        if not self.open(entry, self.parse_entry):
            self.found.append(self.failed[entry])
            return
        pending = [entry]
        while pending:
            path = pending.pop()
            for item in self.modules[path].items:
                if isinstance(item.declaration, ast.Import):
                    target = self.resolve(path, item, item.declaration)
                    if target is not None:
                        self.imports[path, item.key] = target
                        if target not in self.modules and self.follow(path, item, item.declaration, target):
                            pending.append(target)

    def open(self, path: str, parse_entry: ParseEntry | None = None) -> bool:
        if path in self.failed:
            return False
        source = self.read(path)
        if isinstance(source, Diagnostic):
            self.failed[path] = source
            return False
        if parse_entry is not None:
            self.modules[path] = parse_entry(source)
            return True
        before = self.previous.modules.get(path) if self.previous else None
        unchanged = before is not None and before.source == source
        self.modules[path] = before if before and unchanged else parse(source, previous=before)
        return True

    def resolve(self, path: str, item: ast.Item, declaration: ast.Import) -> str | None:
        written = declaration.path.value
        if posixpath.isabs(written) or "\\" in written:
            help = "write the path relative to this file, with `/` between folders"
            self.report(path, item, declaration, codes.IMPORT_OUTSIDE, "an import cannot be absolute", help)
            return None
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), written))
        if not self.inside(target):
            message = f'"{written}" lies outside of the project'
            help = "put a `flow.toml` into the folder that holds both files; that folder is then the project"
            self.report(path, item, declaration, codes.IMPORT_OUTSIDE, message, help)
            return None
        return target

    def inside(self, target: str) -> bool:
        root = posixpath.normpath(self.root) if self.root else "."
        if root == ".":
            return not target.startswith("..") and not posixpath.isabs(target)
        return target.startswith(root.rstrip("/") + "/")

    def follow(self, path: str, item: ast.Item, declaration: ast.Import, target: str) -> bool:
        if self.open(target):
            return True
        why = self.failed[target]
        code = why.code if why.code == codes.IMPORT_OUTSIDE else codes.UNKNOWN_MODULE
        message = f'"{declaration.path.value}" cannot be imported: {why.message}'
        self.report(path, item, declaration, code, message, why.help or did_you_mean(target, self.modules))
        del self.imports[path, item.key]
        return False

    def report(
        self,
        path: str,
        item: ast.Item,
        declaration: ast.Import,
        code: codes.Code,
        message: str,
        help: str | None,
    ) -> None:
        span = declaration.path.span.shifted(item.offset)
        self.found.append(Diagnostic(code, message, Label(span, "", Anchor(path)), help=help))

    def order(self, entry: str) -> tuple[str, ...]:
        """Modules after those they import; an import that closes a cycle is reported and dropped."""
        done: dict[str, None] = {}
        way: list[str] = []
        pending: list[tuple[str, bool]] = [(posixpath.normpath(entry), False)] if self.modules else []
        while pending:
            path, leaving = pending.pop()
            if leaving:
                done[way.pop()] = None
            elif path not in done and path not in way:
                way.append(path)
                pending.append((path, True))
                pending.extend((target, False) for target in reversed(self.followed(path, way, done)))
        return tuple(done)

    def followed(self, path: str, way: list[str], done: Mapping[str, None]) -> list[str]:
        targets = []
        for item in self.modules[path].items:
            target = self.imports.get((path, item.key))
            if target is None:
                continue
            if target in way:
                self.cut(path, item, [*way[way.index(target) :], target])
            elif target not in done:
                targets.append(target)
        return targets

    def cut(self, path: str, item: ast.Item, cycle: list[str]) -> None:
        """Drop an import that closes a cycle. The mistake stands in the module that is met first, at its own
        import of the next, so that each module of a cycle shows it when it is looked at by itself."""
        first = next(
            i for i in self.modules[cycle[0]].items if self.imports.get((cycle[0], i.key)) == cycle[1]
        )
        assert isinstance(first.declaration, ast.Import)
        message = f"these modules import each other: {shortened(cycle, ' → ')}"
        help = "move what both need into a third module"
        self.report(cycle[0], first, first.declaration, codes.IMPORT_CYCLE, message, help)
        del self.imports[path, item.key]
