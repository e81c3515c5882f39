"""The stories of runs that are killed: flows of actors, the examples, and flows that nobody wrote."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir, contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import attrs
import trio
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from support.flows import flows
from support.kills import Kill, Story, When, outlives, whole

import flowlang
from flowlang.runtime.agents import AgentCall, AgentError
from flowlang.runtime.inputs import Outcome, Replied
from flowlang.tools.durable import leave_unknown
from flowlang.tools.engine import Prepared
from flowlang.tools.frontend import compile_file
from flowlang.tools.run_handle import NotAccepted, RunHandle
from flowlang.values.times import parse_duration

ROOT = Path(__file__).resolve().parents[2]

PRELUDE = """
error Oops(code: int)
error Nope
event Ping(id: string)
agent work(
  name: string, takes: duration = 0s, fails: string = "", times: int = 1000, cleanup: duration = 0s
) -> string raises Oops, Nope effect idempotent
agent undo(name: string, takes: duration = 0s, fails: string = "", times: int = 1000) effect idempotent
agent charge(name: string) -> string effect write
agent peek(name: string, takes: duration = 0s, fails: string = "", times: int = 1000) -> string
  raises Oops, Nope effect read
ask approve(question: string) -> string
"""

FLOWS = {
    "chain": """
flow main() -> string {
  step a = work(name: "a")
  step b = work(name: "b${a}")
  step c = work(name: "c${b}")
  return c
}
""",
    "looks": """
flow main() -> string {
  step a = peek(name: "a")
  step b = peek(name: "b${a}") after a
  step c = work(name: "c${b}")
  step d = peek(name: "d${c}", fails: "Oops", times: 1) retry 2 times
  step e = peek(name: "e${d}")
  step f = charge(name: "f${e}")
  step g = peek(name: "g${f}", takes: 1ms) undo undo(name: "-g")
  step h = peek(name: "h${g}", fails: "Nope") catch Nope -> work(name: "h")
  return h
}
""",
    "looks at items": """
flow main() -> list<string> {
  step all = for each n in 1..7, 3 at once {
    step one = peek(name: "one${n}", takes: 1ms)
    step two = peek(name: "two${one}")
    step three = work(name: "three${two}")
    step four = peek(name: "four${three}")
    yield four
  }
  return all
}
""",
    "asks about looks": """
flow main() -> string {
  step a = peek(name: "a")
  step b = peek(name: "b${a}")
  step yes = approve(question: "${b}?")
  step c = peek(name: "c${yes}")
  step ping = wait for Ping where p => p.id == "a" after c
  step d = work(name: ping.id)
  return "${c}${d}"
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
    work(name: "slow", takes: 20s),
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
    "writes": """
flow main() -> string {
  step a = charge(name: "a")
  step b = for each n in 1..3 { step c = charge(name: "${a}${n}") yield c }
  step d = work(name: b.join("")) undo undo(name: "d")
  step e = charge(name: d)
  return e
}
""",
}

# Examples of durable work are killed in the tests of their own, everywhere.
EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "link_check": {"folder": "sample"},
    "mirrors": {},
    "orders": {},
    "plain_words": {"goal": 60},
    "repo_review": {"repo": "repository"},
    "travel": {},
    "triage": {},
}
KILLS_OF_AN_EXAMPLE = 8
MADE_UP = 30  # flows


class Actor:
    """Answers by its arguments: after a while (`takes`), and with an error in the first `times` attempts."""

    async def call(self, call: AgentCall) -> Any:
        arguments = call.arguments
        await trio.sleep(parse_duration(arguments.get("takes", "0s")) / 1e6)
        if arguments.get("fails") and call.attempt <= arguments["times"]:
            raise _error(arguments["fails"])
        return None if call.agent == "undo" else arguments["name"]


def _error(fails: str) -> Exception:
    if fails in ("Oops", "Nope", "Unavailable"):
        return AgentError(fails, fields={"code": 7} if fails == "Oops" else {})
    return ValueError(fails)


def acted(text: str) -> Prepared:
    """A flow whose agents are all actors."""
    compiled = flowlang.compile("main.flow", text=text + PRELUDE)
    called = [name for name, agent in compiled.agents.items() if not agent.asks]
    return flowlang.prepare(compiled, agents=dict.fromkeys(called, Actor()))


async def answer_and_signal(run: RunHandle) -> None:
    """Somebody who answers every question, and signals once."""
    with suppress(NotAccepted):  # most flows know no event
        run.signal("Ping", {"id": "a"})
    while True:
        for path in run.questions():
            run.answer(path, "yes")
        await trio.sleep(0.0005)


async def answer_now_and_then(run: RunHandle) -> None:
    while True:
        for path in run.questions():
            run.answer(path, "yes")
        await trio.sleep(50)


def make_again(calls: Mapping[str, AgentCall]) -> Mapping[str, Outcome | None]:
    return dict.fromkeys(calls)


