"""Python functions as agents: values both ways, failures, threads, and what reaches the code."""

from __future__ import annotations

import functools
import sys
import threading
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Optional, TypedDict

import pytest
import trio
from pydantic import BaseModel, SecretStr

from flowlang.agents import current_call
from flowlang.agents.python import PythonAgent, annotations_of
from flowlang.agents.python_loading import LoadProblem, load_file, load_named
from flowlang.agents.python_values import from_json, to_json
from flowlang.agents.threads import MAX_ABANDONED, Threads
from flowlang.runtime.agents import AgentCall, AgentError
from flowlang.values.value import Misfit


def in_trio(test: Callable[..., Any]) -> Callable[..., None]:
    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        trio.run(functools.partial(test, **fixtures))

    return run


class Color(Enum):
    RED = "red"


class Size(StrEnum):
    SMALL = "small"


class Options(TypedDict):
    limit: int
    deep: NotRequired[bool]
    lens: NotRequired[str | None]


class Point(NamedTuple):
    x: float
    y: float


@dataclass
class Page:
    url: str
    took: timedelta
    at: datetime | None = None
    where: Point | None = None
    cache: dict[str, int] = field(default_factory=dict, init=False)


class Report(BaseModel):
    pages: list[Page]
    color: Color


class Ok(BaseModel):
    case: Literal["Ok"] = "Ok"
    url: str


@dataclass
class No:
    case: Literal["No"]
    why: str


UTC_NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)

BOTH_WAYS: list[tuple[Any, Any, Any]] = [
    (str, "a", "a"),
    (int, 1, 1),
    (float, 1.5, 1.5),
    (bool, True, True),
    (type(None), None, None),
    (Optional[int], None, None),  # noqa: UP045
    (timedelta, "1h30m", timedelta(hours=1, minutes=30)),
    (datetime, "2024-05-01T12:00:00Z", UTC_NOON),
    (list[Color], ["red"], [Color.RED]),
    (Size, "small", Size.SMALL),
    (tuple[int, ...], [1, 2], (1, 2)),
    (typing.Sequence[int], [1], [1]),
    (dict[str, timedelta], {"a": "1s"}, {"a": timedelta(seconds=1)}),
    (Annotated[list[Color], "why"], ["red"], [Color.RED]),
    (typing.NewType("Url", str), "u", "u"),
    (Options, {"limit": 1, "deep": True, "lens": None}, {"limit": 1, "deep": True, "lens": None}),
    (Point, {"x": 1.0, "y": 2.0}, Point(1.0, 2.0)),
    (Ok | No, {"case": "No", "why": "x"}, No("No", "x")),
    (Ok | No | None, {"case": "Ok", "url": "u"}, Ok(url="u")),
    (Any, {"a": [1, None]}, {"a": [1, None]}),
    (object, "a", "a"),
]


@pytest.mark.parametrize(("hint", "json", "value"), BOTH_WAYS, ids=lambda part: str(part)[:40])
def test_values_go_both_ways(hint: Any, json: Any, value: Any) -> None:
    made = from_json(hint, json)
    assert made == value and type(made) is type(value)
    assert to_json(made) == json


def test_classes_inside_each_other() -> None:
    page = {"url": "u", "took": "2s", "at": "2024-05-01T12:00:00Z", "where": {"x": 1, "y": 2}}
    made = from_json(Report, {"pages": [page], "color": "red"})
    expected = Page("u", timedelta(seconds=2), UTC_NOON, Point(1.0, 2.0))
    assert made == Report(pages=[expected], color=Color.RED)
    assert to_json(made) == {"pages": [page | {"cache": {}}], "color": "red"}


def test_an_int_becomes_the_float_that_is_asked_for() -> None:
    assert type(from_json(float, 1)) is float
    assert type(from_json(list[float], [1])[0]) is float


def test_null_leaves_a_key_out_that_need_not_be_there() -> None:
    assert from_json(Options, {"limit": 1, "deep": None, "lens": None}) == {"limit": 1, "lens": None}


def test_a_secret_stays_wrapped() -> None:
    assert from_json(SecretStr, "s").get_secret_value() == "s"


class Fancy(str):
    pass


class Real(float):
    pass


@pytest.mark.parametrize(("value", "json"), [(Fancy("a"), "a"), (Real(1.5), 1.5), (Size.SMALL, "small")])
def test_subclasses_of_plain_values_become_plain(value: object, json: object) -> None:
    made = to_json(value)
    assert made == json and type(made) in (str, float)


def test_a_datetime_is_given_in_utc() -> None:
    summer = timezone(timedelta(hours=2))
    assert to_json(datetime(2024, 5, 1, 14, tzinfo=summer)) == "2024-05-01T12:00:00Z"


class Endless(Sequence[int]):
    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: Any) -> Any:
        return 7


