"""The durable engine: a store -> runs that outlive their process.

    async with Engine.open("runs.db") as engine:
        async with engine.start(prepared, {"name": "Ada"}) as run: ...
        async with engine.resume("4f2a") as run: ...

An engine holds its runs by one lock for as long as it lives, writes their commits through one writer, and
looks into the inbox of the store for what others want them to hear. What does not fit there is passed over:
whoever put it in was told so, or came too late."""

from __future__ import annotations

import json
import math
import os
import shlex
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, Protocol, TypeAlias
from weakref import WeakKeyDictionary

import attrs
import trio

from flowlang.agents.binding import AgentLike
from flowlang.agents.file import File
from flowlang.hosts.connections import open_connections
from flowlang.hosts.journaled import Conclude, JournaledRun, OutcomeUnknown, Parked, World, wall_clock
from flowlang.hosts.places import SharedPlaces
from flowlang.hosts.sqlite.artifacts import Artifacts, RunFiles, artifacts_of
from flowlang.hosts.sqlite.opening import Durability
from flowlang.hosts.sqlite.owners import Owner
from flowlang.hosts.sqlite.records import Message, NewRun, RunRecord
from flowlang.hosts.sqlite.replies import StoredReplies
from flowlang.hosts.sqlite.store import Store
from flowlang.hosts.sqlite.writer import Writer
from flowlang.hosts.trio_host import CALLS_AT_ONCE, TrioGroup, TrioHost
from flowlang.hosts.under_way import Activity
from flowlang.hosts.withheld import Telling
from flowlang.plan import model as plan
from flowlang.plan.load import dump_plan
from flowlang.runtime.agents import AgentCall
from flowlang.runtime.connections import Connections
from flowlang.runtime.events import Event, OnEvent
from flowlang.runtime.hiding import secrets_of
from flowlang.runtime.host import Question
from flowlang.runtime.inputs import Began, Outcome
from flowlang.runtime.journal import Ending, Lease, Row, row_of
from flowlang.runtime.kernel import Kernel
from flowlang.runtime.mailbox import MailboxFull
from flowlang.runtime.replay import Replayed, kernel_of, replay
from flowlang.runtime.run import RunResult
from flowlang.tools.engine import Prepared, at_least_one, files_in, run_id_of
from flowlang.tools.engine_stats import AgentStats, CountedCalls, post_changes
from flowlang.tools.forks import forked_begun, forked_past
from flowlang.tools.preparations import Preparations
from flowlang.tools.run_artifacts import Artifact, artifacts_at_end
from flowlang.tools.run_handle import Left, Result, RunHandle, carried, result_of
from flowlang.tools.run_in_memory import Answer, Answering
from flowlang.tools.run_report import result_json
from flowlang.tools.run_result import stored_result
from flowlang.tools.secret_inputs import SecretOption
from flowlang.tools.shared_turns import SharedTurns
from flowlang.tools.stored import Begun, anywhere, begun_of, brought_back, found_anew, no_collection
from flowlang.tools.stored_runs import StoredRuns
from flowlang.values.codec import decode, write_json
from flowlang.values.value import Misfit, Value

LISTENING: Final = 0.1  # seconds between two looks into the inbox

Resolve: TypeAlias = Callable[[Mapping[str, AgentCall]], Mapping[str, Outcome | None]]
"""Says what became of calls whose outcome is unknown, by their paths: an outcome, or None to make them again.
Those that it leaves out stay unknown."""


class FindArtifacts(Protocol):
    """The files of a run, given its result, and the last rows of its journal where they are not written."""

    def __call__(self, data: Value, last: Sequence[Row] = ()) -> tuple[Artifact, ...]: ...


def leave_unknown(calls: Mapping[str, AgentCall]) -> Mapping[str, Outcome | None]:
    return {}


@attrs.frozen(eq=False)
class _Taken:
    """A run that may be written here. `bring` brings it to where it stands, given who is told of its
    events."""

    id: str
    lease: Lease
    prepared: Prepared
    bring: Callable[[OnEvent | None], tuple[Kernel, Replayed | None]]
    answer: Answer | None
    wait: bool
    files: RunFiles
    inputs: Mapping[str, Value]  # but the secret ones
    secrets: tuple[str, ...]  # all writings of them
    resolve: Resolve = leave_unknown
    resumed: bool = True

    def past(self) -> list[Event]:
        """What has happened in the run so far."""
        told: list[Event] = []
        kernel, _ = self.bring(told.append)
        kernel.close()
        return told


