"""Agents that misbehave in every way: the run ends, says where and who it was, and leaves nothing behind."""

from __future__ import annotations

import math
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import flowlang
from flowlang import events
from flowlang.agents import processes
from flowlang.agents.places import Places
from flowlang.plan import model as plan
from flowlang.text.render import PLAIN
from flowlang.tools.files import read_shown
from flowlang.tools.run_report import render_outcome, result_json

TEXT = """\
error Declared(code: int)

agent number() -> int raises Declared
  effect read
  timeout 1m

agent text() -> string effect read
agent anything() -> json effect read

flow main() -> int {
  step answer = number()
    retry 1 times
  return answer
}

flow texts() -> string {
  step answer = text()
    retry 1 times
  return answer
}

flow any_json() -> json {
  step answer = anything()
    retry 1 times
  return answer
}
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> plan.Plan:
    path = tmp_path_factory.mktemp("faults") / "main.flow"
    path.write_text(TEXT)
    return flowlang.compile(path)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> plan.Plan:
    """The same with a timeout that is over soon, also on the wall clock."""
    path = tmp_path_factory.mktemp("faults") / "main.flow"
    path.write_text(TEXT.replace("timeout 1m", "timeout 60ms"))
    return flowlang.compile(path)


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    before = children()
    yield
    assert children() <= before


def children() -> set[str]:
    """The processes that this one has started and not awaited, where Linux tells."""
    lists = Path("/proc/self/task").glob("*/children")
    return {child for listed in lists for child in listed.read_text().split()}


def failure_of(compiled: plan.Plan, flow: str, agent: Callable[..., Any]) -> flowlang.Failure:
    """The failure of the flow's only step, which was tried twice, once it has been told in every way."""
    name = {"main": "number", "texts": "text", "any_json": "anything"}[flow]
    result = flowlang.run_sync(compiled, flow=flow, agents={name: agent})
    failure = result.failure
    assert result.status == "failed" and failure is not None, result
    assert (failure.path, failure.agent, failure.attempt, result.retries) == ("answer@1", name, 2, 1)
    places = Places(compiled, read_shown)
    assert failure.at is not None and f"step answer = {name}()" in TEXT.splitlines()[failure.at.line - 1]
    shown = render_outcome(result, places, PLAIN)
    assert "in the step `answer`, attempt 2" in shown and f" {name}()" in shown
    assert "Traceback" not in shown and "ExceptionGroup" not in shown and "\x1b" not in shown
    assert len(shown) < 5_000 and result_json(result, places)["errors"][0]["agent"] == name
    return failure


def in_a_task(function: Callable[[], Any]) -> Callable[[], Any]:
    async def agent() -> Any:
        await trio.lowlevel.checkpoint()
        return function()

    return agent


both = pytest.mark.parametrize("place", [lambda function: function, in_a_task], ids=["thread", "task"])


# Replies

CYCLE: dict[str, Any] = {}
CYCLE["again"] = [CYCLE]


def deep() -> Any:
    value: Any = 1
    for _ in range(100_000):
        value = [value]
    return value


