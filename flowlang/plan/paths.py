"""A path in a run -> the step of the plan that it is the path of.

Paths are made by the interpreter: names of statements, each with the items, rounds, attempts and arms that
lie below it, and the clauses `!undo`, `!finally` and `!catch`. Walking down them needs no run; only which
handler a `!catch` was is not in the path, so it is the first that has what comes next."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from flowlang.plan import model as plan
from flowlang.plan.walk import body_of, branches_of

_QUOTED: Final = r'"(?:[^"\\]|\\.)*"'
_SEGMENT: Final = re.compile(rf'(?:[^/"]|{_QUOTED})+')
_SUFFIX: Final = re.compile(rf"\[(?:\d+|{_QUOTED})\]|[#@|]\d+")


def step_at(compiled: plan.Plan, flow: str, path: str) -> plan.Step | None:
    """The step at a path of a run of a flow, or whose clause it is; None where the path leads to none."""
    blocks: Sequence[plan.Block] = (compiled.flows[flow].body,)
    statement: plan.AnyStatement | None = None
    for segment in _SEGMENT.findall(path):
        name = _SUFFIX.split(segment, maxsplit=1)[0]
        arms = [int(suffix[1:]) for suffix in _SUFFIX.findall(segment) if suffix[0] == "|"]
        if isinstance(statement, plan.Step) and name in _CLAUSES:
            tasks, blocks = _clause(statement, name)
        else:
            statement = _named(blocks, name)
            tasks, blocks = _tasks(statement), ()
        blocks = [*blocks, *_blocks(compiled, tasks, arms)]
    return statement if isinstance(statement, plan.Step) else None


def lies_inside(path: str, scope: str) -> bool:
    """Whether a path is that of the scope or goes on from there: `a/b[0]` lies inside of `a/b`, `a/bc` does
    not."""
    return path.startswith(scope) and not (scope and re.match(r"\w", path[len(scope) :]))


_CLAUSES: Final = ("!undo", "!finally", "!catch")


def _clause(step: plan.Step, name: str) -> tuple[Sequence[plan.Task], Sequence[plan.Block]]:
    match name:
        case "!undo":
            return (step.undo,) if step.undo else (), ()
        case "!catch":
            return [catch.handler for catch in step.catches], ()
        case _:
            return (), (step.finally_,) if step.finally_ else ()


def _named(blocks: Sequence[plan.Block], name: str) -> plan.AnyStatement | None:
    return next((s for block in blocks for s in block.statements if s.name == name), None)


def _tasks(statement: plan.AnyStatement | None) -> Sequence[plan.Task]:
    match statement:
        case plan.Step(task=task) | plan.ReturnWhen(task=task) | plan.Result(task=task):
            return (task,)
        case _:
            return ()


def _blocks(compiled: plan.Plan, tasks: Sequence[plan.Task], arms: Sequence[int]) -> Iterator[plan.Block]:
    """The blocks that run inside of tasks, behind the arms that a path names."""
    for arm in arms:
        branches = [branches_of(task) for task in tasks]
        tasks = [below[arm] for below in branches if arm < len(below)]
    for task in tasks:
        if isinstance(task, plan.Race) and task.each is not None:
            task = task.each
        body = compiled.flows[task.flow].body if isinstance(task, plan.CallFlow) else body_of(task)
        if body is not None:
            yield body