CYCLE: list[Any] = []
CYCLE.append({"next": CYCLE})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({1}, "found a set, which a flow has no type for"),
        ({"a": [b"x"]}, "a[0]: found a bytes, which a flow has no type for"),
        ({1: 2}, "found a key that is an int; keys of a map are strings"),
        (
            datetime(2024, 5, 1),
            "found a datetime without a time zone: use `datetime.now(UTC)` and its like",
        ),
        (CYCLE, "this is nested too deeply, or contains itself"),
        (object(), "found an object, which a flow has no type for"),
        (Page, "found a type, which a flow has no type for"),
        ("x" * 2_000_000, "the value is larger than 1 MiB of JSON; pass large content as a `file`"),
        (range(10**12), "the value is larger than 1 MiB of JSON"),
        ({"a": Endless()}, "the value is larger than 1 MiB of JSON"),
    ],
    ids=lambda part: part[:30] if isinstance(part, str) else type(part).__name__,
)
def test_a_value_without_a_json_form_is_a_misfit(value: object, message: str) -> None:
    with pytest.raises(Misfit) as caught:
        to_json(value)
    assert message in caught.value.told


# Calls


class SoldOut(Exception):
    def __init__(self, city: str, left: int) -> None:
        super().__init__(f"nothing left in {city}")
        self.city, self.left, self._hidden = city, left, object()


class Gone(SoldOut):
    pass


class Shy(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


def answer(
    function: Callable[..., Any], *, errors: dict[str, tuple[str, ...]] | None = None, **arguments: Any
) -> Any:
    agent = PythonAgent(function, annotations_of(function), errors or {})
    return trio.run(agent.call, AgentCall("test", arguments, 2_000_000, "key", 3))


def failure(function: Callable[..., Any], **options: Any) -> AgentError:
    with pytest.raises(AgentError) as caught:
        answer(function, **options)
    return caught.value


def test_functions_get_what_their_annotations_ask_for() -> None:
    def later(page: Page, by: timedelta = timedelta(seconds=1)) -> Page:
        return Page(page.url, page.took + by)

    async def waits(color: Color) -> Color:
        await trio.lowlevel.checkpoint()
        return color

    given = {"url": "u", "took": "2s", "at": None, "where": None}
    assert answer(later, page=given)["took"] == "3s"
    assert answer(waits, color="red") == "red"


def test_a_function_without_annotations_gets_json() -> None:
    assert answer(lambda x: x, x=[{"a": "1h"}]) == [{"a": "1h"}]


def test_a_wrapped_coroutine_function_is_awaited() -> None:
    async def inner() -> int:
        await trio.lowlevel.checkpoint()
        return 7

    assert answer(lambda: inner()) == 7


def test_the_current_call_is_known_in_tasks_and_threads() -> None:
    async def in_a_task() -> list[Any]:
        return list(current_call())

    assert answer(lambda: list(current_call())) == ["test", "key", 3, 2.0]
    assert answer(in_a_task) == ["test", "key", 3, 2.0]
    with pytest.raises(LookupError):
        current_call()


def test_an_exception_with_the_name_of_a_declared_error_is_that_error() -> None:
    def sells() -> None:
        raise SoldOut("Paris", 0)

    def is_gone() -> None:
        raise Gone("Rome", 1)

    declared = {"SoldOut": ("city", "left", "price")}
    error = failure(sells, errors=declared)
    assert (error.error, error.fields, error.message) == (
        "SoldOut",
        {"city": "Paris", "left": 0},
        "nothing left in Paris",
    )
    assert failure(is_gone, errors=declared).fields == {"city": "Rome", "left": 1}
    assert failure(sells).error == "AgentFailed"


def raiser(problem: BaseException) -> Callable[..., Any]:
    def raises() -> None:
        raise problem

    return raises


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (ValueError("no\n good"), "ValueError: no good"),
        (KeyError("k"), "KeyError: 'k'"),
        (SystemExit(3), "SystemExit: 3"),
        (Shy(), "Shy: (it cannot be shown)"),
        (RecursionError("x" * 10_000), "RecursionError: " + "x" * 499 + "…"),
    ],
    ids=lambda part: type(part).__name__,
)
def test_any_other_exception_is_agent_failed(problem: BaseException, message: str) -> None:
    async def raises_in_a_task() -> None:
        raise problem

    for function in (raiser(problem), raises_in_a_task):
        error = failure(function)
        assert (error.error, error.message) == ("AgentFailed", message)
        assert error.cause is not None and "test_agents_python.py, line" in error.cause


def test_only_the_users_interrupt_goes_through() -> None:
    async def is_interrupted() -> None:
        raise KeyboardInterrupt

    async def starts() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(is_interrupted)
            nursery.start_soon(trio.sleep_forever)

    for function in (is_interrupted, starts):
        with pytest.raises(KeyboardInterrupt):
            answer(function)
    assert failure(raiser(KeyboardInterrupt())).message == "KeyboardInterrupt"  # in a thread it is its own


