"""The runs of a store, for programs that do not hold them: look, follow, answer, signal, cancel, replay.

    runs = StoredRuns("runs.db")
    for asked in await runs.questions():
        await runs.answer(asked.address, True)
    (await runs.query("4f2a")).status

Nobody but its holder writes to a run, so what a run is to hear is compared with the flow's types and then
left in its inbox: its holder takes it up at once, or whoever resumes it. This is as true in the process that
holds the run, which is why an `Engine` has these methods, and no others for its own runs.

All of it is done in a thread, with a connection of its own: a long journal that is replayed, or another
process that writes, keeps no run of this process waiting. One at a time: SQLite has one writer anyway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal, TypeAlias, TypeVar, get_args

import attrs
import trio

from flowlang.hosts.journaled import wall_clock
from flowlang.hosts.sqlite.opening import Durability
from flowlang.hosts.sqlite.owners import Holder
from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import FINAL, Store
from flowlang.plan import model as plan
from flowlang.runtime.commands import OpenWait
from flowlang.runtime.events import Event
from flowlang.runtime.host import Awaited
from flowlang.tools import run_asking, run_telling
from flowlang.tools.forks import Compared, replayed_with
from flowlang.tools.run_asking import Asked, open_questions
from flowlang.tools.run_handle import NotAccepted, Result
from flowlang.tools.run_history import Step
from flowlang.tools.run_looking import Looking, first_look
from flowlang.tools.run_result import stored_result
from flowlang.tools.run_view import view
from flowlang.values.value import Value

T = TypeVar("T")

Status: TypeAlias = Literal["running", "waiting", "interrupted", "unknown", "done", "failed", "cancelled"]

FOLLOWING: Final = 0.1  # seconds between two looks at the journal

NOT_TAKEN: Final = (
    "ended",
    "not_asked",
    "answered_already",
    "ambiguous_question",
    "bad_answer",
    "too_late",
    "unknown_event",
    "bad_event",
    "not_text",
)
"""Codes of what a run does not take; all others speak of the store."""


@attrs.frozen
class AwaitedEvent:
    """An event that a step waits for. Instants are microseconds since 1970 UTC."""

    path: str
    event: str
    since: int
    deadline: int | None


@attrs.frozen(eq=False)
class StoredRun:
    """A run as it stood when it was looked at. Instants are microseconds since 1970 UTC.

    `inputs` are in JSON form, without secrets. `holder` is the process that carries it out now. `questions`
    are those that nobody has answered. `unsettled` are the paths of calls of which nobody knows whether they
    were made: it cannot be resumed before somebody says. `too_late` are the paths of questions whose answers
    came when they were no longer asked. `steps` are the outermost ones, each with those
    `below` it, in the order in which they started. `result` is there once the run has ended."""

    id: str
    flow: str
    status: Status
    source: str | None
    inputs: Mapping[str, Value]
    started: int
    ended: int | None
    holder: Holder | None
    questions: tuple[Asked, ...]
    awaited: tuple[AwaitedEvent, ...]
    unsettled: tuple[str, ...]
    too_late: tuple[str, ...]
    steps: tuple[Step, ...]
    result: Result | None


class StoredRuns:
    """The runs of a store; `path` None is the user's own. Its methods belong to trio."""

    def __init__(
        self,
        path: Path | str | None = None,
        *,
        durability: Durability = "power",
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        self._path = None if path is None else Path(path)
        self._durability = durability
        self._clock = clock
        self._one_at_a_time = trio.CapacityLimiter(1)

    # Looking

    async def runs(
        self, *, status: Status | None = None, flow: str | None = None, limit: int = 100
    ) -> list[RunRecord]:
        """The newest runs of that status and flow, newest first. Raises StoreProblem."""
        if status is not None and status not in get_args(Status):
            raise ValueError(f"a status is one of {', '.join(get_args(Status))}, not {status!r}")
        return await self._beside(lambda store: store.runs(status=status, flow=flow, limit=limit))

    async def query(self, run: str) -> StoredRun:
        """All that is known of the run whose id is, or begins with, what is given. Raises StoreProblem."""
        return await self._beside(lambda store: _looked_at(store, run, self._clock()))

    async def questions(self, run: str | None = None) -> list[Asked]:
        """The open questions of one run, or of all, the one that has been open longest first; each with its
        `address` and the type that is `wanted`. Raises StoreProblem."""
        return await self._beside(lambda store: open_questions(store, run))

    async def events(self, run: str, *, follow: bool = True) -> AsyncIterator[Event]:
        """What happened in a run, from its beginning; and what happens, until it ends or nobody holds it,
        unless `follow` is False. An event is there once the journal has what led to it. Raises
        StoreProblem."""
        told: list[Event] = []
        looking, left = await self._beside(lambda store: _first_look(store, run, told))
        try:
            while True:
                for event in told:
                    yield event
                told.clear()
                if not follow or looking.kernel.ended or left:
                    return
                await trio.sleep(FOLLOWING)
                left = await self._beside(lambda store: _next_look(store, looking))
        finally:
            looking.kernel.close()

    async def replay(self, run: str, with_: plan.Plan | None = None) -> Compared:
        """Go through a run again without calling anything: with its own plan, which shows that its journal is
        whole, or with another, which shows whether that would have gone the same way, and where not. Raises
        StoreProblem."""
        return await self._beside(lambda store: replayed_with(store, store.find(run), with_))

    # Telling

    async def answer(self, run: str, value: object, path: str = "") -> Asked:
        """Answer a question of a run: that at `path`, or the only one. `run` may also be the question's whole
        address, `RUN/PATH`. Gives the question. Raises NotAccepted where it is not open or the value does not
        fit, StoreProblem."""
        address = f"{run}/{path}" if path else run
        with _refusals():
            return await self._beside(
                lambda store: run_asking.answer_with(store, address, value, self._clock())
            )

    async def signal(self, run: str, event: str, fields: object = None) -> None:
        """Tell a run that something has happened, with the event's fields as a mapping or an object. It is
        kept until a step waits for it. Raises NotAccepted where it does not fit or the run has ended,
        StoreProblem."""
        given = {} if fields is None else fields
        with _refusals():
            await self._beside(lambda store: run_telling.signal_with(store, run, event, given, self._clock()))

    async def cancel(self, run: str) -> None:
        """Ask for a run to be cancelled, with its undos and `finally`; whoever holds or resumes it does that.
        Raises NotAccepted where it has ended, StoreProblem."""
        with _refusals():
            await self._beside(lambda store: run_telling.cancel(store, run, self._clock()))

    async def _beside(self, work: Callable[[Store], T]) -> T:
        def with_store() -> T:
            with Store.open(self._path, self._durability) as store:
                return work(store)

        return await trio.to_thread.run_sync(with_store, limiter=self._one_at_a_time)


@contextmanager
def _refusals() -> Iterator[None]:
    """What a run does not take, in the words of a handle."""
    try:
        yield
    except StoreProblem as problem:
        if problem.code not in NOT_TAKEN:
            raise
        told = f"{problem.message}; {problem.help}" if problem.help else problem.message
        raise NotAccepted(told) from problem


def _looked_at(store: Store, run: str, now: int) -> StoredRun:
    seen = view(store, run, now=now)
    record = seen.record
    ended = record.status in FINAL
    return StoredRun(
        id=record.id,
        flow=record.flow,
        status=record.status,
        source=record.source,
        inputs=seen.inputs,
        started=record.created,
        ended=record.ended,
        holder=record.holder,
        questions=() if ended else tuple(open_questions(store, record.id)),
        awaited=tuple(_awaited(seen.waits)),
        unsettled=tuple(seen.unknown),
        too_late=tuple(seen.too_late),
        steps=tuple(seen.history.root.below),
        result=stored_result(store, record) if ended else None,
    )


def _awaited(waits: Mapping[str, OpenWait]) -> Iterator[AwaitedEvent]:
    for path, wait in waits.items():
        if isinstance(wait.awaited, Awaited):
            yield AwaitedEvent(path, wait.awaited.event, wait.since, wait.deadline)


def _first_look(store: Store, run: str, told: list[Event]) -> tuple[Looking, bool]:
    """A run that is looked at, and whether nobody holds it. Its kernel is the caller's to close."""
    record = store.find(run)
    return first_look(store, record, told.append), record.holder is None


def _next_look(store: Store, looking: Looking) -> bool:
    """Read on; gives whether nobody holds the run. Who lets go of it has written all that it heard."""
    left = store.record(looking.record.number).holder is None
    looking.store = store
    looking.go_on()
    return left
