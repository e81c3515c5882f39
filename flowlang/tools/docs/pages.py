"""Checked files -> pages: what a reader needs to call a flow, to provide an agent, or to find their way.

A page is a list of blocks that know nothing of Markdown or HTML. Signatures are the text of the language,
types are shown as messages show them, and everything that was documented with `///` stands where it belongs.
What a flow calls is read off its facts, its picture off the plan."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from typing import Generic, TypeAlias, TypeVar

import attrs

from flowlang.ide.calls import calls_in
from flowlang.ide.snapshot import Snapshot, Snapshots
from flowlang.ide.wording import shown_parameter
from flowlang.plan.graph import graph
from flowlang.plan.graph_svg import to_svg
from flowlang.plan.graph_text import to_mermaid
from flowlang.plan.lower import lower
from flowlang.plan.model import Plan
from flowlang.semantics.facts import Callable, Parameter
from flowlang.semantics.reach import in_order
from flowlang.semantics.types import show
from flowlang.syntax import ast
from flowlang.syntax.printer import print_declaration, print_expression

D = TypeVar("D", bound=ast.Node)


@attrs.frozen
class Link:
    """A name, and the page and heading that tell of it; nowhere for what is declared in another language."""

    name: str
    path: str | None
    anchor: str = ""


@attrs.frozen
class Heading:
    level: int
    text: str


@attrs.frozen
class Text:
    """What somebody wrote: Markdown."""

    text: str


@attrs.frozen
class Code:
    text: str


@attrs.frozen
class Table:
    """The cells of columns whose head is in `words` are Markdown, the others text of the language."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: tuple[str, ...]


@attrs.frozen
class Facts:
    """What is known of something, each with a word for it and names or words behind it."""

    rows: tuple[tuple[str, tuple[Link, ...]], ...]


@attrs.frozen
class Drawing:
    mermaid: str
    svg: str


Block: TypeAlias = Heading | Text | Code | Table | Facts | Drawing


@attrs.frozen
class Page:
    """`path` is that of the flow file, from the folder that all of them share; `about` one line of it."""

    path: str
    about: str
    blocks: tuple[Block, ...]


def pages(snapshots: Snapshots) -> tuple[Page, ...]:
    """A page for each file, in the order of their paths. No file may have errors; each is the entry of its
    project."""
    shared = posixpath.commonpath([posixpath.dirname(path) for path in snapshots]) if snapshots else ""
    return tuple(_Writing(snapshots[path], snapshots, shared).page() for path in sorted(snapshots))


