"""Tasks: a coroutine for each kind.

A call is what all the rest is about: arguments go out by type, the reply comes in by type, and what the agent
raises becomes a failure that flows can catch. Loops and races are thin: what they run side by side, and how,
stands in `combinators`.

A step's clauses reach the call that the step makes, also where it stands in an arm of `choose` or `match`.
Any other task is bounded here by `timeout … per attempt`, as a whole."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple, TypeAlias

import attrs

from flowlang.plan import model as plan
from flowlang.runtime import events
from flowlang.runtime.agents import AgentCall, AgentError
from flowlang.runtime.calls import Calling, Refused, check_size, described, failure_of, read_reply
from flowlang.runtime.combinators import first_of, pull
from flowlang.runtime.failures import EVALUATION_FAILED, LOOP_EXHAUSTED, Failure, FlowFailure
from flowlang.runtime.frame import Counts, Frame, Undo, item_suffix
from flowlang.runtime.host import Awaited, Question
from flowlang.runtime.running import Running, Work
from flowlang.values.codec import widen
from flowlang.values.value import Value

MOST_AT_ONCE: Final = 10_000
"""Items of a loop without a pace that are under way at once. The engine's cap is on calls, not on items."""

ROUNDS_KEPT: Final = 10
"""After so many rounds of a `while` the host may forget how it came so far, again and again."""

Arm: TypeAlias = Callable[[], Awaitable[tuple[Value, list[Undo]]]]


@attrs.frozen
class Items:
    """What a loop goes over: the items of a list and their positions, or the values of a map and their keys.
    A list without `where` is gone over as it is, so that a long loop needs memory for its results only.
    `key` and `value` are the names of the one at hand, None where it has none."""

    keys: Sequence[int | str]
    values: Sequence[Value]
    key: str | None
    value: str | None

    @classmethod
    def of(cls, task: plan.ForEach, source: Value) -> Items:
        if task.over == "list":
            return cls(range(len(source)), source, task.second, task.first)
        return cls([*source], [*source.values()], task.first, task.second)

    def frame(self, position: int, around: Frame) -> Frame:
        """For the item at a position."""
        key = self.keys[position]
        names: dict[str, Value] = {}
        if self.key is not None:
            names[self.key] = key
        if self.value is not None:
            names[self.value] = self.values[position]
        return around.inside(item_suffix(key), names)


class Progress(NamedTuple):
    """How far a `while` has come: rounds done, the state after them, and when the next may start."""

    rounds: int
    state: Value
    next_start: int

    def to_json(self, counts: Counts) -> Value:
        return {
            "rounds": self.rounds,
            "state": self.state,
            "next": self.next_start,
            "counts": counts.to_json(),
        }

    @classmethod
    def from_json(cls, known: Value, counts: Counts) -> Progress:
        """What was kept; what it counted is added."""
        counts.add(Counts(*known["counts"]))
        return cls(known["rounds"], known["state"], known["next"])


