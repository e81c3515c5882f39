"""Schedules: in which order the statements of a block may run, by counting.

`Schedule` is worked out once for a block, `Settling` follows one execution of it. A statement that settles
lowers the counters of those that wait for it, and what comes to zero is ready: no event, no lock and no
search a step. Both are plain arithmetic; who runs what is ready, and where, is the interpreter's business.

A statement settles in one of two ways. It gives its value (null for a step whose guard was false); or it is
cut off, because a barrier that ended the block stands above it or because it mentions a name that was cut
off. Being cut off spreads to whatever depends on it; a value, null included, does not."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from flowlang.plan import model as plan


@attrs.frozen
class Schedule:
    """Statements are known by their position in the block.

    waiting     how many others each waits for
    dependents  which others wait for each
    first       those that wait for none
    immediate   whether each can be carried out without ever waiting for the outside
    chain       whether no two statements that may wait can ever be ready at the same time"""

    waiting: tuple[int, ...]
    dependents: tuple[tuple[int, ...], ...]
    first: tuple[int, ...]
    immediate: tuple[bool, ...]
    chain: bool


@attrs.define
class Settling:
    """How far one execution of a block has come."""

    schedule: Schedule
    waiting: list[int]
    cut: list[bool]

    @classmethod
    def of(cls, schedule: Schedule) -> Settling:
        return cls(schedule, list(schedule.waiting), [False] * len(schedule.waiting))

    def settle(self, position: int) -> list[int]:
        """A statement has settled, cut off or not; gives those that became ready by it."""
        ready = []
        cut = self.cut[position]
        for dependent in self.schedule.dependents[position]:
            self.waiting[dependent] -= 1
            if cut:
                self.cut[dependent] = True
            if not self.waiting[dependent]:
                ready.append(dependent)
        return ready

    def at_once(self, position: int) -> bool:
        """Whether a statement that is ready can be dealt with without waiting for the outside."""
        return self.cut[position] or self.schedule.immediate[position]


def schedule_of(block: plan.Block) -> Schedule:
    """The schedule of a block. Raises ValueError where statements wait for each other, or for none of it."""
    statements = block.statements
    positions = {statement.name: position for position, statement in enumerate(statements)}
    if unknown := [name for s in statements for name in s.depends if name not in positions]:
        raise ValueError(f"there is no statement `{unknown[0]}` to depend on")
    dependents: list[list[int]] = [[] for _ in statements]
    for position, statement in enumerate(statements):
        for name in dict.fromkeys(statement.depends):
            dependents[positions[name]].append(position)
    waiting = tuple(len(dict.fromkeys(statement.depends)) for statement in statements)
    immediate = tuple(_is_immediate(statement) for statement in statements)
    return Schedule(
        waiting=waiting,
        dependents=tuple(map(tuple, dependents)),
        first=tuple(position for position, count in enumerate(waiting) if not count),
        immediate=immediate,
        chain=_is_chain(waiting, dependents, immediate),
    )


def _is_chain(waiting: Sequence[int], dependents: Sequence[Sequence[int]], immediate: Sequence[bool]) -> bool:
    """Whether the statements that may wait stand one behind the other.

    Each gets as its depth the most of them on a way to it, itself included. If no depth occurs twice, the one
    at depth n waits, directly or not, for the one at depth n - 1, and so for all before it."""
    left = list(waiting)
    depth = [0] * len(left)
    ready = [position for position, count in enumerate(left) if not count]
    for position in ready:
        depth[position] += not immediate[position]
        for dependent in dependents[position]:
            depth[dependent] = max(depth[dependent], depth[position])
            left[dependent] -= 1
            if not left[dependent]:
                ready.append(dependent)
    if len(ready) < len(left):
        raise ValueError("statements of a block wait for each other")
    depths = [depth[position] for position in ready if not immediate[position]]
    return len(set(depths)) == len(depths)


def _is_immediate(statement: plan.AnyStatement) -> bool:
    match statement:
        case plan.Let() | plan.FailWhen() | plan.Require() | plan.Ensure():
            return True
        case plan.ReturnWhen(task=task) | plan.Result(task=task):
            return _gives_at_once(task)
        case plan.Step(retry=None, timeout=None, finally_=None, undo=None):
            return all(_gives_at_once(task) for task in (statement.task, *_handlers(statement)))
        case plan.Step():
            return False


def _handlers(step: plan.Step) -> list[plan.Task]:
    return [catch.handler for catch in step.catches]


def _gives_at_once(task: plan.Task) -> bool:
    match task:
        case plan.Evaluate() | plan.Fail():
            return True
        case plan.Choose(arms=arms, otherwise=otherwise):
            return all(
                _gives_at_once(t) for t in (*(arm.task for arm in arms), *([otherwise] if otherwise else []))
            )
        case plan.MatchTask(arms=cases):
            return all(_gives_at_once(arm.task) for arm in cases)
        case _:
            return False
