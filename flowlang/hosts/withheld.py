"""What others could see of a run -> held back until what led to it is written (R11).

A run that has heard something goes on at once, while the row of it is on its way to the disk. Whatever then
comes of it may still be forgotten, if the process dies or the row cannot be written; so nobody else may see
it before. In the theory of recovery from logs this is optimistic logging with output commit (Strom and
Yemini, 1985): the log is written beside the work, and only output waits for it.

What is withheld waits for a row, the last that the run had heard, and is let go in the order in which it came
once that row is written."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar

from flowlang.runtime.events import Event, OnEvent

T = TypeVar("T")


class Withheld(Generic[T]):
    """Things by their paths, each waiting for a row."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, tuple[int, T]] = OrderedDict()

    def __contains__(self, path: str) -> bool:
        return path in self._held

    def hold(self, path: str, thing: T, row: int) -> None:
        """Rows never decrease from one to the next."""
        self._held[path] = row, thing

    def drop(self, path: str) -> bool:
        """It is no longer wanted; whether it was still here."""
        return self._held.pop(path, None) is not None

    def let_go(self, written: int) -> Iterator[tuple[str, T]]:
        """What waited for rows up to this one."""
        while self._held:
            path, (row, thing) = next(iter(self._held.items()))
            if row > written:
                return
            del self._held[path]
            yield path, thing


class Telling:
    """Tells somebody of what happens in a run: at once while all that the run has heard is written, as in a
    replay, else when it is. `heard` is the last row that the run has heard."""

    def __init__(self, on_event: OnEvent) -> None:
        self.heard = 0
        self._on_event = on_event
        self._written = 0
        self._held: deque[tuple[int, Event]] = deque()

    def __bool__(self) -> bool:
        return bool(self._on_event)

    def __call__(self, event: Event) -> None:
        if self.heard <= self._written:
            self._on_event(event)
        else:
            self._held.append((self.heard, event))

    def let_go(self, written: int) -> None:
        """All rows up to this one are written."""
        self._written = written
        while self._held and self._held[0][0] <= written:
            self._on_event(self._held.popleft()[1])
