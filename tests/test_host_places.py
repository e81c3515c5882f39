"""The cap on calls is shared in turns: a run that wants many places does not keep others from theirs."""

from __future__ import annotations

import trio
import trio.testing

from flowlang.hosts.places import RunPlaces, SharedPlaces


def test_lines_are_served_in_turns() -> None:
    served: list[str] = []

    async def call(places: RunPlaces, name: str) -> None:
        await places.acquire()
        served.append(name)
        places.release()

    async def main() -> None:
        shared = SharedPlaces(1)
        long, short = shared.of_run(), shared.of_run()
        long.acquire_nowait()
        async with trio.open_nursery() as nursery:
            for n in range(5):
                nursery.start_soon(call, long, f"long {n}")
                await trio.testing.wait_all_tasks_blocked()
            for n in range(2):
                nursery.start_soon(call, short, f"short {n}")
                await trio.testing.wait_all_tasks_blocked()
            long.release()
        assert shared.free == 1 and not shared.lines

    trio.run(main)
    assert served == ["long 0", "short 0", "long 1", "short 1", "long 2", "long 3", "long 4"]


def test_who_is_cancelled_leaves_its_line() -> None:
    async def main() -> None:
        shared = SharedPlaces(1)
        first, second = shared.of_run(), shared.of_run()
        first.acquire_nowait()
        with trio.move_on_after(0.01) as scope:
            await second.acquire()
        assert scope.cancelled_caught and not shared.lines
        first.release()
        await second.acquire()
        assert shared.free == 0
        second.release()
        assert shared.free == 1

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
