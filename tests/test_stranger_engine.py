"""What a stranger stumbled over who holds runs in a program of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

import pytest
import trio

import flowlang
from flowlang import Engine, StoredRuns
from flowlang.tools.cli import invoke
from flowlang.tools.run_history import Step

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


@pytest.mark.parametrize("id", ["", "a/b", "-r", ".r", "r\n", "é", "\ud800", "x" * 65])
def test_an_id_that_no_command_could_name_is_refused(tmp_path: Path, id: str) -> None:
    async def main() -> None:
        async with Engine.open(tmp_path / "runs.db", durability="none") as engine:
            with pytest.raises(ValueError, match="at most 64 letters"):
                async with engine.start(prepared(), {"item": "ink"}, run_id=id):
                    pass
            assert await engine.runs() == []

    trio.run(main)


def test_what_could_never_work_is_refused_at_once(tmp_path: Path) -> None:
    async def opened(**options: object) -> None:
        async with Engine.open(tmp_path / "runs.db", **options):  # type: ignore[arg-type]
            pass

    async def main() -> None:
        with pytest.raises(ValueError, match="at least 1, not 0"):
            await opened(max_parallel=0)
        with pytest.raises(ValueError, match="one of power, process, none, not 'fast'"):
            await opened(durability="fast")
        with pytest.raises(ValueError, match="a status is one of running, "):
            await StoredRuns(tmp_path / "runs.db").runs(status="finished")  # type: ignore[arg-type]
        async with Engine.open(tmp_path / "runs.db", durability="none") as engine:
            async with engine.start(prepared(), {"item": "ink"}, run_id="r") as run:
                run.park()
            with pytest.raises(flowlang.StoreProblem, match="the value for `cost` does not fit"):
                async with engine.fork("r", "yes", given={"cost": object()}, agents=AGENTS):
                    pass

    trio.run(main)


UNDOS = """
error Stop
agent book(what: string) -> string effect idempotent
agent release(what: string) effect idempotent

flow nested() -> string {
  step first = booked(what: "first")
  step both = do {
    step a = book(what: "a") undo release(what: a)
    step b = book(what: a) undo release(what: "stop")
    yield "${a} ${b}"
  }
    after first
  fail Stop() when both != "" and first != ""
  return both
}

flow retried() -> string {
  step first = booked(what: "first")
  step both = do {
    step a = book(what: "a") undo release(what: a)
    step b = book(what: "${a} stop") undo release(what: "stop")
    fail Stop() when b == "a stop"
    yield b
  }
    after first
    retry 2 times
  return both
}

flow items() -> list<string?> {
  step first = booked(what: "first")
  step all = for each n in [1, 2], in order, tolerating 1 failures {
    step a = book(what: "${n}") undo release(what: a)
    step b = book(what: "${a} item") undo release(what: if n == 2 then "stop" else b)
    fail Stop() when n == 2 and b == "2 item"
    yield b
  }
    after first
  return all
}

flow raced() -> string {
  step first = booked(what: "first")
  step one = race { booked(what: "won"), two() } after first
  step last = booked(what: one)
  step stopped = book(what: "stop") after last
  return "${last} ${stopped}"
}

flow booked(what: string) -> string {
  step it = book(what: what) undo release(what: it)
  return it
}

flow two() -> string {
  step it = book(what: "lost") undo release(what: it)
  step more = book(what: "long")
  return more
}
"""


@pytest.mark.parametrize(
    ("flow", "undos"),
    [
        ("nested", {"first/it": "due", "both/a": "due", "both/b": "under way"}),
        ("retried", {"first/it": "ready", "both/a": "due", "both/b": "under way"}),
        (
            "items",
            {
                "first/it": "ready",
                "all[0]/a": "ready",
                "all[0]/b": "ready",
                "all[1]/a": "due",
                "all[1]/b": "under way",
            },
        ),
        ("raced", {"first/it": "ready", "one|0/it": "ready", "one|1/it": "undone", "last/it": "ready"}),
    ],
)
def test_what_is_to_be_undone_is_told_from_what_would_be(
    tmp_path: Path, flow: str, undos: dict[str, str]
) -> None:
    """A call that stops the run where it stands tells when to look."""

    async def main() -> dict[str, str]:
        reached = trio.Event()

        async def book(what: str) -> str:
            if flow == "raced" and what in ("long", "stop"):
                if what == "stop":
                    reached.set()
                await trio.sleep_forever()
            await trio.lowlevel.checkpoint()
            return what

        async def release(what: str) -> None:
            if what == "stop":
                reached.set()
                await trio.sleep_forever()

        compiled = flowlang.compile("main.flow", text=UNDOS)
        ready = flowlang.prepare(compiled, flow=flow, agents={"book": book, "release": release})
        async with Engine.open(tmp_path / "runs.db", durability="none") as engine:
            with trio.CancelScope() as left:
                async with engine.start(ready, {}, run_id="r"):
                    await reached.wait()
                    found = await engine.query("r")
                    left.cancel()
        return {step.path: said for step in below(found.steps) if (said := undo_of(step))}

    assert trio.run(main) == undos


PAYS = """
event Paid(order: string)

flow main(order: string) -> string {
  step paid = wait for Paid where payment => payment.order == order
    timeout 7d
  return paid.order
}
"""


def test_an_event_that_no_step_has_wanted_is_seen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "runs.db"

    async def main() -> None:
        ready = flowlang.prepare(flowlang.compile("main.flow", text=PAYS))
        async with Engine.open(path, durability="none") as engine:
            async with engine.started(ready, ready.read({"order": "A7"}), run_id="r", wait=False):
                pass
            for order in ("A8", "A9"):
                await engine.signal("r", "Paid", {"order": order})
            async with engine.resume("r", wait=False):
                pass

    trio.run(main)
    assert invoke(["show", "r", "--store", str(path)]) == 0
    assert "the event Paid, 2 times, which no step has wanted so far" in capsys.readouterr().out


PHOTOS = """
agent small(photo: file) -> file effect read

flow main(photo: file) -> file {
  step made = small(photo: photo)
  return made
}
"""


def test_a_fork_from_python_keeps_the_files_that_it_is_given(tmp_path: Path) -> None:
    def small(photo: flowlang.File) -> flowlang.File:
        return flowlang.File.from_bytes(photo.read()[:1], "text/plain")

    async def main() -> None:
        ready = flowlang.prepare(
            flowlang.compile("main.flow", text=PHOTOS), flow="main", agents={"small": small}
        )
        first, second = (flowlang.File.from_bytes(content, "text/plain") for content in (b"abc", b"xyz"))
        async with Engine.open(tmp_path / "runs.db", durability="none") as engine:
            async with engine.start(ready, {"photo": first}, run_id="r") as run:
                assert (await run.result()).status == "done"
            again = engine.fork("r", "made", inputs={"photo": second}, agents={"small": small})
            async with again as run:
                result = await run.result()
            [made, *_] = result.artifacts
            assert Path(made.path).read_bytes() == b"x"

    trio.run(main)


def below(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        yield from below(step.below)


def undo_of(step: Step) -> str | None:
    if step.undone is not None:
        return "undone"
    if step.being_undone:
        return "under way"
    return "due" if step.undo_due else "ready" if step.undoable else None
