"""`flow runs`: the records of a store -> a table, without replaying anything.

What a run waits for stands in the store beside it, and why it failed in what it said at its end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence

import attrs

from flowlang.hosts.sqlite.records import Message, RunRecord
from flowlang.hosts.sqlite.store import Store
from flowlang.plan.styled import Line, Stretch
from flowlang.runtime.journal import Wait
from flowlang.tools.run_columns import aligned
from flowlang.tools.run_notes import message_text
from flowlang.tools.run_styles import STYLES
from flowlang.tools.run_times import ago_text, due_text, moment_text, span_text
from flowlang.values.times import format_datetime
from flowlang.values.value import Value, is_text

STATUSES = ("running", "waiting", "interrupted", "unknown", "done", "failed", "cancelled")


@attrs.frozen
class Listed:
    """A run of the table: what it waits for, and what it is yet to hear of; or how it failed."""

    record: RunRecord
    waits: Sequence[Wait] = ()
    unheard: Sequence[Message] = ()
    error: str | None = None
    message: str | None = None


def listed(store: Store, statuses: Sequence[str], flow: str | None, limit: int) -> list[Listed]:
    """The newest runs of any of these statuses (none: of all), newest first. Raises StoreProblem."""
    if flow is not None and not is_text(flow):
        return []  # no flow is called so
    found = [
        record
        for status in statuses or (None,)
        for record in store.runs(status=status, flow=flow, limit=limit)
    ]
    newest = sorted({record.number: record for record in found}.values(), key=lambda r: -r.number)
    return [listed_run(store, record) for record in newest[:limit]]


def listed_run(store: Store, record: RunRecord) -> Listed:
    if record.ended is None:
        return Listed(
            record, [wait for _, wait in store.waits(record.number)], store.messages(run=record.number)
        )
    if record.status != "failed":
        return Listed(record)
    errors = json.loads(store.result(record.number) or "{}").get("errors") or [{}]
    return Listed(record, error=errors[0].get("error"), message=errors[0].get("message"))


def table(runs: Sequence[Listed], now: int, *, relative: bool, limit: int | None = None) -> list[Line]:
    """Lines with a heading. Times are as seen from `now`, or (not `relative`) by the clock."""
    heading = [Stretch(name, "quiet") for name in ("run", "flow", "status", "started", "took", "")]
    return aligned([heading, *(_row(run, now, relative) for run in runs)], right=(4,), limit=limit)


def _row(run: Listed, now: int, relative: bool) -> list[Stretch]:
    record = run.record
    started = ago_text(record.created, now) if relative else moment_text(record.created)
    return [
        Stretch(record.id, "name"),
        Stretch(record.flow),
        Stretch(record.status, STYLES[record.status]),
        Stretch(started),
        Stretch(span_text(_end_of(record, now) - record.created)),
        Stretch(said_of(run, now, relative=relative)),
    ]


def _end_of(record: RunRecord, now: int) -> int:
    """When it ended, was let go of in the middle of something, or now."""
    if record.ended is not None:
        return record.ended
    return record.updated if record.status in ("interrupted", "unknown") else now


def said_of(run: Listed, now: int, *, relative: bool) -> str:
    """What a run waits for, or why it failed."""
    if run.error is not None:
        return f"{run.error}: {run.message}"
    match run.record.status:
        case "unknown":
            return "a call may have been made, or not"
        case "done" | "failed" | "cancelled":
            return ""
    parts = [*_waits_text(run, now, relative)]
    if run.record.status == "waiting" and not run.waits:
        parts.append("waits for time to pass")
    if run.record.holder is None:
        parts += [f"is to hear of {', '.join(map(message_text, run.unheard))}"] if run.unheard else []
        parts += ["nobody holds it"] if run.record.status == "waiting" else []
    return "; ".join(parts)


def _waits_text(run: Listed, now: int, relative: bool) -> Iterator[str]:
    """What it waits for, but for answers that are there."""
    answered = {message.path for message in run.unheard if message.kind == "answer"}
    waits = (wait for wait in run.waits if wait.kind != "question" or wait.path not in answered)
    for text, number in Counter(_wait_text(wait, now, relative) for wait in waits).items():
        yield f"{text} ({number})" if number > 1 else text


def _wait_text(wait: Wait, now: int, relative: bool) -> str:
    what = {"question": f"asks {wait.name}", "event": f"waits for {wait.name}", "time": "sleeps"}[wait.kind]
    if wait.deadline is None:
        return what
    if relative:
        return f"{what}, {due_text(wait.deadline, now)}"
    return f"{what} until {moment_text(wait.deadline)}"


def to_json(run: Listed, now: int) -> dict[str, Value]:
    """A run of the table for programs; instants are RFC 3339."""
    record = run.record
    return {
        "run_id": record.id,
        "flow": record.flow,
        "status": record.status,
        "file": record.source,
        "started": format_datetime(record.created),
        "ended": None if record.ended is None else format_datetime(record.ended),
        "updated": format_datetime(record.updated),
        "seconds": round((_end_of(record, now) - record.created) / 1e6, 6),
        "holder": None if record.holder is None else attrs.asdict(record.holder),
        "waits": [wait_json(wait) for wait in run.waits],
        "unheard": [{"kind": message.kind, "path": message.path or None} for message in run.unheard],
        "error": None if run.error is None else {"error": run.error, "message": run.message},
    }


def wait_json(wait: Wait) -> dict[str, Value]:
    return {
        "path": wait.path,
        "kind": wait.kind,
        "name": wait.name,
        "since": format_datetime(wait.since),
        "deadline": None if wait.deadline is None else format_datetime(wait.deadline),
    }
