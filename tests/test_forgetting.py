"""Loops whose journal does not grow without bound (R16): how far they came stands for the rows before."""

from __future__ import annotations

from collections import Counter

import pytest
from support.durable import Kill, play_durably
from support.runs import Outside, play

LOOP = """
flow main(n: int = 200) -> int {
  step last = while i < n, at most 1000 times, from i = 0 {
    step one = work(name: "a${i}")
    step two = work(name: "b${one}", fails: "Oops", times: 1) retry 1 times backoff 1s when i % 50 == 0
    next i + 1
  }
  step after = work(name: "after")
  return last
}
"""

NESTED = """
flow main() -> int {
  step outer = while i < 12, at most 20 times, from i = 0 {
    step inner = while j < 12, at most 20 times, from j = 0 {
      step one = work(name: "${i}-${j}")
      next j + 1
    }
    next i + 1
  }
  step sides = for each n in 0..3 {
    step own = while j < 25, at most 30 times, from j = 0 {
      step one = work(name: "${n}+${j}", takes: 1s)
      next j + 1
    }
    yield own
  }
  return outer
}
"""

UNDONE = """
flow main() -> int {
  step all = do {
    step rounds = while i < 15, at most 20 times, from i = 0 {
      step one = work(name: "a${i}") undo undo(name: one)
      next i + 1
    }
    fail Nope() when rounds > 0
    yield rounds
  } catch Nope -> 7
  return all
}
"""


@pytest.mark.parametrize(("text", "most"), [(LOOP, 40), (NESTED, 110)])
def test_a_long_loop_keeps_a_short_journal(text: str, most: int) -> None:
    played = play_durably(text)
    assert len(played.journaled.keeper.rows) <= most
    whole = play(text)
    assert played.result.value == whole.result.value
    assert played.result.steps_executed == whole.result.steps_executed
    assert played.result.retries == whole.result.retries


@pytest.mark.parametrize("text", [LOOP, NESTED, UNDONE])
@pytest.mark.parametrize("commit", [3, 20, 21, 22, 23, 39, 150])
def test_a_run_that_has_forgotten_goes_on_the_same_way(text: str, commit: int) -> None:
    whole = play_durably(text)
    resumed = play_durably(text, Outside(), kills=[Kill(commit), Kill(commit + 7, written=False)])
    assert resumed.result.value == whole.result.value
    assert resumed.result.steps_executed == whole.result.steps_executed
    assert [*resumed.result.undone] == [*whole.result.undone]
    made, expected = (Counter(call.name for call in each.calls) for each in (resumed, whole))
    assert made.keys() == expected.keys()
    assert (made - expected).total() <= 8, "only what was under way at a kill is made again"


def test_what_must_be_undone_is_not_forgotten() -> None:
    played = play_durably(UNDONE)
    assert len(played.result.undone) == 15
    assert not any(row.kind == "scope" for row in played.journaled.keeper.rows)
