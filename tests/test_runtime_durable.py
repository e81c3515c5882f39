"""The rules that hold for journaled runs alone, each in the case it was made for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import pytest
import trio
import trio.testing
from support.durable import Journaled, Kill, journaled, play_durably
from support.runs import Actor, Outside, outside_of

from flowlang.hosts.journaled import GRACE, OutcomeUnknown, Parked
from flowlang.runtime.agents import AgentError
from flowlang.runtime.events import Event
from flowlang.runtime.inputs import Outcome, Replied
from flowlang.runtime.journal import JournalMisfit, Row
from flowlang.runtime.replay import replay
from flowlang.runtime.run import RunResult

T = TypeVar("T")
DAY = 86_400.0
NOTHING: Mapping[str, Outcome | None] = {}

CHAIN = """
flow main() -> string {
  step a = work(name: "a", takes: 1s)
  step b = work(name: "b", takes: 1s) after a
  return "${a}${b}"
}
"""


def in_virtual_time(work: Callable[[], Awaitable[T]]) -> T:
    return trio.run(work, clock=trio.testing.MockClock(autojump_threshold=0))


def begun(run: Journaled) -> list[str]:
    return [called.name for called in run.actor.log]


def test_R11_nothing_happens_because_of_what_is_not_written():
    run = journaled(CHAIN)
    run.keeper.fail_at = 1  # the outcome of a

    async def main() -> object:
        parked = await run.open().carry_out()
        assert isinstance(parked, Parked) and parked.problem is not None
        assert (begun(run), [row.kind for row in run.keeper.rows]) == (["a"], ["began"])
        return await run.open().carry_out()

    result = in_virtual_time(main)
    assert isinstance(result, RunResult) and result.value == "ab"
    assert begun(run) == ["a", "a", "b"]


LOOKS = """
agent look(name: string, takes: duration = 0s) -> string effect read
flow main() -> string {
  step a = look(name: "a")
  step b = look(name: "b") after a
  step c = look(name: "c") after b
  step d = work(name: "d") after c
  return "${a}${b}${c}${d}"
}
"""


def test_R11_what_changes_nothing_goes_on_while_rows_are_written():
    played = play_durably(LOOKS, latency=1.0)
    assert played.result.value == "abcd"
    assert {called.name: called.started for called in played.calls} == {
        "a": 0.0,
        "b": 0.0,
        "c": 0.0,
        "d": 2.0,
    }
    assert played.journaled.ahead == ["a", "b", "c"]


@pytest.mark.parametrize("fail_at", [0, 1])
def test_R11_what_others_can_see_waits_for_all_that_led_to_it(fail_at):
    """Where rows cannot be written, nobody has seen anything but what had to do with those before."""
    run = journaled(LOOKS)
    run.keeper.fail_at, run.keeper.latency = fail_at, 1.0

    async def main() -> object:
        parked = await run.open().carry_out()
        assert isinstance(parked, Parked) and parked.problem is not None
        assert begun(run) == ["a", "b", "c"]
        assert len(run.keeper.rows) == fail_at and run.told == run.witnessed
        return await run.open().carry_out()

    result = in_virtual_time(main)
    assert isinstance(result, RunResult) and result.value == "abcd"
    assert begun(run) == ["a", "b", "c", "a", "b", "c", "d"]


def test_R11_nobody_is_asked_what_may_be_forgotten():
    text = """
agent look(name: string) -> string effect read
flow main() -> string {
  step a = look(name: "a")
  step said = approve(question: a)
  return said
}
"""
    run = journaled(text)
    run.keeper.latency = 1.0

    async def main() -> object:
        async with trio.open_nursery() as nursery:
            asked: list[float] = []

            async def answer() -> None:
                while not run.questions:
                    await trio.sleep(0.1)
                asked.append(round(trio.current_time(), 1))
                run.answer("said", "yes")

            nursery.start_soon(answer)
            result = await run.carry_out()
            return result.value, asked

    assert in_virtual_time(main) == ("yes", [2.0])


def test_R11_a_run_does_not_go_far_ahead_of_its_journal():
    """What it may have to do again is some hundred small reads, or few large ones."""
    loop = "for each n in 0..500, 1 at once"
    text = f"""
