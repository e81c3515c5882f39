"""Runs that are held to a number of calls, for plans whose bound is known only in the run (`plan_bounds`).

The calls over it fail with `Unavailable`, so that the plan comes to an end without them."""

from __future__ import annotations

import attrs

from flowlang.runtime.agent_errors import unavailable
from flowlang.runtime.agents import Agent, AgentCall
from flowlang.tools.engine import Prepared
from flowlang.values.value import Value


def held(prepared: Prepared, max_calls: int) -> Prepared:
    """A flow whose runs make at most so many calls together, in this process. Questions do not count."""
    count = _Count(max_calls, max_calls)
    agents = {name: _Counted(agent, count) for name, agent in prepared.program.agents.items()}
    return attrs.evolve(prepared, program=attrs.evolve(prepared.program, agents=agents))


@attrs.define(eq=False, repr=False)
class _Count:
    most: int
    left: int


@attrs.frozen(eq=False, repr=False)
class _Counted:
    """An agent whose calls are counted together with those of others."""

    agent: Agent
    count: _Count

    async def call(self, call: AgentCall) -> Value:
        if self.count.left <= 0:
            raise unavailable(f"this run may make {self.count.most} calls of agents, and has made them")
        self.count.left -= 1
        return await self.agent.call(call)
