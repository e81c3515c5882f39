"""What a `use` brings in: a provider's description -> a namespace.

Its agents can be called, and the types that their signatures name can be written as if the used module had
declared them in the language: `tools.Page` is a type, `tools.Ok(url: u)` makes a case of a tagged union and
`match` takes it apart.

A module holds more than what a flow calls. So an agent that cannot be read is no mistake by itself: its name
is poison, and only where a flow names it is it said what is wrong with it (`mistakes_in`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import attrs

from flowlang.semantics import types
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    Declared,
    ErrorRef,
    Exposed,
    Interface,
    Namespace,
    Poisoned,
    TypeName,
)
from flowlang.semantics.providers import DescribedAgent, Description, Mistake
from flowlang.semantics.types import Type
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label, Problems
from flowlang.text.source import Span


def namespace_of(
    use: ast.Use,
    description: Description,
    declared: Declared,
    errors: frozenset[ErrorRef],
    problems: Problems,
) -> Namespace:
    """The names behind a `use`; what is wrong with all of it is reported at its target."""
    whole = [mistake for mistake in description.mistakes if mistake.agent is None]
    for mistake in whole:
        message = _placed(description, mistake)
        problems.report(mistake.code, use.target.span, message, help=mistake.help)
    members: dict[str, Interface] = {}
    for mistake in description.mistakes:
        if mistake.agent is not None:
            members[mistake.agent] = Poisoned(attrs.evolve(declared, name=mistake.agent))
    for agent in description.agents:
        members[agent.name] = _callable(use, agent, declared, errors)
    for agent in description.agents:
        for type in (*(p.type for p in agent.parameters), agent.result):
            for name, interface in _named(type, declared):
                members.setdefault(name, interface)
    return Namespace(declared, members, poisoned=bool(whole) and not description.agents)


def _placed(description: Description, mistake: Mistake) -> str:
    if not description.path:
        return mistake.message
    place = f"{description.path}:{mistake.line}" if mistake.line else description.path
    return f"{place}: {mistake.message}"


def _callable(
    use: ast.Use, agent: DescribedAgent, declared: Declared, errors: frozenset[ErrorRef]
) -> Callable:
    own = attrs.evolve(declared, name=agent.name, doc=agent.doc)
    name = f"{use.name.name}.{agent.name}"
    exposed = frozenset({Exposed(name, agent.effect)} if agent.effect in (None, "write") else ())
    return Callable(
        own, "agent", agent.parameters, agent.result, errors, agent.effect, False, exposed,
        provider=(use.provider.name, use.target.value),
    )  # fmt: skip


def _named(type: Type, declared: Declared) -> Iterator[tuple[str, Interface]]:
    """The types with a name in a type, and the constructors of its tagged unions."""
    match type:
        case types.ListOf(inner) | types.MapOf(inner) | types.Optional(inner) | types.Secret(inner):
            yield from _named(inner, declared)
        case types.Enum(name=str(name)):
            yield name, TypeName(attrs.evolve(declared, name=name), type)
        case types.Record(fields=fields, name=name):
            if name is not None:
                yield name, TypeName(attrs.evolve(declared, name=name), type)
            yield from _named_in(fields, declared)
        case types.Union(name=name, cases=cases):
            yield name, TypeName(attrs.evolve(declared, name=name), type)
            for case in cases:
                own = attrs.evolve(declared, name=case.name, doc=case.doc)
                yield case.name, Constructor(own, type, case.name, case.fields)
                yield from _named_in(case.fields, declared)


def _named_in(fields: Iterable[types.RecordField], declared: Declared) -> Iterator[tuple[str, Interface]]:
    for field in fields:
        yield from _named(field.type, declared)


def mistakes_in(
    declaration: ast.Declaration, alias: str, description: Description, used: Mapping[tuple[str, str], object]
) -> Iterator[tuple[str, list[Diagnostic]]]:
    """The agents of a `use` that a declaration names though they cannot be read, each with what is wrong."""
    wrong = [mistake for mistake in description.mistakes if (alias, mistake.agent) in used]
    for name in dict.fromkeys(mistake.agent for mistake in wrong if mistake.agent is not None):
        at = Label(_mention(declaration, alias, name))
        said = f"`{alias}.{name}` cannot be called: "
        yield (
            name,
            [
                Diagnostic(codes.BAD_SIGNATURE, said + _placed(description, mistake), at, help=mistake.help)
                for mistake in wrong
                if mistake.agent == name
            ],
        )


def _mention(declaration: ast.Declaration, alias: str, name: str) -> Span:
    """Where a declaration first names a member of an alias."""
    found = declaration.span
    for node in ast.walk(declaration):
        match node:
            case ast.Member(target=ast.Name(name=first), name=ast.Ident(name=second)):
                pass
            case ast.QualifiedName(module=ast.Ident(name=first), name=ast.Ident(name=second)):
                pass
            case _:
                continue
        if (first, second) == (alias, name) and (found is declaration.span or node.span < found):
            found = node.span
    return found
