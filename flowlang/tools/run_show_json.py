"""`flow show --json`: a view of a run -> one JSON object, with every step. Instants are RFC 3339.

Steps stand in a list, those below a step behind it, each with its path; so a run that nests deeply is no
deeper than any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import attrs

from flowlang.plan import model as plan
from flowlang.plan.paths import step_at
from flowlang.plan.secrets import is_secret
from flowlang.plan.text import type_text
from flowlang.runtime import events
from flowlang.runtime.commands import OpenWait
from flowlang.runtime.failures import Failure
from flowlang.runtime.host import Question
from flowlang.runtime.inputs import Raised, Replied
from flowlang.tools.run_history import Call, Step
from flowlang.tools.run_report import failure_json, result_json
from flowlang.tools.run_secrets import shown_arguments
from flowlang.tools.run_show import tree
from flowlang.tools.run_view import PLACEHOLDER, View
from flowlang.values.codec import encode
from flowlang.values.times import format_datetime
from flowlang.values.value import Value

JsonObject: TypeAlias = dict[str, Value]


def run_json(view: View) -> JsonObject:
    record, result = view.record, view.result
    ended = None if result is None else result_json(result, view.places)
    steps = (step for _, step, _ in tree(view.history.root, everything=True) if step is not None)
    return {
        "run_id": record.id,
        "flow": record.flow,
        "file": view.file,
        "status": record.status,
        "holder": None if record.holder is None else attrs.asdict(record.holder),
        "started": format_datetime(record.created),
        "updated": format_datetime(record.updated),
        "ended": _instant(record.ended),
        "forked": _forked(view.begun.forked),
        "inputs": dict(view.inputs),
        "data": None if ended is None else ended["data"],
        "resume": view.resume() if view.left else None,
        "errors": [] if ended is None else ended["errors"],
        "usage": {agent: dict(amounts) for agent, amounts in view.usage.items()},
        "waits": [wait_json(view, wait) for wait in view.waits.values()],
        "unheard": [{"kind": message.kind, "path": message.path or None} for message in view.messages],
        "too_late": list(view.too_late),
        "kept": list(view.kept),
        "unknown": [_unknown_json(view, path, agent) for path, agent in view.unknown.items()],
        "steps": [step_json(view, step) for step in steps],
    }


def _forked(origin: tuple[str, str] | None) -> JsonObject | None:
    """Of which run, and from which step on."""
    return None if origin is None else dict(zip(("run_id", "step"), origin, strict=True))


def step_json(view: View, step: Step) -> JsonObject:
    return {
        "path": step.path,
        "status": step.state,
        "doing": step.doing or None,
        "target": step.target,
        "started": format_datetime(step.started),
        "ended": _instant(step.ended),
        "attempts": 0 if step.skipped else len(step.retries) + 1,
        "again_at": _again_at(step),
        "skipped": step.skipped,
        "taken_over": step.taken_over,
        "set": step.set,
        "progress": None if step.progress is None else dict(zip(("done", "of"), step.progress, strict=True)),
        "error": _failure(view, step.failure),
        "caught": _failure(view, step.caught),
        "undo": _undo_of(step),
        "undo_error": _failure(view, None if step.undone is None else step.undone.failure),
    }


def detailed_json(view: View, step: Step) -> JsonObject:
    """A step with its calls and what it was tried."""
    retries = [
        {
            "attempt": retry.attempt,
            "attempts": retry.attempts,
            "at": format_datetime(retry.at),
            "again_at": format_datetime(retry.again_at),
            "error": _failure(view, retry.failure),
        }
        for retry in step.retries
    ]
    return {
        "run_id": view.record.id,
        **step_json(view, step),
        "wait": None if step.wait is None else wait_json(view, step.wait),
        "retries": retries,
        "value": value_of(view, step),
        "calls": [call_json(view, call) for call in step.calls],
    }


def call_json(view: View, call: Call) -> JsonObject:
    """A call that has not ended is under way, or `unknown`. An `error` is as the agent raised it."""
    outcome = call.outcome()
    return {
        "kind": call.kind,
        "path": call.path,
        "name": call.name,
        "attempt": call.attempt,
        "key": call.key,
        "started": format_datetime(call.started),
        "made_again": [format_datetime(instant) for instant in call.again],
        "ended": _instant(call.ended),
        "told": call.told,
        "unknown": call.path in view.unknown,
        "arguments": arguments_of(view.plan, call),
        "reply": reply_of(view.plan, call, outcome) if isinstance(outcome, Replied) else None,
        "error": attrs.asdict(outcome) if isinstance(outcome, Raised) else None,
        "used": dict(call.used()),
    }


def arguments_of(compiled: plan.Plan, call: Call) -> Mapping[str, Value]:
    agent = compiled.agents.get(call.name)
    return {} if agent is None else shown_arguments(call.arguments, agent.parameters)


def reply_of(compiled: plan.Plan, call: Call, replied: Replied) -> Value:
    """What a call gave, in JSON form. An event's fields are kept as values of its type."""
    if call.kind != "event":
        return replied.value
    return encode(replied.value, plan.RecordType(fields=compiled.events[call.name].fields))


def value_of(view: View, step: Step) -> Value:
    """What a step gave, in JSON form; None before that, too."""
    found = step_at(view.plan, view.record.flow, step.path)
    if step.state != "done" or found is None or is_secret(found.type):
        return None
    return encode(step.value, found.type)


def wait_json(view: View, wait: OpenWait) -> JsonObject:
    awaited = wait.awaited
    known: JsonObject = {
        "path": wait.path,
        "since": format_datetime(wait.since),
        "deadline": _instant(wait.deadline),
    }
    if not isinstance(awaited, Question):
        return {"kind": "event", "event": awaited.event, **known}
    agent = view.plan.agents[awaited.ask]
    return {
        "kind": "question",
        "ask": awaited.ask,
        **known,
        "arguments": shown_arguments(awaited.arguments, agent.parameters),
        "type": type_text(agent.result),
        "command": view.command("answer", f"{view.record.id}/{wait.path}", PLACEHOLDER),
    }


def _unknown_json(view: View, path: str, agent: str) -> JsonObject:
    return {
        "path": path,
        "agent": agent,
        "redo": view.resume("--redo", path),
        "skip": view.resume("--skip", f"{path}={PLACEHOLDER}"),
    }


def _again_at(step: Step) -> str | None:
    match step.latest:
        case events.AttemptFailed(again_at=instant) if step.state == "retrying":
            return format_datetime(instant)
        case _:
            return None


def _undo_of(step: Step) -> str | None:
    if step.undone is not None:
        return "undone" if step.undone.failure is None else "failed"
    if step.being_undone:
        return "under_way"
    if step.undo_due:
        return "due"
    return "ready" if step.undoable else None


def _failure(view: View, failure: Failure | None) -> JsonObject | None:
    return None if failure is None else failure_json(failure, view.places)


def _instant(instant: int | None) -> str | None:
    return None if instant is None else format_datetime(instant)
