"""Runs that are killed before and after each of their commits, and carried on: real kills on a real store.

Whatever the instant, the result is that of a run that nobody killed; no call is made again whose outcome was
committed, and any other at most once more for each kill, with the same idempotency key."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trio
from support.kills import Kill, Lived, Story, When, acted

from flowlang.tools.run_handle import NotAccepted, RunHandle

FLOWS = {
    "chain": """
flow main() -> string {
  step a = work(name: "a")
  step b = work(name: "b${a}")
  step c = work(name: "c${b}")
  return c
}
""",
    "diamond": """
flow main() -> string {
  step a = work(name: "a")
  step b = work(name: "b${a}", takes: 2ms)
  step c = work(name: "c${a}", takes: 4ms)
  step d = work(name: "${b}${c}")
  return d
}
""",
    "items": """
flow main() -> list<string> {
  step all = for each n in 1..6, 2 at once {
    step one = work(name: "one${n}", takes: 1ms)
    step two = work(name: "two${one}")
    yield two
  }
  return all
}
""",
    "rounds": """
flow main() -> int {
  step done = while n < 4, at most 9 times, from n = 0 {
    step one = work(name: "round${n}")
    next if one == "" then 0 else n + 1
  }
  return done
}
""",
    "retries": """
flow main() -> string {
  step a = work(name: "a", fails: "Oops", times: 2) retry 3 times backoff 1ms
  step b = work(name: "b", fails: "Nope") retry 1 times catch Nope -> "caught"
  return "${a}${b}"
}
""",
    "undone": """
flow main() -> string {
  step all = do {
    step a = work(name: "a") undo undo(name: "-${a}")
    step b = work(name: "b${a}") undo undo(name: "-${b}")
    step c = work(name: "c${b}", fails: "Oops")
    yield c
  } catch Oops -> "undone"
  step last = work(name: "last${all}")
  return last
}
""",
    "finally": """
flow main() -> string {
  step a = work(name: "a", fails: "Nope")
    catch Nope -> "caught"
    finally { step closed = work(name: "closed") }
  step b = work(name: "b${a}") finally { step open = work(name: "open") }
  return b
}
""",
    "race": """
flow main() -> string {
  step won = race {
    work(name: "slow", takes: 2s),
    work(name: "fast", takes: 1ms)
  }
  step last = work(name: won)
  return last
}
""",
    "questions": """
flow main() -> list<string> {
  step said = for each n in 1..3 {
    step a = work(name: "before${n}")
    step yes = approve(question: "${n}? ${a}")
    step b = work(name: "after${n}${yes}")
    yield b
  }
  return said
}
""",
    "events": """
flow main() -> string {
  step a = work(name: "a")
  step ping = wait for Ping where p => p.id == a
  step b = work(name: ping.id)
  return b
}
""",
    "sleeps": """
flow main() -> string {
  step a = work(name: "a")
  step rest = sleep 3ms after a
  step b = work(name: "b", takes: 1ms) after rest timeout 5s
  return b
}
""",
    "calls": """
flow inner(n: int) -> string {
  step a = work(name: "inner${n}")
  return a when n > 1
  step b = work(name: "more${a}")
  return b
}

flow main() -> string {
  step x = inner(n: 1)
  step y = inner(n: 2)
  step z = work(name: "${x}${y}")
  return z
}
""",
}


async def outside(run: RunHandle) -> None:
    """Somebody who answers every question, and signals once."""
    with suppress(NotAccepted):  # most flows know no event
        run.signal("Ping", {"id": "a"})
    while True:
        for path in run.questions():
            run.answer(path, "yes")
        await trio.sleep(0.0005)


def story_of(folder: Path, name: str) -> Story:
    return Story(folder, acted(FLOWS[name]), outside=outside)


def check(story: Story, expected: Lived, kills: list[Kill]) -> None:
    """Kill a run so often, and see what becomes of it."""
    story.forget()
    lived: Lived | None = None
    made_before: Counter[str] = Counter()
    committed: frozenset[str] = frozenset()
    for life, kill in enumerate([*kills, None], 1):
        lived = story.live(life, kill)
        calls = Counter(f"{made.key}@{made.attempt}" for made in story.calls())
        again = {call for call in calls if calls[call] > made_before[call]}
        repeated = again & {_call_of(path) for path in committed}
        assert not repeated, f"made again in life {life}, though committed: {repeated}"
        assert all(count <= life for count in calls.values()), calls
        made_before, committed = calls, (lived or story.look()).committed
        if lived is not None:
            break
    assert lived is not None, "the last life is not killed"
    assert (lived.status, _told(lived)) == (expected.status, _told(expected))


def _call_of(path: str) -> str:
    """How a call is told apart in the log: by its key and its attempt."""
    parts, attempt = [], 1
    for part in path.split("/"):
        name, _, number = part.partition("@")
        attempt = int(number) + 1 if number else 1
        parts.append(name)
    return f"r1/{'/'.join(parts)}@{attempt}"


def _told(lived: Lived) -> object:
    """What a run gave, without its times."""
    untimed = {key: value for key, value in lived.result.items() if "time" not in key and key != "summary"}
    return untimed


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where there is such a place: what is killed here is the process, not the machine."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", FLOWS)
def test_a_run_outlives_a_kill_at_any_commit(folder: Path, name: str, when: When) -> None:
    story = story_of(folder, name)
    expected = story.live(1, None)
    assert expected is not None
    for commit in range(1, expected.commits + 1):
        check(story, expected, [Kill(commit, when)])


@pytest.mark.parametrize("name", FLOWS)
def test_a_run_outlives_several_kills(folder: Path, name: str) -> None:
    story = story_of(folder, name)
    expected = story.live(1, None)
    assert expected is not None
    for commit in range(1, expected.commits + 1, 2):
        check(story, expected, [Kill(commit, "after"), Kill(2, "before"), Kill(3, "after")])
