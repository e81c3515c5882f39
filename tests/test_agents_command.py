"""`flow agents`: what is listed of flows, and what is seen of engines that live."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import flowlang
from flowlang.hosts.sqlite.owners import clear_away_the_dead
from flowlang.tools.cli import invoke
from flowlang.tools.engine_stats import AgentStats, LastFailure, added
from flowlang.tools.run_handle import Result

FLOW = """
error Unknown(city: string)
type Sky = { clear: bool, degrees: float }

use python tools = "tools.py"
agent sky(city: string, days: int = 3) -> Sky raises Unknown effect read
  limit 2 at once, 5 per 1m
  breaker 2 failures within 1m reset 3s
agent log(line: string) -> bool effect read cache 1h
agent lost(n: int) -> int effect pure
ask approve(question: string) -> bool

flow skies(city: string) -> bool { step seen = sky(city: city) return seen.clear }
flow logs(line: string) -> bool { return log(line: line) }
flow losts() -> int {
  step n = lost(n: 1)
  step yes = approve(question: "?") timeout 1d
  step m = tools.half(n: n)
  return m
}
"""
TOOLS = """
def half(n: int) -> int:
    '''Half of it.'''
    return n // 2
"""
CONFIG = """
[agents.sky]
python = "tools:sky"

[agents.log]
command = ["logger", "{line}", "a\\nb"]
"""

LISTED = """\
sky(city: string, days: int = 3) -> Sky raises Unknown
    read · timeout 10m per attempt · limit 2 at once, 5 per 1m · breaker 2 failures within 1m reset
    3s
    python tools:sky (flow.toml:2)
log(line: string) -> bool
    read · timeout 10m per attempt · cache 1h
    command logger '{line}' 'a<U+000A>b' (flow.toml:5)
lost(n: int) -> int
    pure · timeout 10m per attempt
    nothing says how this is reached
approve(question: string) -> bool
    ask · idempotent
    asks a person: `flow answer`
tools.half(n: int) -> int raises Unknown
    effect not declared · timeout 10m per attempt
    python tools.py:half (main.flow)
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "main.flow").write_text(FLOW)
    (tmp_path / "tools.py").write_text(TOOLS)
    (tmp_path / "flow.toml").write_text(CONFIG)
    return tmp_path


Flow = Callable[..., tuple[int, str, str]]


@pytest.fixture
def flow(capsys: pytest.CaptureFixture[str]) -> Flow:
    """A command: its exit code, and what it wrote to stdout and to stderr."""

    def run(*arguments: str) -> tuple[int, str, str]:
        code = invoke(["agents", *arguments])
        return code, *capsys.readouterr()

    return run


def test_agents_are_listed_with_how_they_are_reached(flow: Flow) -> None:
    assert flow("main.flow") == (0, LISTED, "")
    assert flow() == (0, LISTED, "")  # the only file below this folder