class Tasks(Running):
    def task(self, task: plan.Task, frame: Frame) -> Awaitable[Value]:
        """The value of a task."""
        clauses = frame.clauses
        if clauses is None or clauses.attempt_timeout is None or task.kind in _ANSWERING:
            return _TASKS[task.kind](self, task, frame)
        allowed = self.evaluate(clauses.attempt_timeout, frame)
        return self.timed(
            allowed, frame, clauses.at, partial(_TASKS[task.kind], self, task), waits=clauses.waits
        )

    async def _evaluate(self, task: plan.Evaluate, frame: Frame) -> Value:
        return self.evaluate(task.value, frame)

    def _do(self, task: plan.Do, frame: Frame) -> Awaitable[Value]:
        return self.block(task.body, frame.inside("", {}))

    @abstractmethod
    async def block(self, block: plan.Block, frame: Frame) -> Value:
        """The value of a block, to which the frame's names now belong."""

    # Calls

    def _call_agent(self, task: plan.CallAgent, frame: Frame) -> Awaitable[Value]:
        calling = self.program.calls[id(task)]
        retry = calling.agent.retry
        if retry is None or (frame.clauses and frame.clauses.retried):
            return self._attempt(task, calling, frame)
        work = partial(self._attempt, task, calling)
        return self.retried(self.policy(retry, frame), frame, task.at, work, again=False)

    async def _attempt(self, task: plan.CallAgent, calling: Calling, frame: Frame) -> Value:
        try:
            reply = await self._reply(task, calling, frame)
            value = read_reply(task.agent, calling.read, reply)
        except Refused as refused:
            raise _placed(refused.failure, frame, task.at, task.agent) from None
        except AgentError as error:
            failure = failure_of(task.agent, calling.agent, self.program.errors, error)
            raise _placed(failure, frame, task.at, task.agent) from None
        finally:
            if used := self.host.used(frame.path):
                frame.counts.use(task.agent, used)
                self.tell(events.AgentUsed, frame, task.agent, {**used})
        if frame.again:
            self.given[frame.key] = self.given.get(frame.key, 0) + 1
        return value if task.widen is None else widen(value, task.widen)

    def _reply(self, task: plan.CallAgent, calling: Calling, frame: Frame) -> Awaitable[Value]:
        """What is answered to the call, be it by an agent or by somebody who is asked."""
        arguments: dict[str, Value] = {}
        for name, value, write in calling.arguments:
            arguments[name] = write(self.evaluate(value, frame))
        self.waits += 1
        if not calling.small:
            check_size(arguments, "the arguments are")
        timeout, clauses = calling.timeout, frame.clauses
        if clauses is not None and clauses.attempt_timeout is not None:
            timeout = self.evaluate(clauses.attempt_timeout, frame)
        if calling.agent.asks:
            return self._answer(task, arguments, timeout, frame)
        undone, writes = clauses is not None and clauses.undone, calling.writes
        call = AgentCall(
            task.agent,
            arguments,
            timeout,
            self._idempotency_key(frame),
            frame.attempt,
            undone,
            undone or writes,
            writes and (clauses is None or clauses.key is None),
            calling.secrets,
        )
        return self.host.call(frame.path, call)

    def _answer(
        self, task: plan.CallAgent, arguments: dict[str, Value], timeout: int | None, frame: Frame
    ) -> Awaitable[Value]:
        """The answer to a question."""

        def answer(frame: Frame) -> Awaitable[Value]:
            self.tell(events.Waiting, frame, "answer", task.agent, None)
            return self.host.wait(frame.path, Question(task.agent, arguments))

        return answer(frame) if timeout is None else self.timed(timeout, frame, task.at, answer, waits=True)

    def _idempotency_key(self, frame: Frame) -> str:
        """The author's, or one that all attempts at one value share."""
        if frame.clauses is not None and frame.clauses.key is not None:
            return str(self.evaluate(frame.clauses.key, frame))
        given = self.given.get(frame.key) if frame.again else None
        return f"{self.run}/{frame.key}+{given}" if given else f"{self.run}/{frame.key}"

    def _arguments(
        self, parameters: tuple[plan.Parameter, ...], given: dict[str, plan.Expr], frame: Frame
    ) -> dict[str, Value]:
        """The values of arguments; one that is left out and has no default here is left out."""
        wanted = ((p.name, given.get(p.name, p.default)) for p in parameters)
        return {name: self.evaluate(expr, frame) for name, expr in wanted if expr is not None}

    async def _call_flow(self, task: plan.CallFlow, frame: Frame) -> Value:
        flow = self.program.plan.flows[task.flow]
        arguments = self._arguments(flow.parameters, task.arguments, frame)
        self.limit(arguments, "the arguments are", frame, task.at)
        value = await self.flow(flow, arguments, frame)
        self.limit(value, "the result is", frame, task.at)
        return value if task.widen is None else widen(value, task.widen)

    def limit(self, value: Value, what: str, frame: Frame, at: plan.Place) -> None:
        """Raises FlowFailure where a value is too large to enter or to leave a flow."""
        try:
            check_size(value, what)
        except Refused as refused:
            raise _placed(refused.failure, frame, at) from None

    async def flow(self, flow: plan.Flow, arguments: dict[str, Value], frame: Frame) -> Value:
        """The value of a flow that is called here."""
        inner = frame.call({"run": self.ambient, "attempt": 1, **arguments})
        if flow.timeout is None:
            return await self.block(flow.body, inner)
        allowed = self.evaluate(flow.timeout, inner)
        waits = id(flow) in self.program.waiting
        return await self.timed(allowed, inner, flow.at, partial(self.block, flow.body), waits=waits)

    # Arms

    async def _choose(self, task: plan.Choose, frame: Frame) -> Value:
        for position, arm in enumerate(task.arms):
            if self.evaluate(arm.condition, frame):
                return await self.task(arm.task, frame.arm(f"|{position}", {}))
        if task.otherwise is None:
            return None
        return await self.task(task.otherwise, frame.arm(f"|{len(task.arms)}", {}))

    async def _match(self, task: plan.MatchTask, frame: Frame) -> Value:
        subject = self.evaluate(task.subject, frame)
        for position, arm in enumerate(task.arms):
            names = _matched(arm.pattern, subject)
            if names is not None:
                return await self.task(arm.task, frame.arm(f"|{position}", names))
        raise AssertionError("a match is exhaustive")

    # Loops

    async def _for_each(self, task: plan.ForEach, frame: Frame) -> Value:
        frame = frame.own()
        items = self._items(task, frame)
        values: list[Value] = [None] * len(items.keys)
        bearable = 0 if task.tolerating is None else self.count(task.tolerating, frame, "tolerating", task.at)
        done = 0

        async def worker(positions: Iterator[int]) -> None:
            nonlocal bearable, done
            for position in positions:
                waits = self.waits
                inner = items.frame(position, frame)
                try:
                    values[position] = await self.block(task.body, inner)
                except FlowFailure as failure:
                    bearable -= 1
                    if bearable < 0:
                        raise
                    self.tell(events.Caught, inner, failure.failure)
                done += 1
                if self.on_event:
                    self.tell(events.Progress, frame, done, len(values))
                if self.waits == waits:
                    await self.breathe()

        await pull(self.host, self._pace(task, len(values), frame), range(len(values)), worker)
        return values

    def _items(self, task: plan.ForEach, frame: Frame) -> Items:
        """What `where` lets through."""
        items, where = Items.of(task, self.evaluate(task.source, frame)), task.where
        if where is None:
            return items
        positions = range(len(items.keys))
        kept = [n for n in positions if self.evaluate(where, items.frame(n, frame))]
        return attrs.evolve(items, keys=[items.keys[n] for n in kept], values=[items.values[n] for n in kept])

    def _pace(self, task: plan.ForEach, items: int, frame: Frame) -> int:
        if task.at_once is not None:
            return min(self.count(task.at_once, frame, "at once", task.at, least=1), MOST_AT_ONCE)
        return 1 if task.in_order else min(max(items, 1), MOST_AT_ONCE)

    async def _while(self, task: plan.While, frame: Frame) -> Value:
        counts = Counts()
        try:
            return await self._rounds(task, frame.counting(counts))
        finally:
            frame.counts.add(counts)

    async def _rounds(self, task: plan.While, frame: Frame) -> Value:
        limit = self.count(task.limit, frame, "the limit of a loop", task.at)
        every = 0 if task.every is None else self.evaluate(task.every, frame)
        progress = await self._progress(task, frame)
        begun = self._marks(frame)
        for done in range(progress.rounds, limit + 1):
            inner = frame.inside(f"#{done}", {task.state: progress.state})
            if not self.evaluate(task.condition, inner):
                return progress.state
            if done == limit:
                break
            waits = self.waits
            if every and done:
                await self.sleep_until(progress.next_start)
            next_start = self.host.now() + every
            state = await self.block(task.body, inner)
            progress = Progress(done + 1, state, next_start)
            self.tell(events.Progress, frame, done + 1, limit)
            if self._is_worth_keeping(task, progress, frame, begun):
                self.host.keep(frame.path, progress.to_json(frame.counts))
            if self.waits == waits:
                await self.breathe()
        if task.or_fail:
            raise self.failure(LOOP_EXHAUSTED, f"not done after {limit} rounds", frame, task.at)
        self.tell(events.LoopStopped, frame, limit)
        return progress.state

    async def _progress(self, task: plan.While, frame: Frame) -> Progress:
        """How far a loop has come: in a run that is taken up, perhaps a good way."""
        known = await self.host.recall(frame.path) if id(task) in self.program.forgetful else None
        if known is None:
            return Progress(0, self.evaluate(task.initial, frame), self.host.now())
        return Progress.from_json(known, frame.counts)

    def _is_worth_keeping(
        self, task: plan.While, progress: Progress, frame: Frame, begun: tuple[int, ...]
    ) -> bool:
        """Whether what happened in the rounds may be forgotten, and there is enough of it: nothing was left
        to undo, and nothing has been undone, since the loop began."""
        if progress.rounds % ROUNDS_KEPT or id(task) not in self.program.forgetful:
            return False
        return self._marks(frame) == begun

    def _marks(self, frame: Frame) -> tuple[int, ...]:
        return len(frame.undos), len(self.undone), len(self.undo_failures), self.completions

    # Races

    async def _race(self, task: plan.Race, frame: Frame) -> Value:
        arms = self._arms(task, frame)
        count = 1 if task.count is None else self.count(task.count, frame, "first", task.at, least=1)
        if len(arms) < count:
            message = f"{count} cannot succeed where there are {len(arms)}"
            raise self.failure(EVALUATION_FAILED, message, frame, task.at)
        workers = len(arms) if task.each is None else self._pace(task.each, len(arms), frame)
        won = await first_of(
            self.host, count, arms, workers=workers, spurn=lambda arm: self.roll_back(arm[1])
        )
        for _, undos in won:
            frame.undos.extend(undos)
        return won[0][0] if task.count is None else [value for value, _ in won]

    def _arms(self, task: plan.Race, frame: Frame) -> list[Arm]:
        if each := task.each:
            items = self._items(each, frame)
            frames = [items.frame(n, frame) for n in range(len(items.keys))]
            return [partial(self._arm, partial(self.block, each.body), inner) for inner in frames]
        return [
            partial(self._arm, partial(self.task, branch), frame.inside(f"|{position}", {}))
            for position, branch in enumerate(task.branches)
        ]

    async def _arm(self, work: Work, frame: Frame) -> tuple[Value, list[Undo]]:
        """The value of an arm, and the undos to hand up if it is chosen."""
        undos: list[Undo] = []
        return await self.scoped(frame.scope(undos), work), undos

    # Waiting and failing

    async def _wait(self, task: plan.Wait, frame: Frame) -> Value:
        where, binding = task.where, task.binding or ""

        def matches(event: Value) -> bool:
            return where is None or bool(self.evaluate(where, frame.binding({binding: event})))

        self.tell(events.Waiting, frame, "event", task.event, None)
        self.waits += 1
        return await self.host.wait(frame.path, Awaited(task.event, matches))

    async def _sleep(self, task: plan.Sleep, frame: Frame) -> Value:
        time = self.evaluate(task.time, frame)
        instant = time if task.until else self.host.now() + time
        self.tell(events.Waiting, frame, "time", None, instant)
        return await self.sleep_until(instant)

    async def _fail(self, task: plan.Fail, frame: Frame) -> Value:
        raise self.declared_failure(task, frame)

    def declared_failure(self, task: plan.Fail, frame: Frame) -> FlowFailure:
        """What `fail` raises."""
        declared = self.program.errors[task.error].type
        given = {name: self.evaluate(expr, frame) for name, expr in task.fields.items()}
        fields = {field.name: given.get(field.name) for field in declared.fields}
        failure = Failure(task.error, described(task.error, declared, fields), fields)
        return _placed(failure, frame, task.at)


