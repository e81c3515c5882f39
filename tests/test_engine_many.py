"""A thousand runs at once in one engine, answered, told, cancelled and undone; the engine is left in the
middle of it, and another one goes on: nothing is lost, every run ends, and each as its inputs say."""

from __future__ import annotations

import gc
import os
import sqlite3
from collections import Counter
from pathlib import Path
from typing import Final

import trio

import flowlang
from flowlang import Engine, Result, StoredRuns
from flowlang.hosts.sqlite.store import Store
from flowlang.tools.run_result import stored_result

RUNS: Final = 1_000

TEXT = """
error Declined(by: string)
event Paid(order: string, amount: int)
agent book(what: string) -> string effect idempotent
agent release(what: string) effect idempotent
agent pay(order: string) -> int raises Declined effect idempotent
agent look(order: string, times: int) -> bool effect read
ask approve(question: string) -> bool

flow saga(order: string) -> string {
  step hotel = book(what: "hotel ${order}") undo release(what: hotel)
  step flight = book(what: "flight ${order}") undo release(what: flight)
  step paid = pay(order: "${hotel} ${flight}")
  return "${hotel}, ${flight} for ${paid}"
}

flow invoice(order: string) -> string {
  step seat = book(what: order) undo release(what: seat)
  step yes = approve(question: "Pay ${order}?")
    timeout 30d
  step paid = pay(order: order) when yes
    otherwise 0
  return if yes then "${seat} for ${paid}" else "left ${seat}"
}

flow order(order: string) -> string {
  step seat = book(what: order) undo release(what: seat)
  step paid = wait for Paid where payment => payment.order == order
    timeout 7d
  return "${seat} for ${paid.amount}"
}

flow job(order: string) -> int {
  step rounds = while n < 5, at most 9 times, from n = 0 {
    step there = look(order: order, times: n)
    next if there then 9 else n + 1
  }
  return rounds
}

flow items(order: string) -> list<string> {
  step all = for each n in 0..8, 3 at once {
    step one = book(what: "${order} ${n}")
    yield one
  }
  return all
}
"""
FLOWS: Final = ("saga", "invoice", "order", "job", "items")


class Declined(Exception):
    def __init__(self, by: str) -> None:
        super().__init__("no credit")
        self.by = by


class Shop:
    """What the agents do: `booked` counts what is booked and not released."""

    def __init__(self) -> None:
        self.booked: Counter[str] = Counter()

    async def book(self, what: str) -> str:
        await trio.lowlevel.checkpoint()
        self.booked[what] = 1
        return what

    async def release(self, what: str) -> None:
        await trio.lowlevel.checkpoint()
        self.booked[what] = 0

    async def pay(self, order: str) -> int:
        await trio.lowlevel.checkpoint()
        if int(order.split()[-1]) % 3 == 0:
            raise Declined("the bank")
        return 7

    async def look(self, order: str, times: int) -> bool:
        await trio.lowlevel.checkpoint()
        return times == 3

    def agents(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in ("book", "release", "pay", "look")}


def flow_of(n: int) -> str:
    return FLOWS[n % len(FLOWS)]


def is_cancelled(n: int) -> bool:
    """Of the runs that wait for somebody, every seventh."""
    return flow_of(n) in ("invoice", "order") and n % 7 == 0


def expected(n: int) -> tuple[str, object]:
    """How run `n` ends, and with what."""
    declined = n % 3 == 0
    match flow_of(n):
        case _ if is_cancelled(n):
            return "cancelled", None
        case "saga":
            return ("failed", None) if declined else ("done", f"hotel {n}, flight {n} for 7")
        case "invoice" if n % 2:
            return "done", f"left {n}"
        case "invoice":
            return ("failed", None) if declined else ("done", f"{n} for 7")
        case "order":
            return "done", f"{n} for {n}"
        case "job":
            return "done", 9
    return "done", [f"{n} {item}" for item in range(8)]


async def tell(runs: StoredRuns, n: int) -> None:
    """What somebody else has to say to run `n`, if anything."""
    if is_cancelled(n):
        await runs.cancel(f"r{n}")
    elif flow_of(n) == "invoice":
        await runs.answer(f"r{n}", n % 2 == 0)
    elif flow_of(n) == "order":
        await runs.signal(f"r{n}", "Paid", {"order": f"{n}", "amount": n})


