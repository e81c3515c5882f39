"""What the names of a file mean: a declaration -> its mentions, each with the one thing that it names.

A meaning is a value that is equal wherever the same thing is named, in whichever file and in whichever
snapshot of it: so references are all mentions of equal meaning, and a rename is a change of all of them.

Declarations, values and parameters are known exactly. A field of a record is known by the declared type
that the record's type names, since records are structural; where two declared types are alike to the
letter, it is not known whose field it is, and the mention has no meaning."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Literal, TypeAlias
from weakref import WeakKeyDictionary

import attrs

from flowlang.ide.snapshot import Snapshot
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    Declared,
    ErrorName,
    EventName,
    Facts,
    Interface,
    Local,
    Namespace,
    Symbol,
    TypeName,
)
from flowlang.semantics.types import Enum, Record, Type, Union, present
from flowlang.syntax import ast
from flowlang.text.source import Anchor, Span


@attrs.frozen
class Declaration:
    """What a module declares, and what an alias stands for, by its name."""

    module: str
    name: str


@attrs.frozen
class Foreign:
    """What a `use` brings in: an agent, a type or a constructor of someone else."""

    module: str
    alias: str
    name: str


@attrs.frozen
class Variable:
    """A value name inside of a declaration, by the id of the node that declares it."""

    module: str
    key: str
    name: str
    node: int


@attrs.frozen
class Part:
    """A parameter of an agent or a flow; a field of a type, a constructor, an error or an event; a literal
    of an enum. `kind` tells a literal from a field."""

    owner: Declaration
    name: str
    kind: str = "field"


Short: TypeAlias = Literal["field", "value"] | None
Meaning: TypeAlias = Declaration | Foreign | Variable | Part


@attrs.frozen
class Mention:
    """A name in a file. `declares` where the name is made known; `short` where one word stands for a field
    and for a value, `{ url }` or `Published(url)`: which of them this mention is."""

    span: Span
    meaning: Meaning
    declares: bool = False
    short: Short = None


def mention_at(snapshot: Snapshot, offset: int) -> Mention | None:
    """The mention that holds an offset or ends there."""
    found = mentions_at(snapshot, offset)
    return found[-1] if found else None


def mentions_at(snapshot: Snapshot, offset: int) -> list[Mention]:
    """All that the word at an offset means; a short binding is a field and a value, the value last."""
    item = snapshot.item_at(offset)
    if item is None:
        return []
    around = [m for m in mentions(snapshot, item) if m.span.start <= offset <= m.span.end]
    inner = [m for m in around if offset < m.span.end] or around
    return inner


def mentions(snapshot: Snapshot, item: ast.Item, owners: Owners | None = None) -> Iterator[Mention]:
    """The names of a declaration that are known to mean something. They follow from its facts, which it keeps
    until it, or something that it uses, is changed; so they are found once."""
    facts = snapshot.facts(item)
    found = KNOWN.get(facts)
    if found is None:
        found = KNOWN[facts] = tuple(Reader(snapshot, item, owners or Owners(snapshot)).declaration())
    for mention in found:
        yield Mention(mention.span.shifted(item.offset), mention.meaning, mention.declares, mention.short)


KNOWN: WeakKeyDictionary[Facts, tuple[Mention, ...]] = WeakKeyDictionary()
"""Mentions with spans that are relative to their declaration."""


def meaning_of(found: Interface, snapshot: Snapshot) -> Declaration | Foreign:
    """The meaning of an interface."""
    declared = snapshot.current(found).declared
    item = snapshot.item(declared.anchor)
    if item is not None and isinstance(item.declaration, ast.Use) and not isinstance(found, Namespace):
        return Foreign(declared.module, item.declaration.name.name, declared.name)
    return Declaration(declared.module, declared.name)


@attrs.frozen(eq=False, repr=False, slots=False)
class Owners:
    """Whose fields and literals those of a type are: the declared types of a project by their names."""

    snapshot: Snapshot

    @cached_property
    def _declared(self) -> dict[str, list[tuple[Declaration, Type]]]:
        found: dict[str, list[tuple[Declaration, Type]]] = {}
        for path, module in self.snapshot.checked.modules.items():
            for name, interface in module.namespace.items():
                match interface:
                    case TypeName(type=type):
                        found.setdefault(name, []).append((Declaration(path, name), type))
                    case EventName(fields=fields):
                        record = Record(fields, name)
                        found.setdefault(name, []).append((Declaration(path, name), record))
        return found

    def of(self, type: Type | None) -> list[Declaration]:
        """The declarations that have the fields, or the literals, of a type."""
        inside = present(type) if type is not None else None
        match inside:
            case Record(name=str(name)) | Enum(name=str(name)):
                found = [declaration for declaration, each in self._declared.get(name, ()) if each == inside]
                return found if len(found) == 1 else []
            case Union(module=module, cases=cases):
                return [Declaration(module, case.name) for case in cases]
        return []


SILENT = (ast.Ident, ast.Argument, ast.StringLiteral, ast.IntLiteral, ast.Block, ast.Binary)  # and frequent


@attrs.frozen(eq=False, repr=False)
class Reader:
    """Reads the mentions of one declaration off its tree and its facts, with spans that are relative to
    it."""

    snapshot: Snapshot
    item: ast.Item
    owners: Owners

    def declaration(self) -> Iterator[Mention]:
        declaration = self.item.declaration
        own = declaration.name
        if isinstance(own, ast.Ident):
            owner = Declaration(self.snapshot.path, own.name)
            yield self.mention(own, owner, declares=True)
            yield from self.head(declaration, owner)
        given: ast.Given | None = None
        short: set[int] = set()  # names that stand for a field and for a value
        for node in ast.walk(declaration):
            if isinstance(node, SILENT):
                continue
            given = node if isinstance(node, ast.Given) else given
            if isinstance(node, ast.Entry) and node.short:
                short.add(node.value.id)
            for mention in self.node(node, given):
                yield attrs.evolve(mention, short="value") if node.id in short else mention

    def mention(
        self, node: ast.Node, meaning: Meaning, *, declares: bool = False, short: Short = None
    ) -> Mention:
        return Mention(node.span, meaning, declares, short)

    def head(self, declaration: ast.Declaration, owner: Declaration) -> Iterator[Mention]:
        """What a declaration declares besides its own name."""
        match declaration:
            case ast.AgentDecl(signature=signature) | ast.FlowDecl(signature=signature):
                for param in signature.params:
                    yield self.mention(param.name, Part(owner, param.name.name), declares=True)
            case ast.ErrorDecl(fields=fields) | ast.EventDecl(fields=fields):
                yield from self.fields(fields, owner)
            case ast.TypeDecl(definition=ast.RecordType(fields=fields)):
                yield from self.fields(fields, owner)
            case ast.TypeDecl(definition=ast.EnumType(values=values)):
                for value in values:
                    yield self.literal(value, owner, value.value, declares=True)
            case ast.TypeDecl(definition=ast.Variants(variants=variants)):
                for variant in variants:
                    case = Declaration(self.snapshot.path, variant.name.name)
                    yield self.mention(variant.name, case, declares=True)
                    yield from self.fields(variant.fields, case)

    def fields(self, fields: tuple[ast.Field, ...], owner: Declaration) -> Iterator[Mention]:
        return (self.mention(f.name, Part(owner, f.name.name), declares=True) for f in fields)

    def literal(self, node: ast.Node, owner: Declaration, value: str, *, declares: bool = False) -> Mention:
        """A literal of an enum; what is named is what stands between the quotes."""
        return Mention(Span(node.span.start + 1, node.span.end - 1), Part(owner, value, "literal"), declares)

    # Nodes

    def node(self, node: ast.Node, given: ast.Given | None) -> Iterable[Mention]:
        match node:
            case ast.Name():
                return self.symbol(node, node, given)
            case ast.Member():
                return self.member(node)
            case ast.Call():
                return self.call(node)
            case ast.QualifiedName(module=module, name=name):
                alias = self.symbol(module, module, given) if isinstance(module, ast.Ident) else ()
                return (*alias, *self.symbol(name, node, given))
            case ast.RecordLiteral():
                return self.record(node)
            case ast.ConstructorPattern():
                return self.pattern(node)
            case ast.After(names=names):
                return self.values(names, declares=False)
            case ast.Lambda(params=params):
                return self.values(params)
            case ast.Step(name=name) | ast.Let(name=name) | ast.Run(name=name) | ast.While(state=name):
                return self.values((name,))
            case ast.Catch(binding=ast.Ident() as name):
                return self.values((name,))
            case ast.ForEach(first=first, second=second):
                return self.values((first, second) if second else (first,))
        return ()

    def symbol(self, at: ast.Node, node: ast.Node, given: ast.Given | None = None) -> Iterator[Mention]:
        """A name by what the checker found it to be."""
        found = self.snapshot.symbol_of(self.item, node)
        meaning = None if found is None else self.meaning(found, given)
        if meaning is not None:
            yield self.mention(at, meaning)

    def meaning(self, found: Symbol, given: ast.Given | None) -> Meaning | None:
        if not isinstance(found, Local):
            return meaning_of(found, self.snapshot)
        if found.node <= -2 and given is not None:
            agent = self.snapshot.symbol_of(self.item, given.agent)
            owner = meaning_of(agent, self.snapshot) if isinstance(agent, Callable) else None
            return Part(owner, found.name) if isinstance(owner, Declaration) else None
        if found.node < 0:
            return None
        return self.local(found)

    def local(self, found: Local) -> Meaning:
        declared = self.item.declaration.name
        if found.kind == "param" and isinstance(declared, ast.Ident):
            return Part(Declaration(self.snapshot.path, declared.name), found.name)
        return Variable(self.snapshot.path, self.item.key, found.name, found.node)

    def values(self, names: tuple[ast.Ident, ...], *, declares: bool = True) -> Iterator[Mention]:
        """Names of values."""
        for name in names:
            found = self.snapshot.symbol_of(self.item, name)
            if isinstance(found, Local) and found.node >= 0:
                yield self.mention(name, self.local(found), declares=declares)

    def member(self, member: ast.Member) -> Iterator[Mention]:
        """A declaration behind an alias, or a field of a value."""
        found = self.snapshot.symbol_of(self.item, member)
        if found is not None and not isinstance(found, Local):
            yield self.mention(member.name, meaning_of(found, self.snapshot))
            return
        for owner in self.owners.of(self.snapshot.type_of(self.item, member.target)):
            yield self.mention(member.name, Part(owner, member.name.name))

    def call(self, call: ast.Call) -> Iterator[Mention]:
        """The names of the arguments of a call; and the agent that `calls("agent")` names."""
        found = self.snapshot.symbol_of(self.item, call.callee)
        if isinstance(found, Callable | Constructor | ErrorName | EventName):
            owner = meaning_of(found, self.snapshot)
            for argument in call.arguments:
                if argument.name is not None and isinstance(owner, Declaration):
                    yield self.mention(argument.name, Part(owner, argument.name.name))
        elif isinstance(call.callee, ast.Name) and call.callee.name == "calls" and found is None:
            yield from self.recorded(call)

    def recorded(self, call: ast.Call) -> Iterator[Mention]:
        only = call.arguments[0].value if len(call.arguments) == 1 else None
        names: Mapping[str, Interface] = self.snapshot.module.namespace
        if not isinstance(only, ast.StringLiteral) or len(only.text) != len(only.value) + 2:
            return
        *aliases, name = only.value.split(".")
        start = only.span.start + 1
        for alias in aliases:
            module = names.get(alias)
            if not isinstance(module, Namespace):
                return
            yield Mention(Span(start, start + len(alias)), meaning_of(module, self.snapshot))
            start += len(alias) + 1
            names = {**module.modules, **module.members}
        agent = names.get(name)
        if isinstance(agent, Callable):
            yield Mention(Span(start, start + len(name)), meaning_of(agent, self.snapshot))

    def record(self, literal: ast.RecordLiteral) -> Iterator[Mention]:
        """The fields of a record; those of short entries are mentioned together with the value."""
        owners = self.owners.of(self.snapshot.type_of(self.item, literal))
        for entry in literal.entries:
            if isinstance(entry, ast.Entry):
                short: Short = "field" if entry.short else None
                for owner in owners:
                    yield self.mention(entry.name, Part(owner, entry.name.name), short=short)

    def pattern(self, pattern: ast.ConstructorPattern) -> Iterator[Mention]:
        """The fields that a pattern takes, and the values that it makes of them."""
        case = self.snapshot.symbol_of(self.item, pattern.case)
        owner = meaning_of(case, self.snapshot) if isinstance(case, Constructor) else None
        for binding in pattern.bindings:
            is_short = binding.field.span == binding.name.span
            if isinstance(owner, Declaration):
                field = Part(owner, binding.field.name)
                yield self.mention(binding.field, field, short="field" if is_short else None)
            for value in self.values((binding.name,)):
                yield attrs.evolve(value, short="value" if is_short else None)


def declared(snapshot: Snapshot, meaning: Meaning) -> Mention | None:
    """Where something is declared, as a mention in the module that declares it."""
    if isinstance(meaning, Foreign):
        return None
    path = meaning.owner.module if isinstance(meaning, Part) else meaning.module
    if path not in snapshot.checked.modules:
        return None
    home = Snapshot(path, snapshot.checked)
    for item in items_of(home, meaning):
        for mention in mentions(home, item):
            if mention.declares and mention.meaning == meaning:
                return mention
    return None


def items_of(home: Snapshot, meaning: Meaning) -> Iterator[ast.Item]:
    """The declarations of a module that may declare something."""
    match meaning:
        case Variable(key=key):
            item = home.item(Anchor(home.path, key))
            return iter(()) if item is None else iter((item,))
        case Part(owner=Declaration(name=name)) | Declaration(name=name) | Foreign(name=name):
            interface = home.module.namespace.get(name)
    found: Declared | None = interface.declared if interface else None
    item = home.item(found.anchor) if found else None
    return iter(()) if item is None else iter((item,))
