"""The store -> the last run of each flow of a file, with what its steps gave, for an editor.

Nothing is called and nobody is disturbed: a run is looked at as `flow show` does it. A store that is not
there, is busy or is damaged has no runs to show; the commands about runs say what is wrong with it."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path

from flowlang.hosts.sqlite.opening import default_path
from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import Store
from flowlang.ide.last_run import LastRun, LastRuns
from flowlang.runtime.inputs import Raised, Replied
from flowlang.text.display import clean
from flowlang.tools.run_history import Step
from flowlang.tools.run_show_json import reply_of, value_of
from flowlang.tools.run_times import ago_text, span_text
from flowlang.tools.run_view import View, view

MOST_RUNS = 100
"""The newest runs of the store that are looked through."""

LONGEST = 80  # characters of a value


def store_path() -> Path:
    """The store that the environment names, or the user's own."""
    named = os.environ.get("FLOW_STORE")
    return Path(named).expanduser() if named else default_path()


def last_runs(path: str, store: Path, now: int) -> LastRuns:
    """The newest run of each flow of a file; `now` in microseconds since 1970."""
    if not store.exists():
        return {}
    try:
        with Store.open(store) as opened:
            newest: dict[str, RunRecord] = {}
            for record in opened.runs(limit=MOST_RUNS):
                if record.source is not None and os.path.abspath(record.source) == path:
                    newest.setdefault(record.flow, record)
            return {flow: _shown(view(opened, record.id, now=now)) for flow, record in newest.items()}
    except (StoreProblem, sqlite3.Error, OSError):
        return {}


def _shown(seen: View) -> LastRun:
    record = seen.record
    ended = record.ended or seen.until
    summary = f"{record.status} {ago_text(ended, seen.now)} after {span_text(ended - record.created)}"
    values = {step.path: _value(seen, step) for step in seen.history.root.below}
    return LastRun(record.id, record.flow, summary, {path: text for path, text in values.items() if text})


def _value(seen: View, step: Step) -> str:
    """What a step gave, in a line; before that what its latest call came to, or how far a loop is."""
    if step.skipped is not None:
        return "skipped"
    if step.failure is not None:
        return clean(f"failed: {step.failure.error}")
    if step.state == "done":
        value = value_of(seen, step)
        return "" if value is None else _short(json.dumps(value, ensure_ascii=False))
    if step.below or not step.calls:
        return "" if step.progress is None else f"{step.progress[0]:,} of {step.progress[1]:,}"
    match step.calls[-1].outcome():
        case Replied() as replied:
            return _short(json.dumps(reply_of(seen.plan, step.calls[-1], replied), ensure_ascii=False))
        case Raised(error=error):
            return clean(f"raised {error}")
    return step.state


def _short(text: str) -> str:
    shown = clean(text)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 1] + "…"
