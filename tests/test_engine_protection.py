"""Limits, breakers and caches of an engine: they hold across all its runs, and what is cached outlives it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import flowlang
from flowlang.hosts.sqlite.pruning import prune
from flowlang.hosts.sqlite.store import Store
from flowlang.tools.engine_stats import AgentStats
from flowlang.tools.run_handle import Result

FLOW = """
agent slow(n: int) -> int effect idempotent limit 2 at once
agent rated(n: int) -> int effect idempotent limit 2 per 10s
agent shaky(n: int) -> int effect idempotent breaker 3 failures within 1m reset 30s
agent known(n: int) -> int effect read cache 1h
agent drawn(n: int) -> file effect read cache 1h

flow slows(n: int) -> int { return slow(n: n) }
flow rates(n: int) -> int { return rated(n: n) }
flow shakes(n: int) -> int { return shaky(n: n) }
flow knows(n: int) -> int { return known(n: n) }
flow draws(n: int) -> file { return drawn(n: n) }
"""

calls: Counter[str] = Counter()
under_way: Counter[str] = Counter()
starts: list[float] = []


async def slow(n: int) -> int:
    under_way["now"] += 1
    under_way["most"] = max(under_way["most"], under_way["now"])
    try:
        await trio.sleep(1)
    finally:
        under_way["now"] -= 1
    return n


async def rated(n: int) -> int:
    starts.append(trio.current_time())
    return n


async def shaky(n: int) -> int:
    calls["shaky"] += 1
    if n < 0:
        raise ValueError("unwell")
    return n


async def known(n: int) -> int:
    calls["known"] += 1
    return n * n


async def drawn(n: int) -> flowlang.File:
    calls["drawn"] += 1
    return flowlang.File.from_bytes(b"x" * n)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for counted in (calls, under_way, starts):
        counted.clear()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.flow").write_text(FLOW)
    return tmp_path


def prepared(flow: str, **agents: Any) -> flowlang.Prepared:
    """A flow that is prepared anew, as each resume and each command does."""
    mine = {name: globals()[name] for name in ("slow", "rated", "shaky", "known", "drawn")}
    compiled = flowlang.compile("main.flow")
    called = {"slows": "slow", "rates": "rated", "shakes": "shaky", "knows": "known", "draws": "drawn"}[flow]
    return flowlang.prepare(compiled, flow=flow, agents={called: agents.get(called, mine[called])})


async def carry_out(engine: flowlang.Engine, flow: str, n: int, **agents: Any) -> Result:
    async with engine.start(prepared(flow, **agents), {"n": n}) as run:
        return await run.result()


def in_virtual_time(work: Callable[[flowlang.Engine], Awaitable[None]], start: int = 0) -> None:
    """Do something with an engine, which begins at an instant, in seconds."""

    async def open_and_work() -> None:
        async with flowlang.Engine.open("runs.db", durability="none", clock=clock) as engine:
            await work(engine)

    def clock() -> int:
        return round((start + trio.current_time()) * 1e6)

    trio.run(open_and_work, clock=trio.testing.MockClock(autojump_threshold=0.005))


def test_a_limit_holds_for_all_runs() -> None:
    async def work(engine: flowlang.Engine) -> None:
        async with trio.open_nursery() as nursery:
            for n in range(6):
                nursery.start_soon(carry_out, engine, "slows", n)
            wanted = AgentStats(calls=6, under_way=6, waiting=4)
            while engine.stats().get("slow") != wanted:
                await trio.lowlevel.checkpoint()  # and no time goes by
        stats = engine.stats()["slow"]
        assert (stats.calls, stats.under_way, stats.waiting, stats.breaker) == (6, 0, 0, None)

    in_virtual_time(work)
    assert 0 < under_way["most"] <= 2


def test_a_limit_holds_for_resumed_runs() -> None:
    async def park(engine: flowlang.Engine) -> None:
        for n in range(3):
            async with engine.start(prepared("slows"), {"n": n}, run_id=f"r{n}") as run:
                run.park()

    async def work(engine: flowlang.Engine) -> None:
        async def resume(n: int) -> None:
            async with engine.resume(f"r{n}", agents={"slow": slow}) as run:
                assert (await run.result()).data == n

        async with trio.open_nursery() as nursery:
            for n in range(3):
                nursery.start_soon(resume, n)
                nursery.start_soon(carry_out, engine, "slows", n)

    in_virtual_time(park)
    under_way.clear()
    in_virtual_time(work, start=100)
    assert 0 < under_way["most"] <= 2


def test_a_rate_holds_for_all_runs() -> None:
    async def work(engine: flowlang.Engine) -> None:
        for n in range(5):
            await carry_out(engine, "rates", n)

    in_virtual_time(work)
    assert [round(each / 10) for each in starts] == [0, 0, 1, 1, 2]


def test_a_breaker_opens_for_all_runs() -> None:
    async def work(engine: flowlang.Engine) -> None:
        for _ in range(3):
            assert (await carry_out(engine, "shakes", -1)).failure is not None
        refused = (await carry_out(engine, "shakes", 1)).failure
        assert refused is not None and refused.error == "BreakerOpen"
        stats = engine.stats()["shaky"]
        assert (stats.calls, stats.failures, stats.breaker) == (4, 4, "open")
        await trio.sleep(31)
        assert engine.stats()["shaky"].breaker == "probing"
        assert (await carry_out(engine, "shakes", 1)).data == 1
        assert engine.stats()["shaky"].breaker == "closed"

    in_virtual_time(work)
    assert calls["shaky"] == 4


def test_what_is_cached_outlives_the_engine() -> None:
    async def ask(engine: flowlang.Engine) -> None:
        assert [(await carry_out(engine, "knows", n)).data for n in (2, 3, 2)] == [4, 9, 4]

    async def ask_again(engine: flowlang.Engine) -> None:
        await ask(engine)
        assert engine.stats()["known"].from_cache == 3

    in_virtual_time(ask)
    assert calls["known"] == 2
    in_virtual_time(ask_again, start=3_000)
    assert calls["known"] == 2
    in_virtual_time(ask, start=4_000)
    assert calls["known"] == 4


def test_replies_of_functions_that_cannot_be_told_apart_are_not_shared() -> None:
    def made(factor: int) -> Callable[[int], int]:
        def known(n: int) -> int:
            return n * factor

        return known

    async def work(engine: flowlang.Engine) -> None:
        for factor in (2, 3):
            assert (await carry_out(engine, "knows", 5, known=made(factor))).data == 5 * factor

    in_virtual_time(work)


@pytest.mark.parametrize("spoil", ["UPDATE replies SET text = '7'", "UPDATE replies SET key = x'00'"])
def test_a_reply_that_was_changed_is_not_taken(spoil: str) -> None:
    async def ask(engine: flowlang.Engine) -> None:
        assert (await carry_out(engine, "knows", 2)).data == 4

    in_virtual_time(ask)
    with Store.open(Path("runs.db"), "none") as store:
        store.database.connection.execute(spoil)
    in_virtual_time(ask)
    assert calls["known"] == 2


def test_a_cached_file_is_there_or_made_again(project: Path) -> None:
    async def ask(engine: flowlang.Engine) -> None:
        result = await carry_out(engine, "draws", 3)
        assert Path(result.artifacts[0].path).read_bytes() == b"xxx"

    in_virtual_time(ask)
    with Store.open(project / "runs.db", "none") as store:
        assert prune(store, before=10**6).files == 0
    in_virtual_time(ask)
    assert calls["drawn"] == 1
    with Store.open(project / "runs.db", "none") as store:
        assert prune(store, before=5 * 10**9).files == 1
    in_virtual_time(ask, start=6_000)
    assert calls["drawn"] == 2


def test_a_cached_file_that_is_gone_is_made_again(project: Path) -> None:
    async def ask(engine: flowlang.Engine) -> None:
        for _ in range(2):
            result = await carry_out(engine, "draws", 3)
            Path(result.artifacts[0].path).unlink()

    in_virtual_time(ask)
    assert calls["drawn"] == 2
