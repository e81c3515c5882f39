"""Built-in functions, as the checker asks for them: a receiver's type and a name -> Signature.

The catalogue is text, and a line of it is parsed when its function is first asked for, since most runs
of `flow check` ask for few. A pattern is a type in which a scalar of one capital letter is a variable:
`T` and `U` stand for any type, `N` for a number, `C` for what can be ordered (numbers, strings,
durations, datetimes; not bool). A variable that is met twice is the join of both, so
`[1].concat([2.5])` is a list of floats: compare `substitute(receiver)` with the receiver's type, and
widen it like any other argument.

`function` is the name in the plan: kind and name (`list.map`), with the item's type behind them where
one name has several signatures (`list.sum.float`). Arguments that may be left out are left out of the
plan too. Two functions are lowered through `plan.Encode`: `any.json` is its "text" form and nothing
else, `any.hash` is applied to its "canonical" form."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Final, TypeAlias, TypeVar

import attrs

from flowlang.semantics.catalogue import CATALOGUE
from flowlang.semantics.types import (
    JSON,
    NEVER,
    SCALARS,
    STRING,
    UNKNOWN,
    ListOf,
    MapOf,
    Optional,
    Record,
    RecordField,
    Scalar,
    Secret,
    Type,
    contains,
    fits,
    is_number,
    is_poison,
    is_text,
    join,
    optional,
    show,
)

Pattern: TypeAlias = Type
"""A type in which `Scalar("T")` and the like are variables."""


@attrs.frozen
class LambdaPattern:
    """`(T) => U`: what a function given as an argument takes and gives."""

    parameters: tuple[Pattern, ...]
    result: Pattern


@attrs.frozen
class ParameterPattern:
    """`literal_regex`: the argument must be a string literal and a valid pattern, see `text.patterns`."""

    name: str
    pattern: Pattern | LambdaPattern
    required: bool = True
    literal_regex: bool = False


@attrs.frozen
class Signature:
    """One function for one kind of receiver; `text` is how it reads in the catalogue, `doc` one sentence."""

    function: str
    name: str
    receiver: Pattern
    parameters: tuple[ParameterPattern, ...]
    result: Pattern
    doc: str
    text: str

    def show(self) -> str:
        """As documentation and hovers write it: `list<T>.map(f: (T) => U) -> list<U>`."""
        return f"{show(self.receiver)}.{self.text}"


def signature(receiver: Type, name: str) -> Signature | None:
    """What `receiver.name(…)` means, None where the type has no such function."""
    return next((s for s in _candidates(receiver, name) if Bindings().bind(s.receiver, receiver)), None)


def receivers(receiver: Type, name: str) -> tuple[Pattern, ...]:
    """Receivers of the same kind that have the function, for saying what it would need:
    `list<string>` for `join` on a `list<int>`."""
    return tuple(s.receiver for s in _candidates(receiver, name))


def owners(name: str) -> tuple[Pattern, ...]:
    """The receivers of every kind that have a function."""
    return tuple(_parse(text, name).receiver for text in CATALOGUE if name in _lines(text))


def names(receiver: Type) -> tuple[str, ...]:
    """Every function that a type has, in the order of the catalogue."""
    found = (name for text in _sections(receiver) for name in _lines(text))
    return tuple(dict.fromkeys(name for name in found if signature(receiver, name)))


def catalogue() -> Iterator[Signature]:
    """Every signature, in the order of the catalogue."""
    for receiver in CATALOGUE:
        for name in _lines(receiver):
            yield _parse(receiver, name)


def has_variables(pattern: Pattern) -> bool:
    """Whether what a pattern stands for depends on the call."""
    return any(contains(pattern, Scalar(name)) for name in _VARIABLES)


@attrs.define(eq=False, repr=False)
class Bindings:
    """What the variables of one call stand for: bind the receiver, then each argument, then substitute."""

    types: dict[str, Type] = attrs.field(factory=dict)

    def bind(self, pattern: Pattern, type: Type) -> bool:
        """Whether a value of `type` may stand where `pattern` is asked for; its variables are bound."""
        match pattern, type:
            case Scalar(name), _ if name in _VARIABLES:
                return self._bind_variable(name, type)
            case _, Scalar() if is_poison(type):
                return True
            case (
                (ListOf(inner), ListOf(given))
                | (MapOf(inner), MapOf(given))
                | (Optional(inner), Optional(given))
            ):
                return self.bind(inner, given)
            case Optional(inner), _:
                return fits(type, pattern) or self.bind(inner, type)
            case Record(), Record():
                return self._bind_record(pattern, type)
        return fits(type, pattern)

    def substitute(self, pattern: Pattern) -> Type:
        """The pattern with what its variables stand for; UNKNOWN for one that is not bound."""
        match pattern:
            case Scalar(name) if name in _VARIABLES:
                return self.types.get(name, UNKNOWN)
            case ListOf(item):
                return ListOf(self.substitute(item))
            case MapOf(value):
                return MapOf(self.substitute(value))
            case Optional(inner):
                return optional(self.substitute(inner))
            case Record(fields, name):
                return Record(tuple(RecordField(f.name, self.substitute(f.type)) for f in fields), name)
        return pattern

    def _bind_variable(self, name: str, type: Type) -> bool:
        joined = join(self.types.get(name, NEVER), type)
        if joined is None or not _allows(name, joined):
            return False
        self.types[name] = joined
        return True

    def _bind_record(self, pattern: Record, given: Record) -> bool:
        if {f.name for f in pattern.fields} != {f.name for f in given.fields}:
            return False
        return all(self.bind(f.type, given.field(f.name) or UNKNOWN) for f in pattern.fields)


_Item = TypeVar("_Item")
ITEM: Final = Scalar("T")  # of a list or a map
_VARIABLES: Final = ("T", "U", "N", "C")
_ORDERED: Final = ("duration", "datetime")


def _allows(variable: str, type: Type) -> bool:
    """Whether the constraint of a variable holds: N a number, C what has an order (bool has none)."""
    if variable in ("T", "U") or is_poison(type) or is_number(type):
        return True
    return variable == "C" and (is_text(type) or (isinstance(type, Scalar) and type.name in _ORDERED))


def _candidates(receiver: Type, name: str) -> Iterator[Signature]:
    if receiver == JSON and name != "json":
        return
    for text in _sections(receiver):
        if name in _lines(text):
            yield _parse(text, name)


def _sections(receiver: Type) -> tuple[str, ...]:
    """The parts of the catalogue that may hold functions of a type."""
    if isinstance(receiver, Secret):
        return ()
    kind = _kind(receiver)
    return (*(text for text in CATALOGUE if text.partition("<")[0] == kind), "T")


def _kind(type: Type) -> str:
    if is_text(type):
        return "string"
    if isinstance(type, Scalar):
        return type.name
    return "list" if isinstance(type, ListOf) else "map" if isinstance(type, MapOf) else ""


@cache
def _lines(receiver: str) -> dict[str, str]:
    """The lines of one part of the catalogue by the names of their functions."""
    return {line.partition("(")[0]: line for line in CATALOGUE[receiver]}


@cache
def _parse(receiver: str, name: str) -> Signature:
    text = _lines(receiver)[name]
    doc = CATALOGUE[receiver][text]
    pattern = _Reader(receiver).type()
    function = _function(pattern, name)
    return _Reader(text).signature(function, pattern, doc, text)


def _function(receiver: Pattern, name: str) -> str:
    """The name in the plan; the item's type makes those of one name differ."""
    kind = "any" if receiver == Scalar("T") else _kind(receiver)
    alike = [text for text in CATALOGUE if text.startswith(f"{kind}<") and name in _lines(text)]
    if len(alike) > 1 and isinstance(receiver, ListOf):
        return f"{kind}.{name}.{show(receiver.item)}"
    return f"{kind}.{name}"