class Hostile(Mapping[str, Any]):
    """Looks like a mapping, and is none."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError("no")

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError("do not look inside")

    def __len__(self) -> int:
        return 1


@both
@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (lambda: "seven", 'expected an int, found a string ("seven")'),
        (lambda: None, "expected an int, found null"),
        (lambda: 7.5, "expected an int, found a float (7.5)"),
        (lambda: math.nan, "expected an int"),
        (lambda: 10**30, "64"),
        (lambda: 10**5000, "64"),
        (lambda: True, "expected an int, found a bool (true)"),
        (lambda: b"7", "found a bytes, which a flow has no type for"),
        (lambda: (n for n in "a"), "found a generator, which a flow has no type for"),
        (lambda: "x" * 100_000_000, "the value is larger than 1 MiB of JSON; pass large content as a `file`"),
    ],
    ids=["text", "null", "float", "nan", "large", "huge", "bool", "bytes", "generator", "100 MB"],
)
def test_a_reply_that_is_no_int(
    compiled: plan.Plan, reply: Callable[[], Any], message: str, place: Any
) -> None:
    failure = failure_of(compiled, "main", place(reply))
    assert failure.error == "BadOutput" and failure.message.startswith("the reply of number does not fit: ")
    assert message in failure.message and failure.fields["path"] == ""


@both
@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (lambda: [1, {"a": math.nan}], "[1].a: "),
        (lambda: [-math.inf], "[0]: "),
        (lambda: CYCLE, "nested"),
        (deep, "nested"),
        (lambda: range(10**12), "the value is larger than 1 MiB of JSON"),
        (lambda: ["x" * 1_000_000] * 100, "the value is larger than 1 MiB of JSON"),
        (lambda: [[{"k": {1, 2}}]], "[0][0].k: found a set, which a flow has no type for"),
        (lambda: {"a": "\ud800"}, "a: "),
        (lambda: {1: "a"}, "found a key that is an int; keys of a map are strings"),
        (lambda: {"a": 2**64}, "a: "),
    ],
    ids=["nan", "inf", "cycle", "deep", "long", "wide", "set", "surrogate", "key", "large"],
)
def test_a_reply_that_is_no_json(
    compiled: plan.Plan, reply: Callable[[], Any], message: str, place: Any
) -> None:
    failure = failure_of(compiled, "any_json", place(reply))
    assert failure.error == "BadOutput" and message in failure.message


def test_a_reply_that_is_a_trap(compiled: plan.Plan) -> None:
    failure = failure_of(compiled, "any_json", Hostile)
    assert (failure.error, failure.message) == ("AgentFailed", "RuntimeError: do not look inside")


def test_a_text_that_is_no_text(compiled: plan.Plan) -> None:
    assert "the reply of text does not fit" in failure_of(compiled, "texts", lambda: "a\ud800").message


# Exceptions


class Declared(Exception):
    def __init__(self, code: object) -> None:
        super().__init__("it happened")
        self.code = code


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even its message")


def recurses() -> Any:
    return recurses()


def raising(problem: BaseException) -> Callable[[], Any]:
    def raises() -> Any:
        raise problem

    return raises


def grouped() -> Any:
    raise BaseExceptionGroup("two", [ExceptionGroup("inner", [KeyError("first")]), SystemExit(3)])


@both
@pytest.mark.parametrize(
    ("agent", "error", "message"),
    [
        (raising(ValueError("bad\n\tluck \x1b[31m")), "AgentFailed", "ValueError: bad luck \x1b[31m"),
        (raising(SystemExit("good bye")), "AgentFailed", "SystemExit: good bye"),
        (raising(MemoryError()), "AgentFailed", "MemoryError"),
        (raising(StopIteration(1)), "AgentFailed", "StopIteration"),
        (raising(BaseException("base")), "AgentFailed", "BaseException: base"),
        (raising(Unreadable()), "AgentFailed", "Unreadable: (it cannot be shown)"),
        (raising(ValueError("x" * 10**6)), "AgentFailed", "ValueError: " + "x" * 499 + "…"),
        (raising(trio.TooSlowError()), "AgentFailed", "TooSlowError"),
        (recurses, "AgentFailed", "RecursionError: "),
        (grouped, "AgentFailed", "KeyError: 'first'"),
        (raising(Declared(3)), "Declared", "it happened"),
        (raising(Declared("three")), "AgentFailed", "number raised Declared, but its fields do not fit: "),
        (raising(Declared({3})), "AgentFailed", "Declared was raised, but its fields do not fit: "),
    ],
    ids=lambda part: part if isinstance(part, str) and len(part) < 30 else "",
)
def test_whatever_is_raised_is_an_error(
    compiled: plan.Plan, agent: Callable[[], Any], error: str, message: str, place: Any
) -> None:
    failure = failure_of(compiled, "main", place(agent))
    assert failure.error == error and message in failure.message
    assert failure.cause is not None and "test_run_faults.py, line" in failure.cause


# Hanging


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_a_task_that_hangs_is_ended(impatient: plan.Plan) -> None:
    ended: list[str] = []

    async def hangs() -> int:
        try:
            await trio.sleep_forever()
        finally:
            ended.append("cleaned up")
        raise AssertionError

    failure = failure_of(impatient, "main", hangs)
    assert (failure.error, failure.message) == ("Timeout", "number did not answer within 60ms")
    assert ended == ["cleaned up"] * 2


def test_a_task_that_fails_on_its_way_out_is_late_all_the_same(impatient: plan.Plan) -> None:
    async def hangs() -> int:
        try:
            await trio.sleep_forever()
        finally:
            raise OSError("on the way out")

    assert failure_of(impatient, "main", hangs).error == "Timeout"


def test_a_thread_that_hangs_is_left_behind(impatient: plan.Plan, release: threading.Event) -> None:
    failure = failure_of(impatient, "main", lambda: release.wait())
    assert (failure.error, failure.message) == ("Timeout", "number did not answer within 60ms")


# Commands

COMMANDS = """\
agent tool() -> string
  effect read
  timeout 400ms

