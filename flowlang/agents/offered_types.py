"""What a target offers -> agents with types, and the way between a flow's values and the target's.

`flow check` and a call read an offer in the same way, and on their own, so nothing about it is stored: an
agent is called by `flow_name`, its parameters are the properties of the offer's input, its result is what the
output means (`schema_types`). Which name of two goes to whom is decided by their order alone.

A parameter that is not required need not be given: the target knows its default. Its type is optional, so
that a flow may pass on what may be null, which is then not sent, unless null itself is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import zip_longest
from typing import Final

import attrs

from flowlang.agents.meanings import Contents, Meaning, Property
from flowlang.agents.offered_names import distinct, flow_name, is_type_name
from flowlang.agents.offers import Offered
from flowlang.agents.schema_types import Memory, SchemaReader
from flowlang.agents.schemas import doc_of
from flowlang.semantics import types
from flowlang.semantics.facts import Parameter
from flowlang.semantics.providers import DescribedAgent, Description, Mistake
from flowlang.semantics.types import Type
from flowlang.values.value import Value

MAX_AGENTS: Final = 1_000
MAX_PARAMETERS: Final = 200

OPEN: Final = "arguments"
"""The parameter of an agent that takes any arguments: an object of them."""


def description(offers: Sequence[Offered], shown_path: str, lines: Sequence[int] = ()) -> Description:
    """What flows see of a target, whose offers stand in these lines of a file. Never raises; what cannot be
    used is left out, with a mistake."""
    agents: list[DescribedAgent] = []
    mistakes: list[Mistake] = []
    told, heard = Memory(), Memory()
    each = zip_longest(agent_names(offers[:MAX_AGENTS]), offers[:MAX_AGENTS], lines[:MAX_AGENTS])
    for name, offered, line in each:
        signature = _signature(offered, shown_path, told, heard)
        is_read = min(told.left, heard.left) >= 0
        problem = _objection(signature) if is_read else "all schemas together are too large to be read"
        if problem is not None:
            mistakes.append(Mistake(f"`{offered.name}`: {problem}", line=line, agent=name))
        else:
            agents.append(attrs.evolve(signature.agent(name, offered), line=line))
    if len(offers) > MAX_AGENTS:
        mistakes.append(Mistake(f"it offers more than {MAX_AGENTS:,} agents"))
    return Description(shown_path, _with_names(agents), tuple(mistakes))


def agent_names(offers: Iterable[Offered]) -> tuple[str, ...]:
    """What flows call each agent of a target."""
    return distinct(flow_name(offered.name) for offered in offers)


def arguments_of(offered: Offered, arguments: Mapping[str, Value]) -> dict[str, Value]:
    """The arguments of a call by the target's names, as it expects them; files are left as references."""
    return signature_of(offered).arguments(arguments)


def reply_of(offered: Offered, reply: Value) -> Value:
    """A target's reply as a flow expects it; contents in base64 are left as they are."""
    return signature_of(offered).reply(reply)


@attrs.frozen(eq=False)
class Signature:
    """An offer, read once."""

    properties: tuple[tuple[str, Property], ...]  # by the parameter's name
    takes_any: bool
    result: Meaning

    def agent(self, name: str, offered: Offered) -> DescribedAgent:
        parameters = tuple(Parameter(n, p.parameter_type, p.required, p.doc) for n, p in self.properties)
        if self.takes_any:
            parameters = (Parameter(OPEN, types.optional(types.MapOf(types.JSON)), False),)
        doc = doc_of({"description": offered.doc})
        return DescribedAgent(name, parameters, self.result.type, offered.effect, doc)

    def arguments(
        self, arguments: Mapping[str, Value], write: Callable[[Mapping[str, Value]], Value] = dict
    ) -> dict[str, Value]:
        """See `arguments_of`; `write` makes what is sent of the reference to a file."""
        if self.takes_any:
            return arguments.get(OPEN) or {}
        contents = Contents(write, _kept_text)
        told: dict[str, Value] = {}
        for name, property in self.properties:
            if name not in arguments:
                continue
            value, convert = arguments[name], property.meaning.told
            if value is not None:
                told[property.name] = convert(value, contents) if convert else value
            elif property.required or types.is_optional(property.meaning.type):
                told[property.name] = None
        return told

    def reply(
        self, reply: Value, read: Callable[[str, str], Value] | None = None, offset: str | None = None
    ) -> Value:
        """See `reply_of`; `read` makes the reference of a file of a text in base64 and a media type, `offset`
        is that of times which come without one."""
        heard = self.result.heard
        return heard(reply, Contents(dict, read or _kept_text, offset)) if heard else reply


