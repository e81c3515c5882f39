"""Linking: plan -> program, a plan that is ready to run.

Everything that can be worked out before a run is: each expression becomes code, each block gets its
schedule, each call its encoders and the reader of its reply, each agent its binding. These lie beside the
plan, keyed by the identity of its nodes, so the interpreter walks the plan itself and there is no second tree
to keep in step with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import NoneType
from typing import Final, get_args

import attrs

from flowlang.plan import model as plan
from flowlang.runtime.agents import Agent
from flowlang.runtime.calls import Calling, calling_of
from flowlang.runtime.frame import Clauses
from flowlang.runtime.schedule import Schedule, schedule_of
from flowlang.values.compiler import Code, compile_expression


class Unbound(Exception):
    """Agents that a plan calls and nothing is bound to; all of them, in the order of the plan."""

    def __init__(self, agents: tuple[str, ...]) -> None:
        super().__init__(f"nothing is bound to {', '.join(agents)}")
        self.agents = agents


@attrs.frozen(eq=False)
class Program:
    """`code`, `schedules`, `clauses` and `calls` are keyed by the `id` of the expression, block, step and
    task. A step without clauses is bare: nothing stands around its task, so what leaves the task leaves the
    step."""

    plan: plan.Plan
    agents: Mapping[str, Agent]
    code: Mapping[int, Code]
    schedules: Mapping[int, Schedule]
    clauses: Mapping[int, Clauses]
    calls: Mapping[int, Calling]


def link(compiled: plan.Plan, agents: Mapping[str, Agent]) -> Program:
    """Make a plan ready to run. Raises Unbound, or ValueError for a plan that no compiler made."""
    called = [name for name, agent in compiled.agents.items() if not agent.asks]
    if unbound := tuple(name for name in called if name not in agents):
        raise Unbound(unbound)
    code: dict[int, Code] = {}
    schedules: dict[int, Schedule] = {}
    clauses: dict[int, Clauses] = {}
    calls: dict[int, Calling] = {}
    for part in _parts(compiled):
        if isinstance(part, plan.Block):
            schedules[id(part)] = schedule_of(part)
        elif isinstance(part, plan.Step):
            if asked := _clauses(part):
                clauses[id(part)] = asked
        elif isinstance(part, plan.CallAgent):
            calls[id(part)] = calling_of(compiled.agents[part.agent], part)
        else:
            code[id(part)] = compile_expression(part)
    return Program(compiled, {name: agents[name] for name in called}, code, schedules, clauses, calls)


def _clauses(step: plan.Step) -> Clauses | None:
    any_clause = step.key or step.retry or step.timeout or step.attempt_timeout or step.undo or step.finally_
    if any_clause is None and not step.catches:
        return None
    return Clauses(step.at, step.key, step.retry is not None, step.attempt_timeout, step.undo is not None)


_EXPRESSIONS: Final = get_args(get_args(plan.Expr)[0])
_TYPES: Final = get_args(get_args(plan.Type)[0])
_LEAVES: Final = dict.fromkeys((str, int, float, bool, NoneType, plan.Place, *_TYPES))
"""Kinds of parts that hold nothing wanted: most parts of a plan."""


def _parts(compiled: plan.Plan) -> Iterator[plan.Block | plan.Step | plan.CallAgent | plan.Expr]:
    """Every block, step, call and whole expression of a plan."""
    pending: list[object] = [compiled]
    while pending:
        part = pending.pop()
        if isinstance(part, _EXPRESSIONS):
            yield part
            continue
        if isinstance(part, plan.Block | plan.Step | plan.CallAgent):
            yield part
        pending.extend(inner for inner in _inside(part) if type(inner) not in _LEAVES)


def _inside(part: object) -> Iterable[object]:
    match part:
        case plan.Model():
            return vars(part).values()
        case dict():
            return part.values()
        case tuple():
            return part
        case _:
            return ()
