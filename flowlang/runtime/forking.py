"""Forks: the rows of a run, as far as another run of its plan can take them over.

The rows are fed to the new run's kernel in their order, and those are left out that do not fit there. What
was called at the step, or inside of it, is left out from the start; so what depends on it is never called,
and its rows find no call that waits for them. A call that the new run makes with other arguments is not the
same call either. So no graph is asked what depends on what: the run itself says so. An event that a wait at
the step, or inside of it, has taken is left out too; the others have happened, whoever waits for them.

What is left over when the rows end is called anew by whoever carries the new run on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from flowlang.plan.paths import lies_inside
from flowlang.runtime.commands import OpenWait
from flowlang.runtime.host import Awaited, Question
from flowlang.runtime.inputs import Answered, CallEnded, EventCame, Forked, Replied
from flowlang.runtime.journal import Row, digest_of, input_of, row_of
from flowlang.runtime.kernel import Kernel
from flowlang.values.value import Value


class CannotFork(Exception):
    """Why no other run can begin there, in words."""


@attrs.frozen
class Past:
    """The rows that are taken over: so many calls are `reused`, and so many were `left_out`."""

    rows: tuple[Row, ...]
    reused: int
    left_out: int


def takers(kernel: Kernel, rows: Iterable[Row]) -> dict[int, str]:
    """The waits of a run that took its events: their paths, by the numbers of the rows of these. The kernel
    is a fresh one of that run. Raises JournalMisfit."""
    rows = [*rows]
    came: list[tuple[int, Value]] = []
    found: dict[int, str] = {}

    def taken(path: str, fields: Value) -> None:
        found.update((seq, path) for seq, event in came if event is fields)

    kernel.on_taken = taken
    kernel.expect(row.path for row in rows if row.kind == "scope")
    for row in rows:
        if row.kind == "started":
            continue
        input = input_of(row)
        if isinstance(input, EventCame):
            came.append((row.seq, input.fields))
        kernel.advance(input)
    return found


def take_over(
    kernel: Kernel,
    rows: Iterable[Row],
    step: str,
    now: int,
    given: Mapping[str, Value] | None = None,
    taken_by: Mapping[int, str] | None = None,
) -> Past:
    """Bring a fresh kernel as far as the rows can, but not past a step. `given` are replies and answers, as
    JSON, and fields of events, which stand in the place of what came at these paths; `taken_by` are the
    `takers` of the run whose rows they are. Raises CannotFork."""
    rows, left = [*rows], dict(given or {})
    events: dict[str, Value] = {}
    heard: dict[str, Value] = {}
    kernel.on_taken = heard.__setitem__
    kernel.expect(row.path for row in rows if row.kind == "scope" and not lies_inside(row.path, step))
    taken: list[Row] = []
    called = at = 0
    met = False
    for row in rows:
        called += row.kind == "call"
        path = (taken_by or {}).get(row.seq, "") if row.kind == "event" else row.path
        met = met or (row.kind in ("call", "answer", "event") and path != "" and lies_inside(path, step))
        at = row.at
        if path in left and row.kind == "event":
            events[path] = left.pop(path)
            _take(kernel, row_of(0, EventCame(at, row.path, events[path])), taken)
        elif path in left and _is_wanted(kernel, path):
            _take(kernel, _set(kernel, path, at, left.pop(path)), taken)
        elif _fits(kernel, row, path, step):
            _take(kernel, row, taken)
    if not met and step not in kernel.calls and step not in kernel.waits:
        raise CannotFork(f"the run made no call in `{step}`, and waited for nothing there")
    for path, value in left.items():
        if not _is_wanted(kernel, path):
            raise CannotFork(f"`{path}` cannot be set: it depends on what is done again, or was not called")
        row = _set(kernel, path, at, value)
        if row.kind == "event":
            events[path] = value
        _take(kernel, row, taken)
    for path, fields in events.items():
        if heard.get(path) != fields:
            why = "it depends on what is done again, or does not want such an event"
            raise CannotFork(f"`{path}` cannot be set: {why}")
    _take(kernel, row_of(0, Forked(max(now, at), max(0, now - at))), taken)
    reused = sum(row.kind == "call" for row in taken)
    return Past(tuple(taken), reused, called - reused)


def _take(kernel: Kernel, row: Row, taken: list[Row]) -> None:
    row = row._replace(seq=len(taken) + 1)
    kernel.advance(input_of(row))
    taken.append(row)


def _is_wanted(kernel: Kernel, path: str) -> bool:
    """Whether the new run waits for a reply, an answer or an event there."""
    return path in kernel.calls or path in kernel.waits


def _set(kernel: Kernel, path: str, at: int, value: Value) -> Row:
    match kernel.waits.get(path):
        case OpenWait(awaited=Question()):
            return row_of(0, Answered(at, path, Replied(value)))
        case OpenWait(awaited=Awaited(event=event)):
            return row_of(0, EventCame(at, event, value))
    return row_of(0, CallEnded(at, path, Replied(value)), digest_of(kernel.calls[path].call))


def _fits(kernel: Kernel, row: Row, path: str, step: str) -> bool:
    """Whether the new run can hear of a row now. `path` is that of an event's taker, "" where it has none."""
    match row.kind:
        case "began" | "timer" | "resumed" | "forked":
            return True
        case "event":
            return path == "" or not lies_inside(path, step)
        case "call":
            return not lies_inside(row.path, step) and _is_same_call(kernel, row)
        case "answer":
            return not lies_inside(row.path, step) and row.path in kernel.waits
        case "scope" if lies_inside(step, row.path) and step != row.path:
            raise CannotFork(f"of `{row.path}` only the end is known, not what happened inside of it")
        case "scope":
            return row.path in kernel.recalling
        case "cancel" | "started":
            return False


def _is_same_call(kernel: Kernel, row: Row) -> bool:
    pending = kernel.calls.get(row.path)
    if pending is None or digest_of(pending.call) != row.digest:
        return False
    return row.outcome is not None or pending.stopping
