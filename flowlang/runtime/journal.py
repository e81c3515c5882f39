"""The journal protocol: what a durable run wants kept, and what whoever keeps it promises.

The journal of a run is the ordered list of its inputs, a row each (R11). Nobody sees what came of an input
before its row is committed; so whatever anybody has seen of a run can be computed again from the rows.

Two kinds of rows are no inputs. `started` stands before a call that must not be made twice without asking
(R13). `scope` stands for all the rows of a part of the run that is over (R16).

A keeper promises: a commit is written whole or not at all; it is refused where the run has another owner;
what was written is read back as it was, or its damage is told."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

import attrs

from flowlang.runtime.agents import AgentCall
from flowlang.runtime.inputs import (
    Answered,
    Began,
    CallEnded,
    CancelAsked,
    EventCame,
    Forked,
    Input,
    Outcome,
    ProgressKept,
    Raised,
    Replied,
    Resumed,
    Stopped,
    TimeCame,
)
from flowlang.values.codec import write_json

Kind: TypeAlias = Literal[
    "began", "call", "timer", "event", "answer", "cancel", "resumed", "forked", "started", "scope"
]

RunStatus: TypeAlias = Literal["running", "waiting", "unknown", "done", "failed", "cancelled"]
"""`waiting`: for nothing but answers, events and time. `unknown`: a call that must not be made twice may have
been made; somebody has to say what became of it. The last three are for good."""

SEMANTICS: Final = 1
"""The version of the interpreter's meaning. A run goes on with the one that it began with."""


class JournalMisfit(Exception):
    """Rows that this plan cannot have written: a damaged journal, or a mistake in the runtime."""


class Row(NamedTuple):
    """`seq` grows by 1 from row to row, but where a scope left a gap. `path` is that of the call, the
    question or the scope, or the event's name. `outcome` is JSON text; `digest` is of a call's arguments."""

    seq: int
    kind: Kind
    path: str
    at: int
    outcome: str | None = None
    digest: bytes | None = None


@attrs.frozen
class Wait:
    """What a run waits for, for those who look: not needed to go on. `name` is that of the ask or the event;
    `deadline` is the instant at which nobody waits any longer, or at which a sleep is over."""

    path: str
    kind: Literal["question", "event", "time"]
    name: str
    arguments: str | None  # of a question, JSON
    since: int
    deadline: int | None


@attrs.frozen
class Lease:
    """The right to write the journal of a run, until somebody takes the run over. `run` is the keeper's
    number for it."""

    run: int
    epoch: int


@attrs.frozen
class Ending:
    """How a run ended; `result` is what `flow run --json` prints, as JSON text."""

    at: int
    status: Literal["done", "failed", "cancelled"]
    result: str


@attrs.frozen
class Collapse:
    """The row `row`, whose `seq` is already taken, takes the place of the rows of `first` … `row.seq` whose
    path is `row.path` or lies inside of it."""

    first: int
    row: Row


@attrs.frozen
class Commit:
    """What is to be written at once. `taken` are the messages of the inbox that the rows were made of."""

    lease: Lease
    rows: Sequence[Row] = ()
    taken: Sequence[int] = ()
    opened: Sequence[Wait] = ()
    closed: Sequence[str] = ()
    collapsed: Sequence[Collapse] = ()
    status: RunStatus | None = None
    ending: Ending | None = None


class NotWritten(Exception):
    """A commit that was not written; nothing of it was. The run has to park: what waited for it is never
    seen."""


class TakenOver(NotWritten):
    """The run has another owner now."""


class Keeper(Protocol):
    """Where a driver writes the commits of its runs."""

    async def write(self, commit: Commit) -> None:
        """Durable when it returns. Not cancelled in the middle. Raises NotWritten."""


def row_of(seq: int, input: Input, digest: bytes | None = None) -> Row:
    """The row of an input. `digest` is that of the arguments of the call that has ended."""
    match input:
        case Began(at):
            return Row(seq, "began", "", at)
        case CallEnded(at, path, outcome, used):
            return Row(seq, "call", path, at, with_used(outcome_text(outcome), used), digest)
        case Answered(at, path, outcome):
            return Row(seq, "answer", path, at, outcome_text(outcome))
        case EventCame(at, event, fields):
            return Row(seq, "event", event, at, write_json(fields))
        case TimeCame(at):
            return Row(seq, "timer", "", at)
        case CancelAsked(at):
            return Row(seq, "cancel", "", at)
        case Resumed(at, away):
            return Row(seq, "resumed", "", at, str(away))
        case Forked(at, away):
            return Row(seq, "forked", "", at, str(away))
        case ProgressKept(at, path, progress):
            return Row(seq, "scope", path, at, write_json(progress))


def input_of(row: Row) -> Input:
    """The input of a row that is one. Raises JournalMisfit."""
    try:
        return _INPUTS[row.kind](row)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise JournalMisfit(f"row {row.seq} is no {row.kind}") from None


def digest_of(call: AgentCall) -> bytes:
    """A short hash of a call's arguments but its secrets, to tell on resume whether it is the same call."""
    shown = call.arguments
    if call.secrets:
        shown = {name: value for name, value in shown.items() if name not in call.secrets}
    return blake2b(write_json(shown).encode("utf-8", "surrogatepass"), digest_size=8).digest()


def outcome_text(outcome: Outcome) -> str | None:
    """An outcome as JSON text; None for a call that was stopped."""
    match outcome:
        case Replied(value):
            return write_json({"value": value})
        case Raised(error, message, fields, cause):
            return write_json({"error": error, "message": message, "fields": fields, "cause": cause})
        case Stopped():
            return None


def with_used(text: str | None, used: Mapping[str, int] | None) -> str | None:
    """The text of an outcome, and in it what the call has used."""
    if not used:
        return text
    told = write_json({"used": used})
    return told if text is None else f"{text[:-1]},{told[1:]}"


def _call_ended(row: Row) -> CallEnded:
    _, _, path, at, text, _ = row
    if text is None:
        return CallEnded(at, path, Stopped())
    known: dict[str, Any] = _read(text)
    if "used" not in known:
        return CallEnded(at, path, _outcome_of(known))
    used = known.pop("used")
    if not isinstance(used, dict):
        raise ValueError("what was used is an object")
    return CallEnded(at, path, Stopped() if used and not known else _outcome_of(known), used)


def _outcome_of(known: dict[str, Any]) -> Replied | Raised:
    return Replied(known["value"]) if "value" in known else Raised(**known)


def _read(text: str) -> Any:
    """`json.loads`, which for a small text takes longer before it begins. Raises ValueError."""
    value, end = _DECODER.raw_decode(text)
    if end != len(text):
        raise ValueError("there is more behind the text")
    return value


_DECODER: Final = json.JSONDecoder()

_INPUTS: Final[dict[str, Callable[[Any], Input]]] = {
    "began": lambda row: Began(row.at),
    "call": _call_ended,
    "answer": lambda row: Answered(row.at, row.path, _outcome_of(json.loads(row.outcome))),
    "event": lambda row: EventCame(row.at, row.path, json.loads(row.outcome)),
    "timer": lambda row: TimeCame(row.at),
    "cancel": lambda row: CancelAsked(row.at),
    "resumed": lambda row: Resumed(row.at, int(row.outcome)),
    "forked": lambda row: Forked(row.at, int(row.outcome)),
    "scope": lambda row: ProgressKept(row.at, row.path, json.loads(row.outcome)),
}