def test_the_first_of_a_group_of_exceptions_counts() -> None:
    async def fails() -> None:
        raise ValueError("first")

    async def starts() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(fails)

    error = failure(starts)
    assert error.message == "ValueError: first"
    assert error.cause is not None and error.cause.endswith("in fails)")


def test_an_agent_may_name_a_built_in_error() -> None:
    assert failure(raiser(AgentError("Unavailable", "closed"))).error == "Unavailable"


def test_asyncio_code_is_told_what_to_do() -> None:
    async def sleeps() -> None:
        import asyncio

        await asyncio.sleep(1)

    assert "async agents run on trio" in failure(sleeps).message


@in_trio
async def test_a_cancellation_goes_through_though_a_child_fails_on_the_way() -> None:
    async def fails_when_cancelled() -> None:
        try:
            await trio.sleep_forever()
        finally:
            raise ValueError("on the way out")

    async def waits() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.sleep_forever)
            nursery.start_soon(fails_when_cancelled)

    with trio.move_on_after(0.01) as scope:
        await PythonAgent(waits, {}, {}).call(AgentCall("test", {}))
    assert scope.cancelled_caught


# Threads


@in_trio
async def test_a_cancelled_thread_is_left_behind_and_gives_its_place_back() -> None:
    release, done = threading.Event(), trio.Event()
    threads = Threads(places=trio.CapacityLimiter(1))
    token = trio.lowlevel.current_trio_token()

    def hangs() -> None:
        release.wait()
        token.run_sync_soon(done.set)

    with trio.move_on_after(0.01):
        await threads.run(hangs, awaited=False)
    assert threads.abandoned == 1
    assert await threads.run(lambda: "next", awaited=False) == "next"
    release.set()
    await done.wait()
    with trio.fail_after(5):
        while threads.abandoned:
            await trio.lowlevel.checkpoint()


@in_trio
async def test_too_many_abandoned_threads_make_an_agent_unavailable() -> None:
    threads = Threads()
    threads.abandoned = MAX_ABANDONED
    with pytest.raises(AgentError, match="64 calls that were cancelled are still running") as caught:
        await threads.run(lambda: None, awaited=False)
    assert caught.value.error == "Unavailable"


@in_trio
async def test_a_call_that_must_not_be_cut_short_is_awaited() -> None:
    started, release = threading.Event(), threading.Event()

    def writes() -> str:
        started.set()
        release.wait()
        return "written"

    answers: list[Any] = []

    async def call() -> None:
        agent = PythonAgent(writes, {}, {})
        answers.append(await agent.call(AgentCall("test", {}, uninterrupted=True)))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(call)
        await trio.to_thread.run_sync(started.wait)
        nursery.cancel_scope.cancel()
        release.set()
    assert answers == ["written"]


# Loading


def test_a_module_may_import_its_neighbours_and_is_imported_once(tmp_path: Path) -> None:
    (tmp_path / "loading_models.py").write_text("import loading_tools\nclass Model: pass\n")
    (tmp_path / "loading_tools.py").write_text("import loading_models\ncount = []\ncount.append(1)\n")
    module = load_file(tmp_path / "loading_tools.py")
    assert load_file(tmp_path / "loading_tools.py") is module is sys.modules["loading_tools"]
    assert load_named("loading_tools", tmp_path) is module
    assert module.loading_models.loading_tools is module and module.count == [1]


def test_files_of_one_name_are_different_modules(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "loading_same.py").write_text(f"NAME = {name!r}\n")
    assert [load_file(tmp_path / n / "loading_same.py").NAME for n in ("a", "b")] == ["a", "b"]


def test_a_module_may_not_hide_one_of_pythons_own(tmp_path: Path) -> None:
    (tmp_path / "statistics.py").write_text("NAME = 'mine'\n")
    assert load_file(tmp_path / "statistics.py").NAME == "mine"
    assert "statistics" not in sys.modules or not hasattr(sys.modules["statistics"], "NAME")


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("x = 1\nimport not_installed_anywhere\n", "No module named 'not_installed_anywhere'", 2),
        ("def f():\n    raise ValueError('no')\n\nf()\n", "ValueError: no", 2),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3", 2),
        ("def f(:\n", "is not Python: ", 1),
    ],
)
def test_a_module_that_cannot_be_imported(tmp_path: Path, text: str, message: str, line: int) -> None:
    path = tmp_path / "loading_broken.py"
    path.write_text(text)
    with pytest.raises(LoadProblem) as caught:
        load_file(path)
    assert message in caught.value.message and (caught.value.path, caught.value.line) == (str(path), line)
    assert "loading_broken" not in sys.modules
