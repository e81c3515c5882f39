"""The values of a run beside the steps of a text that may have changed since."""

from __future__ import annotations

from support.ide import snapshot

from flowlang.ide.last_run import LastRun, values_of
from flowlang.text.source import Span

FLOW = """\
flow main() -> int {
  step a = 1
  step b = for each n in [1, 2] {
    step a = n
    yield a
  }
  return a
}

flow other() -> int {
  step a = 2
  return a
}
"""
RUNS = {"main": LastRun("4f2a", "main", "done 3s ago", {"a": "1", "b": "2 of 2", "gone": "7"})}


def shown(text: str, within: Span | None = None) -> list[tuple[int, str, str]]:
    given = snapshot(text)
    found = values_of(given, RUNS, within)
    return [(given.source.position(s.name.start)[0], text[slice(*s.name)], s.text) for s in found]


def test_values_stand_at_the_flows_own_steps_that_are_still_there():
    assert shown(FLOW) == [(2, "a", "1"), (3, "b", "2 of 2")]
    assert shown(FLOW.replace("step b", "step c")) == [(2, "a", "1")]
    assert shown("flow main( {\n  step a = 1\n}") == []


def test_only_what_is_in_sight_is_shown():
    assert shown(FLOW, Span(0, 30)) == [(2, "a", "1")]