def test_what_is_listed_is_there_for_programs(flow: Flow) -> None:
    code, out, _ = flow("main.flow", "--json")
    sky, log, *_ = json.loads(out)
    assert code == 0
    assert (sky["agent"], sky["file"], sky["result"], sky["raises"]) == (
        "sky",
        "main.flow",
        "Sky",
        ["Unknown"],
    )
    assert sky["parameters"][1] == {"name": "days", "type": "int", "required": False}
    target = "logger '{line}' 'a\nb'"
    assert log["binding"] == {"kind": "command", "target": target, "at": "flow.toml:5"}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("nowhere.flow",), 1, "there is no such file"),
        (("broken",), 1, "`=` is missing"),
        (("main.flow", "other.flow"), 2, "`other.flow` is one too many"),
        (("main.flow", "--stats"), 2, "leave the file out"),
        (("--watch",), 2, "--watch goes with --stats"),
        (("--stats", "--store", "nowhere.db"), 1, "there is no store"),
    ],
)
def test_what_cannot_be_listed(
    flow: Flow, project: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    (project / "broken").mkdir()
    (project / "broken" / "main.flow").write_text("type Sky { clear: bool }")
    found, out, said = flow(*arguments)
    assert (found, out) == (code, "") and message in said


def test_a_configuration_that_cannot_be_read_is_said_once(flow: Flow, project: Path) -> None:
    (project / "flow.toml").write_text("[agents.sky]\npythn = 'tools:sky'")
    (project / "other.flow").write_text(FLOW)
    code, out, said = flow()
    assert code == 1 and said.count("did you mean `python`?") == 1 and "main.flow\nsky(" in out


# What they do


async def sky(city: str, days: int) -> dict[str, Any]:
    if city == "Atlantis":
        raise ValueError("under water")
    await trio.sleep(3)
    return {"clear": True, "degrees": 21.0}


def in_virtual_time(work: Callable[[flowlang.Engine], Any]) -> None:
    """Do something with an engine in the store runs.db, whose time begins in 1970."""

    def clock() -> int:
        return round(trio.current_time() * 1e6)

    async def open_and_work() -> None:
        async with flowlang.Engine.open("runs.db", durability="none", clock=clock) as engine:
            await work(engine)

    trio.run(open_and_work, clock=trio.testing.MockClock(autojump_threshold=0.005))


async def see(engine: flowlang.Engine, run: str, city: str) -> Result:
    prepared = flowlang.prepare(flowlang.compile("main.flow"), flow="skies", agents={"sky": sky})
    async with engine.start(prepared, {"city": city}, run_id=run) as handle:
        return await handle.result()


def stats(flow: Flow) -> Any:
    return json.loads(flow("--stats", "--json", "--store", "runs.db")[1])


def test_what_agents_do_is_seen_from_outside(flow: Flow) -> None:
    async def work(engine: flowlang.Engine) -> None:
        assert stats(flow) == []
        async with trio.open_nursery() as nursery:
            for run in ("r1", "r2", "r3"):
                nursery.start_soon(see, engine, run, "Rome")
            await trio.sleep(2)
            [known] = stats(flow)
            assert (known["agent"], known["calls"], known["under_way"], known["waiting"]) == ("sky", 3, 3, 1)
            assert (known["breaker"], known["last_failure"]) == ("closed", None)
        await see(engine, "r4", "Atlantis")
        await see(engine, "r5", "Atlantis")
        failed = engine.stats()["sky"].last_failure
        await trio.sleep(2)
        [known] = stats(flow)
        assert (known["calls"], known["failures"], known["breaker"]) == (5, 2, "open")
        assert failed and (failed.error, failed.run, failed.path) == ("AgentFailed", "r5", "seen")
        assert known["last_failure"]["run"] == "r5"
        code, out, _ = flow("--stats", "--store", "runs.db")
        assert code == 0 and "AgentFailed" in out and "in r5/seen" in out
        await trio.sleep(3)
        assert stats(flow)[0]["breaker"] == "probing"

    in_virtual_time(work)
    assert stats(flow) == []
    assert flow("--stats", "--store", "runs.db")[2] == (
        "nobody who holds runs of this store has called an agent\n"
    )


def test_several_engines_are_added_up(flow: Flow) -> None:
    async def work(engine: flowlang.Engine) -> None:
        async with flowlang.Engine.open("runs.db", durability="none") as other:
            await see(engine, "r1", "Rome")
            await see(other, "r2", "Rome")
            await see(other, "r3", "Atlantis")
            await trio.sleep(2)
            [known] = stats(flow)
            assert (known["calls"], known["failures"]) == (3, 1)
            assert sorted(each["calls"] for each in known["engines"]) == [1, 2]
            lines = flow("--stats", "--store", "runs.db")[1].splitlines()
            assert [line.split()[0] for line in lines] == ["agent", "sky", "process", "process"]

    in_virtual_time(work)


def test_nothing_is_written_where_nothing_has_changed(project: Path) -> None:
    async def work(engine: flowlang.Engine) -> None:
        await trio.sleep(2)
        assert not list(project.glob("runs.db-owners/*.notice"))
        await see(engine, "r1", "Rome")
        await trio.sleep(2)
        [notice] = project.glob("runs.db-owners/*.notice")
        written = notice.stat()
        await trio.sleep(2)
        assert notice.stat() == written

    in_virtual_time(work)
    assert not list(project.glob("runs.db-owners/*"))


def test_what_a_dead_engine_has_left_is_neither_shown_nor_kept(flow: Flow, project: Path) -> None:
    in_virtual_time(lambda engine: trio.sleep(0))
    folder = project / "runs.db-owners"
    (folder / "dead.owner").touch()
    (folder / "dead.notice").write_text('{"sky": {"calls": 1, "last_failure": null}}')
    (folder / "dead.new").write_text("{")
    assert stats(flow) == []
    clear_away_the_dead(folder)
    assert not list(folder.iterdir())


@pytest.mark.parametrize("text", ["{", "[]", '{"sky": 1}', '{"sky": {"colls": 1, "last_failure": null}}', ""])
def test_what_another_version_may_post_is_passed_over(flow: Flow, project: Path, text: str) -> None:
    async def work(engine: flowlang.Engine) -> None:
        await see(engine, "r1", "Rome")
        await trio.sleep(2)
        [notice] = project.glob("runs.db-owners/*.notice")
        notice.write_text(text)
        assert stats(flow) == []

    in_virtual_time(work)


def test_added_stats_are_those_of_the_worst_breaker_and_the_last_failure() -> None:
    early, late = LastFailure(1, "Timeout", "r1", "a"), LastFailure(2, "Unavailable", "r2", "b")
    one = AgentStats(calls=2, breaker="closed", last_failure=late)
    other = AgentStats(calls=3, breaker="open", open_until=7, last_failure=early)
    both = AgentStats(calls=5, breaker="open", open_until=7, last_failure=late)
    assert added([one, other]) == added([other, one]) == both
    assert added([]) == AgentStats()
