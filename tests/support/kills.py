"""Runs that are killed: a child process carries a run out on a real store and dies at its n-th commit.

The interpreter, the kernel and SQLite are imported once; each life of a run is a fork, which costs
milliseconds. A child kills itself with SIGKILL, inside of the transaction just before it is committed, or
just after. What agents do is written to a file of one line a call, so it outlives their process."""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import attrs
import trio

import flowlang
from flowlang.hosts.sqlite.opening import Database
from flowlang.hosts.sqlite.store import Store
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentCall, AgentError
from flowlang.tools.durable import Engine
from flowlang.tools.engine import Prepared
from flowlang.tools.run_handle import RunHandle
from flowlang.values.times import parse_duration

When = Literal["before", "after"]
RUN = "r1"

PRELUDE = """
error Oops(code: int)
error Nope
event Ping(id: string)
agent work(
  name: string, takes: duration = 0s, fails: string = "", times: int = 1000, cleanup: duration = 0s
) -> string raises Oops, Nope effect idempotent
agent undo(name: string, takes: duration = 0s, fails: string = "", times: int = 1000) effect idempotent
ask approve(question: string) -> string
"""


@attrs.frozen
class Kill:
    """At which commit of a life, counted from 1, and when."""

    commit: int
    when: When


@attrs.frozen
class Made:
    """A call that was made: in which life, and what it was."""

    life: int
    agent: str
    name: str
    key: str
    attempt: int


@attrs.frozen(eq=False)
class Actor:
    """Answers by its arguments, as the actors of virtual time do, and logs each call to a file. How often a
    call of a name was made is counted in the file, so a life knows of the earlier ones."""

    log: Path
    life: int

    async def call(self, call: AgentCall) -> Any:
        arguments = call.arguments
        name = str(arguments.get("name", "-"))
        made = Made(self.life, call.agent, name, call.idempotency_key, call.attempt)
        with self.log.open("a") as file:
            file.write(json.dumps(attrs.asdict(made)) + "\n")
        await trio.sleep(parse_duration(arguments.get("takes", "0s")) / 1e6)
        if arguments.get("fails") and call.attempt <= arguments["times"]:
            raise AgentError(arguments["fails"], fields={"code": 7})
        return name if call.agent == "work" else None


@attrs.frozen
class Lived:
    """What is known of a run from outside, after one of its lives. `commits` counts those of that life, where
    it ended by itself."""

    status: str
    result: Any
    committed: frozenset[str]
    commits: int


@attrs.frozen(eq=False)
class Story:
    """A flow whose run is killed. `outside` acts beside it in each life: it answers and signals."""

    folder: Path
    prepare: Callable[[Path, int], Prepared]
    inputs: Mapping[str, Any] = attrs.field(factory=dict)
    outside: Callable[[RunHandle], Any] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "calls"

    @property
    def store(self) -> Path:
        return self.folder / "runs.db"

    def forget(self) -> None:
        """Begin anew."""
        for file in self.folder.iterdir():
            if file.name.startswith(("runs.db", "calls")) and file.is_file():
                file.unlink()

    def live(self, life: int, kill: Kill | None) -> Lived | None:
        """One life of the run in a process of its own, None if it was killed."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            self._be_the_child(write, life, kill)
        os.close(write)
        with os.fdopen(read) as pipe:
            told = pipe.read()
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            assert os.WTERMSIG(status) == signal.SIGKILL, told
            return None
        assert os.WEXITSTATUS(status) == 0, told
        return self.look(int(told))

    def _be_the_child(self, pipe: int, life: int, kill: Kill | None) -> None:
        try:
            with counted_commits(kill) as count:
                trio.run(self._carry_out, life)
            os.write(pipe, str(count()).encode())
            os._exit(0)
        except BaseException:
            os.write(pipe, traceback.format_exc().encode())
            os._exit(1)

    async def _carry_out(self, life: int) -> None:
        prepared = self.prepare(self.log, life)
        async with Engine.open(self.store, durability="none") as engine:
            known = engine.store.runs()
            if known and known[0].ended is not None:
                return
            if known:
                opened = engine.resume(RUN, agents=prepared.program.agents)
            else:
                opened = engine.start(prepared, self.inputs, run_id=RUN)
            async with opened as run, trio.open_nursery() as nursery:
                if self.outside is not None:
                    nursery.start_soon(self.outside, run)
                await run.result()
                nursery.cancel_scope.cancel()

    def look(self, commits: int = 0) -> Lived:
        with Store.open(self.store) as store:
            if not store.runs():
                return Lived("none", None, frozenset(), commits)
            record = store.find(RUN)
            rows = store.journal(record.number)
            result = json.loads(store.result(record.number) or "null")
        committed = frozenset(row.path for row in rows if row.kind == "call")
        return Lived(record.status, result, committed, commits)

    def calls(self) -> list[Made]:
        if not self.log.exists():
            return []
        return [Made(**json.loads(line)) for line in self.log.read_text().splitlines()]


@contextmanager
def counted_commits(kill: Kill | None) -> Iterator[Callable[[], int]]:
    """Count what this process commits, and die at the right one."""
    writing, count = Database.writing, Counter[str]()

    @contextmanager
    def watched(self: Database) -> Iterator[Any]:
        with writing(self) as connection:
            yield connection
            count["commits"] += 1
            if kill == Kill(count["commits"], "before"):
                os.kill(os.getpid(), signal.SIGKILL)
        if kill == Kill(count["commits"], "after"):
            os.kill(os.getpid(), signal.SIGKILL)

    Database.writing = watched  # type: ignore[method-assign]
    try:
        yield lambda: count["commits"]
    finally:
        Database.writing = writing  # type: ignore[method-assign]


def acted(text: str) -> Callable[[Path, int], Prepared]:
    """Prepares a flow whose agents are all actors."""
    compiled: plan.Plan = flowlang.compile("main.flow", text=text + PRELUDE)
    called = [name for name, agent in compiled.agents.items() if not agent.asks]
    return lambda log, life: flowlang.prepare(compiled, agents=dict.fromkeys(called, Actor(log, life)))
