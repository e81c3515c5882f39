"""A module's names as one declaration sees them.

Every name that is looked up is noted with the interface that was found, so that the caller can tell later
whether anything this declaration depends on has changed, and which imports are used."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from flowlang.semantics import builtins
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    ErrorName,
    ErrorRef,
    EventName,
    Interface,
    Namespace,
    Poisoned,
    Symbol,
    TypeName,
    module_at,
)
from flowlang.semantics.suggest import GUESSES, Guesses, WayOut, way_out
from flowlang.semantics.types import RecordField
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Fix, Label, Problems
from flowlang.text.source import Span


def kind_of(interface: Interface) -> str:
    """What a name stands for, in words, with the article."""
    match interface:
        case Callable(kind=kind):
            return "a flow" if kind == "flow" else f"an {kind}"
        case TypeName():
            return "a type"
        case Constructor():
            return "a constructor"
        case ErrorName():
            return "an error"
        case EventName():
            return "an event"
        case Namespace():
            return "a module"
        case Poisoned():
            return "broken"


KINDS: dict[str, tuple[type[Interface], ...]] = {
    "type": (TypeName,),
    "constructor": (Constructor,),
    "error": (ErrorName,),
    "event": (EventName,),
    "agent": (Callable,),
    "agent or constructor": (Callable, Constructor),
    "module": (Namespace,),
    "agent or ask": (Callable,),
}


def kind_in_sight(interface: Interface) -> type[Interface] | None:
    """What a name is, or will be when its declaration is checked."""
    return interface.kind if isinstance(interface, Poisoned) else type(interface)


@attrs.define(eq=False, repr=False)
class Lookup:
    path: str
    names: Mapping[str, Interface]
    problems: Problems
    symbols: dict[int, Symbol]
    guesses: Guesses = attrs.field(factory=lambda: Guesses(GUESSES))
    used: dict[tuple[str, str], Interface | None] = attrs.field(factory=dict)

    def find(self, name: str) -> Interface | None:
        """A declaration of this module, or an alias."""
        found = self.used[name, ""] = self.names.get(name)
        return found

    def member(self, alias: str, namespace: Namespace, name: str) -> Interface | None:
        found = namespace.members.get(name)
        self.used[alias, name] = found
        return found

    def qualified(self, name: ast.QualifiedName, wanted: str) -> Interface | None:
        """What a qualified name refers to, noted as its symbol; reported where there is nothing."""
        found = self._qualified(name, wanted)
        if found is not None:
            self.symbols[name.id] = found
        return None if isinstance(found, Poisoned) else found

    def _qualified(self, name: ast.QualifiedName, wanted: str) -> Interface | None:
        if name.module is None:
            found = self.find(name.name.name)
            if found is None:
                self.unknown(name.name, name.name.name, wanted, self.of_kind(wanted, self.names))
            return found
        namespace = self._module(name.module)
        if not isinstance(namespace, Namespace):
            return namespace
        found = self.member(name.module_text, namespace, name.name.name)
        if isinstance(name.module, ast.QualifiedName) and _is_unreadable(found, namespace):
            found = None
        if found is None and not namespace.poisoned:
            known = self.of_kind(wanted, namespace.members)
            self.unknown(name.name, name.name.name, wanted, known, f" in `{name.module_text}`")
        return found

    def around(self, path: str) -> Interface | None:
        """What the aliases before the last dot of a name lead to; not reported."""
        self.find(path.partition(".")[0])
        found = self.used[path, ""] = module_at(self.names, path)
        return found

    def _module(self, name: ast.Ident | ast.QualifiedName) -> Namespace | Poisoned | None:
        """The module that stands before a dot, noted as the symbol of its alias; reported where none is."""
        if isinstance(name, ast.Ident):
            return self._aliased(name, self.find(name.name), self.of_kind("module", self.names))
        assert name.module is not None, "a module of a module has one around it"
        around = self._module(name.module)
        if not isinstance(around, Namespace) or around.poisoned:
            return None
        known, where = list(around.modules), f" in `{name.module_text}`"
        found = self._aliased(name.name, self.around(name.text), known, where)
        if isinstance(found, Namespace):
            self.symbols[name.id] = found
        return found

    def _aliased(
        self, alias: ast.Ident, found: Interface | None, known: list[str], where: str = ""
    ) -> Namespace | Poisoned | None:
        if isinstance(found, Namespace):
            self.symbols[alias.id] = found
        elif not isinstance(found, Poisoned):
            self.unknown(alias, alias.name, "module", known, where)
            return None
        return found

    def of_kind(self, wanted: str, names: Mapping[str, Interface]) -> list[str]:
        """The names that may be meant where `wanted` is."""
        kinds = KINDS.get(wanted)
        return [
            name
            for name, found in names.items()
            if (kinds is None or kind_in_sight(found) in kinds)
            and not (wanted == "agent or ask" and isinstance(found, Callable) and found.kind == "flow")
        ]

    def unknown(
        self, at: ast.Node, name: str, wanted: str, known: Mapping[str, object] | list[str], where: str = ""
    ) -> None:
        message = f"there is no {wanted} `{name}`{where}"
        way = way_out(name, at.span, self.guesses.among(known), list_as="there is")
        if way.fix is None and not where:
            there = self.elsewhere(name, at.span)
            way = there if there.fix else way
        self.problems.report(codes.UNKNOWN_NAME, at.span, message, help=way.help, fix=way.fix)

    def elsewhere(self, name: str, at: Span) -> WayOut:
        """Did you mean the same name in an imported module?"""
        for alias, namespace in self.names.items():
            if isinstance(namespace, Namespace) and name in namespace.members:
                right = f"{alias}.{name}"
                return WayOut(f"did you mean `{right}`?", Fix(f"write `{right}`", (Edit(at, right),)))
        return WayOut()

    def error(self, name: ast.QualifiedName) -> tuple[ErrorRef, tuple[RecordField, ...]] | None:
        """A built-in or declared error with its fields; reported where the name is no error."""
        if name.module is None and name.name.name in builtins.ERRORS:
            return ErrorRef("", name.name.name), builtins.ERRORS[name.name.name]
        if name.module is None and self.find(name.name.name) is None:
            known = [*self.of_kind("error", self.names), *builtins.ERRORS]
            self.unknown(name.name, name.name.name, "error", known)
            return None
        found = self.qualified(name, "error")
        if isinstance(found, ErrorName):
            return found.ref, found.fields
        if found is not None:
            self.wrong_kind(name, found, codes.NOT_AN_ERROR, "an error is wanted here")
        return None

    def written(self, error: ErrorRef) -> str:
        """An error as this module writes it; its bare name where its own module is not imported."""
        if error.module in ("", self.path):
            return error.name
        for alias, namespace in self.names.items():
            member = namespace.members.get(error.name) if isinstance(namespace, Namespace) else None
            if isinstance(member, ErrorName) and member.ref == error:
                return f"{alias}.{error.name}"
        return error.name

    def wrong_kind(
        self, at: ast.QualifiedName, found: Interface, code: codes.Code, wanted: str, help: str | None = None
    ) -> None:
        message = f"`{at.text}` is {kind_of(found)}, but {wanted}"
        self.problems.report(code, at.span, message, related=(declared_here(found),), help=help)


def _is_unreadable(found: Interface | None, namespace: Namespace) -> bool:
    """Whether a name is that of an agent behind a `use` whose signature cannot be read."""
    return isinstance(found, Poisoned) and found.declared.anchor == namespace.declared.anchor


def declared_here(interface: Interface) -> Label:
    declared = interface.declared
    return Label(declared.span, f"`{declared.name}` is declared here", declared.anchor)
