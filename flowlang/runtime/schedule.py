"""Schedules: in which order the statements of a block may run, by counting.

`Schedule` is worked out once for a block, `Countdown` follows one execution of it. A statement that settles
lowers the counters of those that wait for it, and what comes to zero is ready: no event, no lock and no
search a step. Where only one statement at a time can have to wait, the order is always the same, and there is
nothing to count. Both are plain arithmetic; who runs what is ready, and where, is the interpreter's business.

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
    order       one in which they can be carried out one after the other
    chain       whether no two statements that may wait can ever be ready at the same time"""

    waiting: tuple[int, ...]
    dependents: tuple[tuple[int, ...], ...]
    first: tuple[int, ...]
    immediate: tuple[bool, ...]
    order: tuple[int, ...]
    chain: bool


@attrs.define
class Countdown:
    """For how many others each statement still waits, in one execution of a block."""

    schedule: Schedule
    waiting: list[int]

    @classmethod
    def of(cls, schedule: Schedule) -> Countdown:
        return cls(schedule, [*schedule.waiting])

    def settle(self, position: int) -> list[int]:
        """A statement has settled, cut off or not; gives those that became ready by it."""
        ready = []
        for dependent in self.schedule.dependents[position]:
            self.waiting[dependent] -= 1
            if not self.waiting[dependent]:
                ready.append(dependent)
        return ready


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
    order, chain = _order(waiting, dependents, immediate)
    return Schedule(
        waiting=waiting,
        dependents=tuple(map(tuple, dependents)),
        first=tuple(position for position, count in enumerate(waiting) if not count),
        immediate=immediate,
        order=order,
        chain=chain,
    )


def _order(
    waiting: Sequence[int], dependents: Sequence[Sequence[int]], immediate: Sequence[bool]
) -> tuple[tuple[int, ...], bool]:
    """An order of all statements, what need not wait first; and whether it is one behind the other that
    those which may wait become ready."""
    left = list(waiting)
    order: list[int] = []
    chain = True

    def settled(position: int) -> list[int]:
        order.append(position)
        for dependent in dependents[position]:
            left[dependent] -= 1
        return [dependent for dependent in dependents[position] if not left[dependent]]

    ready = [position for position, count in enumerate(left) if not count]
    while ready:
        held = []
        for position in ready:  # grows while it is walked
            if immediate[position]:
                ready += settled(position)
            else:
                held.append(position)
        chain = chain and len(held) <= 1
        ready = [freed for position in held for freed in settled(position)]
    if len(order) < len(left):
        raise ValueError("statements of a block wait for each other")
    return tuple(order), chain


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
