"""What a run has heard and has come to, from one commit to the next."""

from __future__ import annotations

import attrs

from flowlang.runtime.commands import OpenWait
from flowlang.runtime.host import Awaited, Question
from flowlang.runtime.journal import Collapse, Commit, Ending, Lease, Row, RunStatus, Wait
from flowlang.values.codec import write_json
from flowlang.values.value import Value


@attrs.define
class Unwritten:
    """`rows` were heard, `taken` are the messages of the inbox that they were made of; the rest is what came
    of them."""

    rows: list[Row] = attrs.field(factory=list)
    taken: list[int] = attrs.field(factory=list)
    _opened: dict[str, Wait] = attrs.field(factory=dict)
    _closed: list[str] = attrs.field(factory=list)
    _collapsed: dict[int, Collapse] = attrs.field(factory=dict)
    _kept_at: dict[str, int] = attrs.field(factory=dict)  # the rows of loops whose progress was kept

    def __bool__(self) -> bool:
        return bool(self.rows or self.taken or self._opened or self._closed)

    def open(self, wait: OpenWait) -> None:
        self._opened[wait.path] = _shown(wait)

    def close(self, path: str) -> None:
        self._opened.pop(path, None)
        self._closed.append(path)

    def collapse(self, row: Row, loop: str, progress: Value) -> None:
        """Let how far a loop has come take the place of the rows that led there, which end with this one. Of
        loops inside of each other the outer one comes last, and counts."""
        kept = Row(row.seq, "scope", loop, row.at, write_json(progress))
        self._collapsed[row.seq] = Collapse(self._kept_at.get(loop, 1), kept)
        self._kept_at[loop] = row.seq

    def commit(self, lease: Lease, status: RunStatus | None, ending: Ending | None) -> Commit:
        """All of it, which from now on is in this commit."""
        rows, self.rows = self.rows, []
        opened, closed, collapsed = self._opened.values(), self._closed, self._collapsed.values()
        commit = Commit(lease, rows, (*self.taken,), (*opened,), (*closed,), (*collapsed,), status, ending)
        for written in (self.taken, self._opened, self._closed, self._collapsed):
            written.clear()
        return commit


def _shown(wait: OpenWait) -> Wait:
    match wait.awaited:
        case Question(ask=ask, arguments=arguments):
            return Wait(wait.path, "question", ask, write_json(arguments), wait.since, wait.deadline)
        case Awaited(event=event):
            return Wait(wait.path, "event", event, None, wait.since, wait.deadline)
