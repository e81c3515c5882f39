"""What agents do just now: what the engines of a store have posted -> a table, or JSON.

A run is held by one engine, and a limit or a breaker is an engine's too; so where several do the same agent's
calls, each has a line of its own below that of all together. What an engine did is forgotten with it: what
has become of runs is theirs to tell (`flow runs`, `flow show`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

import attrs

from flowlang.hosts.sqlite.owners import Holder, notices, owners_of
from flowlang.hosts.sqlite.store import Store
from flowlang.plan.styled import Line, Stretch, Style
from flowlang.tools.engine_stats import AgentStats, added, read_posted
from flowlang.tools.run_columns import aligned
from flowlang.tools.run_times import ago_text, due_text
from flowlang.values.times import format_datetime
from flowlang.values.value import Value

_COLUMNS = ("agent", "calls", "failed", "cached", "running", "waiting", "breaker", "last failure")
_BREAKER_STYLES: Mapping[str, Style] = {"closed": "good", "probing": "careful", "open": "danger"}


@attrs.frozen
class EngineStats:
    """What the agents of an engine do, by their names; `holder` is its process."""

    holder: Holder
    agents: Mapping[str, AgentStats]


def engines_of(store: Store) -> list[EngineStats]:
    """The engines that live and have made calls, the oldest first."""
    found = []
    for holder, text in notices(owners_of(store.path)):
        with suppress(ValueError, TypeError, AttributeError):  # another version may say it otherwise
            found.append(EngineStats(holder, read_posted(text)))
    return sorted(found, key=lambda engine: (engine.holder.since, engine.holder.pid))


def stats_table(engines: Sequence[EngineStats], now: int, limit: int | None = None) -> list[Line]:
    """A line an agent, with a heading; and one an engine below it, where there are several."""
    heading = [Stretch(name, "quiet") for name in _COLUMNS]
    return aligned([heading, *_rows(engines, now)], right=(1, 2, 3, 4, 5), limit=limit)


def _rows(engines: Sequence[EngineStats], now: int) -> Iterator[list[Stretch]]:
    for name, of_engines in _by_agent(engines).items():
        yield [Stretch(name, "name"), *_cells(added(known for _, known in of_engines), now)]
        if len(of_engines) > 1:
            for holder, known in of_engines:
                yield [Stretch(f"  process {holder.pid}", "quiet"), *_cells(known, now)]


def _by_agent(engines: Sequence[EngineStats]) -> dict[str, list[tuple[Holder, AgentStats]]]:
    """What each engine does with each agent, by the agents' names in their order."""
    names = sorted({name for engine in engines for name in engine.agents})
    return {
        name: [(engine.holder, engine.agents[name]) for engine in engines if name in engine.agents]
        for name in names
    }


def _cells(known: AgentStats, now: int) -> Iterator[Stretch]:
    yield Stretch(f"{known.calls:,}")
    yield Stretch(f"{known.failures:,}", "danger" if known.failures else "plain")
    yield Stretch(f"{known.from_cache:,}")
    yield Stretch(f"{known.under_way - known.waiting:,}")
    yield Stretch(f"{known.waiting:,}", "careful" if known.waiting else "plain")
    yield Stretch(_breaker_text(known, now), _BREAKER_STYLES.get(known.breaker or "", "quiet"))
    yield Stretch(_failure_text(known, now))


def _breaker_text(known: AgentStats, now: int) -> str:
    if known.open_until is not None:
        return f"{known.breaker}, probes {due_text(known.open_until, now)}"
    return known.breaker or "none"


def _failure_text(known: AgentStats, now: int) -> str:
    last = known.last_failure
    return "" if last is None else f"{last.error} {ago_text(last.at, now)} in {last.run}/{last.path}"


def stats_json(engines: Sequence[EngineStats]) -> list[Value]:
    """Each agent with what all engines do together, and each of them. Instants are RFC 3339."""
    return [
        {
            "agent": name,
            **_known_json(added(known for _, known in of_engines)),
            "engines": [
                {"holder": attrs.asdict(holder), **_known_json(known)} for holder, known in of_engines
            ],
        }
        for name, of_engines in _by_agent(engines).items()
    ]


def _known_json(known: AgentStats) -> dict[str, Value]:
    last = known.last_failure
    return {
        **attrs.asdict(known),
        "open_until": None if known.open_until is None else format_datetime(known.open_until),
        "last_failure": None if last is None else {**attrs.asdict(last), "at": format_datetime(last.at)},
    }