def insist(n: int, result: Result) -> None:
    assert (result.status, result.data) == expected(n), (n, result)


class Many:
    """A thousand runs, carried out by one engine after the other."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.shop = Shop()
        plan = flowlang.compile("shop.flow", text=TEXT)
        self.flows = {flow: flowlang.prepare(plan, flow=flow, agents=self.shop.agents()) for flow in FLOWS}
        self.others = StoredRuns(path, durability="none")
        self.ended: set[int] = set()

    async def start(self) -> None:
        """Start all, tell half of those that wait, and leave the engine once what was told has ended."""
        async with Engine.open(self.path, durability="none") as engine, trio.open_nursery() as nursery:
            for n in range(RUNS):
                nursery.start_soon(self._start, engine, n)
            while len(await self.others.questions()) < RUNS // len(FLOWS):
                await trio.sleep(0.01)
            for n in range(RUNS // 2):
                await tell(self.others, n)
            while not all(n in self.ended for n in range(RUNS) if n < RUNS // 2 or not is_told(n)):
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()

    async def _start(self, engine: Engine, n: int) -> None:
        flow = self.flows[flow_of(n)]
        async with engine.start(flow, {"order": f"{n}"}, run_id=f"r{n}") as run:
            self._end(n, await run.result())

    async def go_on(self) -> None:
        """Tell the others while nobody holds them, or while they are carried on."""
        left = [n for n in range(RUNS) if n not in self.ended]
        for n in left[::2]:
            await tell(self.others, n)
        async with Engine.open(self.path, durability="none") as engine, trio.open_nursery() as nursery:
            for n in left:
                nursery.start_soon(self._resume, engine, n)
            for n in left[1::2]:
                await tell(self.others, n)

    async def _resume(self, engine: Engine, n: int) -> None:
        called = self.flows[flow_of(n)].program.plan.agents
        agents = {name: agent for name, agent in self.shop.agents().items() if name in called}
        async with engine.resume(f"r{n}", agents=agents) as run:
            self._end(n, await run.result())

    def _end(self, n: int, result: Result) -> None:
        assert n not in self.ended
        insist(n, result)
        self.ended.add(n)


def is_told(n: int) -> bool:
    return flow_of(n) in ("invoice", "order")


def test_a_thousand_runs_at_once(tmp_path: Path) -> None:
    gc.collect()  # what earlier tests have left
    files = len(os.listdir("/dev/fd"))
    many = Many(tmp_path / "runs.db")
    trio.run(many.start)
    assert 0 < len(many.ended) < RUNS
    trio.run(many.go_on)
    assert many.ended == {*range(RUNS)}
    check_bookings(many.shop)
    check_store(many.path)
    assert len(os.listdir("/dev/fd")) <= files
    assert not list(tmp_path.glob("runs.db-owners/*"))


def check_bookings(shop: Shop) -> None:
    """What is booked belongs to the runs that are done: nothing else is left, and nothing was undone that
    should not have been."""
    kept = {what for what, booked in shop.booked.items() if booked}
    done = [n for n in range(RUNS) if expected(n)[0] == "done"]
    wanted = {
        "saga": lambda n: [f"hotel {n}", f"flight {n}"],
        "items": lambda n: [f"{n} {item}" for item in range(8)],
        "job": lambda n: [],
    }
    assert kept == {what for n in done for what in wanted.get(flow_of(n), lambda n: [f"{n}"])(n)}


def check_store(path: Path) -> None:
    """The file is whole, each row is what was written, and each run reads back as it ended."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("SELECT count(*) FROM inbox WHERE taken = 0").fetchone() == (0,)
    connection.close()
    with Store.open(path) as store:
        records = store.runs(limit=RUNS + 1)
        assert len(records) == RUNS and not store.waits()
        for record in records:
            assert record.status == expected(int(record.id[1:]))[0] and record.ended
            assert store.journal(record.number) and store.inputs(record.number)
            store.plan(record.plan)
            insist(int(record.id[1:]), stored_result(store, record))
