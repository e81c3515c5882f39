"""What a run leaves behind: its result for people and for programs, its failure as a diagnostic.

A failure shows the place in the source where it happened, if the file is still the one that was compiled;
which step and attempt it was, what the agent really raised, what was undone, and what went wrong after it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import attrs

from flowlang.agents.places import Places
from flowlang.plan import model as plan
from flowlang.runtime.failures import BUILT_IN, INTERNAL, Failure
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.display import clean
from flowlang.text.render import ReadSource, Report, Style, render_report
from flowlang.text.report import as_json
from flowlang.tools.command_lines import command
from flowlang.tools.run_handle import Left, Result
from flowlang.values.codec import encode
from flowlang.values.value import Value

JsonObject: TypeAlias = dict[str, Value]

MAX_LISTED = 10


def result_text(data: Value, *, to_terminal: bool) -> str:
    """A result to be read: a string as it is, anything else as JSON, null as nothing."""
    if data is None:
        return ""
    text = data if isinstance(data, str) else json.dumps(data, indent=2, ensure_ascii=False)
    return (clean(text) if to_terminal else text).removesuffix("\n") + "\n"


def result_json(result: Result, places: Places) -> JsonObject:
    """The whole outcome of a run as one object; `run_result` reads it back. `artifacts` are its
    files. The last `errors` are those of the undos that failed, one for each path of `not_undone`."""
    failure = result.failure and _without(result.failure, result.undo_failures)
    failures = ([failure] if failure else []) + list(result.undo_failures)
    return {
        "run_id": result.run_id,
        "flow": result.flow,
        "status": result.status,
        "data": result.data,
        "summary": summary(result),
        "artifacts": [artifact.to_json() for artifact in result.artifacts],
        "errors": [failure_json(failure, places) for failure in failures],
        "undone": list(result.undone),
        "not_undone": [failure.path for failure in result.undo_failures],
        "execution_time_seconds": result.execution_time_seconds,
        "steps_executed": result.steps_executed,
        "steps_skipped": result.steps_skipped,
        "retries": result.retries,
        "usage": {agent: dict(amounts) for agent, amounts in result.usage.items()},
    }


def _without(failure: Failure, others: Sequence[Failure]) -> Failure:
    """A failure whose notes do not repeat what is told beside it."""
    return attrs.evolve(failure, notes=tuple(note for note in failure.notes if note not in others))


def summary(result: Result, store: str | None = None) -> str:
    """`done in 1.2s: 5 steps, 2 skipped, 1 retry`, or how to go on with a run that was left."""
    if result.left is not None:
        return _left(result, result.left, store)
    counts = [
        _counted(result.steps_executed, "step"),
        f"{result.steps_skipped} skipped" if result.steps_skipped else "",
        _counted(result.retries, "retry", "retries") if result.retries else "",
        f"{len(result.undone)} undone" if result.undone else "",
        f"{len(result.undo_failures)} not undone" if result.undo_failures else "",
    ]
    how = f"{result.status} in {result.execution_time_seconds:.1f}s: {', '.join(filter(None, counts))}"
    return f"{how}; {result.failure.error}: {result.failure.message}" if result.failure else how


def _left(result: Result, left: Left, store: str | None) -> str:
    why = f": {left.reason}" if left.reason else ""
    if left.status == "unknown":
        return f"{result.run_id} stopped: it may have made the calls of {', '.join(left.paths)}, or not"
    what = "waits and was left" if left.status == "waiting" else "was interrupted"
    return f"{result.run_id} {what}{why}; go on with `{command(store, 'resume', result.run_id)}`"


def _counted(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def failure_json(failure: Failure, places: Places) -> JsonObject:
    at = failure.at
    return {
        "error": failure.error,
        "message": failure.message,
        "fields": _fields(failure, places.plan),
        "step": failure.path,
        "attempt": failure.attempt,
        "agent": failure.agent,
        "cause": failure.cause,
        "path": places.plan.sources[at.source].path if at else None,
        "line": at.line if at else None,
        "column": at.column if at else None,
        "end_line": at.end_line if at else None,
        "end_column": at.end_column if at else None,
        "notes": [failure_json(note, places) for note in failure.notes],
    }


def _fields(failure: Failure, compiled: plan.Plan) -> JsonObject:
    """The fields in their JSON form, as far as their types are known."""
    declared = BUILT_IN.get(failure.error) or compiled.errors.get(failure.error)
    types = {field.name: field.type for field in declared.fields} if declared else {}
    return {k: encode(v, types[k]) if k in types else v for k, v in failure.fields.items()}


def refused_json(flow: str | None, diagnostics: Sequence[Diagnostic], read: ReadSource) -> JsonObject:
    """The same for a run that never starts; its errors are diagnostics, as `flow check` writes them."""
    errors = as_json((d for d in diagnostics if d.severity == "error"), read)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return {
        "run_id": None,
        "flow": flow,
        "status": "refused",
        "data": None,
        "summary": f"refused: {errors[0]['message']}{more}",
        "artifacts": [],
        "errors": errors,
        "undone": [],
        "not_undone": [],
        "execution_time_seconds": 0.0,
        "steps_executed": 0,
        "steps_skipped": 0,
        "retries": 0,
        "usage": {},
    }


def render_outcome(result: Result, places: Places, style: Style, store: str | None = None) -> str:
    """What a terminal shows of a run that did not come to its end: why, what was undone and what not, and how
    to go on with it; `store` is the option that names its store."""
    if result.status == "done":
        return ""
    if result.left is not None:
        return _told_left(result, result.left, store)
    failures = [*([result.failure] if result.failure else []), *result.undo_failures]
    if not failures and not result.undone:
        return ""
    told = _failure_text(failures[0], places, style) if failures else f"the run was {result.status}\n"
    facts = list(_facts(result, failures, places))
    return told + clean("".join(f"  {word}: {said}\n" for word, said in facts))


def _told_left(result: Result, left: Left, store: str | None) -> str:
    said = summary(result, store)
    if left.status != "unknown":
        return clean(said) + "\n"
    lines = [f"error: {said}"]
    for path in left.paths:
        lines.append(f"  {path}: find out what became of it, then make it again or say what it gave:")
        lines.append(f"    {command(store, 'resume', result.run_id, '--redo', path)}")
        lines.append(f"    {command(store, 'resume', result.run_id, '--skip', f'{path}=VALUE')}")
    return clean("\n".join(lines)) + "\n"


def _failure_text(failure: Failure, places: Places, style: Style) -> str:
    label = places.label(failure.at, _where(failure)) if failure.at else None
    report = Report("error", f"error[{failure.error}]", failure.message, label, help=_advice(failure))
    return render_report(report, places.read, style)


def _where(failure: Failure) -> str:
    """The step and the attempt, without what the plan calls a statement that has no name of its own."""
    path = re.sub(r"@\d+$", "", failure.path)
    undone = path.endswith("/!undo")
    step = re.sub(r"(^|/)![^/]*$", "", path)
    parts = [
        f"in the {'undo of the ' if undone else ''}step `{step}`" if step else "",
        f"attempt {failure.attempt}" if failure.attempt > 1 else "",
    ]
    return ", ".join(filter(None, parts))


def _advice(failure: Failure) -> str | None:
    if failure.error != INTERNAL:
        return None
    return "this is a mistake in flowlang, not in the flow; please report it with the output of FLOW_DEBUG=1"


def _facts(result: Result, failures: Sequence[Failure], places: Places) -> Iterator[tuple[str, str]]:
    """What else there is to say: of the first failure its cause, then of the others each on one line."""
    for first in failures[:1]:
        if first.cause and (first.error != INTERNAL or os.environ.get("FLOW_DEBUG")):
            yield "cause", first.cause
    if result.undone:
        more = f" and {len(result.undone) - MAX_LISTED} more" if len(result.undone) > MAX_LISTED else ""
        yield "undone", ", ".join(result.undone[:MAX_LISTED]) + more
    unshown = [failure for failure in result.undo_failures if failure is not failures[0]]
    yield from (("not undone", _on_one_line(failure, places)) for failure in unshown[:MAX_LISTED])
    notes = [note for note in failures[0].notes if note not in failures] if failures else []
    yield from (("then", _on_one_line(note, places)) for note in notes[:MAX_LISTED])


def _on_one_line(failure: Failure, places: Places) -> str:
    """`booked (cancel, main.flow:12:16, attempt 6): AgentFailed: no answer`."""
    step = re.sub(r"(/!undo)?(@\d+)?$", "", failure.path)
    details = [failure.agent] if failure.agent else []
    details += [places.text(failure.at)] if failure.at else []
    details += [f"attempt {failure.attempt}"] if failure.attempt > 1 else []
    known = f" ({', '.join(details)})" if details else ""
    return f"{step}{known}: {failure.error}: {failure.message}"
