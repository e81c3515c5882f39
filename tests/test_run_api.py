"""The Python API as a program uses it: plans from texts, and runs to follow, answer, tell and cancel."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import Any, TypeVar

import pytest
import trio
import trio.testing

import flowlang
from flowlang import NotAccepted, NotRunnable, events

T = TypeVar("T")

TEXT = """
type Verdict = "accept" | "reject"
error Gone(place: string)
event Paid(order: string, amount: float, later: duration?)

agent work(name: string) -> string raises Gone effect idempotent
agent undo(name: string) effect idempotent
agent guarded(name: string) -> string effect read limit 1 at once
ask approve(question: string) -> Verdict
ask rate(question: string) -> int?

flow asks() -> string {
  step verdict = approve(question: "Publish?")
    timeout 2d
  step rating = rate(question: "How many?")
    timeout 2d
  return "${verdict} ${rating ?? 0}"
}

flow waits(order: string) -> { amount: float, later: duration? } {
  step paid = wait for Paid where e => e.order == order
    timeout 7d
  return { amount: paid.amount, later: paid.later }
}

flow books() {
  step booked = work(name: "booked")
    undo undo(name: "booked")
  step waiting = approve(question: "Sure?")
    after booked
    timeout 1h
}

flow two() -> list<string> {
  step a = guarded(name: "a")
  step b = guarded(name: "b")
  return [a, b]
}

