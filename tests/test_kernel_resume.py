"""A run that is killed at any commit, and taken up by another process, goes on as if nothing had happened.

Whatever flow it is: no call whose outcome is written is made again; another at most once by each process, and
with the same key; none is made again that was asked to stop; no question is answered twice; and its journal
tells all that the run did. A steady flow, in which nothing is timed or raced, comes to the same too."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.durable import Kill, PlayedDurably, play_durably
from support.flows import flows
from support.runs import Outside, outside_of
from test_kernel_equal import FOR_EVER, examples, told

from flowlang.runtime.agents import AgentCall
from flowlang.runtime.replay import replay

CASES = sorted((Path(__file__).parent / "cases" / "runtime").glob("*.flow"))
UNSTEADY = re.compile(r"timeout|race|first |within|every|//!|breaker|cache|times: |per ")

kills = st.builds(Kill, st.integers(0, 20), st.booleans(), st.integers(0, 60_000).map(lambda n: n / 1000))


@pytest.fixture(params=[1, 10], ids=lambda rounds: f"kept-after-{rounds}")
def rounds_kept(request: pytest.FixtureRequest) -> Iterator[int]:
    """How often a loop's rounds are forgotten: as it is, and all the time."""
    with patch("flowlang.runtime.tasks.ROUNDS_KEPT", request.param):
        yield request.param


pytestmark = pytest.mark.usefixtures("rounds_kept")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_may_be_killed_at_any_commit(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    outside = outside_of(text)
    whole = play_durably(text, outside)
    check(whole)
    for number in range(whole.journaled.keeper.commits):
        for written in (False, True):
            resumed = play_durably(text, outside, kills=[Kill(number, written)])
            check(resumed)
            if not UNSTEADY.search(text):
                assert outcome(resumed) == outcome(whole)


@given(flows(steady=True), st.lists(kills, min_size=1, max_size=6), st.sampled_from([0.0, 0.02, 5.0]))
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_a_steady_flow_comes_to_the_same(text: str, kills: list[Kill], latency: float) -> None:
    outside = Outside(cancel_after=FOR_EVER, answers_any=[(n * 50.0, n) for n in range(1, 60)])
    resumed = play_durably(text, outside, kills=once_each(kills), latency=latency)
    check(resumed)
    assert outcome(resumed) == outcome(play_durably(text, outside))


@given(examples(), st.lists(kills, min_size=1, max_size=6), st.sampled_from([0.0, 0.02, 5.0]))
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_any_flow_keeps_the_rules(example: tuple[str, Outside], kills: list[Kill], latency: float) -> None:
    text, outside = example
    check(play_durably(text, outside, kills=once_each(kills), latency=latency))


def once_each(kills: list[Kill]) -> list[Kill]:
    return [*{kill.commit: kill for kill in kills}.values()]


def check(played: PlayedDurably) -> None:
    """That a run kept the rules. A call that must not be made is refused where it is made (`Journaled`)."""
    journaled = played.journaled
    calls: dict[str, AgentCall] = {}
    for made in journaled.made:
        for path, call in made.items():
            assert calls.setdefault(path, call) == call  # its key, too
    rows = Counter((row.kind, row.path) for row in journaled.keeper.rows if row.kind in ("call", "answer"))
    assert set(rows.values()) <= {1}
    assert not journaled.keeper.waits
    assert journaled.keeper.status == played.result.status
    log: list[Any] = []
    kernel = journaled.kernel(log.append)
    forgotten = [row.path for row in journaled.keeper.rows if row.kind == "scope"]
    kernel.expect(forgotten)
    replay(kernel, journaled.keeper.rows)
    assert kernel.ended and kernel.result == played.result
    assert log == journaled.told or forgotten


def outcome(played: PlayedDurably) -> dict[str, Any]:
    """What does not depend on how long things took."""
    result = told(played.result)
    for timed in ("started", "ended"):
        del result[timed]
    return result | {"undone": sorted(result["undone"])}
