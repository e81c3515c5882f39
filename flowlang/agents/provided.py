"""An agent that lives behind a provider: a call of it goes over the connection that its host keeps.

What goes wrong comes back as an error that says which target it was. Whatever comes back, replies and what
the agent says meanwhile included, comes without the secrets of `flow.toml`."""

from __future__ import annotations

import attrs

from flowlang.agents.providers import Connection, ConnectionLost, Member, Target
from flowlang.agents.secrets import NoSecret
from flowlang.runtime.agent_errors import unavailable
from flowlang.runtime.agents import AgentCall, AgentError, agent_failed
from flowlang.runtime.connections import Connections
from flowlang.runtime.hiding import hiding
from flowlang.values.value import Value


@attrs.frozen(eq=False)
class ProvidedAgent:
    target: Target
    member: Member

    @property
    def identity(self) -> str:
        """What tells the agent from others, in any process."""
        settings, entry = self.target.settings.model_dump_json(), self.member.entry
        bound = "" if entry is None else entry.model_dump_json()
        return f"{self.target.kind}:{self.target.folder}:{settings}:{self.member.name}:{bound}"

    async def call(self, call: AgentCall) -> Value:
        return await hiding(self._told, call, lambda: self.target.secrets.writings)

    async def _told(self, call: AgentCall) -> Value:
        """The reply; an error names the target."""
        try:
            return await self._called(call)
        except AgentError as error:
            raise self._named(error) from None
        except (NoSecret, ConnectionLost) as missing:
            raise self._named(unavailable(str(missing))) from None
        except Exception as raised:
            raise self._named(agent_failed(raised)) from None

    async def _called(self, call: AgentCall) -> Value:
        if call.connections is None:
            async with self.target.connect() as connection:
                return await self._over(connection, call)
        try:
            return await self._over_kept(call.connections, call)
        except ConnectionLost as lost:
            if lost.begun:
                raise
        return await self._over_kept(call.connections, call)

    async def _over_kept(self, connections: Connections, call: AgentCall) -> Value:
        connection = await connections.to(self.target)
        try:
            return await connection.call(self.member, call)
        except ConnectionLost:
            connections.lost(self.target, connection)
            raise

    async def _over(self, connection: Connection, call: AgentCall) -> Value:
        try:
            return await connection.call(self.member, call)
        except ConnectionLost as lost:
            raise unavailable(str(lost)) from None

    def _named(self, error: AgentError) -> AgentError:
        message = f"{self.target}: {error}" if str(error) else str(self.target)
        return AgentError(error.error, message, fields=error.fields, cause=error.cause)
