"""`flow logs`: a run's events, one line each, from its journal and as it grows.

What is behind a run is told in the words of its display, as is what comes. What a fork has taken over has
the times of the run that did it; what the fork did counts from its own beginning. To follow a run is to read
what its holder commits: a few times a second it is asked whether anybody wrote, and the holder lives."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import attrs

from flowlang.hosts.sqlite.store import Store
from flowlang.runtime.events import Event, to_json
from flowlang.runtime.journal import Row
from flowlang.runtime.kernel import Kernel
from flowlang.tools.run_display import Lines
from flowlang.tools.run_looking import Looking, looking_at

LISTENING: Final = 0.1  # seconds between two looks at the store

Write: TypeAlias = Callable[[str], None]


def log(
    store: Store, wanted: str, write: Write, *, as_json: bool = False, pause: Callable[[], None] | None = None
) -> Literal["ended", "held", "left"]:
    """Write the events of a run. Given a `pause`, which is called between two looks, follow the run until it
    ends or nobody holds it. Says how the run stands. Raises StoreProblem, and what `write` raises."""
    record = store.find(wanted)
    words = _Words()
    told = _Told(_json_line if as_json else words.line, words.begin, write)
    with looking_at(store, record, told.events.append, told.write_out) as looking:
        store.changed()
        while True:
            # Who lets go of a run has written all that it heard.
            left = store.record(record.number).holder is None
            looking.go_on()
            if looking.kernel.ended or left:
                return "ended" if looking.kernel.ended else "left"
            if pause is None:
                return "held"
            _wait_for_news(store, looking, pause)


def _wait_for_news(store: Store, looking: Looking, pause: Callable[[], None]) -> None:
    """Until somebody has written, or nobody holds the run."""
    pause()
    while not store.changed() and store.record(looking.record.number).holder is not None:
        pause()


@attrs.define
class _Told:
    """Events that are written between two rows: in a run that is replayed, nothing may be raised."""

    line: Callable[[Event], str]
    begin: Callable[[int], None]
    write: Write
    events: list[Event] = attrs.field(factory=list)

    def write_out(self, kernel: Kernel, row: Row, late: bool) -> None:
        for event in self.events:
            if line := self.line(event):
                self.write(line)
        self.events.clear()
        if row.kind == "forked":
            self.begin(row.at)


def _json_line(event: Event) -> str:
    told = {"run_id" if name == "run" else name: value for name, value in to_json(event).items()}
    return json.dumps(told, ensure_ascii=False) + "\n"


class _Words:
    """Events in the words of a display; of some it says nothing."""

    def __init__(self) -> None:
        self._display = Lines(io.StringIO())
        self.begin = self._display.begin

    def line(self, event: Event) -> str:
        self._display.stream = buffer = io.StringIO()
        self._display.tell(event)
        return buffer.getvalue()
