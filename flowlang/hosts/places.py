"""The cap on calls that are under way, shared by the runs of an engine in turns (R10).

A run with ten thousand items wants ten thousand places at once. In one line it would keep all others waiting
until it is through, so each run has a line of its own, and a place that becomes free goes to the lines in
turns: whoever has few calls waits for about as many as there are runs."""

from __future__ import annotations

from collections import OrderedDict
from typing import Protocol

import trio


class Places(Protocol):
    """What a host takes a place of for each call; a semaphore of trio's is one."""

    def acquire_nowait(self) -> None: ...

    async def acquire(self) -> None: ...

    def release(self) -> None: ...


class SharedPlaces:
    """So many places, for any number of runs. Nobody waits where one is free."""

    def __init__(self, free: int) -> None:
        self.free = free
        self.lines: OrderedDict[RunPlaces, None] = (
            OrderedDict()
        )  # in which somebody waits, the next one first

    def of_run(self) -> RunPlaces:
        return RunPlaces(self)

    def pass_on(self) -> None:
        """Give a place to whoever is next."""
        if not self.lines:
            self.free += 1
            return
        line, _ = self.lines.popitem(last=False)
        task, _ = line.waiting.popitem(last=False)
        if line.waiting:
            self.lines[line] = None
        trio.lowlevel.reschedule(task)


class RunPlaces:
    """The places as one run sees them. A call that is cancelled while it waits leaves its line."""

    def __init__(self, shared: SharedPlaces) -> None:
        self._shared = shared
        self.waiting: OrderedDict[trio.lowlevel.Task, None] = OrderedDict()

    def acquire_nowait(self) -> None:
        """Raises trio.WouldBlock."""
        if not self._shared.free:
            raise trio.WouldBlock
        self._shared.free -= 1

    async def acquire(self) -> None:
        if self._shared.free:
            return self.acquire_nowait()
        task = trio.lowlevel.current_task()
        self.waiting[task] = None
        self._shared.lines.setdefault(self)

        def leave(raise_cancel: object) -> trio.lowlevel.Abort:
            del self.waiting[task]
            if not self.waiting:
                del self._shared.lines[self]
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(leave)

    def release(self) -> None:
        self._shared.pass_on()
