"""Turns: waiting, on trio, for what the protection of an agent allows.

Whoever wants to call stands in line, so that nobody is overtaken; only the first in it asks and waits. The
lines of a process are made once and shared by its runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import attrs
import trio

from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentCall, AgentError
from flowlang.runtime.failures import BREAKER_OPEN
from flowlang.runtime.files import FileProblem, Files
from flowlang.runtime.host import Host
from flowlang.runtime.protection import COUNTED, Ending, Go, Protection, Refused
from flowlang.values.references import references_in
from flowlang.values.times import format_datetime
from flowlang.values.value import Value


def turns_of(agents: Mapping[str, plan.Agent]) -> dict[str, Turns]:
    """A line for each agent that is protected, by its name."""
    return {
        name: Turns(Protection.of(agent))
        for name, agent in agents.items()
        if agent.limits or agent.breaker or agent.cache
    }


@attrs.define(eq=False)
class Turns:
    """The line before one agent. `waiting` counts those who stand in it, `from_cache` the calls that were
    answered without being made."""

    protection: Protection
    waiting: int = 0
    from_cache: int = 0
    _line: trio.Lock = attrs.field(factory=trio.Lock)
    _ended: trio.Event = attrs.field(factory=trio.Event)

    async def call(
        self, host: Host, call: AgentCall, make: Callable[[], Awaitable[Value]], tell: Callable[[bool], None]
    ) -> Value:
        """Make a call when it is allowed, or answer it from the cache. Raises AgentError.

        `tell` hears True where the call has to wait, and False when it no longer does."""
        cache = self.protection.cache
        if cache is None:
            return await self._protected(host, call, make, tell)
        known = cache.find(call.arguments, host.now())
        if known is not None and await _still_there(known[0], call.files):
            await trio.lowlevel.checkpoint()
            self.from_cache += 1
            return known[0]
        reply = await self._protected(host, call, make, tell)
        cache.keep(call.arguments, reply, host.now())
        return reply

    def breaker_at(self, now: int) -> Literal["closed", "open", "probing"] | None:
        """How the breaker stands, if there is one."""
        breaker = self.protection.breaker
        return None if breaker is None else breaker.state(now)

    async def _protected(
        self, host: Host, call: AgentCall, make: Callable[[], Awaitable[Value]], tell: Callable[[bool], None]
    ) -> Value:
        go = await self._turn(host, call, tell)
        ending: Ending = "cancelled"
        try:
            reply = await make()
            ending = "well"
            return reply
        except AgentError as error:
            ending = "unwell" if error.error in COUNTED else "well"
            raise
        finally:
            self.protection.end(go, ending, host.now())
            self._ended.set()
            self._ended = trio.Event()

    async def _turn(self, host: Host, call: AgentCall, tell: Callable[[bool], None]) -> Go:
        self.waiting += 1
        try:
            return await self._admitted(host, call, tell)
        finally:
            self.waiting -= 1

    async def _admitted(self, host: Host, call: AgentCall, tell: Callable[[bool], None]) -> Go:
        waiting = self._line.locked()
        if waiting:
            tell(True)
        async with self._line:
            while True:
                verdict = self.protection.ask(host.now())
                if isinstance(verdict, Go):
                    if waiting:
                        tell(False)
                    return verdict
                if isinstance(verdict, Refused):
                    until = format_datetime(verdict.until)
                    message = f"the breaker of {call.agent} is open until {until}"
                    raise AgentError(BREAKER_OPEN, message, fields={"until": until})
                if not waiting:
                    tell(True)
                waiting = True
                if verdict.instant is None:
                    await self._ended.wait()
                else:
                    await host.sleep_until(verdict.instant)


async def _still_there(reply: Value, files: Files | None) -> bool:
    """Whether the contents that a cached reply refers to are kept; then they are for this run, too."""
    if files is None:
        return True
    try:
        for reference in references_in(reply):
            await files.keep(reference, files.find(reference))
    except FileProblem:
        return False
    return True
