"""The journal of a simulated run: commits go in, rows come out.

What is written are the inputs themselves; rows are made of them when somebody reads, which in a run without
a crash nobody does. Then they are what the store would hold: loops that have kept their progress are
forgotten as the store forgets them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import attrs

from flowlang.plan.paths import lies_inside
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.commands import StartCall
from flowlang.runtime.inputs import CallEnded, Input, ProgressKept
from flowlang.runtime.journal import Row, digest_of, row_of
from flowlang.values.value import Value


@attrs.frozen
class _Announced:
    at: int
    start: StartCall


_Entry: TypeAlias = "tuple[int, Input | _Announced, AgentCall | None]"


@attrs.define
class Ledger:
    """What was committed so far, in order."""

    _entries: list[_Entry] = attrs.field(factory=list)
    _seq: int = 0
    _progress: dict[int, ProgressKept] = attrs.field(factory=dict)  # by the row that led there
    _kept: dict[int, ProgressKept] = attrs.field(factory=dict)  # … as it was committed

    def write(
        self, heard: Sequence[tuple[Input, AgentCall | None]], announced: Sequence[StartCall], at: int
    ) -> None:
        """Commit what has arrived, with the call that it is the end of, and what is about to be called; with
        it goes the progress of loops."""
        for input, call in heard:
            self._seq += 1
            self._entries.append((self._seq, input, call))
        for start in announced:
            self._seq += 1
            self._entries.append((self._seq, _Announced(at, start), None))
        self._kept.update(self._progress)
        self._progress.clear()

    def keep(self, input: CallEnded, loop: str, progress: Value) -> None:
        """An input that is written already has brought a loop so far. Of loops inside of each other the outer
        one comes last, and counts."""
        seq = next(seq for seq, entry, _ in reversed(self._entries) if entry is input)
        self._progress[seq] = ProgressKept(input.at, loop, progress)

    def drop_progress(self) -> None:
        """What was not committed is gone."""
        self._progress.clear()

    def inputs(self) -> list[Input]:
        """What was written, but for announcements; also of loops whose rows are forgotten."""
        return [entry for _, entry, _ in self._entries if not isinstance(entry, _Announced)]

    def rows(self) -> list[Row]:
        rows = [_row(*entry) for entry in self._entries]
        for seq, kept in self._kept.items():
            rows = _collapsed(rows, row_of(seq, kept))
        return rows


def _row(seq: int, entry: Input | _Announced, call: AgentCall | None) -> Row:
    if isinstance(entry, _Announced):
        return Row(seq, "started", entry.start.path, entry.at, None, digest_of(entry.start.call))
    return row_of(seq, entry, None if call is None else digest_of(call))


def _collapsed(rows: Sequence[Row], kept: Row) -> list[Row]:
    """With one row in the place of those of a loop up to it."""
    over = [row for row in rows if row.seq <= kept.seq and not lies_inside(row.path, kept.path)]
    return [*over, kept, *(row for row in rows if row.seq > kept.seq)]