class Engine(StoredRuns):
    """Carries out runs of one store, in one event loop. What a program sees of stored runs and tells them,
    held here or not, is the same as without an engine: see `StoredRuns`."""

    def __init__(
        self,
        store: Store,
        owner: Owner,
        writer: Writer,
        activity: Activity,
        calls: SharedPlaces,
        clock: Callable[[], int],
        turns: SharedTurns,
        connections: Connections,
    ) -> None:
        super().__init__(store.path, durability=store.durability, clock=clock)
        self.store = store
        self._owner, self._writer, self._activity, self._calls = owner, writer, activity, calls
        self._turns, self._counted, self._connections = turns, CountedCalls(clock), connections
        self._artifacts = Artifacts(artifacts_of(store.path), synced=store.durability == "power")
        self._begun = 0
        self._held: dict[int, _Durable] = {}
        self._preparations = Preparations()
        self._plans: WeakKeyDictionary[Prepared, str] = WeakKeyDictionary()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path | str | None = None,
        *,
        durability: Durability = "power",
        max_parallel: int = CALLS_AT_ONCE,
        clock: Callable[[], int] = wall_clock,
    ) -> AsyncIterator[Engine]:
        """An engine for as long as the block lasts; `path` None is the user's store. `clock` gives the
        present instant, in microseconds since 1970 UTC. Raises StoreProblem."""
        activity = Activity()
        with (
            Store.open(None if path is None else Path(path), durability, patience=0) as store,
            store.new_owner() as owner,
            StoredReplies(store.path) as replies,
        ):
            async with (
                Writer(store, idle=activity.idle) as writer,
                open_connections() as connections,
                TrioGroup(math.inf) as group,
            ):
                calls, turns = SharedPlaces(at_least_one(max_parallel)), SharedTurns(replies)
                engine = cls(store, owner, writer, activity, calls, clock, turns, connections)
                group.start(engine._listen)
                group.start(post_changes, engine.stats, owner.post)
                yield engine
                group.cancel()

    def start(
        self,
        prepared: Prepared,
        inputs: Mapping[str, object] | None = None,
        *,
        answer: Answer | None = None,
        on_event: OnEvent | None = None,
        run_id: str | None = None,
    ) -> AbstractAsyncContextManager[RunHandle]:
        """Start a run, carried out beside the block that this opens: `async with engine.start(…) as run`.

        Questions go to `answer`; without it they wait for somebody. An exception that leaves the block
        leaves the run, to be resumed. Raises NotRunnable for inputs that do not fit, TypeError for one that
        is no value."""
        values, files = prepared.read(inputs), files_in(inputs)
        return self.started(prepared, values, files=files, answer=answer, on_event=on_event, run_id=run_id)

    @asynccontextmanager
    async def started(
        self,
        prepared: Prepared,
        values: Mapping[str, Value],
        *,
        files: Sequence[File] = (),
        answer: Answer | None = None,
        on_event: OnEvent | None = None,
        run_id: str | None = None,
        binds: Sequence[str] = (),
        wait: bool = True,
    ) -> AsyncIterator[RunHandle]:
        """`start` with values that `Prepared.read` gave, and their files. Without `wait` the run is left
        as soon as it only waits for answers, events or time."""
        run_id = run_id_of(run_id)
        began = Began(self._clock())
        flow = prepared.program.plan.flows[prepared.flow]
        begun = Begun.of(flow, values, os.getcwd(), binds, prepared.reached)
        new = NewRun(
            run_id,
            prepared.flow,
            self._stored_plan(prepared),
            begun.to_json(),
            began.at,
            prepared.source,
        )

        def bring(tell: OnEvent | None) -> tuple[Kernel, Replayed]:
            kernel = kernel_of(prepared.program, prepared.flow, values, run_id, tell)
            kernel.advance(began)
            return kernel, Replayed(1, began.at)

        with self._active() as kept:
            for file in files:
                await kept.keep(file.reference(), file.content)
            lease = await self._writer.create(new, self._owner, [row_of(1, began)])
            hidden = secrets_of(flow, values)
            taken = _Taken(
                run_id, lease, prepared, bring, answer, wait, kept, begun.values, hidden, resumed=False
            )
            async with self._carried(taken, on_event) as handle:
                yield handle

    def _stored_plan(self, prepared: Prepared) -> str:
        """The plan as the store keeps it, made once for all runs."""
        if prepared not in self._plans:
            self._plans[prepared] = dump_plan(anywhere(prepared.program.plan))
        return self._plans[prepared]

    @contextmanager
    def _active(self) -> Iterator[RunFiles]:
        """A run of this process, with its files."""
        self._activity.runs += 1
        self._begun += 1
        files = RunFiles(self._artifacts, f"{self._owner.name}.{self._begun}")
        try:
            yield files
        finally:
            self._activity.runs -= 1
            files.close()

    @asynccontextmanager
    async def resume(
        self,
        run: RunRecord | str,
        *,
        secrets: Mapping[str, object] | None = None,
        agents: Mapping[str, AgentLike] | None = None,
        answer: Answer | None = None,
        on_event: OnEvent | None = None,
        resolve: Resolve = leave_unknown,
        wait: bool = True,
        environment: str | None = None,
        secret_options: Sequence[SecretOption] = (),
    ) -> AsyncIterator[RunHandle]:
        """Carry a run on from its journal, given its record or its id; `on_event` is told what happened in it
        before, too. `secrets` are the inputs that the store does not keep, where they are not found as they
        were at first; `environment` and `secret_options` take the place of those at first. Raises NotRunnable
        where its agents can no longer be reached, StoreProblem where it cannot be had or read."""
        record = self.store.find(run) if isinstance(run, str) else run
        begun = found_anew(begun_of(self.store, record), environment, secret_options)
        prepared = self._preparations.of(self.store, record, begun, agents)
        flow = prepared.program.plan.flows[record.flow]
        command = f"flow resume {record.id}"
        begun = begun.with_secrets(flow, secrets or {}, record.id, command, prepared.reached.secrets)

        def bring(tell: OnEvent | None) -> tuple[Kernel, Replayed | None]:
            with no_collection():
                rows = self.store.journal(record.number)
                kernel, replayed = brought_back(prepared.program, record, begun, rows, tell)
            return kernel, replayed if rows else None

        with self._active() as kept:
            lease = await self._writer.patiently(lambda: self.store.take(record.number, self._owner))
            hidden = secrets_of(flow, begun.values)
            inputs = begun.without_secrets().values
            taken = _Taken(record.id, lease, prepared, bring, answer, wait, kept, inputs, hidden, resolve)
            async with self._carried(taken, on_event) as handle:
                yield handle

    @asynccontextmanager
    async def fork(
        self,
        run: RunRecord | str,
        step: str,
        *,
        inputs: Mapping[str, object] | None = None,
        given: Mapping[str, object] | None = None,
        files: Sequence[File] = (),
        secrets: Mapping[str, object] | None = None,
        agents: Mapping[str, AgentLike] | None = None,
        answer: Answer | None = None,
        on_event: OnEvent | None = None,
        wait: bool = True,
        run_id: str | None = None,
        environment: str | None = None,
        secret_options: Sequence[SecretOption] = (),
    ) -> AsyncIterator[RunHandle]:
        """Start a run that begins with the past of another, but for what a step gave and what depends on it:
        that is done again, with `inputs` in the place of those of the same name. `given` are values for what
        calls gave, by their paths. Both may hold a `File`; `files` are others that they refer to. Raises
        StoreProblem where that past cannot be had, and what `resume` does."""
        record = self.store.find(run) if isinstance(run, str) else run
        run_id = run_id_of(run_id)
        begun = found_anew(begun_of(self.store, record), environment, secret_options)
        prepared = self._preparations.of(self.store, record, begun, agents)
        flow = prepared.program.plan.flows[record.flow]
        command = f"flow fork {record.id} --from {shlex.quote(step)}"
        begun = begun.with_secrets(flow, secrets or {}, record.id, command, prepared.reached.secrets)
        begun = forked_begun(begun, flow, inputs or {}, record, step)
        program, now = prepared.program, self._clock()
        rows = forked_past(self.store, record, program, begun, run_id, step, given or {}, now).rows
        kept = begun.without_secrets().to_json()
        plan_text = self.store.plan(record.plan)
        new = NewRun(run_id, record.flow, plan_text, kept, now, record.source)

        def bring(tell: OnEvent | None) -> tuple[Kernel, Replayed]:
            kernel = kernel_of(program, record.flow, begun.values, run_id, tell, begun.seed)
            return kernel, replay(kernel, rows)

        with self._active() as contents:
            for file in (*files, *files_in(inputs), *files_in(given)):
                await contents.keep(file.reference(), file.content)
            lease = await self._writer.create(new, self._owner, rows)
            hidden = secrets_of(flow, begun.values)
            inputs = begun.without_secrets().values
            taken = _Taken(
                run_id, lease, prepared, bring, answer, wait, contents, inputs, hidden, resumed=False
            )
            async with self._carried(taken, on_event) as handle:
                yield handle

    def stats(self) -> dict[str, AgentStats]:
        """What agents do and did, of all runs since the engine was opened, by their names."""
        return self._counted.stats(self._turns)

    def result(self, run: RunRecord | str) -> Result:
        """How a run ended, given its record or its id. Raises NotEnded, StoreProblem."""
        record = self.store.find(run) if isinstance(run, str) else run
        return stored_result(self.store, record)

    @asynccontextmanager
    async def _carried(self, taken: _Taken, on_event: OnEvent | None) -> AsyncIterator[RunHandle]:
        number, prepared = taken.lease.run, taken.prepared

        found: list[tuple[Artifact, ...]] = []

        def artifacts(data: Value, last: Sequence[Row] = ()) -> tuple[Artifact, ...]:
            # Asked before the end is written: a run that has ended may be pruned at any instant.
            if not found:
                found.append(artifacts_at_end(self.store, number, data, taken.inputs, last))
            return found[0]

        def open_carrier(tell: OnEvent | None) -> _Durable:
            run = self._opened(taken, artifacts, tell)
            self._held[number] = durable = _Durable(prepared.program.plan, run, artifacts, taken.past)
            if taken.resumed:
                for message in self.store.messages(run=number):
                    durable.hear(message)
            return durable

        try:
            async with carried(
                prepared.program.plan, prepared.flow, taken.id, open_carrier, on_event
            ) as handle:
                yield handle
        finally:
            left = self._held.pop(number, None)
            if left is None or not left.ended:
                with trio.CancelScope(shield=True):
                    await self._writer.patiently(lambda: self.store.release(taken.lease, self._clock()))

    def _opened(self, taken: _Taken, artifacts: FindArtifacts, tell: OnEvent | None) -> JournaledRun:
        prepared = taken.prepared
        agents = prepared.program.agents
        telling = None if tell is None else Telling(tell)
        host = TrioHost(
            agents,
            calls_at_once=self._calls.of_run(),
            turns=self._turns.of(prepared),
            epoch=self._clock(),
            on_event=telling,
            files=taken.files,
            connections=self._connections,
            secrets=taken.secrets,
        )
        find = Answering(prepared.answerers, taken.answer, taken.files, self._connections).find
        kernel, replayed = taken.bring(telling)
        started = replayed.started if replayed else ()
        return JournaledRun(
            prepared.program.plan,
            kernel,
            taken.lease,
            World(
                self._writer,
                self._counted.of(taken.id, host.call),
                find,
                self._activity,
                self._clock,
                host.used,
            ),
            _conclusion(prepared, artifacts),
            replayed=replayed,
            resumed=taken.resumed,
            resolved=taken.resolve({path: kernel.calls[path].call for path in started}),
            telling=telling,
            leave_waiting=not taken.wait,
        )

    async def _listen(self) -> None:
        """Pass on what others want the runs to hear."""
        while True:
            if self._held and self.store.changed():
                for message in self.store.messages(owner=self._owner):
                    if message.run in self._held:
                        self._held[message.run].hear(message)
            await trio.sleep(LISTENING)


