"""What a stranger stumbled over who holds runs in a program of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

import flowlang
from flowlang import Engine
from flowlang.tools.cli import invoke

TEXT = """
agent price(item: string) -> float effect read
ask approve(question: string) -> bool

flow main(item: string) -> string {
  step cost = price(item: item)
  step yes = approve(question: "${item}?")
    timeout 30d
  return if yes then "bought for ${cost}" else "left"
}
"""
AGENTS = {"price": lambda item: 12.5}


def prepared() -> flowlang.Prepared:
    return flowlang.prepare(flowlang.compile("main.flow", text=TEXT), agents=AGENTS)


def test_the_events_of_a_run_that_is_started_are_all_told(tmp_path: Path) -> None:
    """Those too that happen while it is brought into the store, which is before anybody can ask."""

    async def main() -> None:
        async with Engine.open(tmp_path / "runs.db", durability="none") as engine:
            async with engine.start(prepared(), {"item": "ink"}) as run:
                told = [event async for event in answering(run)]
            assert await run.result() is not None
            stored = [event async for event in engine.events(run.run_id)]
        assert told == stored

    trio.run(main)


def test_the_events_of_a_resumed_run_begin_with_its_past(tmp_path: Path) -> None:
    async def main() -> None:
        async with Engine.open(tmp_path / "runs.db", durability="none") as engine:
            ready = prepared()
            async with engine.started(ready, ready.read({"item": "ink"}), run_id="r", wait=False):
                pass
            async with engine.resume("r", agents=AGENTS) as run:
                told = [event async for event in answering(run)]
            assert told == [event async for event in engine.events("r")]

    trio.run(main)


OTHERS = """
event Paid(order: string)
event Shipped

flow main(order: string) -> string {
  step paid = wait for Paid
    timeout 7d
  step there = delivered()
  return paid.order
}

flow delivered() { step left = sleep 1d }

flow other() {
  step gone = wait for Shipped
    timeout 7d
}
"""


def test_an_event_that_no_step_of_the_flow_can_take_is_refused(tmp_path: Path) -> None:
    """Another flow of the same file waits for it, whose run this is not."""

    async def main() -> None:
        ready = flowlang.prepare(flowlang.compile("main.flow", text=OTHERS), flow="main")
        async with (
            Engine.open(tmp_path / "runs.db", durability="none") as engine,
            engine.start(ready, {"order": "A7"}) as run,
        ):
            with pytest.raises(flowlang.NotAccepted, match="waits for an event `Shipped`"):
                await engine.signal(run.run_id, "Shipped")
            with pytest.raises(flowlang.NotAccepted, match="waits for an event `Shipped`"):
                run.signal("Shipped")
            run.park()

    trio.run(main)


LATE = """
ask approve(question: string) -> bool

flow main() -> string {
  step yes = approve(question: "Before it is over?")
    timeout 1h
    catch Timeout -> false
  step sooner = race {
    approve(question: "Or sooner than that?"),
    slept(),
  }
  return if sooner then "in time" else "over"
}

flow slept() -> bool { step over = sleep 1h return false }
"""
HOUR = 3_600_000_000


def test_an_answer_that_comes_too_late_is_refused_or_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, now = tmp_path / "runs.db", [1_000_000 * HOUR]

    async def main() -> str:
        ready = flowlang.prepare(flowlang.compile("main.flow", text=LATE))
        async with Engine.open(path, durability="none", clock=lambda: now[0]) as engine:
            async with engine.started(ready, {}, run_id="r", wait=False):
                pass
            now[0] += 2 * HOUR
            with pytest.raises(flowlang.NotAccepted, match="`r/yes` could be answered until"):
                await engine.answer("r", True, "yes")
            [race] = [asked for asked in await engine.questions("r") if asked.path != "yes"]
            await engine.answer(race.address, True)
            async with engine.resume("r") as run:
                assert (await run.result()).data == "over"
            assert (await engine.query("r")).too_late == (race.path,)
        return race.path

    late = trio.run(main)
    assert invoke(["show", "r", "--store", str(path)]) == 0
    assert f"too late  the answer to {late}, no longer asked" in capsys.readouterr().out


async def answering(run: flowlang.RunHandle) -> AsyncIterator[flowlang.events.Event]:
    """The events of a run, whose question is answered when it is heard of."""
    async for event in run.events():
        yield event
        if isinstance(event, flowlang.events.Waiting) and event.waiting_for == "answer":
            run.answer(event.path, True)
