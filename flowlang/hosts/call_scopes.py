"""Scopes of calls: what stops a call, and what gives it up when its time is over.

A scope of trio's costs as much as the rest of a small call. So a task that makes calls one after the other
makes them in one scope, until one of them is cancelled there; then the scope is used up, and whoever opened
it leaves it. Only a call that is shielded from all around it has to have one of its own."""

from __future__ import annotations

import math

import attrs
import trio

from flowlang.runtime.agents import Agent, AgentCall, AgentError, agent_failed
from flowlang.runtime.failures import TIMEOUT
from flowlang.values.times import format_duration
from flowlang.values.value import Value


async def answered(agent: Agent, call: AgentCall, around: CallScope | None = None) -> Value:
    """The reply of an agent within the timeout of the call, which a shield does not keep out; in the scope
    `around` it, if there is one. Raises AgentError."""
    if around is not None and not call.shielded:
        return await around.reply(agent, call)
    try:
        with trio.CancelScope(shield=call.shielded) as scope:
            return await CallScope(scope).reply(agent, call)
    except AgentError:
        await trio.lowlevel.checkpoint_if_cancelled()
        raise


@attrs.define(eq=False)
class CallScope:
    """A `scope` that the task at hand has opened to make its calls in. `stopped`: by `stop`."""

    scope: trio.CancelScope
    stopped: bool = False

    def stop(self) -> None:
        """Stop the call that is made in it."""
        self.stopped = True
        self.scope.cancel()

    @property
    def used_up(self) -> bool:
        """Whether no other call can be made in it."""
        return self.scope.cancel_called

    async def reply(self, agent: Agent, call: AgentCall) -> Value:
        """See `answered`."""
        if call.timeout is not None:
            self.scope.deadline = trio.current_time() + call.timeout / 1e6
        try:
            return await _reply(agent, call)
        except trio.Cancelled:
            if self.stopped or not self.used_up:
                raise
        finally:
            self.scope.deadline = math.inf
        raise AgentError(TIMEOUT, f"{call.agent} did not answer within {format_duration(call.timeout or 0)}")


async def _reply(agent: Agent, call: AgentCall) -> Value:
    """What an agent raises once it is cancelled is not news: the cancellation is."""
    try:
        return await agent.call(call)
    except (trio.Cancelled, KeyboardInterrupt):
        raise
    except BaseException as raised:
        error = raised if isinstance(raised, AgentError) else agent_failed(raised)
        await trio.lowlevel.checkpoint_if_cancelled()
        raise error from None
