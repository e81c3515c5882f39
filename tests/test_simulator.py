"""The simulator does what the other hosts do, whatever crashes, and for one seed always the same."""

from __future__ import annotations

import os
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.flows import flows
from support.runs import Outside, Played, outside_of, transcript
from support.simulated import play_simulated, simulate_text
from test_kernel_equal import FOR_EVER, told

from flowlang.hosts.simulator.simulated import Simulated
from flowlang.hosts.simulator.world import Crash

EXAMPLES = int(os.environ.get("SIMULATOR_EXAMPLES", "30"))
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
    if outside.calls_at_once != 100:
        pytest.skip("the engine's cap is not simulated")
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