agent look(name: string) -> string effect read
flow main() -> int {{
  step all = {loop} {{ step one = look(name: "SIZE".repeat(SOME)) yield one }}
  return all.size()
}}
"""
    for some, most in ((1, 101), (2_000, 10)):
        run = journaled(text.replace("SIZE", "12345").replace("SOME", str(some)))
        run.keeper.latency = 1.0
        in_virtual_time(run.carry_out)
        assert most * 0.8 < largest_commit(run) <= most


def test_events_that_nobody_hears_are_not_made():
    class Deaf:
        def __bool__(self) -> bool:
            return False

        def __call__(self, event: Event) -> None:
            raise AssertionError("nobody listens")

    whole = play_durably(CHAIN)
    kernel = whole.journaled.kernel(Deaf())
    replay(kernel, whole.journaled.keeper.rows)
    assert kernel.ended and kernel.counts.executed == 2


def largest_commit(run: Journaled) -> int:
    """How many outcomes were written at once, which have all come while nothing of them was written."""
    return max(run.keeper.sizes)


SIBLINGS = """
flow main() -> string {
  step z = work(name: "z", takes: 800ms)
  step a = do {
    step x = work(name: "x", takes: 1s, fails: "Oops")
    step y = work(name: "y", takes: 1001ms, fails: "Nope")
    yield "${x}${y}"
  }
    catch Oops -> work(name: "after Oops", takes: 1s)
    catch Nope -> work(name: "after Nope", takes: 1s)
  return a
}
"""


@pytest.mark.parametrize("latency", [0.0, 0.5])
def test_R12_a_handler_belongs_to_the_failure_that_was_first(latency):
    """With the latency both ends are in one commit, since they come while z is written."""
    whole = play_durably(SIBLINGS, latency=latency)
    assert whole.result.value == "after Oops"
    for number in range(whole.journaled.keeper.commits):
        for written in (False, True):
            resumed = play_durably(SIBLINGS, kills=[Kill(number, written)], latency=latency)
            rows = [row.path for row in resumed.journaled.keeper.rows if row.kind == "call"]
            first = "Oops" if rows.index("a/x") < rows.index("a/y") else "Nope"
            assert resumed.result.value == f"after {first}"


def test_R12_a_call_that_was_to_stop_is_not_made_again():
    text = """
flow main() -> string {
  step a = race { work(name: "slow", takes: 9s, cleanup: 5s), work(name: "fast", takes: 1s) }
  step b = work(name: "b", takes: 1s) after a
  return b
}
"""
    played = play_durably(text, kills=[Kill(1)])
    assert played.result.value == "b"
    assert sorted(begun(played.journaled)) == ["b", "fast", "slow"]


def test_R12_a_call_that_is_to_be_undone_is_made_again_and_undone():
    text = """
