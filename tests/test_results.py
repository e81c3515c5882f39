"""The result of a stored run is read back as it was given, and shown from anywhere."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio
import trio.testing

import flowlang
from flowlang.agents.places import Places
from flowlang.hosts.sqlite.store import Store
from flowlang.tools import cli
from flowlang.tools.files import read_shown
from flowlang.tools.run_handle import Result
from flowlang.tools.run_report import result_json

FLOW = """
error Refused(code: int, after: duration)
agent book(name: string) -> string raises Refused effect write
agent cancel(name: string) effect idempotent

flow main(name: string) -> string {
  step hotel = book(name: name) key "h" undo cancel(name: hotel)
  step flight = book(name: "${hotel}!") key "f"
  return flight
}
"""


class Refused(Exception):
    def __init__(self) -> None:
        super().__init__("no seats")
        self.code, self.after = 7, "1h30m"


def agents(fails: str) -> dict[str, Any]:
    def book(name: str) -> str:
        if name.endswith("!") and fails:
            raise Refused
        return name

    def cancel(name: str) -> None:
        if fails == "undo":
            raise ValueError("closed for ever")

    return {"book": book, "cancel": cancel}


def carried_out(folder: Path, fails: str) -> Result:
    """A run in the store of a folder, and its result."""
    (folder / "main.flow").write_text(FLOW)
    compiled = flowlang.compile("main.flow")
    prepared = flowlang.prepare(compiled, agents=agents(fails))

    async def carry_out() -> Result:
        async with (
            flowlang.Engine.open("runs.db", durability="none", clock=clock) as engine,
            engine.start(prepared, {"name": "Ada"}, run_id="r1") as run,
        ):
            return await run.result()

    def clock() -> int:
        return round(trio.current_time() * 1e6)

    return trio.run(carry_out, clock=trio.testing.MockClock(autojump_threshold=0.01))


@pytest.mark.parametrize("fails", ["", "call", "undo"])
def test_read_back_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    monkeypatch.chdir(tmp_path)
    given = carried_out(tmp_path, fails)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")

    async def read() -> Result:
        async with flowlang.Engine.open("../runs.db", durability="none") as engine:
            return engine.result("r")

    found = trio.run(read)
    assert told(found) == told(given)
    assert attrs.evolve(found, failure=None) == attrs.evolve(given, failure=None)


def told(result: Result) -> object:
    return result_json(result, Places(flowlang.compile("../main.flow"), read_shown))


def test_shown_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    carried_out(tmp_path, "call")
    monkeypatch.chdir("/")
    code = cli.invoke(["result", "r1", "--store", str(tmp_path / "runs.db")])
    shown = capfd.readouterr().err
    assert code == 1
    assert f"{os.path.relpath(tmp_path / 'main.flow')}:8:17" in shown or "main.flow:8:17" in shown
    assert 'step flight = book(name: "${hotel}!") key "f"' in shown


@pytest.mark.parametrize("text", [None, "{}", "[", '{"errors": 1}', "null", '{"errors": [{"path": 1}]}'])
def test_a_damaged_result_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str | None, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    carried_out(tmp_path, "")
    with Store.open(Path("runs.db"), "none") as store:
        store.database.connection.execute("UPDATE runs SET result = ?", (text,))
    assert cli.invoke(["result", "r1", "--store", "runs.db", "--json"]) == 1
    told = capfd.readouterr()
    assert json.loads(told.out)["error"]["code"] == "damaged"
    assert "Traceback" not in told.err
