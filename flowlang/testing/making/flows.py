"""Flows that call flows, and the module they stand in."""

from __future__ import annotations

import attrs

from flowlang.plan import model as plan
from flowlang.testing.making.blocks import Blocks
from flowlang.testing.making.declarations import Callee, parameter_text
from flowlang.testing.making.expressions import closed
from flowlang.testing.making.kinds import NULL, written
from flowlang.testing.making.scope import Around

MOST_FLOWS = 3


@attrs.define(eq=False)
class Flows(Blocks):
    flows: list[str] = attrs.field(factory=list)

    def flow_for(self, result: plan.Type, around: Around) -> Callee:
        known = [
            callee
            for callee in self.callees
            if callee.kind == "flow"
            and written(callee.result) == written(result)
            and (callee.reusable or not around.repeated)
            and not (callee.waits and around.clean)
        ]
        if known:
            return self.among(known)
        if len(self.flows) >= MOST_FLOWS:
            return self.callee(result, harmless=around.repeated)
        inner = Around((), around.depth - 1, around.repeated, around.clean)
        return self.flow(self.fresh("flow"), result, inner)

    def flow(self, name: str, result: plan.Type, around: Around) -> Callee:
        """Make a flow, with whatever it calls."""
        outside = self.parameters_of_flow, self.exposed, self.waited, self.result
        self.parameters_of_flow, self.exposed, self.waited, self.result = [], False, False, result
        self.flows.append(name)
        parameters = self.parameters()
        for parameter in parameters:
            around = around.knowing(parameter.name, parameter.type)
        ordered = self.maybe(4)
        timeout = f" timeout {closed(self.duration(around))}" if self.maybe(6) else ""
        body = self.block("return", result, around, ordered=ordered)
        parameters += tuple(self.parameters_of_flow)
        callee = Callee(name, "flow", parameters, result, (), not self.exposed, self.waited)
        gives = "" if result == NULL else f" -> {written(result)}"
        raises = f" raises {', '.join(self.errors)}" if self.errors and self.maybe(6) else ""
        shown = ", ".join(map(parameter_text, parameters))
        self.lines.append(
            f"flow {name}({shown}){gives}{raises}{timeout}{' in order' if ordered else ''} {body}"
        )
        self.parameters_of_flow, self.exposed, self.waited, self.result = outside
        return self.known(callee)

    def expression_flow(self, name: str, result: plan.Type, around: Around) -> None:
        """A flow that gives an expression of its parameters."""
        for type in [self.type(1) for _ in range(3)]:
            around = around.knowing(self.parameter_of(type), type)
        value = self.expression(result, around)
        shown = ", ".join(map(parameter_text, self.parameters_of_flow))
        self.lines.append(f"flow {name}({shown}) -> {written(result)} {{ return {value} }}")
