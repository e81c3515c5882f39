"""Looking at a run: its journal is replayed, as often as there is more of it, and nothing is called.

The kernel tells the run's events as it told them when they happened. Which calls it wanted made, with which
arguments, is read off it between two rows (`OnRow`): no row holds that, since it can be computed again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TypeAlias

import attrs

from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import Store
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.events import Event, OnEvent
from flowlang.runtime.journal import JournalMisfit, Row
from flowlang.runtime.kernel import Kernel
from flowlang.runtime.program import Program, link
from flowlang.runtime.replay import expect_progress, feed, kernel_of
from flowlang.tools.stored import Begun, begun_of, plan_of, problem_of
from flowlang.values.value import Value

OnRow: TypeAlias = Callable[[Kernel, Row, bool], None]
"""Is told of each row, once the kernel has gone on from it, and whether it came too late to change anything:
an answer to what is no longer asked."""


@attrs.define(eq=False, repr=False)
class Looking:
    """A run as it stood when its journal was last read. `fresh` makes a kernel of it that has heard nothing
    yet, and tells its events to whom it is given. `announced` are the calls that must not be made twice and
    that were about to be made, `too_late` the questions whose answers came too late, by their paths."""

    store: Store
    record: RunRecord
    plan: plan.Plan
    begun: Begun
    fresh: Callable[[OnEvent | None], Kernel]
    on_event: OnEvent | None = None
    on_row: OnRow | None = None
    seq: int = 0
    past: bool = False
    announced: dict[str, None] = attrs.field(factory=dict)
    too_late: dict[str, None] = attrs.field(factory=dict)
    kernel: Kernel = attrs.field(
        default=attrs.Factory(lambda self: self.fresh(self._tell), takes_self=True), init=False
    )

    def go_on(self) -> None:
        """Read on, to the end of what the journal holds by now. Raises StoreProblem.

        Where rows were forgotten meanwhile, it is gone through anew, and only what is new is told."""
        rows = self.store.journal(self.record.number, after=self.seq)
        if self.seq and any(row.kind == "scope" for row in rows):
            self.kernel.close()
            self.kernel = self.fresh(self._tell)
            rows = self.store.journal(self.record.number)
        expect_progress(self.kernel, rows)
        try:
            feed(self.kernel, self._watched(rows))
        except JournalMisfit as misfit:
            raise problem_of(misfit, self.record) from None

    def _tell(self, event: Event) -> None:
        if self.on_event is not None and not self.past:
            self.on_event(event)

    def _watched(self, rows: Sequence[Row]) -> Iterator[Row]:
        for row in rows:
            self.past = row.seq <= self.seq
            late = row.kind == "answer" and row.path not in self.kernel.waits
            yield row
            self.seq = max(self.seq, row.seq)
            if row.kind == "started":
                self.announced[row.path] = None
            if late:
                self.too_late[row.path] = None
            if self.on_row is not None:
                self.on_row(self.kernel, row, late)

    @property
    def unknown(self) -> list[str]:
        """The calls of which nobody can say whether they were made, if nobody holds the run."""
        calls = self.kernel.calls
        return [path for path in self.announced if path in calls and not calls[path].given_up]


@contextmanager
def looking_at(
    store: Store, record: RunRecord, on_event: OnEvent | None = None, on_row: OnRow | None = None
) -> Iterator[Looking]:
    """Look at a run for as long as the block lasts, first at all that has happened. Raises StoreProblem."""
    looking = first_look(store, record, on_event, on_row)
    try:
        yield looking
    finally:
        looking.kernel.close()


def first_look(
    store: Store, record: RunRecord, on_event: OnEvent | None = None, on_row: OnRow | None = None
) -> Looking:
    """The same without a block: its kernel is the caller's to close."""
    compiled = plan_of(store, record)
    begun = begun_of(store, record).with_stand_ins(compiled.flows[record.flow])
    program = uncallable(compiled)
    fresh = partial(kernel_of, program, record.flow, begun.values, record.id, seed=begun.seed)
    looking = Looking(store, record, compiled, begun, fresh, on_event, on_row)
    try:
        looking.go_on()
    except BaseException:
        looking.kernel.close()
        raise
    return looking


def uncallable(compiled: plan.Plan) -> Program:
    """A program for replays, none of whose agents can be called."""
    return link(compiled, dict.fromkeys(compiled.agents, _NoAgent()))


class _NoAgent:
    """Stands where nothing is called."""

    async def call(self, call: AgentCall) -> Value:
        raise AssertionError("a replay calls nothing")