flow main() -> string {
  step a = work(name: "a", takes: 5s) undo undo(name: "a")
  step b = work(name: "b", takes: 1s, fails: "Oops")
  return "${a}${b}"
}
"""
    played = play_durably(text, kills=[Kill(1)])
    assert played.result.undone == ("a",)
    assert begun(played.journaled).count("a") == 3  # twice to do it, with one key, and once to undo it


PAY = """
agent pay(name: string, takes: duration = 0s) -> string effect write
agent unpay(name: string, takes: duration = 0s) -> string effect write
"""

PAID = """
flow main() -> string {
  step a = pay(name: "a", takes: 2s)
  step b = work(name: "b") after a
  return "${a}${b}"
}
"""


def killed(run: Journaled, kill: Kill, resolved: Mapping[str, Outcome | None] = NOTHING) -> object:
    """What a process comes to that takes a run up after the one before it was killed."""
    run.keeper.kills = [kill]

    async def main() -> object:
        with pytest.raises(BaseExceptionGroup):
            await run.open(resolved).carry_out()
        return await run.open().carry_out()

    return in_virtual_time(main)


@pytest.mark.parametrize(
    ("kill", "outcome", "value", "made"),
    [
        (Kill(0), None, "ab", ["a", "b"]),  # it is announced, and not made
        (Kill(1, written=False), None, "ab", ["a", "a", "b"]),
        (Kill(1, written=False), Replied("skipped "), "skipped b", ["a", "b"]),
    ],
)
def test_R13_what_became_of_a_write_is_asked_where_nobody_knows(kill, outcome, value, made):
    run = journaled(PAID + PAY)
    assert killed(run, kill) == OutcomeUnknown(("a",))
    assert run.keeper.status == "unknown"
    result = in_virtual_time(lambda: run.open({"a": outcome}).carry_out())
    assert isinstance(result, RunResult) and result.value == value
    assert begun(run) == made


def test_R13_a_write_is_announced_before_it_is_made():
    played = play_durably(PAID + PAY)
    kinds = [(row.kind, row.path) for row in played.journaled.keeper.rows]
    assert kinds == [("began", ""), ("started", "a"), ("call", "a"), ("call", "b")]


def test_R13_with_a_key_it_is_made_again_like_any_other():
    keyed = PAID.replace("takes: 2s)", 'takes: 2s) key "order 7"') + PAY
    played = play_durably(keyed, kills=[Kill(0)])
    assert played.result.value == "ab"
    assert {row.kind for row in played.journaled.keeper.rows} == {"began", "resumed", "call"}


def test_R13_holds_for_undos_and_for_writes_that_are_to_be_undone():
    run = journaled(
        """
flow main() -> string {
  step a = pay(name: "a", takes: 5s) undo unpay(name: "back", takes: 1s)
  step b = work(name: "b", takes: 1s, fails: "Oops")
  return "${a}${b}"
}
"""
        + PAY
    )
    assert killed(run, Kill(1)) == OutcomeUnknown(("a",))  # b has failed, and a is awaited
    undoing = Kill(run.keeper.commits)
    assert killed(run, undoing, {"a": Replied("a")}) == OutcomeUnknown(("a/!undo",))
    result = in_virtual_time(lambda: run.open({"a/!undo": Replied("back")}).carry_out())
    assert isinstance(result, RunResult) and result.undone == ("a",)


def test_R13_of_a_write_that_was_given_up_nobody_asks():
    run = journaled(
        """
flow main() -> string {
  step a = pay(name: "a", takes: 9s) timeout 3s catch Timeout -> "none"
  return a
}
"""
        + PAY
    )
    result = killed(run, Kill(1))
    assert isinstance(result, RunResult) and result.value == "none"
    assert begun(run) == ["a"]


def test_R17_other_arguments_are_a_misfit():
    whole, other = play_durably(CHAIN), journaled(CHAIN.replace('"a", takes: 1s', '"a", takes: 2s'))
    with pytest.raises(JournalMisfit, match="other arguments"):
        replay(other.kernel(lambda event: None), whole.journaled.keeper.rows)


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: [*rows, rows[-1]],
        lambda rows: [rows[0], *rows[2:]],
        lambda rows: [row._replace(path=row.path.replace("b", "c")) for row in rows],
        lambda rows: [row._replace(outcome=row.outcome and "{") for row in rows],
        lambda rows: [*rows[:2], Row(rows[2].seq, "started", "nowhere", rows[1].at)],
    ],
)
def test_R17_rows_that_the_plan_cannot_have_written_are_a_misfit(change):
    whole, other = play_durably(CHAIN), journaled(CHAIN)
    with pytest.raises(JournalMisfit):
        replay(other.kernel(lambda event: None), change(whole.journaled.keeper.rows))


PARKED = """
flow main() -> list<string> {
  step all = for each takes in [4s, 8s, 12s] {
    step a = work(name: "a", takes: takes)
    step b = work(name: "b") after a
    yield b
  }
  return all
}
"""


def test_R21_calls_under_way_are_recorded_and_nothing_new_begins():
    run = journaled(PARKED)

    async def main() -> object:
        async with trio.open_nursery() as nursery:
            process = run.open()

            async def park() -> None:
                await trio.sleep(1)
                process.park()

            nursery.start_soon(park)
            assert await process.carry_out() == Parked(False)
        assert trio.current_time() == 1 + GRACE
        assert begun(run) == ["a", "a", "a"]
        assert [row.path for row in run.keeper.rows if row.kind == "call"] == ["all[0]/a", "all[1]/a"]
        return await run.open().carry_out()

    result = in_virtual_time(main)
    assert isinstance(result, RunResult) and result.value == ["b", "b", "b"]
    assert [told for told in run.told if type(told).__name__ == "StepCancelled"] == []


def test_R22_nothing_fires_while_nobody_holds_a_run_that_waits():
    run = journaled("""
