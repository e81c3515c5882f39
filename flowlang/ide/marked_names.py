"""The names that may stand where a mark stands: the nodes around it -> offers.

One case for each place in the tree where a name may be: it says what kind of name is meant, and the functions
below it gather what there is of that kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property

import attrs

from flowlang.ide import keywords, offers
from flowlang.ide.half import Half
from flowlang.ide.in_sight import calls_at, in_sight, steps_before, wanted_at
from flowlang.ide.offers import Offer
from flowlang.ide.other_files import Elsewhere
from flowlang.ide.snapshot import Edit, Snapshot
from flowlang.ide.wording import Written, common_fields, parameters_of, written_in
from flowlang.semantics import builtins, functions
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    ErrorName,
    EventName,
    Interface,
    Namespace,
    TypeName,
    module_at,
)
from flowlang.semantics.providers import PROVIDERS
from flowlang.semantics.types import (
    BOOL,
    Record,
    Type,
    Union,
    is_optional,
    is_poison,
    present,
    show,
)
from flowlang.syntax import ast
from flowlang.text.source import Span


def names_at_mark(snapshot: Snapshot, half: Half, elsewhere: Elsewhere) -> Iterator[Offer]:
    """The names that may stand where the mark of `half` is."""
    found = AtMark(snapshot, half, elsewhere).offers()
    return (offer for offer in found if offer.label.startswith('"')) if half.in_string else found


@attrs.frozen(eq=False, repr=False, slots=False)
class AtMark:
    snapshot: Snapshot
    half: Half
    elsewhere: Elsewhere

    @property
    def names(self) -> Mapping[str, Interface]:
        return self.snapshot.module.namespace

    @cached_property
    def written(self) -> Written:
        return written_in(self.snapshot.path, self.names.items())

    def offers(self) -> Iterator[Offer]:
        mark, around = self.half.nodes[-1], self.half.nodes[-2]
        match around:
            case ast.Member(name=name) if name is mark:
                return self.members(around)
            case ast.QualifiedName(module=module) if module is mark:
                return self.modules()
            case ast.QualifiedName():
                return self.qualified(around, self.half.nodes[-3])
            case ast.After():
                return self.steps()
            case ast.Effect():
                return (Offer(e, "effect", "", doc, rank=0) for e, doc in keywords.EFFECTS.items())
            case ast.Use(provider=provider) if provider is mark:
                return (Offer(name, "provider", "", doc, rank=0) for name, doc in PROVIDERS.items())
            case ast.GenericType():
                return offers.scalar_types()
            case ast.Argument():
                return self.argument(around)
            case ast.Entry(name=name, short=short) if short or name is mark:
                return self.entry(around)
            case ast.Binding():
                return self.bindings()
            case ast.FailWith(error=error) | ast.Fail(error=error) if error is mark:
                return self.of_kind(ErrorName)
            case ast.Given(fails=fails) if fails is mark:
                return self.of_kind(ErrorName)
            case ast.Send(event=event) if event is mark:
                return self.of_kind(EventName)
            case ast.Run(call=call) if call is mark:
                return self.flows()
            case ast.Call(callee=callee) if callee is mark:
                return self.callees()
        return self.expression() if isinstance(mark, ast.Name) else iter(())

    # Names of declarations

    def of_kind(self, *kinds: type[Interface], called: bool = False) -> Iterator[Offer]:
        """The declarations of some kinds: of this file, of imported ones, of those that could be."""
        out = self.calling() if Callable in kinds else frozenset()
        for name, found in self.names.items():
            if isinstance(found, Namespace):
                yield from self.of_module(name, found, kinds, called=called)
            elif isinstance(found, kinds) and name not in out:
                yield offers.interface(name, found, self.written, called=called)
        if ErrorName in kinds and not isinstance(self.half.nodes[-3], ast.Signature):
            yield from offers.built_in_errors()
        yield from self.elsewhere.offers(*kinds)

    def calling(self) -> frozenset[str]:
        """The flow around the mark and those that call it, which it cannot call in turn."""
        flow = self.half.nodes[0]
        if not isinstance(flow, ast.FlowDecl):
            return frozenset()
        entries = self.snapshot.module.entries
        found, pending = {flow.name.name}, [flow.name.name]
        while pending:
            name = pending.pop()
            callers = {key for key, entry in entries.items() if name in entry.mentions} - found
            found |= callers
            pending += callers
        return frozenset(found)

    def of_module(
        self, alias: str, module: Namespace, kinds: tuple[type[Interface], ...], *, called: bool = False
    ) -> Iterator[Offer]:
        """The declarations of an imported module behind its alias, and the alias itself."""
        found = [(n, i) for n, i in module.members.items() if isinstance(i, kinds)]
        if found:
            yield offers.interface(alias, module, self.written)
        for name, interface in found:
            offer = offers.interface(f"{alias}.{name}", interface, self.written, called=called)
            yield attrs.evolve(offer, rank=offer.rank + 1)

    def qualified(self, name: ast.QualifiedName, around: ast.Node) -> Iterator[Offer]:
        """Names where only declarations of one kind stand."""
        kinds: tuple[type[Interface], ...] = (TypeName,)
        match around:
            case ast.ConstructorPattern() | ast.Is():
                return self.cases(name, around)
            case ast.WaitFor():
                kinds = (EventName,)
            case ast.Given():
                return self.answered(name, around)
            case ast.Catch() | ast.Retry() | ast.Signature() | ast.Run():
                kinds = (ErrorName,)
        module = module_at(self.names, name.module_text)
        if isinstance(module, Namespace):
            found = ((n, i) for n, i in module.members.items() if isinstance(i, kinds))
            return (offers.interface(n, i, self.written, called=True) for n, i in found)
        return self.plain_names(kinds, around)

    def answered(self, name: ast.QualifiedName, around: ast.Given) -> Iterator[Offer]:
        """The agents and asks that a test may answer, and modules, which may hold more of them."""
        found = self.plain_names((Callable,), around)
        module = module_at(self.names, name.module_text)
        if isinstance(module, Namespace):
            names = {**module.modules, **module.members}
            found = iter([offers.interface(n, i, self.written, called=True) for n, i in names.items()])
        return (offer for offer in found if offer.kind in ("agent", "ask", "module"))

    def plain_names(self, kinds: tuple[type[Interface], ...], around: ast.Node) -> Iterator[Offer]:
        if kinds == (TypeName,):
            yield from offers.scalar_types()
        raised = self.raised() if isinstance(around, ast.Catch | ast.Retry) else frozenset()
        for offer in self.of_kind(*kinds, called=True):
            yield attrs.evolve(offer, rank=0) if offer.label in raised else offer

    def raised(self) -> frozenset[str]:
        """The errors that the step at the mark may fail with, as this file writes them."""
        step = next((node for node in reversed(self.half.nodes) if isinstance(node, ast.Step)), None)
        found: set[str] = set()
        for node in ast.walk(step.task) if step else ():
            target = self.target(node) if isinstance(node, ast.Call) else None
            if isinstance(target, Callable):
                found.update(map(self.written, target.raises))
        return frozenset(found)

    def target(self, call: ast.Call) -> object:
        """What a call calls; a built-in error by its name."""
        known = self.half.known
        found = known.tables.symbols.get(call.callee.id) if known else None
        if found is None and isinstance(call.callee, ast.Name) and call.callee.name in builtins.ERRORS:
            return call.callee.name
        return found

    def cases(self, name: ast.QualifiedName, around: ast.ConstructorPattern | ast.Is) -> Iterator[Offer]:
        """The cases of the value that is asked about, those that no other arm has first."""
        match = self.half.nodes[-5] if isinstance(around, ast.ConstructorPattern) else around
        subject = match.subject if isinstance(match, ast.Match) else getattr(match, "value", None)
        type = self.half.type_of(subject) if subject else None
        taken = _taken(match) if isinstance(match, ast.Match) else frozenset()
        inside = present(type) if type else None
        if isinstance(match, ast.Match):
            yield from offers.literals(inside, but=taken)
        if not isinstance(inside, Union):
            return
        for case in inside.cases:
            alias = self.alias_of(inside)
            label = case.name if name.module or not alias else f"{alias}.{case.name}"
            fields = ", ".join(field.name for field in case.fields)
            snippet = f"{label}({fields}) -> $0" if fields else f"{label} -> $0"
            arm = snippet if isinstance(match, ast.Match) else None
            rank = 7 if case.name in taken else 0
            yield Offer(label, "constructor", show(inside), case.doc, label, arm, rank)

    def alias_of(self, union: Union) -> str | None:
        """The alias of the module that declares a union; None where that is this one."""
        if union.module == self.snapshot.path:
            return None
        for alias, module in self.names.items():
            found = module.members.get(union.name) if isinstance(module, Namespace) else None
            if isinstance(found, TypeName):
                return alias
        return None

    def callees(self) -> Iterator[Offer]:
        """What stands before parentheses."""
        called = self.half.nodes[-3]
        if isinstance(called, ast.FailWith | ast.Fail):
            return self.of_kind(ErrorName, called=True)
        if isinstance(called, ast.Send):
            return self.of_kind(EventName, called=True)
        if isinstance(called, ast.Run):
            return self.flows(called=True)
        kinds = (Callable, Constructor) if self.is_task else (Constructor,)
        return self.of_kind(*kinds, called=True)

    def flows(self, *, called: bool = False) -> Iterator[Offer]:
        found = self.of_kind(Callable, called=called)
        return (offer for offer in found if offer.kind in ("flow", "module"))

    # Values

    @property
    def is_task(self) -> bool:
        """Whether a task may stand at the mark: then the tables take words that begin one."""
        return "race" in self.half.prefix.words

    def expression(self) -> Iterator[Offer]:
        wanted = wanted_at(self.half)
        yield from offers.literals(wanted)
        if not isinstance(self.half.nodes[0], ast.FlowDecl | ast.TestDecl):
            return  # a policy or a default, which is a constant
        if isinstance(wanted, Record):
            yield from filter(None, (offers.record_shape(wanted.fields),))
        yield from in_sight(self.half, wanted)
        yield from self.constructors(wanted)
        if wanted == BOOL:
            yield from (offers.keyword(word, 2) for word in ("true", "false", "not"))
        if self.is_task:
            yield from self.of_kind(Callable)
        else:
            yield from self.modules()
        if any(isinstance(node, ast.Expect) for node in self.half.nodes):
            yield Offer("calls", "function", "calls(agent) -> list<…>", RECORDED, "calls(", 'calls("$1")')

    def constructors(self, wanted: Type | None) -> Iterator[Offer]:
        for offer in self.of_kind(Constructor):
            fits = offers.fitting(self.union_of(offer.label), wanted)
            rank = 1 if fits else offer.rank if wanted is None else 7
            yield attrs.evolve(offer, rank=rank)

    def union_of(self, name: str) -> Type | None:
        found = self.names.get(name)
        return found.union if isinstance(found, Constructor) else None

    def modules(self) -> Iterator[Offer]:
        for name, found in self.names.items():
            if isinstance(found, Namespace):
                yield offers.interface(name, found, self.written)

    def argument(self, argument: ast.Argument) -> Iterator[Offer]:
        """Where the mark is an argument or its name: the parameters that are not given yet, and values."""
        call = self.half.nodes[-3]
        if not isinstance(call, ast.Call):
            return
        mark = self.half.nodes[-1]
        is_named = argument.name is not None and argument.name is not mark
        parameters = parameters_of(self.target(call))
        if parameters is not None and not is_named:
            values = {offer.label: offer for offer in in_sight(self.half, None)}
            given = {a.name.name for a in call.arguments if a.name is not None and a.name is not mark}
            for each in parameters:
                if each.name not in given:
                    yield offers.argument(each, values.get(each.name), with_value=argument.name is None)
        if isinstance(mark, ast.Name):
            yield from calls_at(self.half, call, self.names)
            yield from self.expression()

    def entry(self, entry: ast.Entry) -> Iterator[Offer]:
        """The fields that a record still wants; a short entry may be any value in sight."""
        literal = self.half.nodes[-3]
        wanted = self.half.wanted(literal)
        if isinstance(wanted, Record) and isinstance(literal, ast.RecordLiteral):
            given = {e.name.name for e in literal.entries if isinstance(e, ast.Entry) and e is not entry}
            for field in wanted.fields:
                if field.name not in given:
                    rank = 2 if is_optional(field.type) else 0
                    offer = attrs.evolve(offers.field(field), label=f"{field.name}:", rank=rank)
                    yield attrs.evolve(offer, insert=f"{field.name}: ") if entry.short else offer
        if entry.short:
            yield from in_sight(self.half, None)

    def bindings(self) -> Iterator[Offer]:
        """The fields of the constructor that a pattern takes apart."""
        pattern = next(n for n in reversed(self.half.nodes) if isinstance(n, ast.ConstructorPattern))
        known = self.half.known
        case = known.tables.symbols.get(pattern.case.id) if known else None
        bound = {binding.field.name for binding in pattern.bindings}
        if isinstance(case, Constructor):
            yield from (offers.field(field) for field in case.fields if field.name not in bound)

    def steps(self) -> Iterator[Offer]:
        return (Offer(name, "value", "step", rank=0) for name in steps_before(self.half))

    # Behind a dot

    def members(self, member: ast.Member) -> Iterator[Offer]:
        known = self.half.known
        found = known.tables.symbols.get(member.target.id) if known else None
        if isinstance(found, Namespace):
            return self.of_namespace(found)
        type = self.half.type_of(member.target)
        if type is not None and not is_poison(type):
            return self.of_value(member, type)
        if found is None and isinstance(member.target, ast.Name):
            return self.elsewhere.members(member.target.name, *self.member_kinds())
        return iter(())

    def of_namespace(self, module: Namespace) -> Iterator[Offer]:
        """What a module has that may stand here."""
        called = isinstance(self.half.nodes[-3], ast.Call)
        for name, found in module.members.items():
            if isinstance(found, self.member_kinds()):
                yield offers.interface(name, found, self.written, called=called)

    def member_kinds(self) -> tuple[type[Interface], ...]:
        """What of a module may stand here: anything to call in a task, else only constructors."""
        if isinstance(self.half.nodes[-3], ast.FailWith | ast.Fail):
            return (ErrorName,)
        return (Callable, Constructor) if self.is_task_member() else (Constructor,)

    def is_task_member(self) -> bool:
        """Whether `alias.mark` stands where a task may: it, or its call, is all of a step, an arm, …"""
        nodes = [*self.half.nodes[:-2]]
        if isinstance(nodes[-1], ast.Call):
            nodes.pop()
        return isinstance(nodes[-1], HOLDS_TASKS)

    def of_value(self, member: ast.Member, type: Type) -> Iterator[Offer]:
        """The fields and functions of a value; of one that may be missing behind `?.`."""
        wanted = self.half.wanted(member)
        inside = present(type)
        found = [offers.field(field, wanted) for field in common_fields(inside)]
        for name in functions.names(inside):
            signature = functions.signature(inside, name)
            if signature is not None:
                found.append(offers.function(signature))
        if is_optional(type) and not member.safe:
            found = [attrs.evolve(offer, edits=self.safe_dot()) for offer in found]
        yield from found

    def safe_dot(self) -> tuple[Edit, ...]:
        at = self.half.word.start - 1
        if not self.snapshot.text.startswith(".", at):
            return ()
        return (Edit(self.snapshot.path, Span(at, at), "?"),)


RECORDED = "In `expect`: what an agent was called with."
HOLDS_TASKS = (
    ast.Step, ast.Return, ast.Yield, ast.Next, ast.Catch, ast.Undo, ast.Race, ast.Choose, ast.ChooseArm,
    ast.MatchArm, ast.If, ast.Run,
)  # fmt: skip


def _taken(match: ast.Match) -> frozenset[str]:
    """The cases and literals that the arms of a match have already."""
    found: set[str] = set()
    for arm in match.arms:
        match arm.pattern:
            case ast.ConstructorPattern(case=case):
                found.add(case.name.name)
            case ast.LiteralPattern(value=ast.StringLiteral(value=value)):
                found.add(value)
    return frozenset(found)
