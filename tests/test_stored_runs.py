"""Stored runs from Python, by those who do not hold them: looked at, followed, answered, told, replayed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

import flowlang
from flowlang import Engine, NotAccepted, Prepared, StoredRuns, StoreProblem, events
from flowlang.plan.text import type_text

FLOW = """
event Paid(order: string, amount: float)
agent price(item: string) -> float effect read
agent give_back(item: string) effect idempotent
ask approve(question: string) -> bool

flow main(item: string, password: secret<string>) -> string {
  step cost = price(item: item) undo give_back(item: item)
  step yes = approve(question: "${item} for ${cost}?")
    timeout 30d
  step paid = wait for Paid where payment => payment.order == item
    timeout 7d
  return if yes then "bought for ${paid.amount}" else "left"
}
"""
OTHER = FLOW.replace("price(item: item)", 'price(item: "two ${item}")')
AGENTS = {"price": lambda item: 12.5, "give_back": lambda item: None}
SECRET = {"password": "s3cret"}


def prepared(text: str = FLOW) -> Prepared:
    return flowlang.prepare(flowlang.compile("main.flow", text=text), agents=AGENTS)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


async def leave_waiting(path: Path, *ids: str) -> None:
    """Runs that wait for an answer, and that nobody holds."""
    ready = prepared()
    async with Engine.open(path, durability="none") as engine:
        for id in ids:
            inputs = {"item": "ink", **SECRET}
            async with engine.started(ready, ready.read(inputs), run_id=id, wait=False) as run:
                assert (await run.result()).status == "waiting"


def with_waiting(path: Path, work: Callable[[StoredRuns], Awaitable[None]]) -> None:
    async def main() -> None:
        await leave_waiting(path, "r1", "r2")
        await work(StoredRuns(path, durability="none"))

    trio.run(main)


def test_a_run_is_looked_at(path: Path) -> None:
    async def look(runs: StoredRuns) -> None:
        run = await runs.query("r1")
        assert (run.id, run.flow, run.status, run.holder) == ("r1", "main", "waiting", None)
        assert run.started > 0 and run.ended is None and run.result is None
        assert run.inputs == {"item": "ink", "password": "(secret)"}
        [asked] = run.questions
        assert (asked.address, asked.arguments) == ("r1/yes", {"question": "ink for 12.5?"})
        assert type_text(asked.wanted) == "bool"
        assert [(awaited.path, awaited.event) for awaited in run.awaited] == [("paid", "Paid")]
        states = {step.path: step.state for step in run.steps}
        assert states == {"cost": "done", "yes": "waiting", "paid": "waiting"}
        assert any(step.undoable for step in run.steps) and not run.unsettled

    with_waiting(path, look)


def test_runs_and_questions_are_listed(path: Path) -> None:
    async def look(runs: StoredRuns) -> None:
        assert [run.id for run in await runs.runs()] == ["r2", "r1"]
        assert [run.id for run in await runs.runs(limit=1, status="waiting", flow="main")] == ["r2"]
        assert await runs.runs(status="done") == []
        assert [asked.address for asked in await runs.questions()] == ["r1/yes", "r2/yes"]
        await runs.answer("r1", True)
        assert [asked.address for asked in await runs.questions()] == ["r2/yes"]
        assert await runs.questions("r1") == []
        assert (await runs.query("r1")).questions == ()

    with_waiting(path, look)


def test_what_was_told_is_heard_by_who_resumes(path: Path) -> None:
    async def tell(runs: StoredRuns) -> None:
        await runs.signal("r1", "Paid", {"order": "ink", "amount": 12.5})
        assert (await runs.answer("r1", True, "yes")).path == "yes"
        await runs.cancel("r2")
        async with Engine.open(path, durability="none") as engine:
            async with engine.resume("r1", agents=AGENTS, secrets=SECRET) as run:
                result = await run.result()
            async with engine.resume("r2", agents=AGENTS, secrets=SECRET) as run:
                cancelled = await run.result()
        assert result.data == "bought for 12.5"
        assert (cancelled.status, cancelled.undone) == ("cancelled", ("cost",))
        found = await runs.query("r1")
        assert (found.status, found.result) == ("done", result) and found.ended is not None
        assert any(step.undone for step in (await runs.query("r2")).steps)

    with_waiting(path, tell)


def test_a_held_run_is_told_in_the_same_way(path: Path) -> None:
    async def main() -> None:
        async with (
            Engine.open(path, durability="none") as engine,
            engine.start(prepared(), {"item": "ink", **SECRET}) as run,
        ):
            told = []
            async for event in engine.events(run.run_id):
                told.append(event)
                match event:
                    case events.Waiting(waiting_for="answer"):
                        await engine.answer(f"{run.run_id}/yes", False)
                    case events.Waiting(waiting_for="event"):
                        [awaited] = (await engine.query(run.run_id)).awaited
                        assert (awaited.path, awaited.event) == ("paid", "Paid")
                        await engine.signal(run.run_id, "Paid", {"order": "ink", "amount": 1})
            assert (await run.result()).data == "left"
            assert isinstance(told[0], events.RunStarted) and isinstance(told[-1], events.RunEnded)

    trio.run(main)


def test_events_end_where_nobody_holds_the_run(path: Path) -> None:
    async def look(runs: StoredRuns) -> None:
        for follow in (True, False):
            told = [event async for event in runs.events("r1", follow=follow)]
            assert isinstance(told[0], events.RunStarted) and isinstance(told[-1], events.Waiting)

    with_waiting(path, look)


NOT_ACCEPTED = [
    (lambda runs: runs.answer("r1", "perhaps"), "the answer to `r1/yes` does not fit"),
    (lambda runs: runs.answer("r1", object()), "the answer to `r1/yes` does not fit"),
    (lambda runs: runs.answer("r1", True, "no"), "run `r1` does not ask `no` now; open are r1/yes"),
    (lambda runs: runs.answer("r2", True), "answered already"),
    (lambda runs: runs.signal("r1", "Payed", {}), "waits for an event `Payed`; it waits for `Paid`"),
    (lambda runs: runs.signal("r1", "Paid", {"order": "ink"}), "the event `Paid` does not fit"),
    (lambda runs: runs.signal("r1", "Paid", 7), "the event `Paid` does not fit"),
    (lambda runs: runs.signal("r1", "Paid", {"order": "\ud800", "amount": 1}), "half of a surrogate"),
]


@pytest.mark.parametrize(("tell", "said"), NOT_ACCEPTED, ids=[said for _, said in NOT_ACCEPTED])
def test_what_does_not_fit_is_not_accepted(
    path: Path, tell: Callable[[StoredRuns], Awaitable[object]], said: str
) -> None:
    async def refused(runs: StoredRuns) -> None:
        await runs.answer("r2", True)
        with pytest.raises(NotAccepted) as caught:
            await tell(runs)
        assert said in str(caught.value)
        assert len(await runs.questions()) == 1

    with_waiting(path, refused)


def test_problems_of_the_store_are_told_as_such(path: Path, tmp_path: Path) -> None:
    async def refused(runs: StoredRuns) -> None:
        for ask in (runs.query, runs.cancel, runs.replay, runs.questions):
            with pytest.raises(StoreProblem, match="there is no run `r9`"):
                await ask("r9")
        with pytest.raises(StoreProblem, match="several runs begin with `r`"):
            await runs.signal("r", "Paid")
        (tmp_path / "no.db").write_text("not a store, and long enough to be read as none at all" * 20)
        with pytest.raises(StoreProblem, match="is no store"):
            await StoredRuns(tmp_path / "no.db").runs()

    with_waiting(path, refused)


def test_a_run_is_replayed_with_another_plan(path: Path) -> None:
    async def replay(runs: StoredRuns) -> None:
        assert (await runs.replay("r1")).difference is None
        assert (await runs.replay("r1", prepared().program.plan)).difference is None
        await runs.answer("r1", True)
        async with (
            Engine.open(path, durability="none") as engine,
            engine.resume("r1", agents=AGENTS, secrets=SECRET) as run,
        ):
            run.signal("Paid", {"order": "ink", "amount": 12.5})
            await run.result()
        compared = await runs.replay("r1", prepared(OTHER).program.plan)
        assert compared.difference is not None and compared.difference.path == "cost" and compared.changed

    with_waiting(path, replay)
