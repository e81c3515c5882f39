"""Connections: what agents that live elsewhere share between calls, and the host keeps open for them.

To connect to a server costs more than to call it, so a host that carries out runs keeps each connection from
the first call that needs it to the end. Who connects is whatever answers the calls; how long it stays is the
host's affair."""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Connector(Hashable, Protocol[T_co]):
    """Something to connect to. Those that are equal share a connection."""

    def connect(self) -> AbstractAsyncContextManager[T_co]:
        """A new connection, closed at the end. It is entered and left in one task, which is cancelled if it
        takes too long to leave. Raises `AgentError` where nobody is there."""


class Connections(Protocol):
    """The connections of a host."""

    async def to(self, connector: Connector[T]) -> T:
        """The connection, which is made if there is none. Raises `AgentError`: `Unavailable` as a rule."""

    def lost(self, connector: Connector[T], connection: T) -> None:
        """This connection is of no use any longer: it is closed, and the next call makes another."""
