"""A stored run -> its inputs, and how agents and people behaved in it, as data that a simulation takes.

    past = ft.recorded("4f2a")
    ft.run_of("orders.flow", inputs=past.inputs, faults=past.faults)      # the flow as it is now, that time
    @given(ft.runs("orders.flow", like=past))                             # … and with what else may go wrong

A call or a question is answered as that of the same path was, after as long. What the run never asked is
answered as if nothing was known of it. Secrets are not kept; other values that fit take their place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import attrs

from flowlang.hosts.sqlite.store import Store
from flowlang.plan import model as plan
from flowlang.plan.text import duration_text
from flowlang.runtime.failures import BUILT_IN
from flowlang.runtime.inputs import Answered, CallEnded, EventCame, Outcome, Raised, Replied
from flowlang.runtime.journal import Row, input_of
from flowlang.runtime.kernel import Kernel
from flowlang.testing.faults import Behaviour, Comes, Faults, Raises, Replies, Silent
from flowlang.testing.inputs import Inputs
from flowlang.tools.run_looking import Looking, looking_at
from flowlang.values.codec import encode
from flowlang.values.value import Value


@attrs.frozen
class Recorded:
    """What a stored run was given, and what happened around it."""

    run: str
    inputs: Inputs
    faults: Faults = attrs.field(repr=False)


def recorded(run: str, store: str | os.PathLike[str] | None = None) -> Recorded:
    """What is known of a run, given its id or the beginning of that; `store` None is the user's.

    Raises StoreProblem where there is no such run, or it cannot be read."""
    with Store.open(Path(store) if store is not None else None, patience=0) as opened:
        return recorded_in(opened, run)


def recorded_in(store: Store, run: str) -> Recorded:
    """`recorded` in a store that is open."""
    noted, record = _Noted(), store.find(run)
    with looking_at(store, record, on_row=noted.take) as looking:
        return Recorded(record.id, _inputs(looking), noted.faults(looking))


def _inputs(looking: Looking) -> Inputs:
    types = {p.name: p.type for p in looking.plan.flows[looking.record.flow].parameters}
    return {name: encode(value, types[name]) for name, value in looking.begun.values.items()}


@attrs.define
class _Noted:
    """`began` says when each call and question was made, `rows` how those of a path ended."""

    began: dict[str, int] = attrs.field(factory=dict)
    rows: dict[str, Row] = attrs.field(factory=dict)
    came: list[Row] = attrs.field(factory=list)

    def take(self, kernel: Kernel, row: Row, late: bool) -> None:
        for path in (*kernel.calls, *kernel.waits):
            self.began.setdefault(path, row.at)
        if row.kind in ("call", "answer") and not late:
            self.rows[row.path] = row
        elif row.kind == "event":
            self.came.append(row)

    def faults(self, looking: Looking) -> Faults:
        start = looking.record.created
        return Faults(
            calls={path: self._behaviour(looking.plan, path, row) for path, row in self.rows.items()},
            events=tuple(_comes(looking.plan, row, start) for row in self.came),
        )

    def _behaviour(self, compiled: plan.Plan, path: str, row: Row) -> Behaviour:
        heard = input_of(row)
        assert isinstance(heard, CallEnded | Answered), "rows of calls and answers are noted"
        return _as_data(compiled, heard.outcome, duration_text(row.at - self.began.get(path, row.at)))


def _as_data(compiled: plan.Plan, outcome: Outcome, after: str) -> Behaviour:
    match outcome:
        case Replied(value):
            return Replies(value, after)
        case Raised(error=error, message=message, fields=fields):
            return Raises(error, dict(_told(compiled, error, message, fields)), after)
        case _:
            return Silent()


def _told(
    compiled: plan.Plan, error: str, message: str, fields: dict[str, Value]
) -> Iterator[tuple[str, Value]]:
    """The fields of an error, with the message that a built-in one has beside them."""
    yield from fields.items()
    if error in BUILT_IN and error not in compiled.errors and "message" not in fields:
        yield "message", message


def _comes(compiled: plan.Plan, row: Row, start: int) -> Comes:
    heard = input_of(row)
    assert isinstance(heard, EventCame), "rows of events are noted"
    record = plan.RecordType(fields=compiled.events[heard.event].fields)
    return Comes(heard.event, encode(heard.fields, record), duration_text(max(0, row.at - start)))
