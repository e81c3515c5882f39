"""The tree of a run, from its events: what has a line, what is forgotten, and that it stays small."""

from __future__ import annotations

import io

import pytest
import trio

from flowlang.runtime import events
from flowlang.runtime.failures import Failure
from flowlang.tools.run_display import Lines
from flowlang.tools.run_progress import MAX_FAILED_ROWS, Progress, elapsed_text, split_path
from flowlang.tools.run_tree import LiveTree

S = 1_000_000
FAILURE = Failure("AgentFailed", "no\nluck")


def progress(*told: events.Event) -> Progress:
    made = Progress()
    made.tell(events.RunStarted("", 0, "run", "main"))
    for event in told:
        made.tell(event)
    return made


def shown(made: Progress, limit: int = 20) -> list[str]:
    return [f"{'  ' * line.depth}{line.state} {line.name} {line.note}".rstrip() for line in made.lines(limit)]


def started(path: str, at: int = 0) -> events.Event:
    return events.StepStarted(path, at, "call", None)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a", ("a", "", "")),
        ("a/b", ("b", "", "a")),
        ("a[3]/b", ("b", "[3]", "a[3]")),
        ('a["x/y]"]/b', ("b", '["x/y]"]', 'a["x/y]"]')),
        (r'a["x\"/"]/b/c', ("c", "", r'a["x\"/"]/b')),
        ("a#2/b@1/c", ("c", "@1", "a#2/b@1")),
        ("a[1]#2@3|0/b", ("b", "[1]#2@3|0", "a[1]#2@3|0")),
        ("", ("", "", "")),
    ],
)
def test_paths(path: str, parts: tuple[str, str, str]) -> None:
    assert split_path(path) == parts


def test_every_state_has_a_line() -> None:
    made = progress(
        started("done"),
        events.StepDone("done", 1),
        started("failed"),
        events.StepFailed("failed", 1, FAILURE),
        events.StepSkipped("guarded", 1, "guard"),
        events.StepSkipped("cut", 1, "cut off"),
        started("tries"),
        events.AttemptFailed("tries", 1, 1, 3, FAILURE, 2 * S + 1),
        started("polls"),
        events.AttemptFailed("polls", 1, 2, 9, None, 1),
        started("asks"),
        events.Waiting("asks", 1, "answer", "approve", None),
        started("sleeps"),
        events.Waiting("sleeps", 1, "time", None, 60 * S + 1),
        started("queues"),
        events.Waiting("queues", 1, "limit", "search", None),
        started("admitted"),
        events.Waiting("admitted", 1, "limit", "search", None),
        events.Admitted("admitted", 2),
        started("catches"),
        events.Caught("catches", 1, FAILURE),
        started("items"),
        events.Progress("items", 1, 2, 5),
        started("cancelled"),
        events.StepCancelled("cancelled", 1),
    )
    assert shown(made) == [
        "done done",
        "failed failed AgentFailed: no\nluck",
        "skipped guarded skipped: its condition is false",
        "skipped cut skipped: the flow ended above it",
        "retrying tries retrying 2/3 in 2s: AgentFailed: no\nluck",
        "retrying polls retrying 3/9: not yet what `until` asks for",
        "waiting asks waiting for an answer to approve",
        "waiting sleeps waiting for 1m",
        "waiting queues waiting for the limit of search",
        "running admitted",
        "running catches caught AgentFailed",
        "running items 2/5",
        "cancelled cancelled cancelled",
    ]


def test_the_inside_of_a_step_shows_while_it_runs() -> None:
    made = progress(started("outer"), started("outer/inner"), started("outer/inner/leaf"))
    assert shown(made) == ["running outer", "  running inner", "    running leaf"]
    made.tell(events.StepDone("outer/inner/leaf", 1))
    made.tell(events.StepDone("outer/inner", 1))
    assert shown(made) == ["running outer", "  done inner"]
    made.tell(events.StepDone("outer", 1))
    assert shown(made) == ["done outer"]


def test_steps_of_items_show_when_they_take_a_while_and_are_forgotten() -> None:
    made = progress(started("each"), started("each[0]/page"), started("each[1]/page"))
    assert shown(made) == ["running each"]
    made.now = 2 * S
    assert shown(made) == ["running each", "  running page [0]", "  running page [1]"]
    made.tell(events.StepDone("each[0]/page", 2 * S))
    assert shown(made) == ["running each", "  running page [1]"]
    made.tell(events.StepFailed("each[1]/page", 2 * S, FAILURE))
    made.tell(events.Progress("each", 2 * S, 2, 3))
    assert shown(made) == ["running each 2/3  1 failed", "  failed page [1] AgentFailed: no\nluck"]