def tell_what_they_gave(calls: Mapping[str, AgentCall]) -> Mapping[str, Outcome | None]:
    return {path: Replied(call.arguments["name"]) for path, call in calls.items()}


def untimed(result: Any) -> object:
    return result and {key: value for key, value in result.items() if "time" not in key and key != "summary"}


@contextmanager
def story_of(name: str) -> Iterator[Story]:
    """The story of a flow or of an example, in a folder of its own."""
    with folder() as place, chdir(place):
        if name in EXAMPLES:
            yield example(place, name)
        else:
            yield Story(place, acted(FLOWS[name]), outside=answer_and_signal, settle=make_again, told=untimed)


@contextmanager
def folder() -> Iterator[Path]:
    """In memory where there is such a place: what is killed here is the process, not the machine."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def example(place: Path, name: str) -> Story:
    """An example with its real agents, in a copy of its folder, which is the working folder from then on."""
    fresh, work = place / "fresh", place / name
    ignored = shutil.ignore_patterns("out", "__pycache__")
    shutil.copytree(ROOT / "examples" / name, fresh, ignore=ignored)
    if name == "repo_review":
        _make_repository(fresh / "repository")

    def begin_anew() -> None:
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(fresh, work)
        os.chdir(work)

    begin_anew()
    [file] = work.glob("*.flow")
    compiled = compile_file(file.name)
    assert compiled.plan is not None
    return Story(
        place,
        flowlang.prepare(compiled.plan),
        dict(EXAMPLES.get(name, {})),
        settle=make_again,
        begin_anew=begin_anew,
        forked=True,
    )


def in_a_process(kill: Callable[..., int], *arguments: object) -> int:
    """What a function gives that kills: in a process without threads, which may fork."""
    with ProcessPoolExecutor(1, get_context("spawn"), gc.freeze) as process:
        return process.submit(kill, *arguments).result()


def _make_repository(path: Path) -> None:
    path.mkdir()
    (path / "a.py").write_text("def a(n):\n    return 1 if n else 2\n")
    author = "-c user.name=Ada -c user.email=a@b -c commit.gpgsign=false"
    for command in ("init -q", "add -A", f"{author} commit -q -m first"):
        words, _, rest = command.rpartition("commit")
        git = ["git", "-C", str(path), *words.split(), *((["commit"] if words else []) + rest.split())]
        os.spawnvp(os.P_WAIT, "git", git)


# What is done with them; each gives how often a run was killed

WHENS: tuple[When, ...] = ("before", "after", "interrupt")


def killed_once(name: str) -> int:
    """A run is killed before and after each of its commits, and interrupted there; an example at some."""
    with story_of(name) as story:
        expected = whole(story)
        points = [Kill(commit, when) for commit in range(1, expected.commits + 1) for when in WHENS]
        if name in EXAMPLES:
            points = points[:: len(points) // KILLS_OF_AN_EXAMPLE + 1]
        return sum(outlives(story, expected, [kill]) for kill in points)


def killed_again_and_again(name: str) -> int:
    with story_of(name) as story:
        expected = whole(story)
        later = [Kill(2, "before"), Kill(3, "after"), Kill(1, "after")]
        commits = range(1, expected.commits + 1, 2 if name in FLOWS else expected.commits // 2)
        return sum(outlives(story, expected, [Kill(commit, "after"), *later]) for commit in commits)


def told_what_calls_gave() -> int:
    """Calls that write are never made twice where somebody says what became of them."""
    with story_of("writes") as story:
        story = attrs.evolve(story, settle=tell_what_they_gave)
        expected = whole(story)
        died = 0
        for commit in range(1, expected.commits + 1):
            died += outlives(story, expected, [Kill(commit, "after")])
            paid = [call.path for call in story.calls() if call.key != "r1/d!undo"]
            assert len(paid) == len({*paid}), paid
        return died


def left_until_told() -> int:
    """Where nobody says what became of them, the run stops before it makes any call."""
    with story_of("writes") as story:
        untold = attrs.evolve(story, settle=leave_unknown)
        expected = whole(story)
        died = 0
        for commit in range(1, expected.commits + 1):
            story.forget()
            died += story.live(1, Kill(commit, "after")) is None
            before = story.calls()
            stopped = untold.live(2, None)
            assert stopped is not None
            if stopped.status == "unknown":
                assert story.calls() == before
            told = story.live(3, None)
            assert told is not None and told.result["data"] == expected.result["data"]
        return died


def nobody_wrote() -> int:
    """Flows that are made up, each killed at some of its commits."""
    died = 0
    points = st.builds(Kill, st.integers(1, 9), st.sampled_from(WHENS))

    @given(flows(depth=2, steady=True), st.lists(points, min_size=1, max_size=5))
    @settings(
        max_examples=MADE_UP,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def check(text: str, kills: list[Kill]) -> None:
        nonlocal died
        assume("wait for" not in text)
        with folder() as place:
            story = Story(place, acted(text), outside=answer_now_and_then, settle=make_again, virtual=True)
            died += outlives(story, whole(story), kills)

    check()
    return died