def _conclusion(prepared: Prepared, artifacts: FindArtifacts) -> Conclude:
    def conclude(ended: RunResult, last: Sequence[Row]) -> Ending:
        result = result_of(ended, prepared.program.plan, lambda data: artifacts(data, last))
        return Ending(ended.ended, ended.status, write_json(result_json(result, prepared.places)))

    return conclude


class _Durable:
    """The `Carrier` of a run with a journal."""

    def __init__(
        self,
        compiled: plan.Plan,
        run: JournaledRun,
        artifacts: FindArtifacts,
        past: Callable[[], Sequence[Event]],
    ) -> None:
        self._plan, self._run = compiled, run
        self.artifacts, self.past = artifacts, past
        self._heard: set[int] = set()
        self.ended = False
        self.answer, self.send = self._run.answer, self._run.send
        self.cancel, self.park = self._run.cancel, self._run.park

    @property
    def questions(self) -> Mapping[str, Question]:
        return self._run.questions

    async def carry_out(self) -> RunResult | Left:
        match await self._run.carry_out():
            case Parked(problem=problem, waiting=waiting):
                reason = None if problem is None else str(problem)
                return Left("waiting" if waiting else "interrupted", reason, counts=self._run.counts)
            case OutcomeUnknown(paths):
                return Left("unknown", paths=paths, counts=self._run.counts)
            case RunResult() as ended:
                self.ended = True
                return ended

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