def test_a_long_loop_keeps_nothing() -> None:
    made = progress(started("each"))
    for index in range(5_000):
        path = f"each[{index}]/page"
        made.tell(started(path))
        end = events.StepFailed(path, 1, FAILURE) if index % 2 else events.StepDone(path, 1)
        made.tell(end)
        made.tell(events.StepSkipped(f"each[{index}]/other", 1, "guard"))
    assert len(made.rows) == 1
    assert len(made.rows["each"].below) == MAX_FAILED_ROWS
    made.tell(events.Progress("each", 1, 5_000, 5_000))
    assert shown(made)[0] == "running each 5000/5000  2500 failed"


def test_there_are_never_more_lines_than_there_is_room_for() -> None:
    ended = [event for i in range(30) for event in (started(f"e{i}"), events.StepDone(f"e{i}", 1))]
    made = progress(*ended, *(started(f"r{i}") for i in range(30)))
    assert shown(made, 5) == [
        "done 30 steps done or skipped",
        "running r0",
        "running r1",
        "running r2",
        "running … 27 more",
    ]
    assert len(made.lines(1000)) == 60


def test_what_a_step_waited_for_is_forgotten_when_it_is_done() -> None:
    waiting = events.Waiting("a", 1, "answer", "approve", None)
    made = progress(started("a"), waiting, events.StepDone("a", 2))
    made.tell(started("b"))
    made.tell(events.LoopStopped("b", 1, 3))
    made.tell(events.StepDone("b", 2))
    assert shown(made) == ["done a", "done b stopped at its limit of 3 rounds"]


def test_unknown_paths_do_no_harm() -> None:
    made = progress(
        events.StepDone("nowhere", 1),
        events.StepFailed("a[1]/b", 1, FAILURE),
        events.AttemptFailed("x/!undo", 1, 1, 2, FAILURE, 2),
        events.Undone("x/!undo", 1, None),
        events.CleanupFailed("x/!finally", 1, FAILURE),
        events.LoopStopped("w", 1, 3),
        events.RunEnded("", 1, "failed", FAILURE),
    )
    assert shown(made) == []
    assert made.undone == ["x"]


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [(None, ""), (0, "0.0s"), (-5, "0.0s"), (1_460_000, "1.5s"), (12_700_000, "12s"), (185 * S, "3m5s")],
)
def test_elapsed(microseconds: int | None, text: str) -> None:
    assert elapsed_text(microseconds) == text


# On the screen

STEERING = Failure("AgentFailed", "\x1b[2Jgone\rback\u202e")
TOLD = [
    events.RunStarted("", 0, "4711", "main"),
    started("a"),
    events.StepFailed("a", 2 * S, STEERING),
    started('b["\x1b]0;x"]/c', 2 * S),
    events.RunEnded("", 3 * S, "failed", STEERING),
]


def test_lines_say_when_what_happened() -> None:
    stream = io.StringIO()
    display = Lines(stream)
    for event in TOLD:
        display.tell(event)
    assert stream.getvalue().splitlines() == [
        "    0.0s  run  main started as 4711",
        "    0.0s  a  started",
        "    2.0s  a  failed after 2.0s: AgentFailed: <U+001B>[2Jgone back<U+202E>",
        '    2.0s  b["<U+001B>]0;x"]/c  started',
        "    3.0s  run  failed after 3.0s",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def tree(color: bool, stream: io.StringIO) -> str:
    display = LiveTree(stream, color=color)

    async def draw() -> None:
        for event in TOLD:
            display.tell(event)
        with trio.move_on_after(0.01):
            await display.keep_fresh()
        with display.paused():
            stream.write("<asked>")
        display.end()

    trio.run(draw)
    return stream.getvalue()


def test_a_tree_is_drawn_and_stays() -> None:
    drawn = tree(False, Terminal())
    kept = drawn.rpartition("<asked>")[2]
    assert "✗ a" in kept and "AgentFailed: <U+001B>[2Jgone back<U+202E>" in kept
    assert (
        "\x1b[31m" not in drawn
        and "\x1b[2m" not in drawn
        and "\x1b[2J" not in drawn
        and "\x1b]0" not in drawn
    )


def test_a_tree_may_have_colours() -> None:
    assert "\x1b[31m" in tree(True, Terminal())


class Closed(Terminal):
    def write(self, text: str) -> int:
        if text == "<asked>":
            return 0
        raise BrokenPipeError

    def flush(self) -> None:
        raise OSError


def test_a_stream_that_is_closed_does_not_concern_the_run() -> None:
    tree(False, Closed())
    for event in TOLD:
        Lines(Closed()).tell(event)
