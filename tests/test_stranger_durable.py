"""What a stranger stumbled over who kept runs, left them, and carried them on from other terminals."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

import flowlang
from flowlang import prepare
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import Store
from flowlang.tools.cli import invoke

FLOW = """
ask approve(question: string) -> bool

flow asks(token: secret<string>) -> bool {
  step first = approve(question: "go on?")
  step second = approve(question: if first then "really?" else "not at all?")
  return second
}

flow plain() -> bool {
  step only = approve(question: "go on?")
  return only
}
"""


@attrs.frozen
class Shell:
    """Commands with a store of their own; each gives its exit code and what it said of it."""

    folder: Path
    capsys: pytest.CaptureFixture[str]

    def flow(self, *arguments: str) -> tuple[int, str]:
        code = invoke([*arguments, "--store", str(self.folder / "runs.db")])
        return code, self.capsys.readouterr().err

    def left(self, *arguments: str) -> str:
        """The id of a run that waits and was left."""
        code, said = self.flow("run", str(self.folder / "main.flow"), *arguments, "--no-wait")
        assert code == 3, said
        with Store.open(self.folder / "runs.db") as store:
            return store.runs()[0].id


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    (tmp_path / "main.flow").write_text(FLOW)
    return Shell(tmp_path, capsys)


def test_who_answers_twice_is_told_what_has_been_answered(shell: Shell) -> None:
    run = shell.left("plain")
    assert shell.flow("answer", run, "true")[0] == 0
    code, said = shell.flow("answer", run, "false")
    assert code == 1 and "`only` has been answered already" in said


def test_a_fork_without_its_secret_says_how_to_fork_with_it(shell: Shell) -> None:
    run = shell.left("asks", "token=hunter2")
    code, said = shell.flow("fork", run, "--from", "first")
    assert code == 1 and f"`flow fork {run} --from first token=…`" in said


@pytest.mark.parametrize(
    "settled",
    [
        ("--redo", "only", "--skip", "only=true"),
        ("--skip", "only=false", "--skip", "only=true"),
    ],
)
def test_one_call_is_not_settled_in_two_ways(shell: Shell, settled: tuple[str, ...]) -> None:
    code, said = shell.flow("resume", "4f2a", *settled)
    assert code == 2 and "say one thing of `only`" in said


def test_a_run_that_another_process_takes_first_is_no_failure(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked free when the runs were listed, and was not when it was to be carried on."""
    run = shell.left("plain")
    listed = Store.runs

    def free(*arguments: Any, **options: Any) -> list[RunRecord]:
        return [attrs.evolve(record, holder=None) for record in listed(*arguments, **options)]

    with Store.open(shell.folder / "runs.db") as store, closing(store.new_owner()) as other:
        store.take(store.find(run).number, other)
        monkeypatch.setattr(Store, "runs", free)
        assert shell.flow("resume", "--all") == (0, "")


@pytest.mark.parametrize(("early", "gives"), [(1, "yes"), (0, "yes"), (-1, "late")])
def test_an_answer_given_in_time_counts_though_nobody_held_the_run_at_its_deadline(
    tmp_path: Path, early: int, gives: str
) -> None:
    text = """
    ask name(question: string) -> string
    flow main() -> string {
      step who = name(question: "who?")
        timeout 1h
        catch Timeout -> "late"
      step again = name(question: "again?")
        timeout 1h
        catch Timeout -> who
      return again
    }
    """
    now = [1_000_000_000_000]

    async def lives() -> object:
        prepared = prepare(flowlang.compile("main.flow", text=text))
        async with flowlang.Engine.open(tmp_path / "runs.db", clock=lambda: now[0]) as engine:
            async with engine.start(prepared, {}) as run:
                while not run.questions():
                    await trio.sleep(0.001)
                run.park()
                await run.result()
            [(number, wait)] = engine.store.waits()
            assert wait.deadline is not None
            engine.store.put_answer(number, wait.path, '"yes"', wait.deadline - early)
            now[0] = wait.deadline + 10 * 3_600_000_000
            async with engine.resume(run.run_id, wait=False) as run:
                return (await run.result()).data

    assert trio.run(lives) == gives
