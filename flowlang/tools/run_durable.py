"""Runs of a store: carried out by a journaled host, for as long as an engine holds them.

A run that is held is `Taken`: begun anew, resumed or forked, which is all the same from here on. What the
runs of an engine have in common is `Shared`."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeAlias

import attrs

from flowlang.hosts.journaled import JournaledRun, OutcomeUnknown, Parked, World
from flowlang.hosts.places import SharedPlaces
from flowlang.hosts.sqlite.artifacts import Artifacts, RunFiles
from flowlang.hosts.sqlite.records import Message
from flowlang.hosts.sqlite.store import Store
from flowlang.hosts.sqlite.writer import Writer
from flowlang.hosts.trio_host import TrioHost
from flowlang.hosts.under_way import Activity
from flowlang.hosts.withheld import Telling
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.connections import Connections
from flowlang.runtime.events import Event, OnEvent
from flowlang.runtime.host import Question
from flowlang.runtime.inputs import Outcome
from flowlang.runtime.journal import Ending, Lease, Row
from flowlang.runtime.kernel import Kernel
from flowlang.runtime.mailbox import MailboxFull
from flowlang.runtime.replay import Replayed
from flowlang.runtime.run import RunResult
from flowlang.tools.engine import Prepared
from flowlang.tools.engine_stats import CountedCalls
from flowlang.tools.run_artifacts import Artifact, artifacts_at_end
from flowlang.tools.run_handle import Left, Result, result_of
from flowlang.tools.run_in_memory import Answer, Answering
from flowlang.tools.run_report import result_json
from flowlang.tools.shared_turns import SharedTurns
from flowlang.values.codec import decode, write_json
from flowlang.values.value import Misfit, Value

Resolve: TypeAlias = Callable[[Mapping[str, AgentCall]], Mapping[str, Outcome | None]]
"""Says what became of calls whose outcome is unknown, by their paths: an outcome, or None to make them again.
Those that it leaves out stay unknown."""


def leave_unknown(calls: Mapping[str, AgentCall]) -> Mapping[str, Outcome | None]:
    return {}


@attrs.frozen(eq=False)
class Shared:
    """What the runs of an engine share."""

    store: Store
    writer: Writer
    activity: Activity
    calls: SharedPlaces
    turns: SharedTurns
    counted: CountedCalls
    connections: Connections
    artifacts: Artifacts
    clock: Callable[[], int]


@attrs.frozen(eq=False)
class Taken:
    """A run that may be written here. `bring` brings it to where it stands, given who is told of its
    events. A fork that is all past ended before it was `created`."""

    id: str
    lease: Lease
    prepared: Prepared
    bring: Callable[[OnEvent | None], tuple[Kernel, Replayed | None]]
    answer: Answer | None
    wait: bool
    files: RunFiles
    inputs: Mapping[str, Value]  # but the secret ones
    secrets: tuple[str, ...]  # all writings of them
    created: int
    resolve: Resolve = leave_unknown
    resumed: bool = True


class Durable:
    """The `Carrier` of a run with a journal."""

    def __init__(self, taken: Taken, shared: Shared, on_event: OnEvent | None) -> None:
        self._taken, self._shared = taken, shared
        self._plan = taken.prepared.program.plan
        self._heard: set[int] = set()
        self._result: Result | None = None
        telling = None if on_event is None else Telling(on_event)
        kernel, replayed = taken.bring(telling)
        self._run = JournaledRun(
            self._plan,
            kernel,
            taken.lease,
            self._world(telling),
            self._conclude,
            replayed=replayed,
            resumed=taken.resumed,
            resolved=_resolved(taken, kernel, replayed),
            telling=telling,
            leave_waiting=not taken.wait,
        )

    def _world(self, telling: Telling | None) -> World:
        taken, shared = self._taken, self._shared
        host = TrioHost(
            taken.prepared.program.agents,
            calls_at_once=shared.calls.of_run(),
            turns=shared.turns.of(taken.prepared),
            epoch=shared.clock(),
            on_event=telling,
            files=taken.files,
            connections=shared.connections,
            secrets=taken.secrets,
        )
        answering = Answering(taken.prepared.answerers, taken.answer, taken.files, shared.connections)
        make_call = partial(shared.counted.call, taken.id, host.call)
        return World(shared.writer, make_call, answering.find, shared.activity, shared.clock, host.used)

    @property
    def ended(self) -> bool:
        """Whether the end of the run is written."""
        return self._run.ended

    @property
    def questions(self) -> Mapping[str, Question]:
        return self._run.questions

    def answer(self, path: str, answer: Value) -> None:
        self._run.answer(path, answer)

    def send(self, event: str, fields: Value) -> None:
        self._run.send(event, fields)

    def cancel(self) -> None:
        self._run.cancel()

    def park(self) -> None:
        self._run.park()

    def past(self) -> list[Event]:
        told: list[Event] = []
        kernel, _ = self._taken.bring(told.append)
        kernel.close()
        return told

    async def carry_out(self) -> Result | Left:
        match await self._run.carry_out():
            case Parked(problem=problem, waiting=waiting):
                reason = None if problem is None else str(problem)
                return Left("waiting" if waiting else "interrupted", reason, counts=self._run.counts)
            case OutcomeUnknown(paths):
                return Left("unknown", paths=paths, counts=self._run.counts)
            case RunResult():
                assert self._result is not None, "its end was written"
                return self._result

    def _conclude(self, ended: RunResult, last: Sequence[Row]) -> Ending:
        """Called once, before the end is written: a run that has ended may be pruned at any instant."""

        def artifacts(data: Value) -> tuple[Artifact, ...]:
            number, inputs = self._taken.lease.run, self._taken.inputs
            return artifacts_at_end(self._shared.store, self._shared.artifacts, number, data, inputs, last)

        self._result = result = result_of(ended, self._plan, artifacts, created=self._taken.created)
        text = write_json(result_json(result, self._taken.prepared.places))
        return Ending(max(ended.ended, self._taken.created), ended.status, text)

    def hear(self, message: Message) -> None:
        """Take a message of the inbox up, once."""
        if message.number in self._heard:
            return
        self._heard.add(message.number)
        try:
            self._pass_on(message)
        except (Misfit, LookupError, MailboxFull, ValueError):
            self._run.pass_over(message.number)

    def _pass_on(self, message: Message) -> None:
        match message.kind:
            case "cancel":
                self._run.cancel(message.number, message.at)
            case "answer":
                answer = json.loads(message.value or "null")
                decode(answer, self._plan.agents[self._run.questions[message.path].ask].result)
                self._run.answer(message.path, answer, message.number, message.at)
            case "signal":
                declared = self._plan.events[message.path]
                record = plan.RecordType(fields=declared.fields, name=message.path)
                fields = decode(json.loads(message.value or "{}"), record)
                self._run.send(message.path, fields, message.number, message.at)


def _resolved(taken: Taken, kernel: Kernel, replayed: Replayed | None) -> Mapping[str, Outcome | None]:
    """What became of the calls that were announced."""
    started = replayed.started if replayed else ()
    return taken.resolve({path: kernel.calls[path].call for path in started})