flow plain(n: int, pause: duration = 1s) -> int {
  step done = work(name: "${n} ${pause.seconds()}")
  return n
}
"""

PLAN = flowlang.compile("main.flow", text=TEXT)
NAMES: list[str] = []


async def named(name: str) -> str:
    NAMES.append(name)
    return name


async def undo(name: str) -> None:
    NAMES.append(f"undone {name}")


async def guarded(name: str) -> str:
    NAMES.append(f"{name} starts")
    await trio.sleep(1)
    NAMES.append(f"{name} ends")
    return name


AGENTS = {"work": named, "undo": undo, "guarded": guarded}


@pytest.fixture(autouse=True)
def no_names() -> Iterator[None]:
    NAMES.clear()
    yield


def in_virtual_time(work: Callable[..., Awaitable[T]], *arguments: object) -> T:
    return trio.run(work, *arguments, clock=trio.testing.MockClock(autojump_threshold=0))


def start(flow: str, inputs: Mapping[str, object] | None = None, **options: Any) -> Any:
    agents = {name: AGENTS[name] for name in AGENTS} | options.pop("agents", {})
    return flowlang.start(PLAN, inputs, flow=flow, agents=agents, **options)


def test_every_name_is_there() -> None:
    for name in flowlang.__all__:
        assert getattr(flowlang, name) is not None
    assert {*flowlang.__all__, "__version__"} == set(flowlang._HOMES)
    assert all(import_module(home.partition(":")[0]) for home in flowlang._HOMES.values())


# Compiling and preparing


def test_mistakes_are_data_or_an_exception_that_shows_them() -> None:
    text = 'flow main() -> int {\n  return "a"\n}\n'
    (mistake,) = flowlang.check(text)
    assert mistake.code.slug == "type-mismatch"
    with pytest.raises(NotRunnable) as caught:
        flowlang.compile("main.flow", text=text)
    assert [d.code for d in caught.value.diagnostics] == [mistake.code]
    assert "error[E301" in str(caught.value) and '2 |   return "a"' in str(caught.value)


def test_what_is_given_has_to_fit() -> None:
    with pytest.raises(NotRunnable, match="a function is given for the agent `wrk`") as caught:
        flowlang.prepare(PLAN, flow="books", agents={**AGENTS, "wrk": named})
    assert caught.value.diagnostics[0].help == "did you mean `work`?"
    with pytest.raises(NotRunnable, match="it has no parameter `name`"):
        flowlang.prepare(PLAN, flow="books", agents={"work": lambda: "", "undo": undo})

    def takes_numbers(name: int) -> str:
        return str(name)

    async def gives_nothing(name: str) -> None: ...

    for function, message in (
        (takes_numbers, "`name` is string, but the function takes int"),
        (gives_nothing, "its result is string, but the function gives null"),
    ):
        with pytest.raises(NotRunnable) as caught:
            flowlang.prepare(PLAN, flow="plain", agents={"work": function})
        assert message in caught.value.diagnostics[0].message
    with pytest.raises(LookupError, match="several flows and none is called `main`; name one of `asks`"):
        flowlang.prepare(PLAN)
    with pytest.raises(LookupError, match="the plan has no flow `ask`; it has `asks`"):
        flowlang.prepare(PLAN, flow="ask")


def test_a_prepared_flow_runs_often_and_its_limits_hold_over_all_runs() -> None:
    prepared = flowlang.prepare(PLAN, flow="two", agents=AGENTS)

    async def main() -> list[Any]:
        results: list[Any] = []

        async def once() -> None:
            results.append((await prepared.run()).data)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(once)
            nursery.start_soon(once)
        return results

    assert in_virtual_time(main) == [["a", "b"], ["a", "b"]]
    assert all(entry.endswith("starts") for entry in NAMES[::2]) and len(NAMES) == 8


def test_a_prepared_flow_reads_its_inputs_each_time() -> None:
    prepared = flowlang.prepare(PLAN, flow="plain", agents=AGENTS)
    result = trio.run(partial(prepared.run, {"n": 3, "pause": timedelta(minutes=2)}))
    assert result.data == 3 and NAMES == ["3 120.0"]
    with pytest.raises(NotRunnable, match="the input `n` does not fit"):
        trio.run(prepared.run, {"n": "x"})
    with pytest.raises(TypeError, match="the input `n` does not fit: found a set"):
        trio.run(prepared.run, {"n": {1}})


def test_an_ask_may_be_answered_by_a_function() -> None:
    agents = {"approve": lambda question: "accept", "rate": lambda question: None}
    assert flowlang.run_sync(PLAN, flow="asks", agents=agents).data == "accept 0"
    wrong = {**agents, "approve": lambda question: "maybe"}
    failure = flowlang.run_sync(PLAN, flow="asks", agents=wrong).failure
    assert failure is not None and (failure.error, failure.path) == ("BadOutput", "verdict")


def test_an_answer_function_that_fails_is_an_agent_that_failed() -> None:
    async def answer(path: str, question: flowlang.Question) -> Any:
        raise ValueError("no idea")

    failure = flowlang.run_sync(PLAN, flow="asks", answer=answer).failure
    assert failure is not None
    assert (failure.error, failure.message) == ("AgentFailed", "ValueError: no idea")


# Following


def test_the_events_of_a_run_from_its_start_to_its_end() -> None:
    async def main() -> list[str]:
        async with start("plain", {"n": 1}) as run:
            return [type(event).__name__ async for event in run.events()]

    assert trio.run(main) == ["RunStarted", "StepStarted", "StepDone", "RunEnded"]


def test_every_reader_has_its_own_pace() -> None:
    async def main() -> tuple[int, int, int]:
        async with start("plain", {"n": 1}) as run:
            first, second = run.events(), run.events()
            await run.result()
            late = run.events()
            return tuple([len([e async for e in reader]) for reader in (first, second, late)])  # type: ignore[return-value]

    assert trio.run(main) == (4, 4, 0)


def test_what_nobody_reads_any_more_is_not_kept() -> None:
    async def main() -> int:
        async with start("plain", {"n": 1}) as run:
            async for _ in run.events():
                break
            gc.collect()
            return len(run._listeners.streams)

    assert trio.run(main) == 0


def test_a_listener_that_fails_ends_the_run_and_is_heard() -> None:
    def listens(event: events.Event) -> None:
        if isinstance(event, events.StepDone):
            raise ValueError("full disk")

    async def main() -> None:
        await flowlang.run(PLAN, flow="books", agents=AGENTS, on_event=listens)

    with pytest.raises(ValueError, match="full disk"):
        in_virtual_time(main)
    assert NAMES == ["booked", "undone booked"]


# Answers


def test_questions_are_answered_at_their_addresses() -> None:
    async def main() -> Any:
        async with start("asks") as run:
            async for event in run.events():
                if isinstance(event, events.Waiting) and event.waiting_for == "answer":
                    question = run.questions()[event.path]
                    run.answer(event.path, {"approve": "reject", "rate": 4}[question.ask])
            return (await run.result()).data

    assert trio.run(main) == "reject 4"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("verdct", "accept", "there is no open question `verdct`; did you mean `verdict`?"),
        ("x", "accept", "there is no open question `x`; open are `rating`, `verdict`"),
        (
            "verdict",
            "maybe",
            'expected one of "accept", "reject", found a string ("maybe"); it is to be Verdict',
        ),
        ("verdict", None, "the answer to `verdict` does not fit: expected one of"),
        ("rating", 1.5, "the answer to `rating` does not fit: expected an int, found a float (1.5)"),
        ("rating", float("nan"), "the answer to `rating` does not fit: "),
        ("rating", object(), "`rating` does not fit: found an object, which a flow has no type for"),
    ],
)
def test_answers_that_are_not_accepted(path: str, value: object, message: str) -> None:
    async def main() -> Any:
        async with start("asks") as run:
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(NotAccepted) as caught:
                run.answer(path, value)
            assert sorted(run.questions()) == ["rating", "verdict"]
            run.answer("verdict", "accept")
            run.answer("rating", None)
            result = await run.result()
        assert message in str(caught.value)
        return result.data

    assert trio.run(main) == "accept 0"


def test_a_question_is_answered_once_and_not_laterthe_end() -> None:
    async def main() -> list[str]:
        refusals = []
        async with start("asks") as run:
            await trio.testing.wait_all_tasks_blocked()
            run.answer("verdict", "accept")
            refusals.append(refusal(run.answer, "verdict", "reject"))
            await trio.testing.wait_all_tasks_blocked()
            refusals.append(refusal(run.answer, "verdict", "reject"))
            run.answer("rating", 1)
            await run.result()
            refusals += [refusal(run.answer, "rating", 2), refusal(run.answer, "other", 2)]
        return refusals

    assert trio.run(main) == [
        "the question `verdict` has been answered",
        "the question `verdict` has been answered",
        "the question `rating` has been answered",
        "the run has ended, so `other` can no longer be answered",
    ]


def test_a_question_whose_time_is_up_can_no_longer_be_answered() -> None:
    async def main() -> tuple[str, Any]:
        async with start("books") as run:
            await trio.sleep(3601)
            return refusal(run.answer, "waiting", "accept"), (await run.result()).status

    assert in_virtual_time(main) == ("the run has ended, so `waiting` can no longer be answered", "failed")


def refusal(ask: Callable[..., None], *arguments: object) -> str:
    with pytest.raises(NotAccepted) as caught:
        ask(*arguments)
    return str(caught.value)


# Signals


@dataclass
class Payment:
    order: str
    amount: int
    later: timedelta


def test_an_event_is_taken_by_the_wait_that_it_fits() -> None:
    async def main() -> Any:
        async with start("waits", {"order": "A"}) as run:
            run.signal("Paid", {"order": "B", "amount": 1})
            await trio.sleep(60)
            run.signal("Paid", Payment("A", 2, timedelta(hours=1)))
            return (await run.result()).data

    assert in_virtual_time(main) == {"amount": 2.0, "later": "1h"}


@pytest.mark.parametrize(
    ("event", "fields", "message"),
    [
        ("Payd", {}, "nothing in the flow waits for an event `Payd`; did you mean `Paid`?"),
        ("Other", {}, "nothing in the flow waits for an event `Other`; it waits for Paid"),
        ("Paid", None, 'the event `Paid` does not fit: the field "order" is missing'),
        (
            "Paid",
            {"order": 1, "amount": 1},
            "the event `Paid` does not fit: order: expected a string, found an int",
        ),
        ("Paid", [1], "the event `Paid` does not fit: "),
        ("Paid", {"order": {1}}, "`Paid` does not fit: order: found a set, which a flow has no type for"),
        (
            "Paid",
            {"order": "x" * 2_000_000, "amount": 1},
            "the event `Paid` does not fit: the value is larger than 1 MiB of JSON",
        ),
    ],
)
def test_events_that_are_not_accepted(event: str, fields: object, message: str) -> None:
    async def main() -> str:
        async with start("waits", {"order": "A"}) as run:
            said = refusal(run.signal, event, fields)
            run.signal("Paid", {"order": "A", "amount": 1})
            await run.result()
            assert refusal(run.signal, "Paid", {"order": "A", "amount": 1}).startswith("the run has ended")
        return said

    assert message in trio.run(main)


def test_more_events_than_are_kept_are_not_accepted() -> None:
    async def main() -> str:
        async with start("waits", {"order": "A"}) as run:
            for number in range(10_000):
                run.signal("Paid", {"order": f"B{number}", "amount": 1})
            said = refusal(run.signal, "Paid", {"order": "C", "amount": 1})
            run.cancel()
        return said

    assert trio.run(main) == "10,000 events are waiting to be waited for"


# Ending


def test_a_run_is_cancelled_with_its_undos() -> None:
    async def main() -> flowlang.Result:
        async with start("books") as run:
            await trio.testing.wait_all_tasks_blocked()
            assert run.questions()["waiting"].arguments == {"question": "Sure?"}
            run.cancel()
            run.cancel()
            return await run.result()

    result = trio.run(main)
    assert (result.status, result.data, result.failure, result.undone) == (
        "cancelled",
        None,
        None,
        ("booked",),
    )
    assert NAMES == ["booked", "undone booked"]


def test_a_run_that_has_not_begun_can_be_cancelled() -> None:
    async def main() -> str:
        async with start("books") as run:
            run.cancel()
        return (await run.result()).status

    assert trio.run(main) == "cancelled" and NAMES == []


def test_the_end_of_the_block_waits_for_the_run() -> None:
    async def main() -> Any:
        async with start("two") as run:
            pass
        return (await run.result()).data

    assert in_virtual_time(main) == ["a", "b"]


def test_an_exception_leaves_the_block_bare_once_the_run_is_undone() -> None:
    async def main() -> None:
        async with start("books"):
            await trio.testing.wait_all_tasks_blocked()
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        trio.run(main)
    assert NAMES == ["booked", "undone booked"]


def test_a_cancellation_around_the_block_cancels_the_run() -> None:
    async def main() -> bool:
        with trio.move_on_after(60) as scope:
            async with start("books") as run:
                await run.result()
        return scope.cancelled_caught

    assert in_virtual_time(main) and NAMES == ["booked", "undone booked"]


def test_nobody_waits_for_ever_for_a_run_whose_block_was_left() -> None:
    async def waits_for(run: flowlang.RunHandle) -> None:
        with pytest.raises(RuntimeError, match="the block of this run was left"):
            await run.result()
        assert [e async for e in run.events()] == []

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            with pytest.raises(KeyError):
                async with start("books") as run:
                    nursery.start_soon(waits_for, run)
                    await trio.testing.wait_all_tasks_blocked()
                    raise KeyError

    trio.run(main)


def test_runs_side_by_side_do_not_meet() -> None:
    async def main() -> list[Any]:
        async with start("waits", {"order": "A"}) as one, start("waits", {"order": "A"}) as other:
            one.signal("Paid", {"order": "A", "amount": 1})
            other.signal("Paid", {"order": "A", "amount": 2})
            assert one.run_id != other.run_id
            return [(await run.result()).data["amount"] for run in (one, other)]

    assert trio.run(main) == [1.0, 2.0]
