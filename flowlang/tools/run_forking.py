"""`flow fork` and `flow replay`: stored runs -> a run on the screen, or where another source would part."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from flowlang.agents.file import File
from flowlang.agents.places import Places
from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import Store
from flowlang.plan import model as plan
from flowlang.text.display import clean
from flowlang.tools.cli import terminal
from flowlang.tools.cli.compiling import compiled_flow
from flowlang.tools.durable import Engine
from flowlang.tools.files import read_shown
from flowlang.tools.forks import Compared, replayed_with, settable
from flowlang.tools.frontend import NotRunnable
from flowlang.tools.run_command import (
    DONE,
    FAILED,
    RunOptions,
    carry_out,
    refuse_store,
    store_path,
)
from flowlang.tools.run_display import Display
from flowlang.tools.run_handle import RunHandle
from flowlang.tools.run_taken_up import (
    TakesUp,
    given_inputs,
    given_value,
    named_texts,
    refuse_unreachable,
    taken_up,
)
from flowlang.tools.stored import begun_of, plan_of
from flowlang.values.value import Value

MAX_SHOWN = 200  # characters of a value that differs


def fork_run(wanted: str, step: str, given: tuple[str, ...], options: RunOptions) -> int:
    """Fork a run and carry the fork out, on the screen; gives the exit code."""
    try:
        with Store.open(store_path(options)) as store:
            record = store.find(wanted)
            compiled, begun = plan_of(store, record), begun_of(store, record)
        files: list[File] = []
        values = given_inputs(options.texts, compiled.flows[record.flow], files)
        kept = {name: value for name, value in values.items() if name not in begun.secrets}
        told = {name: value for name, value in values.items() if name in begun.secrets}
        replies = _replies(given, compiled, record.flow, files)
        anew = partial(Engine.fork, inputs=kept, given=replies, files=files, secrets=told)
        fork = partial(anew, run=record, step=step)
        opened = partial(_forked, fork, record.id, step, compiled, options)
        return carry_out(opened, Places(compiled, read_shown), options)
    except StoreProblem as problem:
        return refuse_store(problem, options)
    except NotRunnable as problem:
        return refuse_unreachable(problem, record, begun, options)


@asynccontextmanager
async def _forked(
    fork: TakesUp, past: str, step: str, compiled: plan.Plan, options: RunOptions, display: Display
) -> AsyncIterator[RunHandle]:
    async with taken_up(fork, compiled, options, display) as run:
        terminal.say(f"run {run.run_id} begins with the past of {past}, up to `{step}`")
        yield run


def _replies(texts: tuple[str, ...], compiled: plan.Plan, flow: str, files: list[File]) -> dict[str, Value]:
    """`STEP=VALUE` by the types of what the steps call or wait for, in JSON form; files in them are added to
    `files`. Raises StoreProblem."""
    replies: dict[str, Value] = {}
    for path, value in named_texts(texts):
        wanted = settable(compiled, flow, path)
        replies[path] = given_value(value, wanted, f"the value for `{path}`", files)
    return replies


# Replay


def replay_run(wanted: str, file: str | None, store_file: str | None, *, as_json: bool) -> int:
    """Go through a run again and say whether it parts; gives the exit code."""
    options = RunOptions(as_json=as_json, store=store_file)
    try:
        with Store.open(None if store_file is None else Path(store_file)) as store:
            record = store.find(wanted)
            other = None if file is None else compiled_flow(file, record.flow)[0]
            compared = replayed_with(store, record, other)
    except StoreProblem as problem:
        return refuse_store(problem, options)
    except NotRunnable as problem:
        terminal.say_diagnostics(problem.diagnostics, problem.read)
        return FAILED
    if as_json:
        terminal.out_json(_json(record, compared))
    else:
        terminal.out(clean(_words(record, compared, file)))
    return DONE if compared.difference is None else FAILED


def _words(record: RunRecord, compared: Compared, file: str | None) -> str:
    difference = compared.difference
    if difference is None:
        calls = f"{compared.calls} call{'' if compared.calls == 1 else 's'}"
        who = "the journal is whole" if file is None else f"{file} goes the same way"
        return f"run {record.id}: {who}, through {calls}"
    where = f"`{difference.path}`" if difference.path else "the run"
    lines = [f"run {record.id} parts at {where}, which {difference.said}"]
    if difference.before is not None or difference.after is not None:
        lines += [f"  before: {_short(difference.before)}", f"  now:    {_short(difference.after)}"]
    if compared.changed is not None:
        why = "was changed" if compared.changed else "is the same; what comes before it is not"
        lines.append(f"  the step itself {why}")
    elif difference.path:
        lines.append("  only one of the two has this step")
    return "\n".join(lines)


def _short(value: Value) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"


def _json(record: RunRecord, compared: Compared) -> dict[str, Any]:
    difference = compared.difference
    return {
        "run_id": record.id,
        "same": difference is None,
        "calls": compared.calls,
        "step": difference and difference.path,
        "difference": difference and difference.said,
        "before": difference and difference.before,
        "after": difference and difference.after,
        "step_changed": compared.changed,
    }
