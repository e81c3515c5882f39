"""The trio host: what leaves a group, what a cancellation may and may not do, and what agents cannot harm."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import attrs
import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st
from support.runs import EPOCH, PRELUDE, Actor, Outside, Played, compile_text, play

from flowlang.hosts.trio_host import TrioHost
from flowlang.runtime import events
from flowlang.runtime.agents import AgentCall, AgentError, agent_failed
from flowlang.runtime.failures import AGENT_FAILED, INTERNAL, Failure, FlowFailure
from flowlang.runtime.interpreter import Interpreter
from flowlang.runtime.program import link
from flowlang.runtime.run import Run, RunResult

T = TypeVar("T")
SECOND = 1_000_000


def in_virtual_time(work: Callable[[], Awaitable[T]]) -> T:
    return trio.run(work, clock=trio.testing.MockClock(autojump_threshold=0))


def host(agents: dict[str, Any] | None = None, **options: Any) -> TrioHost:
    return TrioHost(agents or {}, epoch=EPOCH, **options)


def failure(name: str) -> FlowFailure:
    return FlowFailure(Failure(name, name))


async def fails(name: str, after: float = 0, cleanup: float = 0) -> None:
    try:
        await trio.sleep(after)
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(cleanup)
    raise failure(name)


async def fails_in_cleanup(name: str) -> None:
    try:
        await trio.sleep_forever()
    finally:
        raise failure(name)


# Groups


def test_the_first_failure_leaves_a_group_bare_and_later_ones_are_notes() -> None:
    async def main() -> None:
        async with host().group() as group:
            group.start(fails, "second", 2, 5)
            group.start(fails, "first", 1)
            group.start(fails_in_cleanup, "third")

    with pytest.raises(FlowFailure) as caught:
        in_virtual_time(main)
    assert caught.value.failure.error == "first"
    assert [note.error for note in caught.value.failure.notes] == ["third"]


def test_a_group_that_has_what_it_wants_ends_quietly_even_when_cancelled_around() -> None:
    async def main() -> str:
        async def wins() -> None:
            await trio.sleep(1)
            group.cancel()

        with trio.move_on_at(trio.current_time() + 2) as around:
            async with host().group() as group:
                group.start(wins)
                group.start(fails, "late", 9, 3)
            return f"after {trio.current_time():.0f}, cancelled around: {around.cancel_called}"
        return "cancelled"

    assert in_virtual_time(main) == "after 4, cancelled around: True"


def test_a_deadline_ends_a_group_quietly() -> None:
    async def main() -> float:
        a_host = host()
        async with a_host.group(a_host.now() + 3 * SECOND) as group:
            group.start(trio.sleep_forever)
        return trio.current_time()

    assert in_virtual_time(main) == 3


def test_a_cancellation_from_outside_leaves_a_group_as_itself() -> None:
    async def main() -> bool:
        with trio.move_on_after(1) as around:
            async with host().group() as group:
                group.start(trio.sleep_forever)
                group.start(trio.sleep_forever)
        return around.cancelled_caught

    assert in_virtual_time(main)


def test_a_mistake_of_the_runtime_goes_before_failures() -> None:
    async def mistaken() -> None:
        raise AssertionError("a bug")

    async def main() -> None:
        async with host().group() as group:
            group.start(fails, "failure")
            group.start(mistaken)

    for _ in range(10):  # in whatever order trio lets them run
        with pytest.raises(AssertionError, match="a bug"):
            in_virtual_time(main)


def test_R4_a_shield_ends_before_the_cancellation_is_delivered() -> None:
    async def main() -> list[float]:
        seen = []

        async def finish() -> None:
            await trio.sleep(5)
            seen.append(trio.current_time())

        with trio.move_on_after(2):
            await host().shielded(finish)
            seen.append(trio.current_time())
            await host().sleep_until(0)
            seen.append(-1)
        return seen

    assert in_virtual_time(main) == [5, 5]


# Time


def test_R23_time_is_in_whole_microseconds_and_sleeps_end_on_the_instant() -> None:
    async def main() -> list[int]:
        a_host = host()
        found = []
        for instant in (EPOCH + 1, EPOCH + 333_333, EPOCH + 86_400 * SECOND + 7):
            await a_host.sleep_until(instant)
            found.append(a_host.now() - instant)
        return found

    assert in_virtual_time(main) == [0, 0, 0]


# Calls


@attrs.define
class Function:
    """An agent made of a function."""

    function: Callable[[AgentCall], Awaitable[Any]]

    async def call(self, call: AgentCall) -> Any:
        return await self.function(call)


def answer(function: Callable[[AgentCall], Awaitable[Any]], timeout: int | None = None) -> Any:
    """What a call of an agent comes to."""

    async def main() -> Any:
        return await host({"a": Function(function)}).call("a", AgentCall("a", {}, timeout))

    return in_virtual_time(main)


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even its message")


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (ValueError("bad"), "ValueError: bad"),
        (SystemExit(3), "SystemExit: 3"),
        (RecursionError("deep"), "RecursionError: deep"),
        (ExceptionGroup("two", [ExceptionGroup("in", [KeyError("a")]), ValueError()]), "KeyError: 'a'"),
        (Unreadable(), "Unreadable: its message cannot be read"),
        (GeneratorExit(), "GeneratorExit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_R7_whatever_an_agent_raises_is_agent_failed(raised: BaseException, message: str) -> None:
    async def raises(call: AgentCall) -> None:
        raise raised

    with pytest.raises(AgentError) as caught:
        answer(raises)
    assert (caught.value.error, caught.value.message) == (AGENT_FAILED, message)
    assert caught.value.cause and "test_host_trio.py" in caught.value.cause


def test_R7_the_users_interrupt_goes_through() -> None:
    async def interrupted(call: AgentCall) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answer(interrupted)


def test_a_long_message_is_cut() -> None:
    assert len(agent_failed(ValueError("x" * 10**6)).message) == 1_000


def test_an_attempt_that_takes_too_long_is_a_timeout() -> None:
    async def sleeps(call: AgentCall) -> None:
        await trio.sleep(60)

    with pytest.raises(AgentError, match="a did not answer within 2s") as caught:
        answer(sleeps, timeout=2 * SECOND)
    assert caught.value.error == "Timeout"


def test_what_an_agent_raises_because_of_a_timeout_is_a_timeout() -> None:
    async def converts(call: AgentCall) -> None:
        try:
            await trio.sleep(60)
        except trio.Cancelled:
            raise ConnectionError("interrupted") from None

    with pytest.raises(AgentError) as caught:
        answer(converts, timeout=2 * SECOND)
    assert caught.value.error == "Timeout"


def test_R10_the_cap_is_on_calls_under_way() -> None:
    most = now = 0

    async def counts(call: AgentCall) -> None:
        nonlocal most, now
        now += 1
        most = max(most, now)
        await trio.sleep(1)
        now -= 1

    async def main() -> float:
        a_host = host({"a": Function(counts)}, calls_at_once=3)
        async with trio.open_nursery() as nursery:
            for _ in range(10):
                nursery.start_soon(a_host.call, "a", AgentCall("a", {}))
        return trio.current_time()

    assert in_virtual_time(main) == 4
    assert most == 3


def test_agents_that_never_wait_leave_others_their_turn() -> None:
    async def at_once(call: AgentCall) -> None:
        return None

    async def main() -> int:
        a_host = host({"a": Function(at_once)})
        calls = 0
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_soon, scope)
                while calls < 10**7:
                    await a_host.call("a", AgentCall("a", {}))
                    calls += 1
        return calls

    assert trio.run(main) < 10**7


async def _cancel_soon(scope: trio.CancelScope) -> None:
    await trio.lowlevel.checkpoint()
    scope.cancel()


def test_an_answer_without_a_question_is_refused() -> None:
    async def main() -> None:
        host().answer("nowhere", "yes")

    with pytest.raises(LookupError, match="no open question nowhere"):
        in_virtual_time(main)


# Runs


SAGA = """
flow trip(n: int, broken: string) -> string {
  step hotel = work(name: "u hotel ${n}", takes: 2s, fails: if broken == "hotel" then "Oops" else "")
    undo undo(name: "u hotel ${n}", takes: 1s)
  step train = do {
    step seat = work(name: "u seat ${n}", takes: 1s) undo undo(name: "u seat ${n}", takes: 1s)
    step meal = work(name: "meal ${seat}", takes: 1s, fails: if broken == "meal" then "Oops" else "",
                     times: 3)
      finally { step wiped = work(name: "wiped", takes: 1s) }
    yield meal
  }
    retry 1 times backoff constant 1s
    timeout 9s
  return "${hotel} ${train}"
}
flow main(broken: string = "") -> string {
  step trips = for each n in [1, 2, 3], 2 at once { step one = trip(n: n, broken: broken) yield one }
  step quick = race {
    do {
      step a = work(name: "u slow", takes: 3s) undo undo(name: "u slow", takes: 1s)
      step b = work(name: "b ${a}", takes: 4s)
      yield b
    },
    work(name: "quick", takes: 5s),
  }
    catch -> "none"
  step last = work(name: "last ${quick}", takes: 1s, fails: if broken == "last" then "Oops" else "")
    after trips
  return "${trips.join(", ")} ${last}"
}
"""


@pytest.mark.parametrize("broken", ["", "hotel", "meal", "last"])
@pytest.mark.parametrize("half_seconds", [*range(1, 40, 2), None])
def test_a_run_that_is_cancelled_anywhere_cleans_up_after_itself(
    broken: str, half_seconds: int | None
) -> None:
    at = None if half_seconds is None else half_seconds / 2
    played = play(SAGA, Outside(inputs={"broken": broken}, cancel_after=at))
    done = _names(played, "work", "done", undoable=True)
    undone = _names(played, "undo", "done", undoable=True)
    if played.result.status == "done":
        assert set(undone) <= set(done)
    else:
        assert undone == done
    meals = [c for c in played.calls if c.name.startswith("meal")]
    assert len(_names(played, "work", "done", prefix="wiped")) == len(meals)
    if at is not None and played.result.status == "cancelled":
        late = [c.name for c in played.calls if c.started > at and c.call.agent == "work"]
        assert set(late) <= {"wiped"}
    assert played.result.undo_failures == ()
    assert all(c.started <= c.ended <= (played.result.ended - EPOCH) / SECOND for c in played.calls)


def _names(
    played: Played, agent: str, outcome: str, *, undoable: bool = False, prefix: str = ""
) -> list[str]:
    found = [c.name for c in played.calls if c.call.agent == agent and c.outcome == outcome]
    return sorted(name for name in found if name.startswith("u " if undoable else prefix))


def test_a_cancellation_around_a_run_passes_through_after_cleanup() -> None:
    compiled = compile_text(SAGA + PRELUDE)
    actor = Actor({name: agent.result for name, agent in compiled.agents.items()})
    program = link(compiled, {"work": actor, "undo": actor})
    told: list[events.Event] = []

    async def main() -> tuple[bool, float]:
        with trio.move_on_after(3.5) as around:
            await Run(program, "main", {}, host(program.agents), told.append).result()
        return around.cancelled_caught, trio.current_time()

    assert in_virtual_time(main) == (True, 10)
    assert sorted(c.name for c in actor.log if c.call.agent == "undo") == [
        "u hotel 1", "u hotel 2", "u hotel 3", "u seat 1", "u seat 2", "u seat 3", "u slow"
    ]  # fmt: skip
    assert told[-1] == events.RunEnded("", EPOCH + 10 * SECOND, "cancelled", None)


def test_a_run_may_be_cancelled_before_it_starts() -> None:
    compiled = compile_text('flow main() -> string { step a = work(name: "a") return a }' + PRELUDE)
    program = link(compiled, {"work": Actor({"work": compiled.agents["work"].result})})

    async def main() -> RunResult:
        run = Run(program, "main", {}, host(program.agents))
        run.cancel()
        return await run.result()

    assert in_virtual_time(main).status == "cancelled"


def test_R7_a_mistake_of_the_interpreter_fails_its_run_after_cleanup(monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(*arguments: Any) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(Interpreter, "_require", mistaken)
    played = play("""
        flow main() -> string {
          step a = work(name: "a", takes: 1s) undo undo(name: a)
          step slow = work(name: "slow", takes: 9s) catch -> "not caught"
          require a == "a" else "no"
          return slow
        }
    """)
    assert played.result.failure is not None
    assert (played.result.failure.error, played.result.failure.message) == (INTERNAL, "KeyError: 'a bug'")
    assert "mistaken" in (played.result.failure.cause or "")
    assert sorted((c.call.agent, c.name, c.outcome) for c in played.calls) == [
        ("undo", "a", "done"),
        ("work", "a", "done"),
        ("work", "slow", "cancelled"),
    ]


def test_flows_may_call_each_other_deeper_than_python_may() -> None:
    depth = 300
    flows = [f"flow f{n}() -> int {{ step x = f{n + 1}() return x + 1 }}" for n in range(depth)]
    played = play(
        "\n".join(
            [
                *flows,
                f"flow f{depth}() -> int {{ return 0 }}",
                "flow main() -> int { step x = f0() return x }",
            ]
        )
    )
    assert (played.result.status, played.result.value) == ("done", depth)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.sampled_from(["", "Oops", "Nope", "Unavailable", "bad"]), min_size=3, max_size=3), st.data()
)
def test_a_race_has_its_first_value_or_the_last_failure(how: list[str], data: st.DataObject) -> None:
    takes = data.draw(st.permutations([1, 2, 3]))
    arms = ",\n".join(
        f'work(name: "{n}", takes: {seconds}s, fails: "{fails}")'
        for n, (seconds, fails) in enumerate(zip(takes, how, strict=True))
    )
    played = play(f"flow main() -> string {{ step a = race {{ {arms} }} return a }}")
    order = sorted(range(3), key=lambda n: takes[n])
    winner = next((n for n in order if not how[n]), None)
    ended = (played.result.ended - EPOCH) // SECOND
    if winner is None:
        assert played.result.failure is not None and ended == 3
        assert played.result.failure.path == f"a|{order[-1]}"
    else:
        assert (played.result.value, ended) == (str(winner), takes[winner])
