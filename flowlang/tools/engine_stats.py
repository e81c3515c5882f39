"""What the agents of an engine do: counted while calls are made, for `Engine.stats`, and shown to others.

Nobody but the engine knows how its breakers stand, so it posts that beside its store (`Owner.post`), at most
once a second and only where something has changed; with the engine it is gone."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Final, Literal, TypeAlias

import attrs
import trio

from flowlang.hosts.call_scopes import CallScope
from flowlang.hosts.turns import Turns
from flowlang.hosts.under_way import MakeCall
from flowlang.runtime.agents import AgentCall, AgentError
from flowlang.values.codec import write_json
from flowlang.values.value import Value

POSTING: Final = 1.0  # seconds between two looks whether anything has changed

BreakerState: TypeAlias = Literal["closed", "open", "probing"]


@attrs.frozen
class LastFailure:
    """Which call of an agent failed last, with which error. `at` in microseconds since 1970 UTC. What the
    error said is told by the run."""

    at: int
    error: str
    run: str
    path: str


@attrs.frozen
class AgentStats:
    """The calls of an agent since the engine was opened, of all runs together.

    `calls` counts attempts, those that a cache answered included, and `failures` those of them that ended
    with an error. `under_way` are being made or wait for their turn, and `waiting` only wait. `breaker` is
    None where the agent has none; an open one lets a call through again at `open_until`, in microseconds
    since 1970 UTC, to find out (`probing`) whether the agent is well."""

    calls: int = 0
    failures: int = 0
    from_cache: int = 0
    under_way: int = 0
    waiting: int = 0
    breaker: BreakerState | None = None
    open_until: int | None = None
    last_failure: LastFailure | None = None


@attrs.define
class _Count:
    calls: int = 0
    failures: int = 0
    under_way: int = 0
    last_failure: LastFailure | None = None


@attrs.define(eq=False)
class CountedCalls:
    """Counts by the agents' names. `clock` gives the present instant."""

    clock: Callable[[], int]
    counts: defaultdict[str, _Count] = attrs.field(factory=lambda: defaultdict(_Count))

    async def call(self, run: str, make: MakeCall, path: str, call: AgentCall, scope: CallScope) -> Value:
        """Make a call of the run of that id, counted."""
        count = self.counts[call.agent]
        count.calls += 1
        count.under_way += 1
        try:
            return await make(path, call, scope)
        except AgentError as problem:
            count.failures += 1
            count.last_failure = LastFailure(self.clock(), problem.error, run, path)
            raise
        finally:
            count.under_way -= 1

    def stats(self, lines: Iterable[tuple[str, Turns]]) -> dict[str, AgentStats]:
        """What is known of each agent, given the lines before those that are protected."""
        now = self.clock()
        stats = {
            name: AgentStats(
                calls=count.calls,
                failures=count.failures,
                under_way=count.under_way,
                last_failure=count.last_failure,
            )
            for name, count in self.counts.items()
        }
        for name, turns in lines:
            stats[name] = added([stats.get(name, AgentStats()), _of_line(turns, now)])
        return stats


def _of_line(turns: Turns, now: int) -> AgentStats:
    state, breaker = turns.breaker_at(now), turns.protection.breaker
    return AgentStats(
        from_cache=turns.from_cache,
        waiting=turns.waiting,
        breaker=state,
        open_until=breaker.opened if breaker is not None and state == "open" else None,
    )


def added(stats: Iterable[AgentStats]) -> AgentStats:
    """What an agent does in several places, as if it were one: there the worst breaker counts."""
    return reduce(_both, stats, AgentStats())


def _both(one: AgentStats, other: AgentStats) -> AgentStats:
    untils = [until for until in (one.open_until, other.open_until) if until is not None]
    failed = [failure for failure in (one.last_failure, other.last_failure) if failure is not None]
    return AgentStats(
        calls=one.calls + other.calls,
        failures=one.failures + other.failures,
        from_cache=one.from_cache + other.from_cache,
        under_way=one.under_way + other.under_way,
        waiting=one.waiting + other.waiting,
        breaker=_worse(one.breaker, other.breaker),
        open_until=max(untils, default=None),
        last_failure=max(failed, key=lambda failure: failure.at, default=None),
    )


def _worse(one: BreakerState | None, other: BreakerState | None) -> BreakerState | None:
    states: tuple[BreakerState, ...] = ("open", "probing", "closed")
    return next((state for state in states if state in (one, other)), None)


# Shown to others


async def post_changes(stats: Callable[[], Mapping[str, AgentStats]], post: Callable[[str], None]) -> None:
    """Post what agents do whenever it has changed; it ends only where it is cancelled."""
    posted: Mapping[str, AgentStats] = {}
    while True:
        await trio.sleep(POSTING)
        if (present := stats()) != posted:
            post(write_json({name: attrs.asdict(known) for name, known in present.items()}))
            posted = present


def read_posted(text: str) -> dict[str, AgentStats]:
    """What was posted, perhaps by another version. Raises ValueError, TypeError,
    AttributeError."""
    return {name: _read_stats(**known) for name, known in json.loads(text).items()}


def _read_stats(*, last_failure: dict[str, Value] | None, **known: Value) -> AgentStats:
    failure = None if last_failure is None else LastFailure(**last_failure)
    return AgentStats(**known, last_failure=failure)
