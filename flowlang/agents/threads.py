"""Threads for the calls of one agent: so many at once, and left behind when a call is cancelled.

A thread cannot be stopped. A call that may be cancelled gives its place back at once and its thread runs on
to no purpose; when too many do, the agent is `Unavailable` until some have ended. A call that must not be
cut short (it writes, or what it did will be undone) is awaited instead, whatever is cancelled meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

import attrs
import trio

from flowlang.runtime.agents import AgentError

AT_ONCE: Final = 64
MAX_ABANDONED: Final = 64


@attrs.define(eq=False)
class _Thread:
    ended: bool = False
    abandoned: bool = False


@attrs.define(eq=False)
class Threads:
    """`abandoned` counts the threads that still run though nobody waits for them."""

    places: trio.CapacityLimiter = attrs.field(factory=lambda: trio.CapacityLimiter(AT_ONCE))
    lock: threading.Lock = attrs.field(factory=threading.Lock)
    abandoned: int = 0

    async def run(self, work: Callable[[], object], *, awaited: bool) -> object:
        """What `work` gives, from a thread; raises what it raises."""
        if self.abandoned >= MAX_ABANDONED:
            message = f"{self.abandoned} calls that were cancelled are still running"
            raise AgentError("Unavailable", message, fields={"message": message})
        thread = _Thread()
        async with self.places:
            try:
                own = trio.CapacityLimiter(1)  # the place that counts is taken above
                (result,) = await trio.to_thread.run_sync(
                    self._tracked, work, thread, abandon_on_cancel=not awaited, limiter=own
                )
                return result
            except trio.Cancelled:
                self._abandon(thread)
                raise

    def _tracked(self, work: Callable[[], object], thread: _Thread) -> tuple[object]:
        """What `work` gives, in a tuple, since trio refuses to take a coroutine from a thread."""
        try:
            return (work(),)
        finally:
            with self.lock:
                thread.ended = True
                self.abandoned -= thread.abandoned

    def _abandon(self, thread: _Thread) -> None:
        with self.lock:
            thread.abandoned = not thread.ended
            self.abandoned += thread.abandoned
