"""What protects an agent, shared by all runs of an engine (R27): those that were resumed, too.

A line belongs to what it protects: the agent's name, what it is bound to, and its policies in the plan. So
two plans that say the same of the same function wait in one line, fill one cache, and have one breaker. A
binding that nobody can tell from another (a function made inside of another, an object) keeps the line of
the flow that was prepared with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from weakref import WeakKeyDictionary

from flowlang.hosts.sqlite.replies import RepliesOf, StoredReplies
from flowlang.hosts.turns import Turns
from flowlang.plan import model as plan
from flowlang.runtime.agents import Agent
from flowlang.runtime.protection import Protection
from flowlang.tools.engine import Prepared
from flowlang.values.codec import write_json
from flowlang.values.value import Value

POLICIES: Final = {"limits", "breaker", "cache", "result"}


class SharedTurns:
    """The lines of an engine, by what they protect."""

    def __init__(self, replies: StoredReplies) -> None:
        self._replies = replies
        self._turns: dict[str, tuple[str, Turns]] = {}
        self._known: WeakKeyDictionary[Prepared, Mapping[str, Turns]] = WeakKeyDictionary()

    def of(self, prepared: Prepared) -> Mapping[str, Turns]:
        """The lines before the agents of a flow, by their names."""
        if prepared not in self._known:
            shared = {name: self._shared(name, own, prepared) for name, own in prepared.turns.items()}
            self._known[prepared] = shared
        return self._known[prepared]

    def __iter__(self) -> Iterator[tuple[str, Turns]]:
        """Each line with the name of its agent."""
        yield from self._turns.values()

    def _shared(self, name: str, own: Turns, prepared: Prepared) -> Turns:
        agent = prepared.program.plan.agents[name]
        scope = _scope(name, agent, prepared.program.agents.get(name))
        if scope is None:
            return own
        key = write_json(scope, canonical=True)
        if key not in self._turns:
            turns = Turns(Protection.of(agent, RepliesOf(self._replies, scope)))
            self._turns[key] = name, turns
        return self._turns[key][1]


def _scope(name: str, agent: plan.Agent, binding: Agent | None) -> dict[str, Value] | None:
    """What is protected; None where the binding cannot be told from others."""
    identity: str | None = getattr(binding, "identity", None)
    if identity is None:
        return None
    policies: dict[str, Value] = agent.model_dump(mode="json", include=POLICIES)
    return {"agent": name, "binding": identity, **policies}
