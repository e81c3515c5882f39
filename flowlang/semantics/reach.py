"""What may come of running a part of a flow: errors that escape, effects, waits.

Reaches are joined upwards through tasks, steps, blocks and flows; a clause takes away what it handles."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import attrs

from flowlang.semantics.facts import Callable, Effect, ErrorRef, Exposed
from flowlang.semantics.types import Type

STRENGTH: tuple[Effect | None, ...] = ("pure", "read", "idempotent", None, "write")


@attrs.frozen
class Reach:
    """`exposed` are calls that do harm when they are repeated; see `facts.Callable`."""

    errors: frozenset[ErrorRef] = frozenset()
    effect: Effect | None = "pure"
    exposed: frozenset[Exposed] = frozenset()
    waits: bool = False

    def joined(self, other: Reach) -> Reach:
        if other is NOWHERE:
            return self
        return Reach(
            _union(self.errors, other.errors),
            strongest(self.effect, other.effect),
            _union(self.exposed, other.exposed),
            self.waits or other.waits,
        )

    def without_errors(self, caught: Iterable[ErrorRef] | None) -> Reach:
        """What is left when these errors (None: all) are caught."""
        left = frozenset() if caught is None else self.errors.difference(caught)
        return self if left == self.errors else attrs.evolve(self, errors=left)


T = TypeVar("T")


def _union(left: frozenset[T], right: frozenset[T]) -> frozenset[T]:
    """Both together; the same set where that is one of them, so that a thousand steps share one."""
    if right <= left:
        return left
    return right if left <= right else left | right


NOWHERE = Reach()


@attrs.frozen
class Outcome:
    """The type of a task's value, and its reach."""

    type: Type
    reach: Reach = NOWHERE


def in_order(errors: Iterable[ErrorRef]) -> list[ErrorRef]:
    """Errors in the order in which messages name them."""
    return sorted(errors, key=lambda error: (error.name, error.module))


def strongest(left: Effect | None, right: Effect | None) -> Effect | None:
    return max(left, right, key=STRENGTH.index)


def join_reaches(reaches: Iterable[Reach]) -> Reach:
    found = NOWHERE
    for reach in reaches:
        found = found.joined(reach) if found is not NOWHERE else reach
    return found


def reach_of_call(target: Callable, *, keyed: bool) -> Reach:
    """What a call may do; with a key, its agent recognises a repetition."""
    exposed = frozenset() if keyed and target.kind == "agent" else target.exposed
    return Reach(target.raises, target.effect, exposed, target.waits)
