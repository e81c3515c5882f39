"""Waiting: which flows and tasks of a plan may wait for somebody outside, or for a time.

A deadline over an `ask`, a `wait for` or a `sleep` is an instant, since people and calendars go on while
nobody holds the run; any other deadline is running time (R23). Which it is can be read off the plan, through
the flows that are called. The pauses of `retry` and `every` are no waits in this sense."""

from __future__ import annotations

from collections.abc import Mapping

from flowlang.plan import model as plan
from flowlang.runtime.parts import parts_of


def waiting_flows(compiled: plan.Plan) -> Mapping[str, None]:
    """The names of the flows that wait, themselves or in a flow that they call."""
    callers: dict[str, list[str]] = {}
    pending: list[str] = []
    for name, flow in compiled.flows.items():
        for part in parts_of(flow.body):
            if isinstance(part, plan.CallFlow):
                callers.setdefault(part.flow, []).append(name)
            elif _waits(part, compiled, {}):
                pending.append(name)
    waiting: dict[str, None] = {}
    for name in pending:  # grows while it is walked
        if name not in waiting:
            waiting[name] = None
            pending += callers.get(name, ())
    return waiting


def may_wait(task: plan.Task, compiled: plan.Plan, flows: Mapping[str, None]) -> bool:
    """Whether something in a task waits; `flows` are those that do."""
    return any(_waits(part, compiled, flows) for part in parts_of(task))


def _waits(part: plan.Model, compiled: plan.Plan, flows: Mapping[str, None]) -> bool:
    match part:
        case plan.Wait() | plan.Sleep():
            return True
        case plan.CallAgent(agent=name):
            return compiled.agents[name].asks
        case plan.CallFlow(flow=name):
            return name in flows
        case _:
            return False