def signature_of(offered: Offered) -> Signature:
    """What an offer means, read by itself."""
    return _signature(offered, "", Memory(), Memory())


def _signature(offered: Offered, module: str, told: Memory, heard: Memory) -> Signature:
    """`module` is where tagged unions belong."""
    reader = SchemaReader(offered.input, "told", module, told)
    properties = reader.properties(offered.input)
    names = distinct(flow_name(property.name) for property in properties)
    takes_any = not properties and reader.is_open(offered.input)
    return Signature(tuple(zip(names, properties, strict=True)), takes_any, _result(offered, module, heard))


def _result(offered: Offered, module: str, memory: Memory) -> Meaning:
    if offered.file:
        return Meaning(types.FILE)
    if offered.output is None:
        return Meaning(types.STRING)
    return SchemaReader(offered.output, "heard", module, memory).read(offered.output)


def _objection(signature: Signature) -> str | None:
    if len(signature.properties) > MAX_PARAMETERS:
        return f"it has more than {MAX_PARAMETERS} parameters"
    return None


def _kept_text(text: str, _: str) -> Value:
    return text


# Names of types


def _with_names(agents: list[DescribedAgent]) -> tuple[DescribedAgent, ...]:
    """The agents, with each name of a type standing for one type: what is given back comes before what is
    passed, and agents before types."""
    naming = _Naming(dict.fromkeys(agent.name for agent in agents))
    results = [naming.named(agent.result) for agent in agents]
    return tuple(
        attrs.evolve(
            agent,
            parameters=tuple(attrs.evolve(p, type=naming.named(p.type)) for p in agent.parameters),
            result=result,
        )
        for agent, result in zip(agents, results, strict=True)
    )


@attrs.define
class _Naming:
    """Which names are taken, and by what: a type, or an agent or a case, which is none."""

    taken: dict[str, Type | None]
    known: dict[int, tuple[Type, Type]] = attrs.field(factory=dict)  # each type by its identity, and renamed

    def named(self, type: Type) -> Type:
        """The type with those names only that stand for it."""
        if isinstance(type, types.Scalar):
            return type
        if id(type) not in self.known:
            self.known[id(type)] = (type, self._renamed(type))
        return self.known[id(type)][1]

    def _renamed(self, type: Type) -> Type:
        match type:
            case types.ListOf(inner):
                return types.ListOf(self.named(inner))
            case types.MapOf(inner):
                return types.MapOf(self.named(inner))
            case types.Optional(inner):
                return types.optional(self.named(inner))
            case types.Record(fields=fields, name=name):
                kept = name if name and self._take(name, type) else None
                return types.Record(self._fields(fields), kept)
            case types.Enum(name=str(name)):
                return type if self._take(name, type) else attrs.evolve(type, name=None)
            case types.Union():
                return self._union(type)
            case _:
                return type

    def _union(self, type: types.Union) -> Type:
        """A tagged union has a name at any rate: the next that is free."""
        name, number = type.name, 1
        while not self._take(name, type):
            number += 1
            name = f"{type.name}_{number}"
        cases = tuple(attrs.evolve(case, fields=self._fields(case.fields)) for case in type.cases)
        for case in cases:
            self.taken.setdefault(case.name, None)
        return attrs.evolve(type, name=name, shown=name, cases=cases)

    def _fields(self, fields: tuple[types.RecordField, ...]) -> tuple[types.RecordField, ...]:
        return tuple(attrs.evolve(field, type=self.named(field.type)) for field in fields)

    def _take(self, name: str, type: Type) -> bool:
        if not is_type_name(name):
            return False
        other = self.taken.setdefault(name, type)
        return other is type or (other is not None and _are_same(other, type))


def _are_same(one: Type, other: Type) -> bool:
    """Whether types are the same all through; those of tagged unions are equal by name alone."""
    if isinstance(one, types.Union) and isinstance(other, types.Union):
        cases = [(case.name, case.fields) for case in one.cases]
        return cases == [(case.name, case.fields) for case in other.cases]
    return one == other
