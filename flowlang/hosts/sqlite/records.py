"""What the store tells of runs, and what it has to be told."""

from __future__ import annotations

from typing import Literal

import attrs

from flowlang.hosts.sqlite.owners import Holder
from flowlang.runtime.journal import SEMANTICS, RunStatus


@attrs.frozen
class NewRun:
    """`plan` and `inputs` are JSON texts; `source` is the path of the flow's file, if it came from one;
    `created` an instant in microseconds since 1970 UTC."""

    id: str
    flow: str
    plan: str
    inputs: str
    created: int
    source: str | None = None
    semantics: int = SEMANTICS


@attrs.frozen
class RunRecord:
    """A run, but for what it began with, what it gave and its journal.

    `number` is what the store calls it, `plan` the hash of its plan. `updated` is the last instant at which
    somebody surely held it. `status` is `interrupted` where it was under way and whoever held it is gone; a
    run that waits, or whose call has to be settled, may be left alone and is what it was. `holder` is who
    holds it now."""

    number: int
    id: str
    flow: str
    plan: str
    source: str | None
    semantics: int
    created: int
    updated: int
    status: RunStatus | Literal["interrupted"]
    epoch: int
    ended: int | None
    holder: Holder | None


@attrs.frozen
class Message:
    """What somebody else wants a run to hear. `path` is the address of the question or the event's name,
    `value` JSON text."""

    number: int
    run: int
    kind: Literal["answer", "signal", "cancel"]
    path: str
    value: str | None
    at: int