class _Reader:
    """Reads the catalogue's notation: one token of lookahead, no errors, since we wrote the text."""

    def __init__(self, text: str) -> None:
        self.tokens: list[str] = [*re.findall(r'=>|->|"[^"]*"|\w+|[^\s\w]', text), ""]
        self.position = 0

    def signature(self, function: str, receiver: Pattern, doc: str, text: str) -> Signature:
        name = self.next()
        parameters = tuple(self.separated("(", self.parameter, ")"))
        self.skip("->")
        return Signature(function, name, receiver, parameters, self.type(), doc, text)

    def parameter(self) -> ParameterPattern:
        name = self.next()
        self.skip(":")
        literal_regex = self.tokens[self.position] == "regex"
        pattern = self.lambda_() if self.tokens[self.position] == "(" else self.type()
        required = not self.skip("=")
        if not required:
            self.next()
        return ParameterPattern(name, pattern, required, literal_regex)

    def lambda_(self) -> LambdaPattern:
        parameters = tuple(self.separated("(", self.type, ")"))
        self.skip("=>")
        return LambdaPattern(parameters, self.type())

    def type(self) -> Pattern:
        made = self.plain_type()
        while self.skip("?"):
            made = optional(made)
        return made

    def plain_type(self) -> Pattern:
        if self.tokens[self.position] == "{":
            return Record(tuple(self.separated("{", self.field, "}")))
        name = self.next()
        if name == "regex":
            return STRING
        if not self.skip("<"):
            return SCALARS.get(name) or Scalar(name)
        inner = self.type()
        self.skip(">")
        return ListOf(inner) if name == "list" else MapOf(inner)

    def field(self) -> RecordField:
        name = self.next()
        self.skip(":")
        return RecordField(name, self.type())

    def separated(self, opening: str, item: Callable[[], _Item], closing: str) -> Iterator[_Item]:
        self.skip(opening)
        while not self.skip(closing):
            yield item()
            self.skip(",")

    def skip(self, token: str) -> bool:
        found = self.tokens[self.position] == token
        self.position += found
        return found

    def next(self) -> str:
        self.position += 1
        return self.tokens[self.position - 1]
