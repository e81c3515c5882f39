"""Histories: the journals of runs, kept with what replaying them came to.

A history is one JSON file: a plan, a flow of it, the inputs, the rows of the journal, and the result and the
events that they are replayed to. It was written by the version that carried the run out, and every later one
must come to the same."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import attrs

from flowlang.plan import model as plan
from flowlang.plan.load import dump_plan, load_plan
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.events import StepDone
from flowlang.runtime.journal import SEMANTICS, Row
from flowlang.runtime.program import link
from flowlang.runtime.replay import kernel_of, replay
from flowlang.runtime.run import RunResult
from flowlang.values.value import Value

HISTORIES = Path(__file__).resolve().parent.parent / "histories"


@attrs.frozen
class History:
    """What was kept of a run. `came_to` is its result and its events, as `replayed` gives them."""

    semantics: int
    plan: Any
    flow: str
    run: str
    inputs: Mapping[str, Value]
    rows: list[list[Any]]
    came_to: Any

    @classmethod
    def of(
        cls, compiled: plan.Plan, flow: str, run: str, inputs: Mapping[str, Value], rows: Iterable[Row]
    ) -> History:
        kept = cls(
            SEMANTICS, json.loads(dump_plan(compiled)), flow, run, dict(inputs), [*map(_shown, rows)], None
        )
        return attrs.evolve(kept, came_to=replayed(kept))

    @classmethod
    def read(cls, path: Path) -> History:
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        text = json.dumps(attrs.asdict(self), ensure_ascii=False, separators=(",", ":"))
        path.write_text(text + "\n", encoding="utf-8")


class Nobody:
    async def call(self, call: AgentCall) -> Value:
        raise AssertionError("a replay calls nothing")


def replayed(history: History) -> Any:
    """The result of a run and its events, as JSON."""
    compiled = load_plan(json.dumps(history.plan))
    assert isinstance(compiled, plan.Plan), compiled
    called = [name for name, agent in compiled.agents.items() if not agent.asks]
    program = link(compiled, dict.fromkeys(called, Nobody()))
    told: list[Any] = []
    rows = [*_rows(history.rows)]
    kernel = kernel_of(program, history.flow, history.inputs, history.run, told.append)
    kernel.expect(row.path for row in rows if row.kind == "scope")
    replay(kernel, rows)
    assert kernel.ended, "a history goes to the end of its run"
    came_to = {"result": _plain(kernel.result), "events": [_plain(event) for event in told]}
    return json.loads(json.dumps(came_to))


def _shown(row: Row) -> list[Any]:
    """A row, without the traces of agents, which show where they were called."""
    outcome = row.outcome
    if outcome is not None and row.kind in ("call", "answer"):
        outcome = json.dumps(
            {**json.loads(outcome), "cause": None} if "cause" in outcome else json.loads(outcome)
        )
    return [row.seq, row.kind, row.path, row.at, outcome, row.digest and row.digest.hex()]


def _rows(rows: list[list[Any]]) -> Iterator[Row]:
    for *columns, digest in rows:
        yield Row(*columns, digest and bytes.fromhex(digest))


def _plain(value: Any) -> Any:
    """A value of any of our classes as JSON, without what histories of before cannot have."""
    if attrs.has(type(value)):
        fields = {name: getattr(value, name) for name in attrs.fields_dict(type(value))}
        shown = {name: _plain(part) for name, part in fields.items() if not _came_later(value, name, part)}
        return {"is": type(value).__name__} | shown
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, plan.Model):
        return value.model_dump(mode="json")
    return str(value) if isinstance(value, Enum) else value


def _came_later(of: object, name: str, part: Any) -> bool:
    return (type(of), name) == (StepDone, "value") or ((type(of), name) == (RunResult, "usage") and not part)
