"""Linking: plan -> program, a plan that is ready to run.

Everything that can be worked out before a run is: each expression becomes code, each block gets its
schedule, each call its encoders and the reader of its reply, each agent its binding. These lie beside the
plan, keyed by the identity of its nodes, so the interpreter walks the plan itself and there is no second tree
to keep in step with it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from flowlang.plan import model as plan
from flowlang.runtime.agents import Agent
from flowlang.runtime.calls import Calling, Raisable, calling_of, raisable_in
from flowlang.runtime.frame import Clauses
from flowlang.runtime.parts import EXPRESSIONS, parts_of
from flowlang.runtime.policy import Policy, constant_policy
from flowlang.runtime.schedule import Schedule, schedule_of
from flowlang.runtime.waiting import may_wait, waiting_flows
from flowlang.values.compiler import Code, compile_expression


class Unbound(Exception):
    """Agents that a plan calls and nothing is bound to; all of them, in the order of the plan."""

    def __init__(self, agents: tuple[str, ...]) -> None:
        super().__init__(f"nothing is bound to {', '.join(agents)}")
        self.agents = agents


@attrs.frozen(eq=False)
class Program:
    """`code`, `schedules`, `clauses`, `calls` and `policies` are keyed by the `id` of the expression, block,
    step, task and retry. A step without clauses is bare: nothing stands around its task, so what leaves the
    task leaves the step. A policy is here if it is constant. `waiting` holds the `id`s of the flows in which
    something may wait (see there), `forgetful` those of the `while` tasks in which nothing does: what
    happened in them can be forgotten when it is over. `errors` are all that a failure may have, by name."""

    plan: plan.Plan
    agents: Mapping[str, Agent]
    code: Mapping[int, Code]
    schedules: Mapping[int, Schedule]
    clauses: Mapping[int, Clauses]
    calls: Mapping[int, Calling]
    policies: Mapping[int, Policy]
    waiting: Mapping[int, None]
    forgetful: Mapping[int, None]
    errors: Mapping[str, Raisable]


def link(compiled: plan.Plan, agents: Mapping[str, Agent]) -> Program:
    """Make a plan ready to run. Raises Unbound, or ValueError for a plan that no compiler made."""
    called = [name for name, agent in compiled.agents.items() if not agent.asks]
    if unbound := tuple(name for name in called if name not in agents):
        raise Unbound(unbound)
    code: dict[int, Code] = {}
    schedules: dict[int, Schedule] = {}
    clauses: dict[int, Clauses] = {}
    calls: dict[int, Calling] = {}
    policies: dict[int, Policy] = {}
    forgetful: dict[int, None] = {}
    flows = waiting_flows(compiled)
    for part in parts_of(compiled):
        if isinstance(part, plan.Block):
            schedules[id(part)] = schedule_of(part)
        elif isinstance(part, plan.Step):
            if asked := _clauses(part, compiled, flows):
                clauses[id(part)] = asked
        elif isinstance(part, plan.CallAgent):
            calls[id(part)] = calling_of(compiled.agents[part.agent], part)
        elif isinstance(part, plan.Retry):
            if policy := constant_policy(part):
                policies[id(part)] = policy
        elif isinstance(part, plan.While):
            if not may_wait(part, compiled, flows):
                forgetful[id(part)] = None
        elif isinstance(part, EXPRESSIONS):
            code[id(part)] = compile_expression(part)
    bound = {name: agents[name] for name in called}
    waiting = {id(compiled.flows[name]): None for name in flows}
    errors = raisable_in(compiled)
    return Program(compiled, bound, code, schedules, clauses, calls, policies, waiting, forgetful, errors)


def _clauses(step: plan.Step, compiled: plan.Plan, flows: Mapping[str, None]) -> Clauses | None:
    any_clause = step.key or step.retry or step.timeout or step.attempt_timeout or step.undo or step.finally_
    if any_clause is None and not step.catches:
        return None
    timed = step.timeout or step.attempt_timeout
    waits = timed is not None and may_wait(step.task, compiled, flows)
    retried, undone = step.retry is not None, step.undo is not None
    return Clauses(step.at, step.key, retried, step.attempt_timeout, undone, waits)
