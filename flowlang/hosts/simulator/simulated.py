"""What came of a simulated run: its result, or why it has none, and all that can be asked about it."""

from __future__ import annotations

from typing import Literal, TypeAlias

import attrs

from flowlang.hosts.simulator.ledger import Ledger
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.commands import OpenWait
from flowlang.runtime.events import Event
from flowlang.runtime.inputs import Input, Outcome
from flowlang.runtime.journal import Row
from flowlang.runtime.run import RunResult

Problem: TypeAlias = Literal["no progress", "too long"]
"""`no progress`: nothing is ready, nothing is due, and the run has not ended. `too long`: it went on and
on."""


@attrs.frozen
class Made:
    """A call as it was really made. `outcome` is how it ended, if it did; whether the run has ever heard of
    that is `recorded`. A call that a crash cut off did not end, as far as anybody knows. `told_before` and
    `told_after` count the events that were told before it was made, and when the run heard of its end."""

    path: str
    call: AgentCall
    started: int
    ended: int | None = None
    outcome: Outcome | None = None
    recorded: bool = False
    told_before: int = attrs.field(default=0, eq=False)
    told_after: int = attrs.field(default=0, eq=False)


@attrs.frozen
class Simulated:
    """`result` is None where there is a `problem`. `events` are those of whoever held the run last, who is
    told what was before, too. `calls` stand in the order in which they were made. `unbounded` are the waits
    for answers and events that no deadline ends; `waiting` are those that were open in the end. `commits`
    counts those that were begun, `choices` how often another order of what arrives would have been as good.
    Instants in microseconds since 1970."""

    result: RunResult | None
    problem: Problem | None
    events: tuple[Event, ...]
    calls: tuple[Made, ...]
    unbounded: tuple[OpenWait, ...]
    waiting: tuple[OpenWait, ...]
    commits: int
    choices: int
    ended: int
    ledger: Ledger = attrs.field(repr=False)

    @property
    def heard(self) -> list[Input]:
        """The inputs, in the order in which the run has heard them."""
        return self.ledger.inputs()

    @property
    def rows(self) -> list[Row]:
        """The journal."""
        return self.ledger.rows()
