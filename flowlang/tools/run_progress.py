"""Where a run is: its events gathered into a tree of steps, small however much happens.

A step is a row below the step that it runs inside. What has ended inside an item of a `for each`, a round or
an attempt is forgotten (the step around it counts items), and so is the inside of a step that is done; only
what runs, waits or has failed is worth a line. `lines` gives at most so many of them, the most telling ones.

A step of an item that takes no time would only flicker, so it has to run a while before it shows.

Times are the run's own, in microseconds. Deliberately absent: anything that draws."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias, assert_never

import attrs

from flowlang.runtime import events
from flowlang.runtime.failures import Failure
from flowlang.values.times import format_duration

State: TypeAlias = Literal["running", "waiting", "retrying", "done", "failed", "skipped", "cancelled"]

ENDED: Final = ("done", "failed", "skipped", "cancelled")
MAX_FAILED_ROWS: Final = 5  # below one step; of more, only their number is known
QUICK: Final = 1_000_000  # a step of an item, round or attempt gets no line for so long

_SEGMENT: Final = re.compile(r'(?:[^/"]|"(?:[^"\\]|\\.)*")+')
_SUFFIX: Final = re.compile(r'(?:\[(?:\d+|"(?:[^"\\]|\\.)*")\]|[#@|]\d+)+$')


@attrs.define(eq=False)
class Row:
    """A step: `context` is the item, round or attempt it belongs to, such as `[3]`."""

    name: str
    context: str
    started: int
    state: State = "running"
    ended: int | None = None
    note: str = ""
    progress: tuple[int, int] | None = None
    below: dict[str, Row] = attrs.field(factory=dict)
    failed_below: int = 0


@attrs.frozen
class Line:
    """A row to be drawn. `elapsed` None: it took no time."""

    depth: int
    state: State
    name: str
    note: str
    elapsed: int | None


@attrs.define(eq=False, repr=False)
class Progress:
    """Takes events in. `undone` are the paths of the steps that were undone."""

    root: Row = attrs.field(factory=lambda: Row("", "", 0))
    rows: dict[str, Row] = attrs.field(factory=dict)
    now: int = 0
    undone: list[str] = attrs.field(factory=list)

    def tell(self, event: events.Event) -> None:
        self.now = max(self.now, event.at)
        match event:
            case events.RunStarted(at=at, flow=flow):
                self.root = Row(flow, "", at)
            case events.RunEnded(at=at, status=status):
                self.root.state, self.root.ended = status, at
            case events.StepStarted(path=path, at=at):
                self._enter(path, at)
            case events.StepDone(path=path, at=at):
                self._leave(path, at, "done", None)
            case events.StepFailed(path=path, at=at, failure=failure):
                self._leave(path, at, "failed", failure_text(failure))
            case events.StepCancelled(path=path, at=at):
                self._leave(path, at, "cancelled", "cancelled")
            case events.StepSkipped(path=path, at=at):
                self._enter(path, at).started = at
                self._leave(path, at, "skipped", skip_text(event))
            case events.AttemptFailed(path=path):
                self._change(path, "retrying", retry_text(event))
            case events.Caught(path=path, failure=failure):
                self._change(path, "running", f"caught {failure.error}")
            case events.Waiting(path=path):
                self._change(path, "waiting", wait_text(event))
            case events.Admitted(path=path):
                self._change(path, "running", "")
            case events.AgentSaid(path=path):
                self._row_of(path).note = said_text(event)
            case events.AgentUsed():
                pass  # counted when the run has ended
            case events.Progress(path=path, done=done, of=of):
                self._row_of(path).progress = (done, of)
            case events.LoopStopped(path=path, rounds=rounds):
                self._row_of(path).note = loop_text(rounds)
            case events.Undone(path=path, failure=problem):
                self._undone(path, problem)
            case events.CleanupFailed(path=path, failure=failure):
                self._row_of(path).note = f"its finally failed: {failure.message}"
            case _:
                assert_never(event)

    def begin(self, created: int) -> None:
        """Count from an instant on, also what began before it and goes on."""
        for row in (self.root, *self.rows.values()):
            row.started = max(row.started, created)

    def _undone(self, path: str, problem: Failure | None) -> None:
        if problem is None:
            self.undone.append(path.removesuffix("/!undo"))
        else:
            self._row_of(path).note = f"could not be undone: {problem.message}"

    def _enter(self, path: str, at: int) -> Row:
        """The row of a step that starts; below the step that it runs inside."""
        name, context, around = split_path(path)
        row = self.rows[path] = Row(name, context, at)
        self._row_of(around).below[path] = row
        return row

    def _leave(self, path: str, at: int, state: State, note: str | None) -> None:
        row = self.rows.pop(path, None)
        if row is None:
            return
        settled = "" if row.state in ("waiting", "retrying") else row.note
        row.state, row.ended, row.note = state, at, settled if note is None else note
        around = self._row_of(split_path(path)[2])
        if state != "failed":
            row.below.clear()
        around.failed_below += state == "failed"
        if row.context and (state != "failed" or around.failed_below > MAX_FAILED_ROWS):
            around.below.pop(path, None)

    def _change(self, path: str, state: State, note: str) -> None:
        row = self._row_of(path)
        row.state, row.note = state, note

    def _row_of(self, path: str) -> Row:
        """The row of the innermost step that a path lies in."""
        while path:
            stripped = without_arms(path)
            if path in self.rows or stripped in self.rows:
                return self.rows.get(path) or self.rows[stripped]
            path = split_path(stripped)[2]
        return self.root

    # Lines

    def lines(self, limit: int) -> list[Line]:
        """At most `limit` lines: where there are more, what has ended goes first, then what came last."""
        lines = list(self._lines(self.root, 0))
        if len(lines) <= limit:
            return lines
        open_lines = [line for line in lines if line.depth > 0 or line.state not in ("done", "skipped")]
        hidden = len(lines) - len(open_lines)
        shown = open_lines[: max(limit - 2, 1)]
        summary = [Line(0, "done", f"{hidden} steps", "done or skipped", None)] if hidden else []
        left = len(open_lines) - len(shown)
        more = [Line(0, "running", f"… {left} more", "", None)] if left else []
        return [*summary, *shown, *more]

    def _lines(self, around: Row, depth: int) -> Iterator[Line]:
        for row in list(around.below.values()):
            elapsed = None if row.state == "skipped" else (row.ended or self.now) - row.started
            if row.context and row.state == "running" and elapsed is not None and elapsed < QUICK:
                continue
            name = f"{row.name} {row.context}" if row.context else row.name
            yield Line(depth, row.state, name, _note(row), elapsed)
            if row.state not in ("done", "skipped"):
                yield from self._lines(row, depth + 1)


def split_path(path: str) -> tuple[str, str, str]:
    """The name of a step, the item, round or attempt that it belongs to, and the path around it."""
    segments: list[str] = _SEGMENT.findall(path)
    if not segments:
        return "", "", ""
    around = segments[:-1]
    suffix = _SUFFIX.search(around[-1]) if around else None
    return segments[-1], suffix[0] if suffix else "", "/".join(around)


def without_arms(path: str) -> str:
    """A path without the attempt, arm or branch that it ends with: that of the step."""
    return _SUFFIX.sub("", path)


def _note(row: Row) -> str:
    counted = f"{row.progress[0]}/{row.progress[1]}" if row.progress else ""
    failed = f"{row.failed_below} failed" if row.progress and row.failed_below else ""
    return "  ".join(part for part in (counted, failed, row.note) if part)


# Words


def failure_text(failure: Failure) -> str:
    return f"{failure.error}: {failure.message}"


def elapsed_text(microseconds: int | None) -> str:
    """`0.4s`, `12s`, `3m 5s`: as exact as is of interest while one waits."""
    if microseconds is None:
        return ""
    seconds = max(microseconds, 0) / 1e6
    return f"{seconds:.1f}s" if seconds < 10 else format_duration(int(seconds) * 1_000_000)


def skip_text(event: events.StepSkipped) -> str:
    return (
        "skipped: its condition is false" if event.reason == "guard" else "skipped: the flow ended above it"
    )


def retry_text(event: events.AttemptFailed) -> str:
    """`retrying 2/3 in 1s: …`: which attempt comes, of how many."""
    reason = (
        f"{event.failure.error}: {event.failure.message}"
        if event.failure
        else "not yet what `until` asks for"
    )
    pause = event.again_at - event.at
    when = f" in {format_duration(_rounded(pause))}" if pause > 0 else ""
    return f"retrying {event.attempt + 1}/{event.attempts}{when}: {reason}"


def wait_text(event: events.Waiting) -> str:
    match event.waiting_for:
        case "answer":
            return f"waiting for an answer to {event.name}"
        case "event":
            return f"waiting for {event.name}"
        case "limit":
            return f"waiting for the limit of {event.name}"
        case "time":
            left = None if event.deadline is None else event.deadline - event.at
            return f"waiting for {format_duration(_rounded(left))}" if left and left > 0 else "waiting"


def said_text(event: events.AgentSaid) -> str:
    """What an agent says while it answers, with how far it is."""
    if event.done is None:
        return event.text
    far = f"{event.done:g}" if event.of is None else f"{event.done:g} of {event.of:g}"
    return f"{far}: {event.text}" if event.text else far


def loop_text(rounds: int) -> str:
    return f"stopped at its limit of {rounds} rounds"


def _rounded(microseconds: int) -> int:
    """To what a reader wants to know: tenths of a second, whole seconds from ten on."""
    unit = 1_000_000 if microseconds >= 10_000_000 else 100_000 if microseconds >= 1_000_000 else 1_000
    return round(microseconds / unit) * unit
