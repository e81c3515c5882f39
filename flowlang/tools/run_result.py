"""What a store keeps of how a run ended -> the `Result` that whoever carried it out was given.

A run writes at its end what `flow run --json` prints (`run_report.result_json`), and that is all there is to
read here: nothing is replayed, so a result costs the same whatever the run took. Only the places in sources
have to be found again: the paths in it are as seen from the folder that the run was carried out in, those of
the stored plan lead there from anywhere."""

from __future__ import annotations

import json
import os
from typing import Any, Final

from flowlang.hosts.sqlite.artifacts import Artifacts, artifacts_of
from flowlang.hosts.sqlite.problems import Damaged, StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import FINAL, Store
from flowlang.plan import model as plan
from flowlang.runtime.failures import BUILT_IN, Failure
from flowlang.tools.run_artifacts import Artifact
from flowlang.tools.run_handle import Result
from flowlang.tools.stored import begun_of, plan_of
from flowlang.values.codec import decode
from flowlang.values.value import Misfit, Value

UNREADABLE: Final = (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError)
"""What is raised where a text is not what was written."""


class NotEnded(StoreProblem):
    """A run that has no result yet."""

    def __init__(self, record: RunRecord) -> None:
        help = f"see `flow show {record.id}`"
        super().__init__("not_ended", f"run `{record.id}` has not ended: it is {record.status}", help)


def result_text_of(store: Store, record: RunRecord) -> str:
    """What the run said at its end, JSON. Raises NotEnded, Damaged."""
    if record.status not in FINAL:
        raise NotEnded(record)
    text = store.result(record.number)
    if text is None:
        raise Damaged(f"the result of run `{record.id}` is missing")
    return text


def stored_result(store: Store, record: RunRecord) -> Result:
    """How a run ended. Raises NotEnded, StoreProblem."""
    text = result_text_of(store, record)
    compiled, folder = plan_of(store, record), begun_of(store, record).folder
    try:
        return _result(json.loads(text), compiled, folder, Artifacts(artifacts_of(store.path)))
    except UNREADABLE:
        raise Damaged(f"the result of run `{record.id}` cannot be read") from None


def _result(known: dict[str, Any], compiled: plan.Plan, folder: str, contents: Artifacts) -> Result:
    failures = tuple(_failure(each, compiled, folder) for each in known["errors"])
    first_undo = len(failures) - len(known["not_undone"])
    return Result(
        run_id=known["run_id"],
        flow=known["flow"],
        status=known["status"],
        data=known["data"],
        failure=failures[0] if first_undo else None,
        undone=tuple(known["undone"]),
        undo_failures=failures[first_undo:],
        execution_time_seconds=known["execution_time_seconds"],
        steps_executed=known["steps_executed"],
        steps_skipped=known["steps_skipped"],
        retries=known["retries"],
        usage=known.get("usage", {}),
        artifacts=tuple(_artifact(each, contents) for each in known["artifacts"]),
    )


def _artifact(known: dict[str, Any], contents: Artifacts) -> Artifact:
    """A file where it lies now: a store may have been moved."""
    return Artifact(**{**known, "path": str(contents.path(known["hash"]))})


def _failure(known: dict[str, Any], compiled: plan.Plan, folder: str) -> Failure:
    return Failure(
        known["error"],
        known["message"],
        _fields(known, compiled),
        at=_place(known, compiled, folder),
        path=known["step"],
        attempt=known["attempt"],
        cause=known["cause"],
        notes=tuple(_failure(note, compiled, folder) for note in known["notes"]),
        agent=known["agent"],
    )


def _fields(known: dict[str, Any], compiled: plan.Plan) -> dict[str, Value]:
    """The fields as values of their types, as far as these are known."""
    declared = BUILT_IN.get(known["error"]) or compiled.errors.get(known["error"])
    try:
        read: dict[str, Value] = decode(
            known["fields"], plan.RecordType(fields=declared.fields if declared else ())
        )
    except Misfit:
        return dict(known["fields"])
    return {**known["fields"], **read}


def _place(known: dict[str, Any], compiled: plan.Plan, folder: str) -> plan.Place | None:
    """Where it happened, if that source is known to the plan."""
    if known["path"] is None:
        return None
    path = os.path.abspath(os.path.join(folder, known["path"]))
    sources = [os.path.abspath(source.path) for source in compiled.sources]
    if path not in sources:
        return None
    place = (known[name] for name in ("line", "column", "end_line", "end_column"))
    return plan.Place(sources.index(path), *place)
