"""Lower: a checked project -> the plan.

The one place where the front end and the plan meet. It holds every flow of the entry module and, from
there on, only what is reached: lowering a flow tells what it calls, raises and waits for, and each of these
is lowered once, under its name in the plan. What can be known of the whole (fingerprints, call bounds, the
longest time) is computed last, on the plan itself.

Only a project without errors is lowered; there are no messages here, only assertions."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import attrs

from flowlang.plan import model as plan
from flowlang.plan.bounds import call_bounds
from flowlang.plan.canonical import flow_fingerprint
from flowlang.plan.longest import longest_times
from flowlang.plan.lower_declarations import lower_agent, lower_parameters, lower_used_agent
from flowlang.plan.lower_expressions import Expressions
from flowlang.plan.lower_tasks import Reached, Tasks
from flowlang.plan.lower_types import Naming, Places, name_modules
from flowlang.plan.walk import called_agents, called_flows, callees_first
from flowlang.semantics.check import Checked
from flowlang.semantics.facts import Callable, ErrorName, ErrorRef
from flowlang.syntax import ast
from flowlang.text.source import Source


def lower(checked: Checked) -> plan.Plan:
    """The plan of a project without errors."""
    return Lowering.of(checked).lower()


@attrs.frozen(eq=False, repr=False)
class Lowering:
    """`items` are the declarations by module and key, each with the index of its source. The plan holds also
    what is in `reached` before it is lowered."""

    checked: Checked
    sources: tuple[Source, ...]
    items: Mapping[tuple[str, str], tuple[int, ast.Item]]
    naming: Naming
    reached: Reached

    @classmethod
    def of(cls, checked: Checked) -> Lowering:
        entry = checked.project.entry
        paths = [entry, *(path for path in checked.modules if path != entry)]
        aliases = [
            item.key for item in checked.modules[entry].module.items if isinstance(item.declaration, ast.Use)
        ]
        sources = tuple(checked.modules[path].module.source for path in paths)
        items = {
            (path, item.key): (index, item)
            for index, path in enumerate(paths)
            for item in checked.modules[path].module.items
        }
        return cls(checked, sources, items, Naming(name_modules(entry, paths, aliases)), Reached())

    def lower(self) -> plan.Plan:
        own = self.entry_flows()
        self.reached.callables.update(own)
        flows: dict[str, plan.Flow] = {}
        agents: dict[str, plan.Agent] = {}
        while missing := [
            name for name in self.reached.callables if name not in flows and name not in agents
        ]:
            for name in missing:
                target = self.reached.callables[name]
                if target.kind == "flow":
                    flows[name] = self.flow(target)
                else:
                    agents[name] = self.agent(target)
        return plan.Plan(
            main="main" if "main" in own else next(iter(own)) if len(own) == 1 else None,
            flows=_analysed(flows, agents),
            agents=agents,
            errors={name: self.error(error) for name, error in sorted(self.reached.errors.items())},
            events={
                name: plan.EventType(fields=self.naming.fields(event.fields), doc=event.declared.doc)
                for name, event in sorted(self.reached.events.items())
            },
            sources=tuple(plan.SourceFile(path=s.path, sha256=_hash(s.text)) for s in self.sources),
        )

    def entry_flows(self) -> dict[str, Callable]:
        """The flows of the entry module, in the order of the source."""
        module = self.checked.modules[self.checked.project.entry]
        flows: dict[str, Callable] = {}
        for item in module.module.items:
            interface = module.entries[item.key].facts.interface
            if isinstance(interface, Callable) and interface.kind == "flow":
                flows[self.naming.callable(interface)] = interface
        return flows

    def flow(self, flow: Callable) -> plan.Flow:
        tree, tasks = self.declaration(flow)
        assert isinstance(tree, ast.FlowDecl)
        lowering = tasks.expressions
        return plan.Flow(
            parameters=lower_parameters(flow.parameters, lowering),
            result=self.naming.type(flow.result),
            raises=tasks.error_names(flow.raises),
            timeout=lowering.lower(tree.policies[0].duration) if tree.policies else None,
            body=tasks.block(tree.body, flow.result),
            effect=flow.effect,
            at=lowering.places.of(tree),
            doc=tree.doc,
        )

    def agent(self, agent: Callable) -> plan.Agent:
        tree, tasks = self.declaration(agent)
        if isinstance(tree, ast.Use):
            return lower_used_agent(tree, agent, tasks)
        assert isinstance(tree, ast.AgentDecl)
        return lower_agent(tree, agent, tasks)

    def declaration(self, target: Callable) -> tuple[ast.Declaration, Tasks]:
        """The tree behind an interface, and what lowers the parts of it."""
        path, key = target.declared.anchor
        _, item = self.items[path, key]
        facts = self.checked.modules[path].entries[key].facts
        return item.declaration, Tasks(Expressions(facts, self.naming, self.places(path, key)), self.reached)

    def places(self, path: str, key: str) -> Places:
        """Where the parts of a declaration stand."""
        index, item = self.items[path, key]
        return Places(index, self.sources[index], item.offset)

    def error(self, error: ErrorRef) -> plan.ErrorType:
        declared = self.checked.modules[error.module].namespace[error.name]
        assert isinstance(declared, ErrorName)
        return plan.ErrorType(fields=self.naming.fields(declared.fields), doc=declared.declared.doc)


def _analysed(flows: Mapping[str, plan.Flow], agents: Mapping[str, plan.Agent]) -> dict[str, plan.Flow]:
    """The flows with their fingerprints, call bounds and longest times."""
    bounds = call_bounds(flows, agents)
    longest = longest_times(flows, agents)
    made: dict[str, plan.Flow] = {}
    for name in callees_first(flows):
        flow = flows[name]
        called = {callee: made[callee] for callee in called_flows(flow)}
        used = {agent: agents[agent] for agent in called_agents(flow)}
        known = {"fingerprint": flow_fingerprint(flow, called, used), "bounds": bounds[name]}
        made[name] = flow.model_copy(update={**known, "longest": longest[name].microseconds})
    return {name: made[name] for name in flows}


def _hash(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
