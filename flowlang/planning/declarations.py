"""What a plan's flow needs beside it: imports, the agents it calls, and the types of its inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import attrs

from flowlang.planning.agents import Agents, KnownAgent, Library
from flowlang.planning.literals import quoted
from flowlang.planning.places import Placed
from flowlang.planning.trees import Maker
from flowlang.semantics import types
from flowlang.semantics.facts import Constructor, ErrorName, TypeName
from flowlang.semantics.types import Type
from flowlang.syntax import ast
from flowlang.syntax.declaration import parse_declaration
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Label, Problems
from flowlang.text.source import Span

START = Span(0, 0)
TYPE_HEAD = "type T = "
LONGEST_TYPE = 4_000  # characters; what is cut off here does not parse
FORBIDDEN = {
    "secret": "secrets are the business of whoever binds the agents, in flow.toml",
    "file": "a plan has no files",
}


@attrs.frozen
class Breaker:
    """A circuit breaker that a step asks for, with the place where it does. Its window is its reset time."""

    failures: int
    reset: ast.Expr
    span: Span

    @property
    def meaning(self) -> tuple[object, ...]:
        reset = getattr(self.reset, "microseconds", None)
        return self.failures, reset, reset


@attrs.define(eq=False)
class UsedAgents:
    """The agents that steps call, by what the plan's module declares of them."""

    problems: Problems
    declared: dict[str, tuple[KnownAgent, Span]] = attrs.field(factory=dict)
    breakers: dict[str, Breaker] = attrs.field(factory=dict)

    def callee(self, make: Maker, agent: KnownAgent, span: Span) -> ast.Expr:
        """What a call of an agent calls: a declaration of the plan's module, or a member of an alias."""
        if agent.declaration is not None:
            first, _ = self.declared.setdefault(agent.member, (agent, span))
            if first.origin is agent.origin:
                return make.name(span, agent.member)
        return make.member(span, make.name(span, agent.origin.alias), agent.member)

    def guard(self, agent: KnownAgent, breaker: Breaker) -> None:
        """Give an agent a circuit breaker."""
        declaration = agent.declaration
        own = (
            next((p for p in declaration.policies if isinstance(p, ast.Breaker)), None)
            if declaration
            else None
        )
        if own is not None and _meaning(own) == breaker.meaning:
            return
        if declaration is None or own is not None:
            self.refuse(agent, breaker, has_one=own is not None)
            return
        first = self.breakers.setdefault(agent.member, breaker)
        if first.meaning != breaker.meaning:
            related = (Label(first.span, "the other one"),)
            message = f"another step gives the agent `{agent.id}` another circuit breaker"
            help = "a breaker counts all calls of an agent, so there is one; write the same in both"
            self.problems.report(codes.BAD_POLICY, breaker.span, message, related=related, help=help)

    def refuse(self, agent: KnownAgent, breaker: Breaker, *, has_one: bool) -> None:
        message = f"the agent `{agent.id}` cannot be given a circuit breaker here"
        help = f"declare it in a .flow that the plan uses, with a `breaker`: `agent {agent.member}(…) …`"
        if has_one:
            help = "it has one already, which holds for this plan too; drop this one"
        self.problems.report(codes.BAD_POLICY, breaker.span, message, help=help)

    def declarations(self) -> Iterable[ast.AgentDecl]:
        for name, (agent, span) in self.declared.items():
            assert agent.declaration is not None
            yield declared_again(agent.declaration, agent.origin, span, self.breakers.get(name))


def _meaning(policy: ast.Breaker) -> tuple[object, ...]:
    """The failures, the window and the reset of a declared breaker."""
    times = (getattr(time, "microseconds", None) for time in (policy.within, policy.reset))
    return (getattr(policy.failures, "value", None), *times)


def declared_again(
    declaration: ast.AgentDecl, library: Library, span: Span, breaker: Breaker | None
) -> ast.AgentDecl:
    """An agent of a library as a declaration of another module."""
    make = Maker()

    def replace(node: ast.Node, moved: Callable[[Any], Any]) -> ast.Node | None:
        match node:
            case ast.QualifiedName(module=None, name=name) if library.has(
                name.name, TypeName, ErrorName, Constructor
            ):
                return make.qualified(span, library.alias, name.name)
            case ast.Call(callee=ast.Name(name=name), arguments=arguments) if library.has(name, Constructor):
                callee = make.member(span, make.name(span, library.alias), name)
                return make(ast.Call, span, callee, tuple(map(moved, arguments)))
        return None

    copy = make.again(declaration, lambda _: span, replace)
    if breaker is None:
        return copy
    count = make(ast.IntLiteral, breaker.span, breaker.failures, str(breaker.failures))
    within, reset = (make.again(breaker.reset, lambda span: span, lambda *_: None) for _ in range(2))
    policies = *copy.policies, make(ast.Breaker, breaker.span, count, within, reset)
    return make(ast.AgentDecl, span, copy.name, copy.asks, copy.signature, policies, copy.doc)