flow main() -> string {
  step a = work(name: "a", takes: 1s)
  step said = approve(question: "well?") timeout 1h catch Timeout -> work(name: "nobody") after a
  return said
}
""")

    async def main() -> object:
        assert await run.open(leave_waiting=True).carry_out() == Parked(waiting=True)
        assert (run.keeper.status, [*run.keeper.waits]) == ("waiting", ["said"])
        await trio.sleep(DAY)
        assert begun(run) == ["a"]
        return await run.open(leave_waiting=True).carry_out()

    result = in_virtual_time(main)
    assert isinstance(result, RunResult) and result.value == "nobody"


def test_R29_fifty_questions_are_open_at_once_and_keep_their_addresses():
    text = """
flow main() -> list<string> {
  step all = for each n in 0..50 { step said = approve(question: "${n}?") yield said }
  return all
}
"""
    run = journaled(text)

    async def main() -> object:
        for half in (range(50, 0, -2), range(49, 0, -2)):
            async with trio.open_nursery() as nursery:
                process = run.open()
                nursery.start_soon(process.carry_out)
                await trio.testing.wait_all_tasks_blocked()
                assert len(process.questions) == 50 - run.posted
                for n in half:
                    run.answer(f"all[{n - 1}]/said", f"answer {n - 1}")
                await trio.testing.wait_all_tasks_blocked()
                nursery.cancel_scope.cancel()
        return await run.open().carry_out()

    result = in_virtual_time(main)
    assert isinstance(result, RunResult) and result.value == [f"answer {n}" for n in range(50)]
    assert not run.keeper.waits and not run.keeper.inbox


def test_R29_an_answer_that_came_too_late_changes_nothing():
    """It was given while the question was open, and is heard when the deadline has passed."""
    run = journaled("""
flow main() -> string {
  step said = approve(question: "well?") timeout 5s catch Timeout -> "nobody"
  return said
}
""")

    async def main() -> object:
        async with trio.open_nursery() as nursery:

            async def answer_late() -> None:
                await trio.sleep(4)
                run.skew = 3_000_000
                run.answer("said", "yes")

            nursery.start_soon(answer_late)
            return await run.carry_out()

    result = in_virtual_time(main)
    assert isinstance(result, RunResult) and result.value == "nobody"
    assert "answer" in [row.kind for row in run.keeper.rows] and not run.keeper.waits


def test_R29_an_event_waits_in_the_journal_for_whoever_wants_it():
    text = """
//! send Ping {"id": "b"} after 1s
//! send Ping {"id": "a"} after 2s
flow main() -> list<string> {
  step slept = sleep 10s
  step a = wait for Ping where e => e.id == "a" after slept
  step any = wait for Ping after a
  return [a.id, any.id]
}
"""
    for number in range(play_durably(text, outside_of(text)).journaled.keeper.commits):
        for written in (False, True):
            played = play_durably(text, outside_of(text), kills=[Kill(number, written)])
            assert played.result.value == ["a", "b"]


# Time


def resumed_after_a_day(body: str, commit: int) -> tuple[object, float]:
    """What a flow came to that was left at a commit for a day, and how many seconds after that."""
    played = play_durably(f"flow main() -> string {{ {body} }}", kills=[Kill(commit, away=DAY)])
    seconds = (played.result.ended - played.result.started) / 1e6
    return played.result.value or played.result.failure, seconds - DAY


def test_R23_a_sleep_is_over_at_its_instant_whoever_holds_the_run():
    slept = """step s = sleep 1h step a = work(name: "a", takes: 2s) after s return a"""
    assert resumed_after_a_day(slept, 0) == ("a", 2.0)


@pytest.mark.parametrize(
    "timed",
    [
        'approve(question: "well?") timeout 1h',
        'do { step q = approve(question: "well?") yield q } timeout 1h',
        "do { step e = wait for Ping yield e.id } timeout 1h per attempt",
        "asks() timeout 1h",
        "slowly()",
    ],
)
def test_R23_a_deadline_over_a_wait_is_an_instant(timed):
    asks = """
