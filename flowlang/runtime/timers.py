"""Timers: what is due when, in the order of instants, and of setting where these are equal.

An instant is fixed, or in running time: then it moves on by as long as nobody held the run."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush

import attrs


@attrs.define(eq=False)
class Timer:
    instant: int
    action: Callable[[], None]
    running_time: bool
    dropped: bool = False


class Timers:
    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Timer]] = []
        self._set = 0
        self._dropped = 0

    def __bool__(self) -> bool:
        return bool(self._heap)

    def add(self, instant: int, action: Callable[[], None], *, running_time: bool = False) -> Timer:
        timer = Timer(instant, action, running_time)
        self._set += 1
        heappush(self._heap, (instant, self._set, timer))
        return timer

    def drop(self, timer: Timer) -> bool:
        """It is no longer wanted. Gives True."""
        if not timer.dropped:
            timer.dropped = True
            self._dropped += 1
            if self._dropped * 2 > len(self._heap):
                self._tidy()
        return True

    @property
    def next_instant(self) -> int | None:
        self._pass_dropped()
        return self._heap[0][0] if self._heap else None

    def due(self, instant: int, *, including: bool) -> Timer | None:
        """Take the first timer that is due before an instant, or at it."""
        self._pass_dropped()
        if not self._heap or self._heap[0][0] > instant or (self._heap[0][0] == instant and not including):
            return None
        _, _, timer = heappop(self._heap)
        timer.dropped = True
        return timer

    def shift(self, away: int, *, fixed: bool = False) -> None:
        """Nobody held the run for so long. `fixed`: what is due at an instant of its own moves on, too."""
        for _, _, timer in self._heap:
            if timer.running_time or fixed:
                timer.instant += away
        self._heap = [(timer.instant, order, timer) for _, order, timer in self._heap]
        heapify(self._heap)

    def _pass_dropped(self) -> None:
        while self._heap and self._heap[0][2].dropped:
            heappop(self._heap)
            self._dropped -= 1

    def _tidy(self) -> None:
        self._heap = [entry for entry in self._heap if not entry[2].dropped]
        heapify(self._heap)
        self._dropped = 0
