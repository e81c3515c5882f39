"""The simulator does what the other hosts do, whatever crashes, and for one seed always the same."""

from __future__ import annotations

import os
import re
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.flows import flows
from support.runs import Outside, Played, compile_text, outside_of, play, transcript
from support.simulated import play_simulated, simulate_text
from test_kernel_equal import FOR_EVER, instants, instants_of_timers, shown, told

from flowlang.hosts.simulator.simulated import Simulated
from flowlang.hosts.simulator.simulation import EPOCH, link_simulated, simulate
from flowlang.hosts.simulator.world import Answer, Crash, Ends, Jump, Reaction, Sent, World
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.events import Admitted, Waiting
from flowlang.runtime.host import Question
from flowlang.runtime.inputs import Raised, Replied, Stopped
from flowlang.runtime.program import Program

EXAMPLES = int(os.environ.get("SIMULATOR_EXAMPLES", "25"))
CASES = sorted((Path(__file__).parent / "cases" / "runtime").glob("*.flow"))
UNSTEADY = re.compile(r"timeout|race|first |within|every|//!|breaker|cache|times: |per |once|write")

crashes = st.lists(
    st.builds(Crash, st.integers(1, 20), st.booleans(), st.integers(0, 60_000_000)),
    max_size=5,
    unique_by=lambda crash: crash.commit,
)
answered = Outside(answers_any=[(0.0, 0)], cancel_after=FOR_EVER)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_simulated_run_goes_as_its_case_says(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    outside = outside_of(text)
    found = transcript(play_simulated(text, outside), outside)
    expected = [line.removeprefix("//= ") for line in text.splitlines() if line.startswith("//=")]
    assert sorted(found) == sorted(expected)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_may_crash_at_any_commit(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    outside = outside_of(text)
    whole, played = simulate_text(text, outside)
    for number in range(1, whole.commits + 1):
        for written in (False, True):
            resumed, again = simulate_text(text, outside, [Crash(number, written)])
            check(resumed)
            if not UNSTEADY.search(text):
                assert outcome(again) == outcome(played)


@given(flows(steady=True), crashes, st.integers())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_steady_flow_comes_to_the_same_in_any_order(text: str, crashes: list[Crash], seed: int) -> None:
    _, whole = simulate_text(text, answered)
    simulated, resumed = simulate_text(text, answered, crashes, Random(seed))
    check(simulated)
    assert outcome(resumed) == outcome(whole)


@given(flows(), crashes, st.integers())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_flow_keeps_the_rules(text: str, crashes: list[Crash], seed: int) -> None:
    simulated, _ = simulate_text(text, answered, crashes, Random(seed))
    check(simulated)
    assert simulated == simulate_text(text, answered, crashes, Random(seed))[0]


def check(simulated: Simulated) -> None:
    """One reply a call is recorded, and a call that is made again is the same call."""
    recorded = [made.path for made in simulated.calls if made.recorded]
    assert len(recorded) == len(set(recorded))
    calls: dict[str, Any] = {}
    for made in simulated.calls:
        assert calls.setdefault(made.path, made.call) == made.call


def outcome(played: Played) -> dict[str, Any]:
    """What does not depend on how long things took, or on the order of what is told together."""
    result = told(played.result)
    for timed in ("started", "ended"):
        del result[timed]
    return result | {"undone": sorted(result["undone"])}


@given(flows(), st.lists(st.tuples(st.sampled_from("ab"), instants), max_size=4), st.none() | instants)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_simulated_run_does_what_trio_does(
    text: str, sends: list[tuple[str, float]], cancelled: float | None
) -> None:
    """Where nothing happens at one instant with something else, as of which nobody knows what comes first."""
    times = [seconds for _, seconds in sends] + [cancelled]
    assume(len(set(times)) == len(times))
    outside = Outside(
        sends=[("Ping", {"id": id}, seconds) for id, seconds in sends],  # type: ignore[misc]
        cancel_after=FOR_EVER if cancelled is None else cancelled,
    )
    if "wait for" not in text:
        outside.sends.clear()
    with instants_of_timers() as due:
        simulated, played = simulate_text(text, outside)
    ended = [made.ended for made in simulated.calls]
    assume(not simulated.choices and len(set(ended) | set(due)) == len(ended) + len(due))
    assert shown(played) == shown(play(text, outside))


# One thing at a time

SECOND = 1_000_000
PRELUDE = """
error Broken
event Ping(id: string)
agent look(n: int) -> int effect read timeout 10s
agent write(n: int) -> int effect write timeout 10s
agent limited(n: int) -> int effect read limit 1 at once, 2 per 1m
agent fragile(n: int) -> int effect read breaker 2 failures within 1m reset 30s
agent known(n: int) -> int effect pure cache 1h
ask approve(n: int) -> int
"""
REPLY = Ends(Replied(1))


def program_of(body: str, result: str = "int") -> Program:
    return link_simulated(compile_text(f"{PRELUDE}\nflow main() -> {result} {{\n{body}\n}}\n"))


def simulated(body: str, world: World, *, result: str = "int", **options: Any) -> Simulated:
    return simulate(program_of(body, result), "main", {}, world, **options)


def reacts(reaction: Reaction) -> World:
    return World(lambda path, call, now: reaction)


def value_of(simulated: Simulated) -> Any:
    assert simulated.result is not None, simulated.problem
    assert simulated.result.status == "done", simulated.result.failure
    return simulated.result.value


def passed(simulated: Simulated) -> float:
    assert simulated.result is not None
    return (simulated.result.ended - simulated.result.started) / SECOND


def test_an_agent_that_never_answers_is_timed_out() -> None:
    run = simulated("step a = look(n: 1) catch Timeout -> 7\nreturn a", reacts(Reaction(None)))
    assert (value_of(run), passed(run)) == (7, 10)
    assert run.calls[0].outcome == Raised("Timeout", "look did not answer within 10s")


def test_a_late_answer_counts() -> None:
    late = Reaction(None, Ends(Replied(5), SECOND))
    run = simulated("step a = look(n: 1) catch Timeout -> 7\nreturn a", reacts(late))
    assert (value_of(run), passed(run)) == (5, 11)


def test_a_call_that_its_timeout_has_asked_to_stop_is_not_asked_anew() -> None:
    body = "step a = look(n: 1) timeout 4s timeout 3s per attempt catch Timeout -> 7\nreturn a"
    run = simulated(body, reacts(Reaction(None, Ends(Stopped(), 2 * SECOND))))
    assert (value_of(run), passed(run)) == (7, 5)


def test_an_agent_that_takes_no_notice_is_left_alone_at_its_timeout() -> None:
    deaf = Reaction(None, None)
    run = simulated("step a = look(n: 1) catch Timeout -> 7\nreturn a", reacts(deaf))
    assert (value_of(run), passed(run)) == (7, 10)


def test_a_cancelled_call_ends_as_it_likes() -> None:
    body = "step a = race { look(n: 1), look(n: 2) }\nreturn a"

    def slow(path: str, call: AgentCall, now: int) -> Reaction:
        ends = Ends(Replied(call.arguments["n"]), call.arguments["n"] * SECOND)
        return Reaction(ends, Ends(Stopped(), SECOND // 2))

    run = simulated(body, World(slow))
    assert (value_of(run), passed(run)) == (1, 1.5)
    assert [made.outcome for made in run.calls] == [Replied(1), Stopped()]


def test_a_run_that_waits_for_what_never_comes_makes_no_progress() -> None:
    body = "step e = wait for Ping\nstep a = approve(n: 1)\nreturn a"
    run = simulated(body, reacts(Reaction(REPLY)))
    assert (run.problem, run.result) == ("no progress", None)
    assert [wait.path for wait in run.waiting] == ["e", "a"]
    assert [wait.path for wait in run.unbounded] == ["e", "a"]


@pytest.mark.parametrize(
    "body",
    [
        "step a = while true, at most 1_000_000_000 times, from n = 0 { next n }\nreturn a",
        "step a = while true, at most 999_999 times, from n = 0 { step b = look(n: n) next b }\nreturn a",
        "step a = look(n: 1) retry 1_000_000_000 times backoff 1s\nreturn a",
    ],
)
def test_a_run_that_goes_on_and_on_is_stopped(body: str) -> None:
    world = World(lambda path, call, now: Reaction(REPLY if "while" in body else Ends(Raised("Unavailable"))))
    run = simulated(body, world, most=1_000)
    assert (run.problem, run.result) == ("too long", None)


def test_a_run_that_is_taken_up_is_stopped_all_the_same() -> None:
    body = "step a = while n < 9, at most 9 times, from n = 0 { step b = look(n: n) next b }\nreturn a"
    world = World(lambda path, call, now: Reaction(Ends(Replied(call.arguments["n"] + 1))))
    told = len(simulated(body, world).events)
    for most, commit, written in product(range(told - 6, told + 2), range(1, 12), (False, True)):
        crashed = attrs.evolve(world, crashes=[Crash(commit, written)])
        assert simulated(body, crashed, most=most).problem == ("too long" if most < told else None)


def test_what_a_world_raises_leaves_the_simulation() -> None:
    def fall(path: str, call: AgentCall, now: int) -> Reaction:
        raise KeyError(path)

    with pytest.raises(KeyError):
        simulated("step a = look(n: 1)\nreturn a", World(fall))


def test_limits_hold() -> None:
    body = "step all = for each n in 0..5 { yield limited(n: n) }\nreturn all.size()"
    run = simulated(body, reacts(Reaction(Ends(Replied(1), SECOND))))
    assert [(made.started - EPOCH) // SECOND for made in run.calls] == [0, 1, 60, 61, 120]
    kinds = [type(event).__name__ for event in run.events if isinstance(event, Waiting | Admitted)]
    assert kinds == ["Waiting"] * 4 + ["Admitted"] * 4


CROWDED = "step all = for each n in 0..250 { yield look(n: n) }\nreturn all.size()"


def test_no_more_calls_are_under_way_than_an_engine_makes() -> None:
    world = reacts(Reaction(Ends(Replied(1), 5 * SECOND)))
    assert passed(simulated(CROWDED, world)) == 15
    assert passed(simulated(CROWDED, world, calls_at_once=250)) == 5
    assert passed(simulated(CROWDED, attrs.evolve(world, crashes=[Crash(2, written=False)]))) == 20


def test_who_waits_for_a_place_can_be_cancelled() -> None:
    world = attrs.evolve(reacts(Reaction(Ends(Replied(1), 5 * SECOND))), cancelled=7 * SECOND)
    done = simulated(CROWDED, world)
    assert done.result is not None and done.result.status == "cancelled"
    assert len(done.calls) == 200 and passed(done) == 7


def test_a_breaker_opens_and_closes_again() -> None:
    body = """
  step a = fragile(n: 1) catch -> 0
  step b = fragile(n: 2) after a catch -> 0
  step c = fragile(n: 3) after b catch BreakerOpen -> 30
  step nap = sleep 30s after c
  step d = fragile(n: 4) after nap
  return c + d"""
    run = simulated(
        body,
        World(
            lambda path, call, now: Reaction(
                Ends(Raised("Unavailable")) if call.arguments["n"] < 3 else REPLY
            )
        ),
    )
    assert value_of(run) == 31
    assert [made.path for made in run.calls] == ["a", "b", "d"]


def test_a_cache_answers_what_is_known() -> None:
    body = "step a = known(n: 1)\nstep b = known(n: 1) after a\nstep c = known(n: 2)\nreturn a + b + c"
    run = simulated(body, reacts(Reaction(REPLY)))
    assert value_of(run) == 3
    assert sorted(made.path for made in run.calls) == ["a", "c"]


def test_who_waits_for_a_turn_can_be_cancelled() -> None:
    body = """
  step all = for each n in 0..3, tolerating 3 failures {
    step one = do { yield limited(n: n) } timeout 5s
    yield one
  }
  return all.count(one => one != null)"""
    run = simulated(body, reacts(Reaction(Ends(Replied(1), 4 * SECOND))))
    assert value_of(run) == 1
    assert [made.outcome for made in run.calls] == [Replied(1), Stopped()]


def test_events_come_in_the_order_they_were_sent() -> None:
    body = 'step a = wait for Ping\nstep b = wait for Ping after a\nreturn "${a.id}${b.id}"'
    world = World(lambda path, call, now: Reaction(REPLY), sent=[Sent(0, "Ping", {"id": id}) for id in "xyz"])
    assert {value_of(simulated(body, world, result="string", order=Random(n))) for n in range(20)} == {"xy"}


def test_what_arrives_together_arrives_in_any_order() -> None:
    body = "step a = race { look(n: 1), look(n: 2), look(n: 3) }\nreturn a"
    world = World(lambda path, call, now: Reaction(Ends(Replied(call.arguments["n"]), SECOND)))
    assert {value_of(simulated(body, world, order=Random(n))) for n in range(40)} == {1, 2, 3}
    assert value_of(simulated(body, world)) == 1
    assert simulated(body, world).choices == 1


def test_a_clock_that_is_set_moves_what_is_due() -> None:
    body = "step nap = sleep 10s\nreturn 1"
    forward = World(lambda path, call, now: Reaction(REPLY), jumps=[Jump(SECOND, 8 * SECOND)])
    run = simulated(body, forward)
    assert passed(run) == 10 and run.rows[-1].kind == "timer"
    back = World(lambda path, call, now: Reaction(REPLY), jumps=[Jump(SECOND, -100 * SECOND)])
    run = simulated("step nap = sleep 10s\nstep a = look(n: 1)\nreturn a", back)
    assert passed(run) == 10
    assert [row.at for row in run.rows] == sorted(row.at for row in run.rows)


def test_a_cancelled_run_cleans_up() -> None:
    body = """
  step a = look(n: 1)
    undo look(n: 2)
  step e = wait for Ping
    timeout 1h
  return a"""
    world = attrs.evolve(reacts(Reaction(REPLY)), cancelled=60 * SECOND)
    run = simulated(body, world)
    assert run.result is not None and (run.result.status, run.result.undone) == ("cancelled", ("a",))


# Crashes


def test_a_reply_that_was_not_written_is_asked_for_again_with_the_same_key() -> None:
    world = attrs.evolve(reacts(Reaction(REPLY)), crashes=[Crash(2, written=False, away=SECOND)])
    run = simulated("step a = look(n: 1)\nreturn a", world)
    assert value_of(run) == 1
    lost, made = run.calls
    assert (lost.outcome, lost.recorded, made.recorded) == (Replied(1), False, True)
    assert lost.call == made.call
    assert [row.kind for row in run.rows] == ["began", "resumed", "call"]


def test_a_call_under_way_at_a_crash_has_no_end() -> None:
    def slow_first(path: str, call: AgentCall, now: int) -> Reaction:
        return Reaction(Ends(Replied(1), SECOND if path == "a" else 5 * SECOND))

    body = "step a = look(n: 1)\nstep b = look(n: 2)\nreturn a + b"
    run = simulated(body, World(slow_first, crashes=[Crash(2)]))
    assert value_of(run) == 2
    assert [(made.path, made.outcome) for made in run.calls] == [
        ("a", REPLY.outcome),
        ("b", None),
        ("b", REPLY.outcome),
    ]


@pytest.mark.parametrize(
    ("said", "value", "calls"), [(None, 1, 2), (Replied(9), 9, 1), (Raised("Unavailable"), 0, 1)]
)
def test_somebody_says_what_became_of_a_call_that_must_not_be_made_twice(
    said: Replied | Raised | None, value: int, calls: int
) -> None:
    def unknown(path: str, call: AgentCall) -> Replied | Raised | None:
        assert (path, call.agent) == ("a", "write")
        return said

    world = attrs.evolve(reacts(Reaction(REPLY)), crashes=[Crash(3, written=False)], unknown=unknown)
    run = simulated("step a = write(n: 1) catch Unavailable -> 0\nreturn a", world)
    assert value_of(run) == value
    assert len(run.calls) == calls


def test_answers_and_events_wait_while_nobody_holds_the_run() -> None:
    body = """
  step a = approve(n: 1)
    timeout 1h
  step e = wait for Ping
    timeout 1h
  step b = look(n: a)
  return b"""
    asked: list[str] = []

    def answer(path: str, question: Question, now: int) -> Answer:
        asked.append(path)
        return Answer(Replied(4), 20 * 60 * SECOND)

    world = World(
        lambda path, call, now: Reaction(Ends(Replied(call.arguments["n"]))),
        answer,
        sent=[Sent(30 * 60 * SECOND, "Ping", {"id": "x"})],
        crashes=[Crash(2, written=False, away=7_200 * SECOND)],
    )
    run = simulated(body, world)
    assert value_of(run) == 4
    assert asked == ["a"]
    assert passed(run) == 20 * 60 + 7_200


def test_a_question_whose_time_is_over_meanwhile_is_not_answered() -> None:
    body = "step a = approve(n: 1) timeout 1h catch Timeout -> 0\nreturn a"
    late = World(
        lambda path, call, now: Reaction(REPLY),
        lambda path, question, now: Answer(Replied(4), 5_000 * SECOND),
        crashes=[Crash(1, away=7_200 * SECOND)],
    )
    assert value_of(simulated(body, late)) == 0


def test_a_loop_forgets_its_rounds() -> None:
    body = "step a = while n < 35, at most 99 times, from n = 0 { step b = look(n: n) next b }\nreturn a"
    world = World(
        lambda path, call, now: Reaction(Ends(Replied(call.arguments["n"] + 1))), crashes=[Crash(38)]
    )
    run = simulated(body, world)
    assert value_of(run) == 35
    assert len(run.calls) == 35
    assert [row.kind for row in run.rows].count("scope") == 1 and len(run.rows) < 15
    assert len(run.heard) > 35
