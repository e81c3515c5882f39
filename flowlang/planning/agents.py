"""Which agents a plan may call, and how the language calls them.

A plan names agents by plain ids. What they are stands in files that whoever runs the plan has chosen, never
the plan: a `.flow` whose agents, asks and flows it may call, or a Python file. Each such file is a `Library`,
seen through what the checker already knows of it, its types above all, so that parameters can be read as what
they are for. The plan's module imports a library by an alias, or `use`s it.

An agent that a `.flow` declares is declared again by the plan's module, with the same signature and policies:
then it has one name everywhere, in the plan, in `flow.toml` and in an allow-list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, TypeAlias

import attrs

from flowlang.semantics import builtins
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    ErrorName,
    Interface,
    Parameter,
    Poisoned,
    TypeName,
)
from flowlang.syntax import ast
from flowlang.syntax.words import TYPES
from flowlang.text.suggest import nearest

Kind: TypeAlias = Literal["flow", "python"]

FEW: Final = 12


@attrs.frozen(eq=False)
class Library:
    """A file that a plan may use: its name in ids and in the plan's module, the path that is written there,
    and what is in it. `declarations` are the agents of a `.flow` that can be declared again elsewhere."""

    name: str
    alias: str
    target: str
    kind: Kind
    members: Mapping[str, Interface]
    declarations: Mapping[str, ast.AgentDecl] = attrs.field(factory=dict)
    ids: Mapping[str, str] | None = None  # id -> member, where only some have one

    def callables(self) -> dict[str, Callable | None]:
        """What may be called, by id; None for what cannot be read, as the checker says where it is called."""
        named = self.ids if self.ids is not None else {name: name for name in self.members}
        found = {id: self.members.get(member) for id, member in named.items()}
        known = {id: member for id, member in found.items() if isinstance(member, Callable)}
        broken = (id for id, m in found.items() if isinstance(m, Poisoned) and m.kind in (None, Callable))
        return known | dict.fromkeys(broken)

    def member_of(self, id: str) -> str:
        return self.ids[id] if self.ids is not None else id

    def has(self, name: str, *kinds: type[Interface]) -> bool:
        return isinstance(self.members.get(name), kinds)


@attrs.frozen(eq=False)
class KnownAgent:
    """What an id stands for."""

    id: str
    origin: Library
    member: str
    callable: Callable | None  # None for what cannot be read

    @property
    def declaration(self) -> ast.AgentDecl | None:
        return self.origin.declarations.get(self.member)

    def parameter(self, name: str) -> Parameter | None:
        return self.callable.parameter(name) if self.callable else None


@attrs.frozen
class NoAgent:
    """Why an id stands for nothing: in words, which id was meant, and whether it is there but not allowed."""

    message: str
    help: str | None
    meant: str | None = None
    forbidden: bool = False


@attrs.frozen(eq=False)
class Agents:
    """All libraries, and the ids that are allowed; None where all are."""

    libraries: tuple[Library, ...] = ()
    allowed: frozenset[str] | None = None
    untyped: frozenset[str] = frozenset()  # what flow.toml reaches by a command, which has no types

    def find(self, id: str) -> KnownAgent | NoAgent:
        """What an id, such as `search` or `tools.search`, stands for."""
        alias, _, name = id.rpartition(".")
        holders = [
            library
            for library in self.libraries
            if alias in ("", library.name, library.alias) and name in library.callables()
        ]
        if not holders:
            return NoAgent(f"there is no agent `{id}`", *self._way_out(id))
        if len(holders) > 1:
            ways = " or ".join(f"`{library.name}.{name}`" for library in holders)
            return NoAgent(f"several files have an agent `{id}`", f"write {ways}")
        library = holders[0]
        if not self.allows(library, name):
            message = f"this plan may not call the agent `{id}`"
            return NoAgent(message, f"it may call {_listed(self.ids())}", forbidden=True)
        return KnownAgent(id, library, library.member_of(name), library.callables()[name])

    def allows(self, library: Library, name: str) -> bool:
        ways = {name, f"{library.name}.{name}", f"{library.alias}.{name}"}
        return self.allowed is None or bool(self.allowed & ways)

    def ids(self) -> list[str]:
        """The ids that a plan may use, in order."""
        return [
            name for library in self.libraries for name in library.callables() if self.allows(library, name)
        ]

    def _way_out(self, id: str) -> tuple[str, str | None]:
        """What to do about an unknown id, and the one that was meant."""
        known = self.ids()
        meant = nearest(id, known)
        if id in self.untyped:
            help = f"flow.toml says how it is reached; a .flow must say what it takes: `agent {id}(…) -> …`"
        elif not known:
            help = "name a file with agents: `--use agents.flow`, or `[plans] use` in flow.toml"
        else:
            help = f"did you mean `{meant}`?" if meant else f"there are {_listed(known)}"
        return help, meant

    def holder(self, name: str, *kinds: type[Interface]) -> Library | None:
        """The one library that declares a type, an error or a constructor of a name."""
        found = [library for library in self.libraries if library.has(name, *kinds)]
        return found[0] if len(found) == 1 else None

    def error(self, name: str) -> tuple[str | None, str] | None:
        """An error by its name: the alias of its module, None where it is built in, and its name there."""
        if name in builtins.ERRORS:
            return None, name
        alias, _, plain = name.rpartition(".")
        for library in self.libraries:
            if alias in ("", library.name, library.alias) and library.has(plain, ErrorName):
                return library.alias, plain
        return None

    def errors(self) -> list[str]:
        own = (
            n for library in self.libraries for n, m in library.members.items() if isinstance(m, ErrorName)
        )
        return [*own, *builtins.ERRORS]


def _listed(names: Iterable[str]) -> str:
    known = list(names)
    shown = ", ".join(f"`{name}`" for name in known[:FEW])
    return (shown + (", …" if len(known) > FEW else "")) or "none"


def own_declarations(module: ast.Module, members: Mapping[str, Interface]) -> dict[str, ast.AgentDecl]:
    """The agents of a module whose signatures name only what the module itself declares, or built-ins."""
    found: dict[str, ast.AgentDecl] = {}
    for item in module.items:
        declaration = item.declaration
        if isinstance(declaration, ast.AgentDecl) and all(
            _is_own(name, members) for name in _named(declaration)
        ):
            found[declaration.name.name] = declaration
    return found


def _named(declaration: ast.AgentDecl) -> Iterator[ast.QualifiedName]:
    return (node for node in ast.walk(declaration) if isinstance(node, ast.QualifiedName))


def _is_own(name: ast.QualifiedName, members: Mapping[str, Interface]) -> bool:
    known = isinstance(members.get(name.name.name), TypeName | ErrorName | Constructor)
    return name.module is None and (known or name.name.name in TYPES or name.name.name in builtins.ERRORS)
