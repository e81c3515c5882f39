"""How a call reaches an agent: the whole of what the runtime asks of a provider.

Arguments and replies are JSON. A reply that does not fit the agent's type is the interpreter's business
(`BadOutput`); an agent only has to answer or raise. It is called in a task of the host and may be cancelled
there at any wait; it must then clean up and let the cancellation through."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import attrs

Value: TypeAlias = Any
"""JSON, or a plan value (see `flowlang.plan.model`)."""


@attrs.frozen
class AgentCall:
    """One attempt of a call.

    `agent` is the agent's name in the plan. `arguments` holds each parameter in its JSON form, but those that
    were left out and whose default only the provider knows. `timeout` is what the host gives the attempt, in
    microseconds from when it really starts; the host enforces it, the agent may pass it on.
    `idempotency_key` is the same for all attempts that should have one effect. `attempt` counts from 1.
    `uninterrupted` says that the call is awaited whatever happens: it writes, or it has an `undo`."""

    agent: str
    arguments: dict[str, Value]
    timeout: int | None = None
    idempotency_key: str = ""
    attempt: int = 1
    uninterrupted: bool = False


class AgentError(Exception):
    """An agent's failure with a name: a declared error, or a built-in one such as `Unavailable`.

    `error` is the error's name as the agent knows it, without a module before it. `fields` are in JSON form.
    `cause` is for the trace: what was raised, and where. An agent may raise anything else as well: that is
    `AgentFailed` with the exception as its cause."""

    def __init__(
        self,
        error: str,
        message: str = "",
        *,
        fields: dict[str, Value] | None = None,
        cause: str | None = None,
    ) -> None:
        super().__init__(message or error)
        self.error, self.message, self.fields, self.cause = error, message, fields or {}, cause


class Agent(Protocol):
    """What a binding of an agent is."""

    async def call(self, call: AgentCall) -> Value:
        """The reply, as JSON. Raises `AgentError`, or anything."""
