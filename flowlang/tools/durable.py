"""The durable engine: a store -> runs that outlive their process.

    async with Engine.open("runs.db") as engine:
        async with engine.start(prepared, {"name": "Ada"}) as run: ...
        async with engine.resume("4f2a") as run: ...

An engine holds its runs by one lock for as long as it lives, writes their commits through one writer, and
looks into the inbox of the store for what others want them to hear. What does not fit there is passed over:
whoever put it in was told so, or came too late."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias
from weakref import WeakKeyDictionary

import attrs
import trio

from flowlang.agents.file import File
from flowlang.agents.given import AgentLike
from flowlang.hosts.connections import open_connections
from flowlang.hosts.journaled import wall_clock
from flowlang.hosts.places import SharedPlaces
from flowlang.hosts.sqlite.artifacts import Artifacts, RunFiles, artifacts_of
from flowlang.hosts.sqlite.opening import Durability
from flowlang.hosts.sqlite.owners import Owner
from flowlang.hosts.sqlite.records import NewRun, RunRecord
from flowlang.hosts.sqlite.replies import StoredReplies
from flowlang.hosts.sqlite.store import Store
from flowlang.hosts.sqlite.writer import Writer
from flowlang.hosts.trio_host import CALLS_AT_ONCE, TrioGroup
from flowlang.hosts.under_way import Activity
from flowlang.plan.load import dump_plan
from flowlang.runtime.connections import Connections
from flowlang.runtime.events import OnEvent
from flowlang.runtime.hiding import secrets_of
from flowlang.runtime.inputs import Began
from flowlang.runtime.journal import row_of
from flowlang.runtime.kernel import Kernel
from flowlang.runtime.replay import Replayed, kernel_of, replay
from flowlang.tools.engine import Prepared, at_least_one, files_in, run_id_of
from flowlang.tools.engine_stats import AgentStats, CountedCalls, post_changes
from flowlang.tools.forks import forked_begun, forked_past
from flowlang.tools.preparations import Preparations
from flowlang.tools.run_durable import Durable, Resolve, Shared, Taken, leave_unknown
from flowlang.tools.run_handle import Result, RunHandle
from flowlang.tools.run_in_memory import Answer
from flowlang.tools.run_result import stored_result
from flowlang.tools.secret_inputs import SecretOption
from flowlang.tools.shared_turns import SharedTurns
from flowlang.tools.stored import Begun, anywhere, begun_of, brought_back, found_anew, no_collection
from flowlang.tools.stored_runs import StoredRuns
from flowlang.values.value import Value

LISTENING: Final = 0.1  # seconds between two looks into the inbox

Take: TypeAlias = Callable[[RunFiles], Awaitable[Taken]]
"""Gets the right to write a run, given where its files are kept."""


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
        artifacts = Artifacts(artifacts_of(store.path), synced=store.durability == "power")
        self._shared = Shared(
            store, writer, activity, calls, turns, CountedCalls(clock), connections, artifacts, clock
        )
        self._owner, self._begun = owner, 0
        self._held: dict[int, Durable] = {}
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

    def started(
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
    ) -> AbstractAsyncContextManager[RunHandle]:
        """`start` with values that `Prepared.read` gave, and their files. Without `wait` the run is left
        as soon as it only waits for answers, events or time."""
        id = run_id_of(run_id)

        async def take(kept: RunFiles) -> Taken:
            began = Began(self._clock())
            flow = prepared.program.plan.flows[prepared.flow]
            begun = Begun.of(flow, values, os.getcwd(), binds, prepared.reached)
            plan_text = self._stored_plan(prepared)
            new = NewRun(id, prepared.flow, plan_text, begun.to_json(), began.at, prepared.source)

            def bring(tell: OnEvent | None) -> tuple[Kernel, Replayed]:
                kernel = kernel_of(prepared.program, prepared.flow, values, id, tell)
                kernel.advance(began)
                return kernel, Replayed(1, began.at)

            for file in files:
                await kept.keep(file.reference(), file.content)
            lease = await self._shared.writer.create(new, self._owner, [row_of(1, began)])
            hidden = secrets_of(flow, values) if begun.secrets else ()
            inputs, created = begun.values, began.at
            return Taken(
                id, lease, prepared, bring, answer, wait, kept, inputs, hidden, created, resumed=False
            )

        return self._carried(take, on_event)

    def _stored_plan(self, prepared: Prepared) -> str:
        """The plan as the store keeps it, made once for all runs."""
        if prepared not in self._plans:
            self._plans[prepared] = dump_plan(anywhere(prepared.program.plan))
        return self._plans[prepared]

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
        moved_to: Path | str | None = None,
    ) -> AsyncIterator[RunHandle]:
        """Carry a run on from its journal, given its record or its id; `on_event` is told what happened in it
        before, too. `secrets` are the inputs that the store does not keep, where they are not found as they
        were at first; `environment` and `secret_options` take the place of those at first, and `moved_to`
        that of the file of its flow, for good: what lay beside that lies beside this now. Raises NotRunnable
        where its agents can no longer be reached, StoreProblem where it cannot be had or read."""
        record = self.store.find(run) if isinstance(run, str) else run
        stored = begun_of(self.store, record)
        begun = found_anew(stored, environment, secret_options, moved_to)
        prepared = self._preparations.of(self.store, record, begun, agents)
        flow = prepared.program.plan.flows[record.flow]
        command = f"flow resume {record.id}"
        begun = begun.with_secrets(flow, secrets or {}, record.id, command, prepared.reached.secrets)

        def bring(tell: OnEvent | None) -> tuple[Kernel, Replayed | None]:
            with no_collection():
                rows = self.store.journal(record.number)
                kernel, replayed = brought_back(prepared.program, record, begun, rows, tell)
            return kernel, replayed if rows else None

        async def take(kept: RunFiles) -> Taken:
            patiently = self._shared.writer.patiently
            lease = await patiently(lambda: self.store.take(record.number, self._owner))
            if moved_to is not None:
                known = attrs.evolve(stored, moved_to=begun.moved_to).to_json()
                await patiently(lambda: self.store.keep_inputs(lease, known))
            hidden = secrets_of(flow, begun.values)
            inputs = begun.without_secrets().values
            created = record.created
            return Taken(
                record.id, lease, prepared, bring, answer, wait, kept, inputs, hidden, created, resolve
            )

        async with self._carried(take, on_event) as handle:
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
        moved_to: Path | str | None = None,
    ) -> AsyncIterator[RunHandle]:
        """Start a run that begins with the past of another, but for what a step gave and what depends on it:
        that is done again, with `inputs` in the place of those of the same name. `given` are values for what
        calls gave or waits got, by their paths. Both may hold a `File`; `files` are others that they mention.
        Raises StoreProblem where that past cannot be had, and what `resume` does."""
        record = self.store.find(run) if isinstance(run, str) else run
        id = run_id_of(run_id)
        begun = found_anew(begun_of(self.store, record), environment, secret_options, moved_to)
        prepared = self._preparations.of(self.store, record, begun, agents)
        flow = prepared.program.plan.flows[record.flow]
        command = f"flow fork {record.id} --from {shlex.quote(step)}"
        begun = begun.with_secrets(flow, secrets or {}, record.id, command, prepared.reached.secrets)
        begun = forked_begun(begun, flow, inputs or {}, given or (), record, step)
        program, now = prepared.program, self._clock()
        rows = forked_past(self.store, record, program, begun, id, step, given or {}, now).rows
        shown = begun.without_secrets()
        plan_text = self.store.plan(record.plan)
        new = NewRun(id, record.flow, plan_text, shown.to_json(), now, record.source)

        def bring(tell: OnEvent | None) -> tuple[Kernel, Replayed]:
            kernel = kernel_of(program, record.flow, begun.values, id, tell, begun.seed)
            return kernel, replay(kernel, rows)

        async def take(kept: RunFiles) -> Taken:
            for file in (*files, *files_in(inputs), *files_in(given)):
                await kept.keep(file.reference(), file.content)
            lease = await self._shared.writer.create(new, self._owner, rows)
            hidden = secrets_of(flow, begun.values)
            return Taken(
                id, lease, prepared, bring, answer, wait, kept, shown.values, hidden, now, resumed=False
            )

        async with self._carried(take, on_event) as handle:
            yield handle

    def stats(self) -> dict[str, AgentStats]:
        """What agents do and did, of all runs since the engine was opened, by their names."""
        return self._shared.counted.stats(self._shared.turns)

    def result(self, run: RunRecord | str) -> Result:
        """How a run ended, given its record or its id. Raises NotEnded, StoreProblem."""
        record = self.store.find(run) if isinstance(run, str) else run
        return stored_result(self.store, record)

    @asynccontextmanager
    async def _carried(self, take: Take, on_event: OnEvent | None) -> AsyncIterator[RunHandle]:
        """A run that is taken, carried out beside the block that this opens, and given back."""
        shared, taken = self._shared, None
        shared.activity.runs += 1
        self._begun += 1
        files = RunFiles(shared.artifacts, f"{self._owner.name}.{self._begun}")
        try:
            taken = await take(files)
            handle = self._handle(taken, on_event)
            async with TrioGroup(math.inf) as group:
                group.start(handle.carry_out)
                yield handle
        finally:
            if taken is not None:
                await self._left(taken)
            shared.activity.runs -= 1
            files.close()

    def _handle(self, taken: Taken, on_event: OnEvent | None) -> RunHandle:
        prepared, opened = taken.prepared, partial(self._opened, taken)
        return RunHandle(prepared.program.plan, prepared.flow, taken.id, opened, on_event)

    def _opened(self, taken: Taken, tell: OnEvent | None) -> Durable:
        number = taken.lease.run
        self._held[number] = run = Durable(taken, self._shared, tell)
        if taken.resumed:
            for message in self.store.messages(run=number):
                run.hear(message)
        return run

    async def _left(self, taken: Taken) -> None:
        """Give a run back; one that has ended has no owner any longer."""
        run = self._held.pop(taken.lease.run, None)
        if run is None or not run.ended:
            with trio.CancelScope(shield=True):
                await self._shared.writer.patiently(lambda: self.store.release(taken.lease, self._clock()))

    async def _listen(self) -> None:
        """Pass on what others want the runs to hear."""
        while True:
            if self._held and self.store.changed():
                for message in self.store.messages(owner=self._owner):
                    if message.run in self._held:
                        self._held[message.run].hear(message)
            await trio.sleep(LISTENING)
