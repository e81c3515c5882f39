"""Types, errors, events and agents, declared when something wants them.

So a made-up module declares what it uses and no more, and what is left out of a flow takes its declarations
along. Where a fitting one is known already, it is mostly taken again: values meet that way."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import attrs

from flowlang.plan import model as plan
from flowlang.testing.making.drawing import Drawing
from flowlang.testing.making.kinds import (
    FILE,
    INT,
    JSON,
    NULL,
    PLAIN,
    STRING,
    list_of,
    map_of,
    optional,
    written,
)

Effect: TypeAlias = Literal["read", "pure", "idempotent", "write"]

FIELDS: Final = ("id", "n", "text", "at", "next", "timeout")
CASES: Final = ("Done", "Left", "Odd")
VALUES: Final = ("low", "high", "on hold", "ü")
BACKOFFS: Final = (
    "", " backoff 1s", " backoff constant 250ms", " backoff linear 2s to 5s", " backoff 1s to 30s within 5m",
)  # fmt: skip


@attrs.frozen
class Callee:
    """An agent, a question or a flow, as its callers know it. `reusable`: doing it again is harmless."""

    name: str
    kind: Literal["agent", "ask", "flow"]
    parameters: tuple[plan.Parameter, ...]
    result: plan.Type
    raises: tuple[str, ...] = ()
    reusable: bool = True
    waits: bool = False


@attrs.define(eq=False)
class Declarations(Drawing):
    """`lines` are the declarations so far, in the order of the text."""

    lines: list[str] = attrs.field(factory=list)
    types: list[plan.Type] = attrs.field(factory=list)
    errors: dict[str, tuple[plan.FieldType, ...]] = attrs.field(factory=dict)
    events: dict[str, plan.RecordType] = attrs.field(factory=dict)
    callees: list[Callee] = attrs.field(factory=list)

    # Types

    def type(self, depth: int = 2) -> plan.Type:
        """Any type that a value in a flow may have, but `null`, `secret` and `file`."""
        if depth <= 0 or self.enough or not self.maybe():
            return self.among(PLAIN)
        if self.types and not self.maybe():
            return self.among(self.types)
        make = self.one_of(
            self.a_list, self.an_optional, self.a_record, self.an_enum, self.a_union, self.a_map, self.json
        )
        return make(depth - 1)

    def a_list(self, depth: int) -> plan.Type:
        return list_of(self.type(depth))

    def a_map(self, depth: int) -> plan.Type:
        return map_of(self.type(depth))

    def an_optional(self, depth: int) -> plan.Type:
        return optional(self.type(depth))

    def json(self, depth: int) -> plan.Type:
        return JSON

    def a_record(self, depth: int) -> plan.Type:
        fields = self.fields(1, depth)
        if not self.maybe():
            return plan.RecordType(fields=fields)
        return self.declared(plan.RecordType(fields=fields, name=self.fresh("Record")), _fields_text(fields))

    def an_enum(self, depth: int) -> plan.Type:
        values = VALUES[: self.number(2, len(VALUES))]
        if not self.maybe():
            return plan.EnumType(values=values)
        shown = written(plan.EnumType(values=values))
        return self.declared(plan.EnumType(values=values, name=self.fresh("Level")), shown)

    def a_union(self, depth: int) -> plan.Type:
        number = self.fresh("State").removeprefix("State")
        cases = tuple(
            plan.CaseType(name=f"{case}{number}", fields=self.fields(0, depth))
            for case in CASES[: self.number(2, 3)]
        )
        shown = " | ".join(case.name + (f"({_listed(case.fields)})" if case.fields else "") for case in cases)
        return self.declared(plan.UnionType(name=f"State{number}", cases=cases), shown)

    def declared(self, type: plan.RecordType | plan.EnumType | plan.UnionType, shown: str) -> plan.Type:
        self.lines.append(f"type {type.name} = {shown}")
        self.types.append(type)
        return type

    def fields(self, least: int, depth: int) -> tuple[plan.FieldType, ...]:
        count = self.number(least, 3)
        return tuple(plan.FieldType(name=name, type=self.type(depth)) for name in FIELDS[:count])

    # Errors and events

    def error(self) -> str:
        """The name of a declared error."""
        if self.errors and (self.enough or not self.maybe()):
            return self.among([*self.errors])
        name = self.fresh("Problem")
        self.errors[name] = fields = self.fields(0, 0)
        self.lines.append(f"error {name}" + (f"({_listed(fields)})" if fields else ""))
        return name

    def event(self) -> str:
        if self.events and not self.maybe():
            return self.among([*self.events])
        name = self.fresh("News")
        fields = self.fields(1, 1)
        self.events[name] = plan.RecordType(fields=fields)
        self.lines.append(f"event {name}({_listed(fields)})")
        return name

    # Agents

    def callee(self, result: plan.Type, *, harmless: bool = False) -> Callee:
        """An agent that gives this type, known or new; a `harmless` one may be called again."""
        known = [
            callee
            for callee in self.callees
            if callee.kind == "agent"
            and written(callee.result) == written(result)
            and (callee.reusable or not harmless)
        ]
        if known and (self.enough or not self.maybe()):
            return self.among(known)
        return self.agent(result, harmless)

    def agent(self, result: plan.Type, harmless: bool = False) -> Callee:
        effects: tuple[Effect, ...] = ("read", "idempotent", "pure", "write")
        effect = self.among(effects[:3] if harmless else effects)
        raises = tuple(dict.fromkeys(self.several(0, 2, self.error)))
        parameters = self.parameters()
        name = self.fresh("agent")
        policies = "".join(self.policies(effect))
        self.lines.append(
            self.doc()
            + f"agent {name}{_signature(parameters, result)}{_raises(raises)} effect {effect}{policies}"
        )
        return self.known(Callee(name, "agent", parameters, result, raises, effect != "write"))

    def doc(self) -> str:
        return "/// What it is for.\n" if self.maybe(8) else ""

    def question(self, result: plan.Type) -> Callee:
        parameters = self.parameters()
        name = self.fresh("ask")
        self.lines.append(f"ask {name}{_signature(parameters, result)}")
        return self.known(Callee(name, "ask", parameters, result, waits=True))

    def known(self, callee: Callee) -> Callee:
        self.callees.append(callee)
        return callee

    def parameters(self) -> tuple[plan.Parameter, ...]:
        return tuple(self.several(0, 3, self.parameter))

    def parameter(self) -> plan.Parameter:
        type = self.parameter_type()
        name = self.fresh("p")
        if type == INT and self.maybe():
            return plan.Parameter(name=name, type=type, required=False, default=plan.Constant(value=1))
        return plan.Parameter(name=name, type=type, required=True)

    def parameter_type(self) -> plan.Type:
        match self.number(0, 11):
            case 11:
                return FILE
            case 10:
                return plan.SecretType(inner=STRING)
            case _:
                return self.type(1)

    def policies(self, effect: Effect) -> list[str]:
        if not self.maybe(3):
            return []
        policies = [self.one_of("", " timeout 30s", " timeout 5s")]
        if effect != "write":
            policies.append(self.one_of("", f" retry {self.number(1, 2)} times{self.one_of(*BACKOFFS)}"))
        policies.append(self.one_of("", " limit 1 at once", " limit 4 at once, 10 per 1m", " limit 3 per 1s"))
        policies.append(self.one_of("", " breaker 2 failures within 1m reset 30s"))
        if effect in ("read", "pure"):
            policies.append(self.one_of("", " cache 1h"))
        return policies


def _signature(parameters: tuple[plan.Parameter, ...], result: plan.Type) -> str:
    gives = "" if result == NULL else f" -> {written(result)}"
    return f"({', '.join(map(parameter_text, parameters))}){gives}"


def parameter_text(parameter: plan.Parameter) -> str:
    return f"{parameter.name}: {written(parameter.type)}" + (" = 1" if parameter.default is not None else "")


def _raises(errors: tuple[str, ...]) -> str:
    return f" raises {', '.join(errors)}" if errors else ""


def _fields_text(fields: tuple[plan.FieldType, ...]) -> str:
    return written(plan.RecordType(fields=fields))


def _listed(fields: tuple[plan.FieldType, ...]) -> str:
    return ", ".join(f"{field.name}: {written(field.type)}" for field in fields)
