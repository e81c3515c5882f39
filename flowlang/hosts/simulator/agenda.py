"""What is yet to arrive in a simulated run, and what time it is.

Time that really passes and the run's clock are two things: agents and people keep to the first, somebody may
set the second. Items lie in a heap by the instant at which they arrive, and by when they were put there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from typing import TypeAlias

import attrs

from flowlang.hosts.simulator.world import Jump
from flowlang.runtime.inputs import Input


@attrs.frozen
class AskAgain:
    """A call of this agent that waits for its turn may now be allowed."""

    agent: str


Item: TypeAlias = Input | Jump | AskAgain
Arrival: TypeAlias = tuple[int, int, Item]
"""The instant, in time that really passes; the item's number; the item."""


@attrs.define
class Agenda:
    """`passed` is the present instant in time that really passes; the run's clock is `offset` ahead of it."""

    passed: int
    offset: int = 0
    _heap: list[Arrival] = attrs.field(factory=list)
    _last: int = 0

    @property
    def clock(self) -> int:
        return self.passed + self.offset

    @property
    def next_instant(self) -> int | None:
        """When the next item arrives, in time that really passes."""
        return self._heap[0][0] if self._heap else None

    def add(self, at: int, item: Item) -> int:
        """An item arrives at an instant of time that really passes; gives its number."""
        self._last += 1
        heappush(self._heap, (at, self._last, item))
        return self._last

    def take(self) -> Arrival | None:
        """The next item that has arrived by now."""
        if not self._heap or self._heap[0][0] > self.passed:
            return None
        return heappop(self._heap)

    def put_back(self, arrivals: Iterable[Arrival]) -> None:
        for arrival in arrivals:
            heappush(self._heap, arrival)

    def drop(self, unwanted: Callable[[Item], bool]) -> None:
        self._heap = [arrival for arrival in self._heap if not unwanted(arrival[2])]
        heapify(self._heap)