_TASKS: Final[dict[str, Callable[..., Awaitable[Value]]]] = {
    "evaluate": Tasks._evaluate,
    "call": Tasks._call_agent,
    "flow": Tasks._call_flow,
    "for_each": Tasks._for_each,
    "while": Tasks._while,
    "choose": Tasks._choose,
    "match": Tasks._match,
    "do": Tasks._do,
    "race": Tasks._race,
    "wait": Tasks._wait,
    "sleep": Tasks._sleep,
    "fail": Tasks._fail,
}

_ANSWERING: Final = ("evaluate", "call", "choose", "match", "fail")
"""Tasks that answer to the clauses of their step themselves, or hand them on to their arms."""


def _matched(pattern: plan.Pattern, subject: Value) -> dict[str, Value] | None:
    """The names that a pattern binds, or None where it does not match."""
    match pattern:
        case plan.CasePattern(case=case, bindings=bindings):
            if subject is None or subject["case"] != case:
                return None
            return {name: subject[field] for name, field in bindings.items()}
        case plan.ValuePattern(value=value):
            return {} if subject == value else None
        case plan.ElsePattern():
            return {}


def _placed(failure: Failure, frame: Frame, at: plan.Place, agent: str | None = None) -> FlowFailure:
    return FlowFailure(attrs.evolve(failure, at=at, path=frame.path, attempt=frame.attempt, agent=agent))
