"""What the agents of an engine do: counted while calls are made, for `Engine.stats`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Literal, TypeAlias

import attrs

from flowlang.hosts.journaled import MakeCall
from flowlang.hosts.turns import Turns
from flowlang.runtime.agents import AgentCall, AgentError
from flowlang.values.value import Value

BreakerState: TypeAlias = Literal["closed", "open", "probing"]


@attrs.frozen
class AgentStats:
    """The calls of an agent since the engine was opened, of all runs together.

    `calls` counts attempts, those that a cache answered included, and `failures` those of them that ended
    with an error. `under_way` are being made or wait for their turn, and `waiting` only wait. `breaker` is
    None where the agent has none."""

    calls: int = 0
    failures: int = 0
    from_cache: int = 0
    under_way: int = 0
    waiting: int = 0
    breaker: BreakerState | None = None


@attrs.define
class _Count:
    calls: int = 0
    failures: int = 0
    under_way: int = 0


@attrs.define(eq=False)
class CountedCalls:
    """Counts by the agents' names."""

    counts: defaultdict[str, _Count] = attrs.field(factory=lambda: defaultdict(_Count))

    def counted(self, make: MakeCall) -> MakeCall:
        """The same, counted."""

        async def made(path: str, call: AgentCall) -> Value:
            count = self.counts[call.agent]
            count.calls += 1
            count.under_way += 1
            try:
                return await make(path, call)
            except AgentError:
                count.failures += 1
                raise
            finally:
                count.under_way -= 1

        return made

    def stats(self, lines: Iterable[tuple[str, Turns]], now: int) -> dict[str, AgentStats]:
        """What is known of each agent, given the lines before those that are protected."""
        stats = {name: AgentStats(**attrs.asdict(count)) for name, count in self.counts.items()}
        for name, turns in lines:
            known = stats.get(name, AgentStats())
            stats[name] = attrs.evolve(
                known,
                from_cache=known.from_cache + turns.from_cache,
                waiting=known.waiting + turns.waiting,
                breaker=_worse(known.breaker, turns.breaker_at(now)),
            )
        return stats


def _worse(one: BreakerState | None, other: BreakerState | None) -> BreakerState | None:
    """An agent that is bound in two ways has two breakers."""
    states: tuple[BreakerState, ...] = ("open", "probing", "closed")
    return next((state for state in states if state in (one, other)), None)
