"""The mailbox of a run: events that came before anyone waited for them, and waits that are open.

Plain state, without waiting: a host puts events in, opens waits, and wakes whoever got one. An event goes to
the wait that has been open longest and whose condition it meets, and to no other; where there is none it is
kept. A wait takes the oldest kept event that it wants. A wait that is closed takes nothing."""

from __future__ import annotations

from typing import Final

import attrs

from flowlang.runtime.failures import FlowFailure
from flowlang.runtime.host import Awaited
from flowlang.values.value import Value

MOST_KEPT: Final = 10_000


class MailboxFull(Exception):
    """Too many events have come that nobody waited for."""


@attrs.define(eq=False)
class Wait:
    """`settled` once it has an event, or a failure of its condition."""

    awaited: Awaited
    settled: bool = False
    event: Value = None
    failure: FlowFailure | None = None


@attrs.define
class Mailbox:
    kept: list[tuple[str, Value]] = attrs.field(factory=list)
    waits: list[Wait] = attrs.field(factory=list)

    def open(self, awaited: Awaited) -> Wait:
        """A new wait, settled already where a kept event will do. Raises FlowFailure of the condition."""
        wait = Wait(awaited)
        for position, (name, event) in enumerate(self.kept):
            if name == awaited.event and awaited.matches(event):
                del self.kept[position]
                wait.settled, wait.event = True, event
                return wait
        self.waits.append(wait)
        return wait

    def close(self, wait: Wait) -> list[Wait]:
        """Take a wait back. An event that it has got meanwhile goes on to others, as if it had come first;
        gives the waits that are settled by that."""
        if wait in self.waits:
            self.waits.remove(wait)
            return []
        return [] if wait.failure else self._pass_on(wait.awaited.event, wait.event, 0)

    def deliver(self, name: str, event: Value) -> list[Wait]:
        """Put an event in; gives the waits that are settled by it. At most the last has it; the condition of
        those before failed. Raises MailboxFull."""
        if len(self.kept) >= MOST_KEPT:
            raise MailboxFull(f"{MOST_KEPT:,} events are waiting to be waited for")
        return self._pass_on(name, event, len(self.kept))

    def _pass_on(self, name: str, event: Value, position: int) -> list[Wait]:
        settled = []
        for wait in [wait for wait in self.waits if wait.awaited.event == name]:
            _offer(wait, event)
            if wait.settled:
                self.waits.remove(wait)
                settled.append(wait)
                if wait.failure is None:
                    return settled
        self.kept.insert(position, (name, event))
        return settled


def _offer(wait: Wait, event: Value) -> None:
    try:
        if wait.awaited.matches(event):
            wait.settled, wait.event = True, event
    except FlowFailure as failure:
        wait.settled, wait.failure = True, failure
