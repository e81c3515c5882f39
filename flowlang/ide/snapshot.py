"""What every feature of an editor is given: one file of a checked project, from places to nodes and back.

A `Snapshot` is one file as it was checked: its text, its tree, and the facts of its project. It never
changes; an edit makes another one, which shares every declaration that did not change. A feature is a
function from a snapshot (and an offset) to plain results; where it looks at more files than the project of
the file, as `references` does, it takes `Snapshots`: all files of the workspace by path, each checked as a
project of its own.

What may be relied on:

- Offsets and spans in arguments and results are absolute: code points from the start of the file that the
  path beside them names. Spans in the tree, in facts and in `Declared` are relative to their declaration;
  `span_of`, `location` and `place_of` make them absolute. Lines, columns and UTF-16 exist in the protocol's
  shell only.
- The children of a node lie within its span, in the order of the source, and do not overlap, but for short
  bindings and short entries, whose name and value stand at the same place (`Spot` takes the second).
- `Spot.nodes` goes from the declaration to the innermost node that holds the offset. A node holds the offset
  behind its last character too, unless another one begins there, so a cursor behind a name is at the name.
- Facts are kept while what they depend on has the same meaning, so the places and the documentation of the
  interfaces in `symbol_of` may be of an earlier text. `current` gives an interface as it is now, and
  `place_of` asks it.
- Trees are shared: the snapshots of an importer and of the file that it imports hold the same nodes, while
  both are of the same text.
- `tree.items` is empty for a file that is too large; every other text has a tree, with broken parts in it,
  and every declaration of it has facts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from functools import cached_property
from typing import TypeAlias, TypeVar

import attrs

from flowlang.semantics.check import Checked, CheckedModule
from flowlang.semantics.facts import Facts, Interface, Namespace, Symbol
from flowlang.semantics.types import Type
from flowlang.syntax import ast
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Anchor, Source, Span

N = TypeVar("N", bound=ast.Node)


@attrs.frozen(order=True)
class Location:
    """A stretch of a file."""

    path: str
    span: Span


@attrs.frozen(order=True)
class Edit:
    """Replace what stands at `span` of a file by `text`."""

    path: str
    span: Span
    text: str


@attrs.frozen(eq=False, repr=False)
class Spot:
    """A place in a declaration: the nodes that hold it, from the declaration to the innermost one."""

    item: ast.Item
    offset: int
    nodes: tuple[ast.Node, ...]

    @property
    def node(self) -> ast.Node:
        """The innermost node."""
        return self.nodes[-1]

    @property
    def parent(self) -> ast.Node | None:
        """The node around the innermost one; None where that is the declaration."""
        return self.nodes[-2] if len(self.nodes) > 1 else None

    @property
    def span(self) -> Span:
        """Where the innermost node stands in the file."""
        return span_of(self.item, self.node)

    def nearest(self, *kinds: type[N]) -> N | None:
        """The innermost node of one of these kinds."""
        return next((node for node in reversed(self.nodes) if isinstance(node, kinds)), None)


@attrs.frozen(eq=False, repr=False, slots=False)
class Snapshot:
    """The file at `path`, which is one of those that `checked` holds."""

    path: str
    checked: Checked

    @property
    def tree(self) -> ast.Module:
        return self.module.module

    @property
    def source(self) -> Source:
        return self.tree.source

    @property
    def text(self) -> str:
        return self.source.text

    @property
    def module(self) -> CheckedModule:
        """The names of this file and the facts of its declarations."""
        return self.checked.modules[self.path]

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What is wrong in this file, placed, in the order of the text."""
        return tuple(found for found in self.checked.diagnostics if found.path == self.path)

    def facts(self, item: ast.Item) -> Facts:
        """What is known of a declaration of this file."""
        return self.module.entries[item.key].facts

    def type_of(self, item: ast.Item, node: ast.Node) -> Type | None:
        """The type of an expression, a task or a value name in a declaration of this file."""
        return self.facts(item).types.get(node.id)

    def symbol_of(self, item: ast.Item, node: ast.Node) -> Symbol | None:
        """What a name in a declaration of this file refers to."""
        return self.facts(item).symbols.get(node.id)

    def item_at(self, offset: int) -> ast.Item | None:
        """The declaration whose text, with its documentation, holds an offset or ends there."""
        index = bisect_right(self._offsets, offset) - 1
        if index < 0:
            return None
        item = self.tree.items[index]
        return item if offset <= item.offset + len(item.parsed.text) else None

    def spot_at(self, offset: int) -> Spot | None:
        """The nodes at an offset; None where no declaration is, also for an offset outside of the file."""
        item = self.item_at(offset)
        if item is None:
            return None
        return Spot(item, offset, nodes_at(item.declaration, offset - item.offset))

    def location(self, item: ast.Item, node: ast.Node) -> Location:
        """Where a node of a declaration of this file stands."""
        return Location(self.path, span_of(item, node))

    def current(self, interface: Interface) -> Interface:
        """An interface with the place and the documentation that it has now."""
        declared = interface.declared
        module = self.checked.modules.get(declared.module)
        if module is None:
            return interface
        found = module.namespace.get(declared.name)
        if found is not None and found.declared.anchor == declared.anchor:
            return found
        entry = module.entries.get(declared.anchor.key)
        around = entry.facts.interface if entry else None
        return around.members.get(declared.name, interface) if isinstance(around, Namespace) else interface

    def place_of(self, named: Interface | tuple[Anchor, Span]) -> Location | None:
        """Where an interface is declared, or a span that is relative to an anchor, in a file of this project.

        None where the file or the declaration is not there, and for what has no place in any file."""
        if isinstance(named, tuple):
            anchor, span = named
        else:
            declared = self.current(named).declared
            anchor, span = declared.anchor, declared.span
        if not anchor.key:
            return Location(anchor.path, span) if anchor.path in self.checked.modules else None
        item = self.item(anchor)
        return None if item is None else Location(anchor.path, span.shifted(item.offset))

    def item(self, anchor: Anchor) -> ast.Item | None:
        """The declaration that an anchor names, in any file of the project."""
        return self._items.get(anchor)

    @cached_property
    def _offsets(self) -> list[int]:
        return [item.offset for item in self.tree.items]

    @cached_property
    def _items(self) -> dict[Anchor, ast.Item]:
        modules = self.checked.modules
        return {Anchor(path, item.key): item for path in modules for item in modules[path].module.items}


Snapshots: TypeAlias = Mapping[str, Snapshot]
"""All files of a workspace by path, each as the entry of its own project."""


def span_of(item: ast.Item, node: ast.Node) -> Span:
    """Where a node of a declaration stands in its file."""
    return node.span.shifted(item.offset)


def nodes_at(declaration: ast.Node, offset: int) -> tuple[ast.Node, ...]:
    """The nodes that hold an offset, which is relative as their spans are, from the outermost inwards."""
    nodes = [declaration]
    while inner := child_at(nodes[-1], offset):
        nodes.append(inner)
    return tuple(nodes)


def child_at(node: ast.Node, offset: int) -> ast.Node | None:
    """The child that holds an offset: the last one around it, else the last one that ends there."""
    ending: ast.Node | None = None
    around: ast.Node | None = None
    for child in ast.children(node):
        if child.span.start <= offset < child.span.end:
            around = child
        elif child.span.end == offset:
            ending = child
    return around or ending
