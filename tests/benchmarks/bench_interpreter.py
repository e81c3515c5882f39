"""What the interpreter itself costs: runs on a host where nothing ever waits.

Every reply is there at once and a group carries out its children one after the other, so what is measured is
neither trio nor a journal. It is held against a loop by hand that makes the same calls of the same host."""

from __future__ import annotations

import gc
import statistics
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from types import TracebackType
from typing import TypeVar

import attrs

from flowlang.runtime.agents import AgentCall
from flowlang.runtime.host import Awaited, Question, Work
from flowlang.runtime.program import Program
from flowlang.runtime.run import run
from flowlang.values.value import Value
from tests.benchmarks import Figure
from tests.benchmarks.bench_runtime import chain, fan_out, for_each, layers, linked

T = TypeVar("T")

ROUNDS = 15


def figures() -> Iterator[Figure]:
    for name, flow, steps, bound in (
        ("chain of 1,000", chain(1_000), 1_000, 10.0),
        ("fan-out of 1,000", fan_out(1_000), 1_000, 10.0),
        ("20 layers of 50, 3 dependencies each", layers(), 1_000, 10.0),
        ("for each over 1,000, 2 steps", for_each(1_000), 2_000, 10.0),
    ):
        program = linked(flow)
        rounds = [(seconds(carry_out(program)), seconds(by_hand(steps))) for _ in range(ROUNDS)]
        value = statistics.median(ours for ours, _ in rounds) / steps * 1e6
        ratio = statistics.median(ours / theirs for ours, theirs in rounds)
        yield Figure(f"interpret: {name}", value, "µs/step", ratio, "the same calls in a loop by hand", bound)


def seconds(work: Coroutine[object, None, None]) -> float:
    """The processor time that some work takes that never waits."""
    gc.collect()
    started = time.process_time()
    try:
        work.send(None)
    except StopIteration:
        return time.process_time() - started
    raise AssertionError("nothing waits here")


async def carry_out(program: Program) -> None:
    ended = await run(program, "main", {}, NullHost())
    assert ended.status == "done", ended.failure


async def by_hand(steps: int) -> None:
    host = NullHost()
    value: Value = 0
    for n in range(steps):
        path = f"s{n}"
        value = await host.call(path, AgentCall("noop", {"x": value}, 600_000_000, f"run/{path}"))


@attrs.define
class NullGroup:
    """Children that are carried out when the group ends, in the order in which they were started."""

    started: deque[tuple[Work, tuple[object, ...]]] = attrs.field(factory=deque)

    def start(self, work: Work, *arguments: object) -> None:
        self.started.append((work, arguments))

    def cancel(self) -> None:
        raise AssertionError("nothing is cancelled here")

    async def __aenter__(self) -> NullGroup:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self.started:
            work, arguments = self.started.popleft()
            await work(*arguments)


class NullHost:
    """A host whose agents answer at once with what they were given."""

    def now(self) -> int:
        return 0

    async def sleep_until(self, instant: int) -> None:
        pass

    def group(self, deadline: int | None = None, *, running_time: bool = False) -> NullGroup:
        return NullGroup()

    def shielded(self, work: Callable[[], Awaitable[T]]) -> Awaitable[T]:
        return work()

    async def call(self, path: str, call: AgentCall) -> Value:
        return call.arguments["x"]

    def used(self, path: str) -> None:
        return None

    async def wait(self, path: str, awaited: Question | Awaited) -> Value:
        raise AssertionError("nothing waits here")