flow main() -> string {
  step answer = tool()
    retry 1 times
  return answer
}
"""

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
BEGETS = (
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(99)']); "
)


@pytest.mark.parametrize(
    ("command", "error", "message"),
    [
        (["no-such-program"], "Unavailable", "the program `no-such-program` was not found"),
        ([sys.executable, "-c", "import sys; sys.exit('out of paper')"], "AgentFailed", "out of paper"),
        ([sys.executable, "-c", "print('x' * 5_000_000)"], "BadOutput", "wrote more than 1,048,576 bytes"),
        ([sys.executable, "-c", DEAF + "time.sleep(99)"], "Timeout", "tool did not answer within 400ms"),
        ([sys.executable, "-c", BEGETS + "time.sleep(99)"], "Timeout", "tool did not answer within 400ms"),
    ],
    ids=["missing", "fails", "endless", "deaf", "with children"],
)
def test_commands_that_misbehave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], error: str, message: str
) -> None:
    monkeypatch.setattr(processes, "GRACE_SECONDS", 0.1)
    (tmp_path / "main.flow").write_text(COMMANDS)
    (tmp_path / "flow.toml").write_text(f"[agents.tool]\ncommand = {command!r}\n")
    result = flowlang.run_sync(flowlang.compile(tmp_path / "main.flow"))
    failure = result.failure
    assert failure is not None
    assert (failure.error, failure.path, failure.agent, failure.attempt) == (error, "answer@1", "tool", 2)
    assert message in failure.message and failure.at is not None and failure.at.line == 6


# Undos, finallys and cancellations, in virtual time

SAGA = """\
agent act(name: string, how: string = "well") -> string effect idempotent
  timeout 3s

agent revert(name: string, how: string = "well") effect idempotent
  timeout 3s
  retry 1 times

flow main(undo_: string, finally_: string, last: string) -> string {
  step first = act(name: "first")
    undo revert(name: "first", how: undo_)
  step second = act(name: "second")
    after first
    undo revert(name: "second")
    finally { step closed = act(name: "close", how: finally_) }
  step third = act(name: "third", how: last)
    after second
  return third
}
"""

SAGA_PLAN = flowlang.compile("saga.flow", text=SAGA)


class Saga:
    """Agents that take a second, and then do well, fail, or hang."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()

    async def act(self, name: str, how: str) -> str:
        await trio.sleep(1)
        if how == "fails":
            raise ConnectionError(f"no {name}")
        if how == "hangs":
            await trio.sleep_forever()
        self.ended[name] += 1
        return name

    async def revert(self, name: str, how: str) -> None:
        await self.act(f"undo {name}", how)


async def carried_out(
    inputs: dict[str, str], cancel_after: float | None
) -> tuple[flowlang.Result, Saga, list[events.Event]]:
    saga, told = Saga(), list[events.Event]()
    before = trio.lowlevel.current_statistics().tasks_living
    with trio.fail_after(60):
        agents = {"act": saga.act, "revert": saga.revert}
        async with flowlang.start(SAGA_PLAN, inputs, agents=agents, on_event=told.append) as run:
            if cancel_after is not None:
                await trio.sleep(cancel_after)
                run.cancel()
    assert trio.lowlevel.current_statistics().tasks_living == before
    return await run.result(), saga, told


HOW = ("well", "fails", "hangs")


@pytest.mark.parametrize("cancel_after", [None, 0.0, 0.5, 1.5, 2.0, 2.5, 3.5, 5.5, 7.5, 9.0])
@pytest.mark.parametrize(("undo_", "finally_", "last"), list(product(HOW, repeat=3)))
def test_whatever_fails_and_whenever_it_is_cancelled_a_run_cleans_up(
    undo_: str, finally_: str, last: str, cancel_after: float | None
) -> None:
    inputs = {"undo_": undo_, "finally_": finally_, "last": last}
    clock = trio.testing.MockClock(autojump_threshold=0)
    result, saga, told = trio.run(carried_out, inputs, cancel_after, clock=clock)
    if result.status == "done":
        assert result.data == "third" and not result.undone and not result.undo_failures
    else:
        undone_well = {"first"} if undo_ == "well" else set()
        for step in ("first", "second"):
            undone = step in undone_well or step == "second"
            assert (step in result.undone) == bool(saga.ended[step] and undone)
        unable = saga.ended["first"] and undo_ != "well"
        assert [failure.path for failure in result.undo_failures] == ["first/!undo@1"] * bool(unable)
    for failure in (*result.undo_failures, *([result.failure] if result.failure else [])):
        assert failure.agent in ("act", "revert") and failure.at is not None and failure.attempt >= 1
        assert failure.error in ("AgentFailed", "Timeout")
    if saga.ended["second"] and finally_ == "well":
        assert saga.ended["close"] == 1
    assert_every_step_ends_once(told)


def assert_every_step_ends_once(told: list[events.Event]) -> None:
    started = Counter(event.path for event in told if isinstance(event, events.StepStarted))
    ends = events.StepDone | events.StepFailed | events.StepCancelled
    assert Counter(event.path for event in told if isinstance(event, ends)) == started
    assert isinstance(told[0], events.RunStarted) and isinstance(told[-1], events.RunEnded)
