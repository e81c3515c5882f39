"""Closed plans: whether everything a plan names is in it.

The compiler makes nothing else; a plan from another program may name a flow that is missing, let flows call
each other in a circle, or let a statement wait for itself. What has passed here can be run without asking
again: every name is known, every way ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import attrs

from flowlang.plan import model as plan
from flowlang.plan.names import free_names
from flowlang.plan.walk import all_blocks, all_tasks, called_flows

AMBIENT = frozenset({"run", "attempt"})
BUILT_IN_ERRORS = frozenset({
    "Timeout", "AgentFailed", "Unavailable", "BadOutput", "BadValue", "BreakerOpen", "LoopExhausted",
    "RequirementFailed", "EnsureFailed", "EvaluationFailed",
})  # fmt: skip


@attrs.frozen
class OpenEnd:
    """A name that leads nowhere; `path` says where in the plan it stands."""

    path: str
    message: str


def open_ends(compiled: plan.Plan) -> Iterator[OpenEnd]:
    """All that is missing in a plan, or goes round in a circle."""
    if compiled.main is not None and compiled.main not in compiled.flows:
        yield OpenEnd("main", f"the plan has no flow `{compiled.main}`")
    for name in _circular(compiled.flows):
        yield OpenEnd(f"flows.{name}", "this flow calls itself, directly or through others")
    for name, flow in compiled.flows.items():
        for message in _of_flow(flow, compiled):
            yield OpenEnd(f"flows.{name}", message)


def _of_flow(flow: plan.Flow, compiled: plan.Plan) -> Iterator[str]:
    known = {parameter.name for parameter in flow.parameters} | AMBIENT
    for name in free_names(flow.body):
        if name not in known:
            yield f"there is no value `{name}`"
    for block in all_blocks(flow.body):
        yield from _of_block(block)
    for task in all_tasks(flow.body):
        yield from _of_task(task, compiled)


def _of_block(block: plan.Block) -> Iterator[str]:
    depends = {statement.name: statement.depends for statement in block.statements}
    if len(depends) < len(block.statements):
        yield f"a block has two statements `{_first_twice(s.name for s in block.statements)}`"
        return
    for statement in block.statements:
        yield from _of_statement(statement, depends)
    for name in _in_circles(depends):
        yield f"`{name}` waits for itself"


def _of_statement(statement: plan.AnyStatement, depends: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """`free` is checked in every block, so whoever reads it for a nested statement may trust it."""
    name = statement.name
    mentioned = free_names(statement)
    if set(mentioned) != set(statement.free):
        yield f"`{name}` mentions {', '.join(mentioned) or 'nothing'}, and its `free` says something else"
    for other in statement.depends:
        if other not in depends:
            yield f"`{name}` depends on `{other}`, which its block does not have"
    for other in mentioned:
        if other in depends and other not in statement.depends and not isinstance(statement, plan.Ensure):
            yield f"`{name}` mentions `{other}` and does not depend on it"


def _first_twice(names: Iterable[str]) -> str:
    seen: set[str] = set()
    return next(name for name in names if name in seen or seen.add(name))  # type: ignore[func-returns-value]


def _of_task(task: plan.Task, compiled: plan.Plan) -> Iterator[str]:
    match task:
        case plan.CallAgent(agent=name, arguments=arguments):
            agent = compiled.agents.get(name)
            yield from _of_call(f"agent `{name}`", agent.parameters if agent else None, arguments)
        case plan.CallFlow(flow=name, arguments=arguments):
            flow = compiled.flows.get(name)
            yield from _of_call(f"flow `{name}`", flow.parameters if flow else None, arguments)
        case plan.Wait(event=event) if event not in compiled.events:
            yield f"there is no event `{event}`"
        case plan.Fail(error=error) if error not in compiled.errors and error not in BUILT_IN_ERRORS:
            yield f"there is no error `{error}`"


def _of_call(
    what: str, parameters: tuple[plan.Parameter, ...] | None, arguments: Mapping[str, plan.Expr]
) -> Iterator[str]:
    if parameters is None:
        yield f"there is no {what}"
        return
    names = {parameter.name for parameter in parameters}
    for name in arguments:
        if name not in names:
            yield f"the {what} has no parameter `{name}`"
    for parameter in parameters:
        if parameter.required and parameter.name not in arguments:
            yield f"the {what} is called without its `{parameter.name}`"


def _circular(flows: Mapping[str, plan.Flow]) -> list[str]:
    return _in_circles({name: called_flows(flow) for name, flow in flows.items()})


def _in_circles(edges: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The nodes left when all have been taken away that lead only to nodes taken away before (Kahn 1962)."""
    left = {name: sum(target in edges for target in set(targets)) for name, targets in edges.items()}
    sources: dict[str, list[str]] = {name: [] for name in edges}
    for name, targets in edges.items():
        for target in set(targets):
            if target in sources:
                sources[target].append(name)
    ready = [name for name, count in left.items() if not count]
    for name in ready:
        for source in sources[name]:
            left[source] -= 1
            if not left[source]:
                ready.append(source)
    return [name for name, count in left.items() if count]
