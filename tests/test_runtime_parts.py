"""The parts of the runtime that are plain state or arithmetic: schedules, backoff, protection, mailbox."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.runs import compile_text

from flowlang.plan import model as plan
from flowlang.runtime import events
from flowlang.runtime.backoff import Delays
from flowlang.runtime.failures import EVALUATION_FAILED, Failure, FlowFailure
from flowlang.runtime.host import Awaited
from flowlang.runtime.mailbox import MOST_KEPT, Mailbox, MailboxFull
from flowlang.runtime.program import Unbound, link
from flowlang.runtime.protection import CACHED_TEXT, Breaker, Cache, Go, Later, Protection, Refused
from flowlang.runtime.schedule import Countdown, schedule_of

RUNTIME = Path(__file__).parent.parent / "flowlang" / "runtime"
SECOND = 1_000_000
PLACE = plan.Place(0, 1, 1, 1, 2)
STRING = plan.ScalarType(kind="string")


# Schedules


def block_of(depends: list[list[int]], *, waits: list[bool]) -> plan.Block:
    """A block of steps `s0`, `s1` … that wait for the outside or are values."""
    call = plan.CallAgent(agent="a", arguments={}, at=PLACE)
    value = plan.Evaluate(value=plan.Constant(value=1))
    steps = [
        plan.Step(
            name=f"s{position}",
            depends=tuple(f"s{other}" for other in others),
            at=PLACE,
            task=call if waits[position] else value,
            type=STRING,
            task_type=STRING,
        )
        for position, others in enumerate(depends)
    ]
    return plan.Block(strategy="parallel", statements=tuple(steps), type=STRING)


@st.composite
def graphs(draw: st.DrawFn) -> plan.Block:
    size = draw(st.integers(1, 8))
    depends = [draw(st.lists(st.integers(0, n - 1), max_size=3)) if n else [] for n in range(size)]
    order = draw(st.permutations(range(size)))  # sources may stand in any order
    places = {old: new for new, old in enumerate(order)}
    shuffled = [[places[d] for d in depends[old]] for old in order]
    return block_of(shuffled, waits=draw(st.lists(st.booleans(), min_size=size, max_size=size)))


@given(graphs(), st.randoms())
def test_every_statement_becomes_ready_once_after_all_it_depends_on(block, random):
    schedule = schedule_of(block)
    countdown = Countdown.of(schedule)
    positions = {s.name: position for position, s in enumerate(block.statements)}
    ready, settled, most = list(schedule.first), [], 0
    while ready:
        most = max(most, sum(not schedule.immediate[position] for position in ready))
        position = ready.pop(random.randrange(len(ready)))
        assert {positions[name] for name in block.statements[position].depends} <= set(settled)
        settled.append(position)
        ready += countdown.settle(position)
    assert sorted(settled) == list(range(len(block.statements)))
    assert not schedule.chain or most <= 1


@given(graphs())
def test_a_chain_is_found_where_there_is_one(block):
    """Two statements that may wait can be ready together exactly when neither depends on the other."""
    schedule = schedule_of(block)
    below = {
        position: _all_below(schedule.dependents, position)
        for position in range(len(block.statements))
        if not schedule.immediate[position]
    }
    together = [(a, b) for a in below for b in below if a < b and b not in below[a] and a not in below[b]]
    assert schedule.chain == (not together)


@given(graphs())
def test_the_order_of_a_block_puts_nothing_before_what_it_depends_on(block):
    schedule = schedule_of(block)
    assert sorted(schedule.order) == list(range(len(block.statements)))
    for position, dependents in enumerate(schedule.dependents):
        assert all(schedule.order.index(position) < schedule.order.index(other) for other in dependents)


def _all_below(dependents: tuple[tuple[int, ...], ...], position: int) -> set[int]:
    found: set[int] = set()
    pending = [position]
    while pending:
        fresh = [other for other in dependents[pending.pop()] if other not in found]
        found.update(fresh)
        pending += fresh
    return found


@pytest.mark.parametrize("depends", [[[1], [0]], [[0]], [[], [2], [1]]])
def test_a_plan_whose_statements_wait_for_each_other_is_refused(depends):
    with pytest.raises(ValueError, match="wait for each other"):
        schedule_of(block_of(depends, waits=[True] * len(depends)))


def test_all_unbound_agents_are_named_at_once():
    compiled = compile_text("""
        agent a() -> int effect read
        agent b() -> int effect read
        ask c() -> int
        flow main() -> int { step x = a() step y = b() step z = c() timeout 1s return x + y + z }
    """)
    with pytest.raises(Unbound) as caught:
        link(compiled, {})
    assert caught.value.agents == ("a", "b")


# R31: backoff


@given(st.integers(2, 200), st.text(), st.text())
def test_R31_full_jitter_lies_between_nothing_and_the_doubled_delay(attempt, run, path):
    delays = Delays("exponential", SECOND, 60 * SECOND)
    delay = delays.before(attempt, run, path)
    assert 0 <= delay <= min(60 * SECOND, SECOND << (attempt - 2))
    assert delay == delays.before(attempt, run, path)


def test_R31_jitter_is_spread_over_its_range():
    delays = Delays("exponential", 1000)
    found = sorted(delays.before(2, "run", f"step[{n}]") for n in range(1000))
    assert found[0] < 20 and 450 < found[500] < 550 and found[-1] > 980


def test_constant_and_linear_backoff_mean_what_they_say():
    constant, linear = Delays("constant", 5), Delays("linear", 5, 12)
    assert [constant.before(n, "", "") for n in (2, 3, 4)] == [5, 5, 5]
    assert [linear.before(n, "", "") for n in (2, 3, 4)] == [5, 10, 12]


# R27: protection


def protection(*limits: plan.Quota) -> Protection:
    agent = plan.Agent(parameters=(), result=STRING, timeout=None, limits=limits, at=PLACE)
    return Protection.of(agent)


def test_R27_places_are_taken_and_given_back():
    state = protection(plan.Quota(count=2))
    first = state.ask(0)
    assert first == Go() and state.ask(0) == Go()
    assert state.ask(0) == Later(None)
    state.end(first, "cancelled", 0)
    assert state.ask(0) == Go()


@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 4), st.integers(1, 20))
def test_R27_a_rate_holds_in_every_window(pauses, count, window):
    state = protection(plan.Quota(count=count, window=window))
    now, starts = 0, []
    for pause in pauses:
        now += pause
        while isinstance(verdict := state.ask(now), Later):
            assert verdict.instant is not None and verdict.instant > now
            now = verdict.instant
        starts.append(now)
    for start in starts:
        assert sum(start <= other < start + window for other in starts) <= count


def test_R27_the_breaker_opens_probes_and_closes():
    state = Breaker(plan.Breaker(failures=2, within=10, reset=30))
    assert [state.end(False, "unwell", at) or state.closed_until(at) for at in (0, 20)] == [None, None]
    state.end(False, "unwell", 25)
    assert state.closed_until(25) == 55 and state.closed_until(54) == 55
    assert state.closed_until(55) is None and state.enter()
    assert state.closed_until(56) == 86  # while the probe is out
    state.end(True, "cancelled", 57)
    assert state.closed_until(57) is None and state.enter()  # a cancelled probe gives its place back
    state.end(True, "unwell", 60)
    assert state.closed_until(60) == 90
    assert state.closed_until(90) is None and state.enter()
    state.end(True, "well", 91)
    assert state.closed_until(91) is None and not state.enter()


def test_R27_an_open_breaker_refuses_before_anything_is_counted():
    agent = plan.Agent(
        parameters=(), result=STRING, timeout=None, at=PLACE,
        limits=(plan.Quota(count=1),), breaker=plan.Breaker(failures=1, within=10, reset=30),
    )  # fmt: skip
    state = Protection.of(agent)
    state.end(state.ask(0), "unwell", 1)
    assert state.ask(2) == Refused(31)
    assert state.places == 1


def test_R27_the_cache_answers_for_its_time_and_only_what_fits():
    cache = Cache(STRING, 10)
    cache.keep({"a": 1}, "reply", 0)
    cache.keep({"a": 2}, 42, 0)
    assert cache.find({"a": 1}, 9) == ("reply",)
    assert cache.find({"a": 1}, 10) is None
    assert cache.find({"a": 2}, 1) is None


def test_R27_the_cache_is_bounded():
    cache = Cache(STRING, 10, room=100)
    for n in range(50):
        cache.keep({"a": n}, "x" * 20, 0)
    assert len(cache.replies) == 4 and cache.find({"a": 49}, 1)
    for n in range(50):
        cache.keep({"a": n}, "", 20)
    assert cache.room >= 0 and CACHED_TEXT > 0


# R29: the mailbox


def wants(name: str) -> Awaited:
    return Awaited("Ping", lambda event: event == name)


def test_R29_an_event_goes_to_the_wait_that_has_been_open_longest():
    box = Mailbox()
    other, first, second = box.open(wants("b")), box.open(wants("a")), box.open(wants("a"))
    assert box.deliver("Ping", "a") == [first]
    assert first.event == "a" and not second.settled and not other.settled


def test_R29_events_that_came_early_are_kept_and_the_oldest_is_taken():
    box = Mailbox()
    for event in (1, 2, 3):
        assert box.deliver("Ping", event) == []
    assert box.open(Awaited("Ping", lambda event: event > 1)).event == 2
    assert box.open(Awaited("Ping", lambda event: True)).event == 1
    assert not box.open(Awaited("Pong", lambda event: True)).settled


def test_R29_what_a_wait_got_that_was_then_cancelled_goes_on():
    box = Mailbox()
    cancelled, other = box.open(wants("a")), box.open(wants("a"))
    box.deliver("Ping", "a")
    assert box.close(cancelled) == [other] and other.event == "a"
    assert box.close(box.open(wants("b"))) == [] and not box.waits


def test_R29_a_condition_that_fails_takes_nothing():
    def fails(event: object) -> bool:
        raise FlowFailure(Failure(EVALUATION_FAILED, "no"))

    box = Mailbox()
    failing, other = box.open(Awaited("Ping", fails)), box.open(wants("a"))
    assert box.deliver("Ping", "a") == [failing, other]
    assert failing.failure is not None and other.event == "a"


def test_R29_kept_events_are_bounded():
    box = Mailbox()
    for _ in range(MOST_KEPT):
        box.deliver("Ping", None)
    with pytest.raises(MailboxFull):
        box.deliver("Ping", None)


# What is told


def test_events_and_failures_are_plain_json():
    noted = Failure("Nope", "later", path="b")
    failure = Failure("Oops", "bad", {"code": 7}, PLACE, "a[1]/b", 2, "ValueError: bad", (noted,), "work")
    told = events.to_json(events.StepFailed("a[1]/b", 5, failure))
    assert json.loads(json.dumps(told)) == {
        "event": "StepFailed",
        "path": "a[1]/b",
        "at": 5,
        "failure": {
            "error": "Oops",
            "message": "bad",
            "fields": {"code": 7},
            "at": [0, 1, 1, 1, 2],
            "path": "a[1]/b",
            "attempt": 2,
            "agent": "work",
            "cause": "ValueError: bad",
            "notes": [noted.to_json()],
        },
    }


def test_of_very_many_notes_only_the_first_are_kept():
    failure = FlowFailure(Failure("Oops", "first"))
    for n in range(100_000):
        failure.note(Failure("Oops", str(n)))
    assert [note.message for note in failure.failure.notes] == [str(n) for n in range(10)]


# The rules themselves


@pytest.mark.parametrize("path", sorted(RUNTIME.glob("*.py")), ids=lambda path: path.stem)
def test_R8_nothing_under_the_interpreter_iterates_over_sets(path):
    """There is no set to iterate over, but one whose size is all that is asked for."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    sized = {id(call.args[0]) for call in _calls_of("len", tree)}
    made = [*_calls_of("set", tree), *_calls_of("frozenset", tree)]
    made += [node for node in ast.walk(tree) if isinstance(node, ast.Set | ast.SetComp)]
    assert [node.lineno for node in made if id(node) not in sized] == []


def _calls_of(name: str, tree: ast.AST) -> list[ast.Call]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == name]


def test_every_rule_is_the_name_of_a_test():
    here = Path(__file__).parent
    rules = (RUNTIME / "RULES.md").read_text(encoding="utf-8")
    named = {int(found) for found in re.findall(r"^R(\d+)\.", rules, re.MULTILINE)}
    cases = " ".join(path.stem for path in (here / "cases" / "runtime").glob("*.flow"))
    tests = " ".join(path.read_text(encoding="utf-8") for path in sorted(here.glob("test_*.py")))
    shown = {int(found) for found in re.findall(r"\bR(\d+)_", cases)}
    shown |= {int(found) for found in re.findall(r"def test_R(\d+)_", tests)}
    assert named - shown == {9}, "R9 is about threads, and is shown with the Python agents"