flow asks() -> string { step q = approve(question: "well?") return q }
flow slowly() -> string timeout 1h { step q = asks() return q }
"""
    text = f"""
flow main() -> string {{
  step q = {timed}
    catch Timeout -> work(name: "nobody", takes: 2s)
  return q
}}
{asks}
"""
    result = play_durably(text, Outside(cancel_after=9 * DAY), kills=[Kill(0, away=DAY)]).result
    assert (result.value, result.ended - result.started) == ("nobody", round((DAY + 2) * 1e6))


@pytest.mark.parametrize(("takes", "found", "seconds"), [("8s", "ab", 14.0), ("10s", "too long", 15.0)])
def test_R23_any_other_deadline_stands_still_while_nobody_holds_the_run(takes, found, seconds):
    timed = f"""
  step q = do {{
    step a = work(name: "a", takes: 6s)
    step b = work(name: "b", takes: {takes}) after a
    yield "${{a}}${{b}}"
  }}
    timeout 15s
    catch Timeout -> "too long"
  return q
"""
    assert resumed_after_a_day(timed, 1) == (found, seconds)


def test_R23_the_timeout_of_an_attempt_starts_anew_with_it():
    timed = """
  step a = work(name: "a", takes: 2s)
  step b = work(name: "b", takes: 8s) timeout 9s per attempt after a
  return b
"""
    assert resumed_after_a_day(timed, 1) == ("b", 10.0)


def test_R23_now_never_goes_back():
    """The clock is set back by an hour while nobody holds the run; a sleep is over when the clock says so."""
    run = journaled("""
flow main() -> string {
  step s = sleep 10m
  step a = work(name: "a", takes: 2s) after s
  return a
}
""")
    run.keeper.kills = [Kill(0)]

    async def main() -> object:
        with pytest.raises(BaseExceptionGroup):
            await run.open().carry_out()
        run.skew = -3_600_000_000
        return await run.open().carry_out()

    result = in_virtual_time(main)
    assert isinstance(result, RunResult)
    instants = [row.at for row in run.keeper.rows]
    assert instants == sorted(instants)
    assert result.ended - result.started == 602_000_000


def test_R23_the_clock_is_looked_at_while_a_run_sleeps():
    """The clock is set forward by two hours, as it is after a laptop was asleep."""
    run = journaled("flow main() -> null { step s = sleep 2h return s }")

    async def main() -> float:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(run.carry_out)
            await trio.sleep(45)
            run.skew = 7_200_000_000
        return trio.current_time()

    assert in_virtual_time(main) == 60.0


# What cannot be written down


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (AgentError("Oops", "half \ud800", fields={"code": 7}), ("Oops", "half \\ud800")),
        (AgentError("Oops", fields={"code": object()}), ("AgentFailed", "cannot be written down")),
        (AgentError("Oops", fields={"code": "\ud800"}), ("AgentFailed", "cannot be written down")),
        (AgentError("Oops", fields={"code": [0] * 2_000_000}), ("AgentFailed", "cannot be written down")),
        (AgentError("\ud800", cause="\ud800"), ("AgentFailed", "\\ud800")),
    ],
)
def test_R11_an_error_is_written_down_whatever_is_in_it(error, found, monkeypatch):
    run = journaled('flow main() -> string { step a = work(name: "a") return a }')

    async def fail(self: Actor, call: object) -> None:
        raise error

    monkeypatch.setattr(Actor, "call", fail)
    result = in_virtual_time(run.carry_out)
    assert result.failure is not None and result.failure.error == found[0]
    assert found[1] in result.failure.message
    for row in run.keeper.rows:
        (row.outcome or "").encode()