@attrs.frozen
class _Writing:
    snapshot: Snapshot
    all: Snapshots
    shared: str

    def page(self) -> Page:
        blocks = [Heading(1, self.shown(self.snapshot.path)), *self.flows(), *self.agents()]
        for title, kind in (("Types", ast.TypeDecl), ("Errors", ast.ErrorDecl), ("Events", ast.EventDecl)):
            blocks += self.plain(title, kind)
        blocks += self.tests()
        return Page(self.shown(self.snapshot.path), self.about(), tuple(blocks))

    def shown(self, path: str) -> str:
        return posixpath.relpath(path, self.shared) if self.shared else path

    def about(self) -> str:
        """The first line that documents a flow, else anything."""
        flows = [each.declaration.doc for each in self.items(ast.FlowDecl)]
        uses = [each.declaration.doc for each in self.items(ast.Use)]
        return next((doc.partition("\n")[0] for doc in (*flows, *uses) if doc), "")

    def items(self, kind: type[D]) -> list[_Item[D]]:
        found = []
        for item in self.snapshot.tree.items:
            declaration: ast.Node = item.declaration
            if isinstance(declaration, kind):
                found.append(_Item(item, declaration))
        return found

    # Flows

    def flows(self) -> Iterator[Block]:
        found = self.items(ast.FlowDecl)
        plan = lower(self.snapshot.checked) if found else None
        yield from _titled("Flows", found)
        for each in found:
            declared = each.declaration
            yield Heading(3, declared.name.name)
            text = each.item.parsed.text[declared.name.span.start : declared.body.span.start]
            yield Code(f"flow {text.strip()}")
            yield from _documented(declared.doc)
            interface = self.snapshot.facts(each.item).interface
            assert isinstance(interface, Callable)
            yield from _parameters(interface.parameters)
            yield Facts(tuple(self.facts_of(interface, self.calls(each.item))))
            assert plan is not None
            yield from _drawing(plan, declared.name.name)

    def calls(self, item: ast.Item) -> tuple[Link, ...]:
        """What a flow calls, each once, in the order of the text."""
        return tuple(dict.fromkeys(self.link(call, target) for call, target in calls_in(self.snapshot, item)))

    def link(self, call: ast.Call, target: Callable) -> Link:
        declared = target.declared
        name = print_expression(call.callee)
        return Link(name, None) if target.provider else self.to(declared.module, declared.name, name)

    def to(self, module: str, name: str, written: str) -> Link:
        return Link(written, self.shown(module) if module in self.all else None, name)

    def facts_of(
        self, interface: Callable, calls: Sequence[Link] = ()
    ) -> Iterator[tuple[str, tuple[Link, ...]]]:
        yield "gives", (Link(show(interface.result), None),)
        if interface.raises:
            errors = in_order(interface.raises)
            yield "may fail with", tuple(self.to(e.module, e.name, e.name) for e in errors)
        if interface.effect is not None:
            yield "effect", (Link(interface.effect, None),)
        if interface.waits:
            yield "may wait for", (Link("an answer, an event or a time", None),)
        if calls:
            yield "calls", tuple(calls)

    # Agents, and what is declared in a line or two

    def agents(self) -> Iterator[Block]:
        found = self.items(ast.AgentDecl)
        for title, asks in (("Agents", False), ("Questions to people", True)):
            some = [each for each in found if each.declaration.asks == asks]
            yield from _titled(title, some)
            for each in some:
                interface = self.snapshot.facts(each.item).interface
                assert isinstance(interface, Callable)
                yield Heading(3, each.declaration.name.name)
                yield Code(_undocumented(each.declaration))
                yield from _documented(each.declaration.doc)
                yield from _parameters(interface.parameters)

    def plain(self, title: str, kind: type[ast.TypeDecl | ast.ErrorDecl | ast.EventDecl]) -> Iterator[Block]:
        found = self.items(kind)
        yield from _titled(title, found)
        for each in found:
            yield Heading(3, each.declaration.name.name)
            yield Code(_undocumented(each.declaration))
            yield from _documented(each.declaration.doc)

    def tests(self) -> Iterator[Block]:
        found = self.items(ast.TestDecl)
        yield from _titled("Tests", found)
        if found:
            titles = tuple((each.declaration.name.value,) for each in found)
            yield Table(("what is tested",), titles, words=("what is tested",))


@attrs.frozen
class _Item(Generic[D]):
    item: ast.Item
    declaration: D


def _titled(title: str, found: Sequence[object]) -> Iterator[Heading]:
    if found:
        yield Heading(2, title)


def _documented(doc: str | None) -> Iterator[Text]:
    if doc:
        yield Text(doc)


def _undocumented(declaration: ast.Declaration) -> str:
    lines = print_declaration(declaration).split("\n")
    return "\n".join(line for line in lines if not line.startswith("///"))


def _parameters(parameters: Iterable[Parameter]) -> Iterator[Table]:
    rows = []
    for parameter in parameters:
        _, _, default = shown_parameter(parameter).partition(f"{show(parameter.type)} = ")
        rows.append((parameter.name, show(parameter.type), default, parameter.doc or ""))
    head = ("parameter", "type", "default", "what it is")
    used = [column for column in range(len(head)) if column == 0 or any(row[column] for row in rows)]
    if rows:
        picked = tuple(tuple(row[column] for column in used) for row in rows)
        yield Table(tuple(head[column] for column in used), picked, words=("what it is",))


def _drawing(plan: Plan, flow: str) -> Iterator[Drawing]:
    drawn = graph(plan, flow)
    if len(drawn.nodes) > 1:
        yield Drawing(to_mermaid(drawn), to_svg(drawn))