def imports(libraries: Iterable[Library], used: set[str]) -> Iterable[ast.Import | ast.Use]:
    """The lines that bring in the libraries that are used."""
    for library in libraries:
        if library.alias in used:
            make = Maker()
            target = make(ast.Text, START, library.target, quoted(library.target))
            alias = make.ident(START, library.alias)
            if library.kind == "flow":
                yield make(ast.Import, START, target, alias)
            else:
                yield make(ast.Use, START, make.ident(START, "python"), alias, target)


def aliases_in(tree: ast.Node) -> Iterable[str]:
    """The names that stand before a `.name`."""
    for node in ast.walk(tree):
        match node:
            case ast.Member(target=ast.Name(name=name)) | ast.QualifiedName(module=ast.Ident(name=name)):
                yield name


# Types of inputs


def input_type(make: Maker, text: Placed, agents: Agents, problems: Problems) -> ast.TypeExpr:
    """The type that a text is."""
    parsed = parse_declaration(TYPE_HEAD + text.text[:LONGEST_TYPE])
    shift, length = len(TYPE_HEAD), len(text.text)

    def place(span: Span) -> Span:
        return text.span(*(min(max(offset - shift, 0), length) for offset in span))

    def replace(node: ast.Node, moved: Callable[[Any], Any]) -> ast.Node | None:
        if isinstance(node, ast.QualifiedName) and node.module is None:
            library = agents.holder(node.name.name, TypeName)
            return make.qualified(place(node.span), library.alias, node.name.name) if library else None
        return None

    for found in parsed.diagnostics:
        primary = attrs.evolve(found.primary, span=place(found.primary.span))
        fix = found.fix if text.exact else None
        fix = fix and attrs.evolve(fix, edits=tuple(Edit(place(e.span), e.text) for e in fix.edits))
        problems.found.append(attrs.evolve(found, primary=primary, related=(), fix=fix))
    tree = parsed.declaration
    definition = tree.definition if isinstance(tree, ast.TypeDecl) else None
    if definition is None or isinstance(definition, ast.Variants) or len(parsed.text) < shift + length:
        if not parsed.diagnostics:
            help = "write it like `string`, `int?`, `list<string>` or `{ url: string, depth: int? }`"
            problems.report(codes.BAD_PLAN, text.whole, "this is no type", help=help)
        return make(ast.BrokenType, text.whole)
    if name := next(forbidden(definition), None):
        message = f"an input of a plan cannot be a `{name}`"
        problems.report(codes.BAD_PLAN, text.whole, message, help=FORBIDDEN[name])
        return make(ast.BrokenType, text.whole)
    moved: ast.TypeExpr = make.again(definition, place, replace)
    return moved


def forbidden(tree: ast.TypeExpr) -> Iterator[str]:
    """The parts of a type that no input of a plan can have."""
    return (n.name for n in ast.walk(tree) if isinstance(n, ast.Ident) and n.name in FORBIDDEN)


def wanted_of(tree: ast.TypeExpr) -> Type | None:
    """As much of a type as it takes to read a value of it."""
    match tree:
        case ast.NamedType(name=ast.QualifiedName(module=None, name=name)):
            return types.SCALARS.get(name.name)
        case ast.OptionalType(inner=inner):
            return wanted_of(inner)
        case ast.GenericType(name=ast.Ident(name="list"), arguments=(inner,)):
            return types.ListOf(wanted_of(inner) or types.UNKNOWN)
        case ast.GenericType(name=ast.Ident(name="map"), arguments=(inner,)):
            return types.MapOf(wanted_of(inner) or types.UNKNOWN)
        case ast.RecordType(fields=fields):
            named = ((field.name.name, wanted_of(field.type)) for field in fields)
            return types.Record(tuple(types.RecordField(name, type or types.UNKNOWN) for name, type in named))
    return None
