"""Ways of running things side by side, made of nothing but the groups of a host.

Deadlines, paced loops and races are here, once, so they mean the same wherever a run is carried out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from typing import TypeAlias, TypeVar

from flowlang.runtime.failures import FlowFailure
from flowlang.runtime.host import Host
from flowlang.values.value import Value

T = TypeVar("T")

Worker: TypeAlias = Callable[[Iterator[T]], Coroutine[None, Value, None]]
"""Takes items one after the other, from what it shares with others."""


class Expired(Exception):
    """The time for something is over, and it has been cancelled."""


async def within(host: Host, deadline: int, work: Callable[[], Awaitable[T]], *, running_time: bool) -> T:
    """The value of some work; raises Expired if a deadline cancelled it. What it gives in the end counts,
    even if that was late because a part of it could not be interrupted."""
    given: list[T] = []

    async def child() -> None:
        given.append(await work())

    async with host.group(deadline, running_time=running_time) as group:
        group.start(child)
    if not given:
        raise Expired
    return given[0]


async def pull(host: Host, workers: int, items: Sequence[T], worker: Worker[T]) -> None:
    """Work on all items, by so many workers that each pull the next one when they are free."""
    waiting = iter(items)
    if workers == 1:
        return await worker(waiting)
    async with host.group() as group:
        for _ in range(min(workers, len(items))):
            group.start(worker, waiting)


async def first_of(
    host: Host,
    count: int,
    arms: Sequence[Callable[[], Awaitable[T]]],
    *,
    workers: int,
    spurn: Callable[[T], Awaitable[None]],
) -> list[T]:
    """The values of the first `count` arms that succeed, in order of completion.

    The other arms are cancelled and awaited. A value that is not used, because it came too late or because
    too few others came, is given to `spurn`. When too few arms can still succeed, the failure that made it so
    is raised, with those before it as notes. There are at least `count` arms."""
    chosen: list[T] = []
    borne: list[FlowFailure] = []

    async def run(arm: Callable[[], Awaitable[T]]) -> None:
        if len(chosen) == count:
            return
        try:
            value = await arm()
        except FlowFailure as failure:
            return _bear(failure, borne, len(arms) - count)
        if len(chosen) == count:
            return await spurn(value)
        chosen.append(value)
        if len(chosen) == count:
            group.cancel()

    async def worker(waiting: Iterator[Callable[[], Awaitable[T]]]) -> None:
        for arm in waiting:
            await run(arm)

    try:
        waiting = iter(arms)
        async with host.group() as group:
            for _ in range(min(workers, len(arms))):
                group.start(worker, waiting)
    except BaseException:
        for value in chosen:
            await spurn(value)
        raise
    return chosen


def _bear(failure: FlowFailure, borne: list[FlowFailure], bearable: int) -> None:
    """Put up with a failure, or raise it if it is one too many."""
    borne.append(failure)
    if len(borne) > bearable:
        for earlier in borne[:-1]:
            failure.note(earlier.failure)
        raise failure
