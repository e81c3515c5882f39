"""Check a project: modules in import order, declarations in dependency order, each on its own.

A declaration is checked against the interfaces that it looks up and nothing else. What it looked up is
kept with its facts, so after an edit only the declarations whose text or whose interfaces changed are
checked again: `check(project, previous=…)` gives the same answer as a check from scratch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TypeAlias

import attrs

from flowlang.semantics import types
from flowlang.semantics.declare import Declarer
from flowlang.semantics.doubt import has_lost_braces, is_in_doubt, words_in_doubt
from flowlang.semantics.echoes import without_echoes
from flowlang.semantics.facts import (
    Constructor,
    Declared,
    ErrorRef,
    Facts,
    Interface,
    Namespace,
    Poisoned,
    TypeName,
    module_at,
)
from flowlang.semantics.flows import signature_of
from flowlang.semantics.modules import Project
from flowlang.semantics.namespace import (
    BUILT_IN,
    Outlook,
    declared_names,
    is_built_in,
    kind_of_name,
    mentions_of_kind,
    outlook_of,
    title,
)
from flowlang.semantics.order import components, cycle_in, is_cycle, shortened
from flowlang.semantics.providers import PROVIDERS, Description
from flowlang.semantics.single import Session, check_single, session_for
from flowlang.semantics.suggest import GUESSES, Guesses, did_you_mean
from flowlang.semantics.uses import mistakes_in, namespace_of
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Span

MOST_ERRORS = 200
"""That one module may declare."""


@attrs.frozen(eq=False, repr=False)
class Entry:
    """A checked declaration: its facts, what they were made from and what they looked up."""

    parsed: ast.Parsed
    facts: Facts
    used: Mapping[tuple[str, str], Interface | None]
    mentions: Mapping[str, None]  # types (of a type) or flows (of a flow) by name


@attrs.frozen(eq=False, repr=False)
class CheckedModule:
    """`namespace` holds every name of the module, `entries` what is known of each declaration by key, and
    `outlook` what messages may suggest: the names in sight and their kinds. `around` is what the check saw
    of other files, for each import and `use` by key."""

    module: ast.Module
    around: Around
    namespace: Mapping[str, Interface]
    entries: Mapping[str, Entry]
    outlook: Outlook
    diagnostics: tuple[tuple[Anchor, Diagnostic], ...]

    @property
    def facts(self) -> dict[str, Facts]:
        return {key: entry.facts for key, entry in self.entries.items()}


Around: TypeAlias = "Mapping[str, CheckedModule | Description | None]"
"""What stands behind each import and each `use` of a module; None for an import that was not followed."""


@attrs.frozen(eq=False, repr=False, slots=False)
class Checked:
    project: Project
    modules: Mapping[str, CheckedModule]

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """What is wrong in all files, placed, in the order of files and lines, each mistake once."""
        found = [*self.project.diagnostics]
        offsets = {Anchor(p, i.key): i.offset for p, m in self.modules.items() for i in m.module.items}
        for path, module in self.modules.items():
            for home, diagnostic in self._of_module(path, module):
                found.append(diagnostic.placed(home, lambda anchor: offsets.get(anchor, 0)))
        order = {path: index for index, path in enumerate(reversed(self.project.order))}
        return tuple(without_echoes(sorted(found, key=lambda d: (order.get(d.path, -1), d.primary.span))))

    def _of_module(self, path: str, module: CheckedModule) -> Iterator[tuple[Anchor, Diagnostic]]:
        yield from ((Anchor(path), d) for d in module.module.diagnostics)
        for item in module.module.items:
            yield from ((Anchor(path, item.key), d) for d in item.parsed.diagnostics)
            yield from ((Anchor(path, item.key), d) for d in module.entries[item.key].facts.diagnostics)
        yield from module.diagnostics

    @property
    def has_errors(self) -> bool:
        return any(d.severity == "error" for d in self.diagnostics)


def check(project: Project, *, previous: Checked | None = None) -> Checked:
    """Check every module of a project. Never raises for what is wrong in the text."""
    checked: dict[str, CheckedModule] = {}
    for path in project.order:
        before = previous.modules.get(path) if previous else None
        around = _around(project, path, checked)
        if before is None or not _sees_the_same(before, project.modules[path], around):
            before = _ModuleChecker(project, path, around, before).check()
        checked[path] = before
    return Checked(project, checked)


def _around(project: Project, path: str, checked: Mapping[str, CheckedModule]) -> Around:
    found: dict[str, CheckedModule | Description | None] = {}
    for item in project.modules[path].items:
        match item.declaration:
            case ast.Import():
                target = project.imports.get((path, item.key))
                found[item.key] = checked.get(target) if target else None
            case ast.Use(provider=provider, target=file):
                found[item.key] = project.describe(provider.name, file.value, path)
    return found


def _sees_the_same(before: CheckedModule, module: ast.Module, around: Around) -> bool:
    """Whether a check of a whole module would find what it found before."""
    return before.module is module and all(before.around[key] is seen for key, seen in around.items())


@attrs.define(eq=False, repr=False)
class _ModuleChecker:
    project: Project
    path: str
    around: Around
    before: CheckedModule | None
    namespace: dict[str, Interface] = attrs.field(factory=dict)
    entries: dict[str, Entry] = attrs.field(factory=dict)
    outlook: Outlook = attrs.field(factory=dict)
    same_outlook: bool = False
    found: list[tuple[Anchor, Diagnostic]] = attrs.field(factory=list)
    firsts: dict[str, ast.Item] = attrs.field(factory=dict)  # the item that owns each name
    mentions: dict[str, Mapping[str, None]] = attrs.field(factory=dict)  # of each declaration, see `Entry`
    described: dict[str, Description] = attrs.field(factory=dict)  # what stands behind each `use`

    @property
    def module(self) -> ast.Module:
        return self.project.modules[self.path]

    def check(self) -> CheckedModule:
        self._declare_names()
        for item in self._of_kind(ast.Import, ast.Use):
            self._item(item)
        self.outlook = outlook_of(self.namespace)
        self.same_outlook = self.before is not None and self.before.outlook == self.outlook
        self._types()
        for item in self._of_kind(ast.ErrorDecl, ast.EventDecl, ast.BrokenDecl):
            self._item(item)
        for item in self._of_kind(ast.AgentDecl):
            self._item(item)
        self._too_many_errors()
        self._flows()
        for item in self._of_kind(ast.TestDecl):
            self._item(item)
        self._titles()
        self._unreadable_agents()
        self._unused_aliases()
        found = tuple(self.found)
        return CheckedModule(self.module, self.around, self.namespace, self.entries, self.outlook, found)

    def _too_many_errors(self) -> None:
        """A step may raise each of a module's errors, so what is known of steps grows with their number."""
        for item in list(self._of_kind(ast.ErrorDecl))[MOST_ERRORS : MOST_ERRORS + 1]:
            message = f"a module declares at most {MOST_ERRORS} errors"
            help = "tell kinds of one error apart by a field, or move some into another module"
            assert isinstance(item.declaration, ast.ErrorDecl)
            self._report(item, codes.TOO_DEEP, item.declaration.name, message, (), help)

    def _titles(self) -> None:
        """A test is told, and picked, by its title."""
        firsts: dict[str, tuple[str, ast.Text]] = {}
        for item in self._of_kind(ast.TestDecl):
            assert isinstance(item.declaration, ast.TestDecl)
            name = item.declaration.name
            if not name.value.strip():
                message, help = "a test needs a title", 'say what holds: `test "nobody pays twice" { … }`'
                self._report(item, codes.SYNTAX, name, message, (), help)
                continue
            key, first = firsts.setdefault(name.value, (item.key, name))
            if first is not name:
                related = (Label(first.span, "the first one", Anchor(self.path, key)),)
                message, help = "two tests have this title", "give this one another title"
                self._report(item, codes.DUPLICATE_NAME, name, message, related, help)

    def _of_kind(self, *kinds: type[ast.Node]) -> Iterator[ast.Item]:
        return (item for item in self.module.items if isinstance(item.declaration, kinds))

    # Names

    def _declare_names(self) -> None:
        """One namespace: every name is poison until its declaration is checked. So is every word of a
        declaration that did not parse: it may be what that should have declared."""
        for item in self.module.items:
            for name in declared_names(item.declaration):
                self._declare_name(item, name)
        for item in self.module.items:
            for word in words_in_doubt(item.parsed):
                if word not in self.namespace and word not in BUILT_IN:
                    anchor = Anchor(self.path, item.key)
                    self.namespace[word] = Poisoned(Declared(self.path, word, Span(0, 0), anchor, None))

    def _declare_name(self, item: ast.Item, name: ast.Ident) -> None:
        anchor = Anchor(self.path, item.key)
        first = self.firsts.get(name.name)
        if first is not None:
            at = next(n for n in declared_names(first.declaration) if n.name == name.name)
            related = (Label(at.span, "the first one", Anchor(self.path, first.key)),)
            message, help = f"`{name.name}` is declared twice", "give one of them another name"
            self._report(item, codes.DUPLICATE_NAME, name, message, related, help)
        elif is_built_in(item.declaration, name.name):
            message, help = f"`{name.name}` is built in", "give this one another name"
            self._report(item, codes.DUPLICATE_NAME, name, message, (), help)
        else:
            self.firsts[name.name] = item
            declared = Declared(self.path, name.name, name.span, anchor, None)
            self.namespace[name.name] = Poisoned(declared, kind_of_name(item.declaration, name))

    def _report(
        self, item: ast.Item, code: codes.Code, at: ast.Node, message: str, related: tuple[Label, ...],
        help: str,
    ) -> None:  # fmt: skip
        diagnostic = Diagnostic(code, message, Label(at.span), related, help)
        self.found.append((Anchor(self.path, item.key), diagnostic))

    def _provide(self, item: ast.Item, interface: Interface | None) -> None:
        """Put what a declaration shows into the namespace, where it owns its name."""
        declaration = item.declaration
        if is_in_doubt(item.parsed):
            return
        provided: set[str] = set()
        for name in declared_names(declaration):
            if interface is None or self.firsts.get(name.name) is not item or name.name in provided:
                continue
            provided.add(name.name)
            if isinstance(declaration, ast.TypeDecl) and name is not declaration.name:
                self._provide_constructor(item, name, interface)
            else:
                self.namespace[name.name] = interface

    def _provide_constructor(self, item: ast.Item, name: ast.Ident, interface: Interface) -> None:
        union = interface.type if isinstance(interface, TypeName) else types.UNKNOWN
        case = union.case(name.name) if isinstance(union, types.Union) else None
        if case is not None:
            declared = Declared(self.path, name.name, name.span, Anchor(self.path, item.key), case.doc)
            self.namespace[name.name] = Constructor(declared, union, case.name, case.fields)

    # Order

    def _types(self) -> None:
        items = {item.key: item for item in self._of_kind(ast.TypeDecl)}
        owners = {name: item.key for name, item in self.firsts.items()}
        edges = {key: [owners[n] for n in self._mentions(item) if n in owners] for key, item in items.items()}
        for component in components(edges):
            if is_cycle(component, edges):
                way = [title(items[key].declaration) for key in cycle_in(component, edges)]
                message = f"a type cannot hold itself: {shortened(way, ' → ')}"
                at = items[component[0]]
                assert isinstance(at.declaration, ast.TypeDecl)
                help = "a tree of any depth is `json`; or keep the parts in a list and refer to them by id"
                diagnostic = Diagnostic(
                    codes.RECURSIVE_TYPE, message, Label(at.declaration.name.span), help=help
                )
                self.found.append((Anchor(self.path, at.key), diagnostic))
            for key in component:
                self._item(items[key])

    def _flows(self) -> None:
        items = {item.key: item for item in self._of_kind(ast.FlowDecl)}
        owners = {name: item.key for name, item in self.firsts.items()}
        edges = {key: [owners[n] for n in self._mentions(item) if n in owners] for key, item in items.items()}
        for component in components(edges):
            if is_cycle(component, edges):
                self._recursion([items[key] for key in cycle_in(component, edges)])
                for key in component:
                    self._promise(items[key])
            for key in component:
                self._item(items[key])

    def _recursion(self, way: list[ast.Item]) -> None:
        first, next_ = way[0], title(way[1].declaration)
        calls = (n for n in ast.walk(first.declaration) if isinstance(n, ast.Call))
        at = next(c for c in calls if isinstance(c.callee, ast.Name) and c.callee.name == next_)
        names = shortened([title(item.declaration) for item in way], " → ")
        help = "repeat with `while … at most n times`, whose worst case is known"
        diagnostic = Diagnostic(
            codes.FLOW_RECURSION, f"flow calls form no cycles: {names}", Label(at.span), help=help
        )
        self.found.append((Anchor(self.path, first.key), diagnostic))

    def _promise(self, item: ast.Item) -> None:
        """Flows of a cycle see each other by their signatures."""
        assert isinstance(item.declaration, ast.FlowDecl)
        session = self._session(item)
        self._provide(item, signature_of(session.declarer, item.declaration))

    def _mentions(self, item: ast.Item) -> Mapping[str, None]:
        before = self.before.entries.get(item.key) if self.before else None
        if before is not None and before.parsed is item.parsed:
            return before.mentions
        if item.key not in self.mentions:
            self.mentions[item.key] = mentions_of_kind(item.declaration)
        return self.mentions[item.key]

    # One declaration

    def _item(self, item: ast.Item) -> None:
        entry = self._unchanged(item) or self._checked(item)
        self.entries[item.key] = entry
        self._provide(item, entry.facts.interface)

    def _unchanged(self, item: ast.Item) -> Entry | None:
        before = self.before.entries.get(item.key) if self.before else None
        if before is None or before.parsed is not item.parsed:
            return None
        if isinstance(item.declaration, ast.Import | ast.Use | ast.BrokenDecl):
            return None
        if before.facts.diagnostics and not self._reads_alike(before):
            return None
        same = all(self._seen_as(interface, *name) for name, interface in before.used.items())
        return before if same else None

    def _reads_alike(self, before: Entry) -> bool:
        """Whether the messages of a declaration would suggest the same names and show the same places."""
        if not self.same_outlook or any("." in name for name, _ in before.used):
            return False  # the outlook does not reach into modules of modules
        return all(
            interface is None or _place(self._seen(*name)) == _place(interface)
            for name, interface in before.used.items()
        )

    def _seen_as(self, interface: Interface | None, name: str, member: str) -> bool:
        found = self._seen(name, member)
        return found is interface or found == interface

    def _seen(self, name: str, member: str) -> Interface | None:
        found = module_at(self.namespace, name)
        if not member:
            return found
        return found.members.get(member) if isinstance(found, Namespace) else None

    def _session(self, item: ast.Item) -> Session:
        guesses = Guesses(GUESSES // max(1, len(self.module.items)))
        return session_for(self.path, item, self.namespace, guesses)

    def _checked(self, item: ast.Item) -> Entry:
        session = self._session(item)
        interface = self._interface(item, session)
        tables = session.expressions.tables
        found = () if has_lost_braces(item.parsed) else tuple(session.problems.found)
        facts = Facts(
            tables.types,
            tables.symbols,
            tables.coercions,
            tables.methods,
            tables.statements,
            found,
            interface,
        )
        return Entry(item.parsed, facts, session.lookup.used, self._mentions(item))

    def _interface(self, item: ast.Item, session: Session) -> Interface | None:
        match item.declaration:
            case ast.Import():
                return self._import(item, session.declarer)
            case ast.Use() as use:
                return self._use(item, use, session)
            case _:
                return check_single(item, session)

    # Modules and providers

    def _import(self, item: ast.Item, declarer: Declarer) -> Interface:
        other = self.around[item.key]
        if not isinstance(other, CheckedModule):
            return Namespace(declarer.declared, {}, poisoned=True)
        modules = {n: i for n, i in other.namespace.items() if isinstance(i, Namespace)}
        members = {n: i for n, i in other.namespace.items() if n not in modules}
        return Namespace(declarer.declared, members, modules=modules)

    def _use(self, item: ast.Item, declaration: ast.Use, session: Session) -> Interface:
        provider, description = declaration.provider.name, self.around[item.key]
        assert isinstance(description, Description)
        if not description.known:
            message = f"there is no provider `{provider}`"
            known = ", ".join(f"`{name}`" for name in PROVIDERS)
            help = did_you_mean(provider, PROVIDERS) or f"there are {known}, and those that others install"
            session.problems.report(codes.UNKNOWN_PROVIDER, declaration.provider.span, message, help=help)
            return Namespace(session.declarer.declared, {}, poisoned=True)
        self.described[declaration.name.name] = description
        declared, errors = session.declarer.declared, self._own_errors()
        return namespace_of(declaration, description, declared, errors, session.problems)

    def _own_errors(self) -> frozenset[ErrorRef]:
        """What an agent of a `use` may raise: any error declared in the using module."""
        own = (n for n, item in self.firsts.items() if isinstance(item.declaration, ast.ErrorDecl))
        return frozenset(ErrorRef(self.path, name) for name in own)

    def _unreadable_agents(self) -> None:
        """Agents of a `use` that are named though nobody knows their signature, each reported once."""
        told: set[tuple[str, str]] = set()
        for item in self.module.items:
            for alias, description in self.described.items():
                used = self.entries[item.key].used
                for name, mistakes in mistakes_in(item.declaration, alias, description, used):
                    if (alias, name) not in told:
                        self.found += [(Anchor(self.path, item.key), mistake) for mistake in mistakes]
                    told.add((alias, name))

    def _unused_aliases(self) -> None:
        """Warn of imports that nothing mentions; where there are mistakes, they may be what was meant."""
        parsed = (d for item in self.module.items for d in item.parsed.diagnostics)
        checked = (d for entry in self.entries.values() for d in entry.facts.diagnostics)
        if any(d.severity == "error" for d in (*parsed, *checked)):
            return
        used = {name for entry in self.entries.values() for name, _ in entry.used}
        for item in self._of_kind(ast.Import, ast.Use):
            declaration, shown = item.declaration, self.entries[item.key].facts.interface
            assert isinstance(declaration, ast.Import | ast.Use)
            broken = isinstance(shown, Namespace) and shown.poisoned
            if declaration.name.name not in used and not broken:
                message = f"`{declaration.name.name}` is never used"
                diagnostic = Diagnostic(
                    codes.UNUSED, message, Label(declaration.name.span), help="drop this line"
                )
                self.found.append((Anchor(self.path, item.key), diagnostic))


def _place(interface: Interface | None) -> tuple[Span, Anchor] | None:
    return None if interface is None else (interface.declared.span, interface.declared.anchor)
