"""An agent that lives behind a provider: a call of it goes over the connection that its host keeps.

What goes wrong comes back as an error that says which target it was. Whatever comes back, replies and what
the agent says meanwhile included, comes without the secrets of `flow.toml`."""

from __future__ import annotations

import attrs

from flowlang.agents.providers import Connection, ConnectionLost, Member, Target
from flowlang.agents.secrets import NoSecret
from flowlang.runtime.agents import AgentCall, AgentError, Said, Tell, Used, agent_failed
from flowlang.runtime.failures import UNAVAILABLE
from flowlang.values.value import Value


@attrs.frozen(eq=False)
class ProvidedAgent:
    target: Target
    member: Member

    @property
    def identity(self) -> str:
        """What tells the agent from others, in any process."""
        settings = self.target.settings.model_dump_json()
        return f"{self.target.kind}:{self.target.folder}:{settings}:{self.member.name}"

    async def call(self, call: AgentCall) -> Value:
        try:
            reply = await self._called(call._replace(tell=self._telling(call.tell)))
            return self.target.secrets.scrubbed(reply)
        except AgentError as error:
            raise self._told(error) from None
        except NoSecret as missing:
            raise self._told(_unavailable(str(missing))) from None
        except Exception as raised:
            raise self._told(agent_failed(raised)) from None

    async def _called(self, call: AgentCall) -> Value:
        if call.connections is None:
            async with self.target.connect() as connection:
                return await self._over(connection, call)
        connection = await call.connections.to(self.target)
        try:
            return await connection.call(self.member, call)
        except ConnectionLost as lost:
            call.connections.lost(self.target, connection)
            raise _unavailable(str(lost)) from None

    async def _over(self, connection: Connection, call: AgentCall) -> Value:
        try:
            return await connection.call(self.member, call)
        except ConnectionLost as lost:
            raise _unavailable(str(lost)) from None

    def _telling(self, tell: Tell | None) -> Tell | None:
        """What the agent says meanwhile, without secrets."""
        if tell is None:
            return None
        secrets = self.target.secrets

        def told(said: Said | Used) -> None:
            tell(said._replace(text=secrets.scrub(said.text)) if isinstance(said, Said) else said)

        return told

    def _told(self, error: AgentError) -> AgentError:
        """The error with its target named, and without secrets."""
        scrub, scrubbed = self.target.secrets.scrub, self.target.secrets.scrubbed
        message = f"{self.target}: {error}" if str(error) else str(self.target)
        fields = {name: scrubbed(value) for name, value in error.fields.items()}
        cause = None if error.cause is None else scrub(error.cause)
        return AgentError(error.error, scrub(message), fields=fields, cause=cause)


def _unavailable(message: str) -> AgentError:
    return AgentError(UNAVAILABLE, message, fields={"message": message})
