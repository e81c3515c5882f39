"""Waits that nothing ends: questions and events with no deadline of their own or around them.

A sleep beside a wait in a race is a deadline too, since it ends the race and never fails."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from flowlang.plan import model as plan
from flowlang.plan.walk import blocks_of, body_of, branches_of, tasks_of


@attrs.frozen
class OpenWait:
    """`step` is the name of the statement it stands in, `what` the question or the event."""

    step: str
    what: str
    at: plan.Place


def open_waits(flow: plan.Flow, agents: Mapping[str, plan.Agent]) -> tuple[OpenWait, ...]:
    """The waits of a flow itself, in source order. Flows that it calls speak for themselves."""
    return tuple(_in_block(flow.body, agents)) if flow.timeout is None else ()


def _in_block(block: plan.Block, agents: Mapping[str, plan.Agent]) -> Iterator[OpenWait]:
    for statement in block.statements:
        tasks = tasks_of(statement)
        if isinstance(statement, plan.Step) and (statement.timeout or statement.attempt_timeout):
            tasks = tasks[1:]
        for task in tasks:
            yield from _in_task(task, statement.name, agents)
        for inner in blocks_of(statement):
            yield from _in_block(inner, agents)


def _in_task(task: plan.Task, step: str, agents: Mapping[str, plan.Agent]) -> Iterator[OpenWait]:
    match task:
        case plan.Wait(event=event, at=at):
            yield OpenWait(step, event, at)
        case plan.CallAgent(agent=name, at=at) if name in agents and agents[name].timeout is None:
            yield OpenWait(step, name, at)
    if _ends_by_itself(task):
        return
    for branch in branches_of(task):
        yield from _in_task(branch, step, agents)
    body = body_of(task)
    if body is not None:
        yield from _in_block(body, agents)


def _ends_by_itself(task: plan.Task) -> bool:
    match task:
        case plan.Race(count=None, branches=branches):
            return any(isinstance(branch, plan.Sleep) for branch in branches)
        case _:
            return False
