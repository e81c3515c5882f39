"""What a run leaves behind: its result for people and for programs, its failure as a diagnostic.

A failure shows the place in the source where it happened, if the file is still the one that was compiled;
which step and attempt it was, what the agent really raised, what was undone, and what went wrong after it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from flowlang.agents.places import Places
from flowlang.plan import model as plan
from flowlang.runtime.failures import BUILT_IN, INTERNAL, Failure
from flowlang.text.display import clean
from flowlang.text.render import Report, Style, render_report
from flowlang.tools.engine import Result
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
    """The whole outcome of a run as one object. `artifacts` are the files that it stored."""
    failures = [result.failure] if result.failure else []
    return {
        "run_id": result.run_id,
        "flow": result.flow,
        "status": result.status,
        "data": result.data,
        "summary": summary(result),
        "artifacts": [],
        "errors": [failure_json(failure, places) for failure in (*failures, *result.undo_failures)],
        "execution_time_seconds": result.execution_time_seconds,
        "steps_executed": result.steps_executed,
        "steps_skipped": result.steps_skipped,
        "retries": result.retries,
    }


def summary(result: Result) -> str:
    """`done in 1.2s: 5 steps, 2 skipped, 1 retry`."""
    counts = [
        _counted(result.steps_executed, "step"),
        f"{result.steps_skipped} skipped" if result.steps_skipped else "",
        _counted(result.retries, "retry", "retries") if result.retries else "",
    ]
    how = f"{result.status} in {result.execution_time_seconds:.1f}s: {', '.join(filter(None, counts))}"
    return f"{how}; {result.failure.error}: {result.failure.message}" if result.failure else how


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
        "cause": failure.cause,
        "path": places.plan.sources[at.source].path if at else None,
        "line": at.line if at else None,
        "column": at.column if at else None,
        "notes": [failure_json(note, places) for note in failure.notes],
    }


def _fields(failure: Failure, compiled: plan.Plan) -> JsonObject:
    """The fields in their JSON form, as far as their types are known."""
    declared = BUILT_IN.get(failure.error) or compiled.errors.get(failure.error)
    types = {field.name: field.type for field in declared.fields} if declared else {}
    return {k: encode(v, types[k]) if k in types else v for k, v in failure.fields.items()}


def render_failure(
    failure: Failure,
    places: Places,
    style: Style,
    *,
    undone: Sequence[str] = (),
    others: Sequence[Failure] = (),
) -> str:
    """A failure for a terminal. `undone` are the paths of steps, `others` failures of undos."""
    label = places.label(failure.at, _where(failure)) if failure.at else None
    report = Report("error", f"error[{failure.error}]", failure.message, label, help=_advice(failure))
    told = render_report(report, places.read, style)
    facts = "".join(f"  {word}: {said}\n" for word, said in _facts(failure, undone, others))
    return told + (clean(facts) if facts else "")


def _where(failure: Failure) -> str:
    """The step and the attempt, without what the plan calls a statement that has no name of its own."""
    step = re.sub(r"@\d+$", "", re.sub(r"(^|/)![^/]*$", "", failure.path))
    parts = [
        f"in the step `{step}`" if step else "",
        f"attempt {failure.attempt}" if failure.attempt > 1 else "",
    ]
    return ", ".join(filter(None, parts))


def _advice(failure: Failure) -> str | None:
    if failure.error != INTERNAL:
        return None
    return "this is a mistake in flowlang, not in the flow; please report it with the output of FLOW_DEBUG=1"


def _facts(failure: Failure, undone: Sequence[str], others: Sequence[Failure]) -> Iterator[tuple[str, str]]:
    if failure.cause and (failure.error != INTERNAL or os.environ.get("FLOW_DEBUG")):
        yield "cause", failure.cause
    if undone:
        more = f" and {len(undone) - MAX_LISTED} more" if len(undone) > MAX_LISTED else ""
        yield "undone", ", ".join(undone[:MAX_LISTED]) + more
    for other in others[:MAX_LISTED]:
        yield "not undone", f"{other.path}: {other.error}: {other.message}"
    for note in [note for note in failure.notes if note not in others][:MAX_LISTED]:
        yield "then", f"{note.path}: {note.error}: {note.message}"
