"""The connections of a host: each in a task of its own, from the first call that needs it to the end.

A connection belongs to no run and no call, so a cancellation of these does not reach it. It is left when it
was lost or the host ends, and what then does not end by itself is cancelled after `CLOSING` seconds, or at
once where it is still being made. Connecting goes on if the call that asked for it gives up; another one
finds it done."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, TypeVar, cast

import attrs
import trio

from flowlang.hosts.trio_host import TrioGroup
from flowlang.runtime.agent_errors import unavailable
from flowlang.runtime.agents import AgentError, agent_failed
from flowlang.runtime.connections import Connector

T = TypeVar("T")

CLOSING: Final = 5.0  # seconds


@asynccontextmanager
async def open_connections() -> AsyncIterator[OpenConnections]:
    """Connections that live as long as the block."""
    async with TrioGroup(math.inf) as group:
        connections = OpenConnections(group)
        try:
            yield connections
        finally:
            connections.close()


class OpenConnections:
    """See `Connections`. `made` counts the connections that were made, for those who measure."""

    def __init__(self, group: TrioGroup) -> None:
        self._group = group
        self._kept: dict[Connector[Any], _Kept] = {}
        self.made = 0

    async def to(self, connector: Connector[T]) -> T:
        kept = self._kept.get(connector)
        if kept is None:
            self._kept[connector] = kept = _Kept()
            self.made += 1
            self._group.start(self._keep, connector, kept)
        await kept.settled.wait()
        if kept.problem is not None:
            raise kept.problem
        return cast(T, kept.connection)

    def lost(self, connector: Connector[T], connection: T) -> None:
        kept = self._kept.get(connector)
        if kept is not None and kept.connection is connection:
            self._drop(connector, kept)

    def close(self) -> None:
        """Leave all connections; the group that they live in awaits that."""
        for connector, kept in [*self._kept.items()]:
            self._drop(connector, kept)

    def _drop(self, connector: Connector[Any], kept: _Kept) -> None:
        del self._kept[connector]
        kept.left.set()
        kept.scope.deadline = trio.current_time() + (CLOSING if kept.settled.is_set() else 0)

    async def _keep(self, connector: Connector[Any], kept: _Kept) -> None:
        """Connect, and keep the connection until it is dropped."""
        try:
            with kept.scope:
                async with connector.connect() as kept.connection:
                    kept.settled.set()
                    await kept.left.wait()
        except AgentError as error:
            kept.problem = error
        except Exception as raised:
            kept.problem = unavailable(str(agent_failed(raised)))
        finally:
            self._end(connector, kept)

    def _end(self, connector: Connector[Any], kept: _Kept) -> None:
        """What is over is not to be found any longer, however it ended."""
        if self._kept.get(connector) is kept:
            del self._kept[connector]
        if not kept.settled.is_set():
            kept.problem = kept.problem or unavailable("the connection was given up before it was there")
            kept.settled.set()


@attrs.define
class _Kept:
    """A connection in the making, or made."""

    scope: trio.CancelScope = attrs.field(factory=lambda: trio.CancelScope(shield=True))
    settled: trio.Event = attrs.field(factory=trio.Event)
    left: trio.Event = attrs.field(factory=trio.Event)
    connection: object = None
    problem: AgentError | None = None
