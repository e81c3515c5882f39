"""Calls that are made one after the other in one scope: each has its own time, and its own end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
import pytest
import trio
import trio.testing

from flowlang.hosts.call_scopes import CallScope, answered
from flowlang.runtime.agents import AgentCall, AgentError
from flowlang.values.value import Value

SECOND = 1_000_000


@attrs.frozen
class Sleeps:
    """Answers after so many seconds; where it is `stubborn`, with an error once it is cancelled."""

    stubborn: bool = False

    async def call(self, call: AgentCall) -> Value:
        try:
            await trio.sleep(call.arguments["seconds"])
        except trio.Cancelled:
            if self.stubborn:
                raise ValueError("I was cancelled") from None
            raise
        return call.arguments["seconds"]


def call(seconds: float, timeout: int | None = None, *, shielded: bool = False) -> AgentCall:
    return AgentCall("a", {"seconds": seconds}, timeout, shielded=shielded)


def in_one_scope(work: Callable[[CallScope], Awaitable[None]]) -> bool:
    """Whether the scope is used up in the end."""

    async def main() -> bool:
        with trio.CancelScope() as opened:
            scope = CallScope(opened)
            await work(scope)
        return scope.used_up

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def test_the_time_of_a_call_is_over_with_it() -> None:
    async def work(scope: CallScope) -> None:
        assert await answered(Sleeps(), call(1, 2 * SECOND), scope) == 1
        await trio.sleep(5)
        assert await answered(Sleeps(), call(9), scope) == 9
        assert await answered(Sleeps(), call(1, 2 * SECOND), scope) == 1

    assert not in_one_scope(work)


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_call_that_takes_too_long_uses_the_scope_up(stubborn: bool) -> None:
    async def work(scope: CallScope) -> None:
        with pytest.raises(AgentError) as late:
            await answered(Sleeps(stubborn), call(9, 2 * SECOND), scope)
        assert (late.value.error, trio.current_time()) == ("Timeout", 2)

    assert in_one_scope(work)


@pytest.mark.parametrize("stubborn", [False, True])
def test_a_call_that_is_stopped_is_cancelled_whatever_its_time(stubborn: bool) -> None:
    async def stop(scope: CallScope) -> None:
        await trio.sleep(1)
        scope.stop()

    async def work(scope: CallScope) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(stop, scope)
            await answered(Sleeps(stubborn), call(9, 2 * SECOND), scope)
        raise AssertionError("it was stopped")

    assert in_one_scope(work)


def test_a_shielded_call_is_not_reached_but_by_its_timeout() -> None:
    async def work(scope: CallScope) -> None:
        scope.stop()
        assert await answered(Sleeps(), call(1, 2 * SECOND, shielded=True), scope) == 1
        assert trio.current_time() == 1
        await answered(Sleeps(), call(9, 2 * SECOND, shielded=True), scope)
        raise AssertionError("its error is not news once it was stopped")

    assert in_one_scope(work)
