"""Targets -> what each of them offers now, or why it says nothing. All are asked at the same time.

A target that does not answer holds nobody up for longer than its time; what a server says on the way never
shows a secret."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import attrs
import trio

from flowlang.agents.differences import in_order
from flowlang.agents.locked import Offers, TargetName
from flowlang.agents.offers import Offered
from flowlang.agents.providers import ConnectionLost, Target
from flowlang.agents.secrets import NoSecret
from flowlang.hosts.connections import open_connections
from flowlang.runtime.agents import AgentError, agent_failed
from flowlang.runtime.connections import Connections
from flowlang.runtime.hiding import hidden_in

AT_ONCE: Final = 8
PATIENCE: Final = 60.0  # seconds, since a server may have to be downloaded first


@attrs.frozen
class Answered:
    """What a target offers, and how many seconds it took to connect and to say so."""

    offers: Offers
    seconds: float


@attrs.frozen
class Silent:
    """Why a target says nothing, and what to do."""

    message: str


Heard: TypeAlias = Answered | Silent
OnHeard: TypeAlias = Callable[[TargetName, Heard], None]


def ask_targets(
    targets: Mapping[TargetName, Target],
    *,
    patience: float = PATIENCE,
    on_heard: OnHeard | None = None,
) -> dict[TargetName, Heard]:
    """Ask each target what it offers, and tell `on_heard` as they answer."""
    return trio.run(_ask_all, targets, patience, on_heard)


async def _ask_all(
    targets: Mapping[TargetName, Target], patience: float, on_heard: OnHeard | None
) -> dict[TargetName, Heard]:
    heard: dict[TargetName, Heard] = {}
    places = trio.CapacityLimiter(AT_ONCE)

    async def ask(name: TargetName, target: Target) -> None:
        async with places:
            heard[name] = await _heard(target, patience, connections)
        if on_heard is not None:
            on_heard(name, heard[name])

    async with open_connections() as connections, trio.open_nursery() as nursery:
        for name, target in targets.items():
            nursery.start_soon(ask, name, target)
    return {name: heard[name] for name in targets}


async def _heard(target: Target, patience: float, connections: Connections) -> Heard:
    started = trio.current_time()
    try:
        with trio.fail_after(patience):
            connection = await connections.to(target)
            offers = await connection.offers()
    except trio.TooSlowError:
        return Silent(f"it did not answer within {patience:g} s: is it running, and is this its address?")
    except (AgentError, ConnectionLost, NoSecret) as problem:
        return Silent(target.secrets.scrub(str(problem)))
    except Exception as raised:
        return Silent(target.secrets.scrub(str(agent_failed(raised))))
    by_name = {offered.name: _without_secrets(offered, target) for offered in reversed(offers)}
    return Answered(in_order([*by_name.values()]), trio.current_time() - started)


def _without_secrets(offered: Offered, target: Target) -> Offered:
    fields = hidden_in(offered.to_json(), target.secrets.writings)
    return Offered.from_json(fields)
