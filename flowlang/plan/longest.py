"""The longest time that a run of a flow can take, as far as it follows from deadlines.

A call takes at most its attempts and the pauses between them; a block, the longest way through what its
statements wait for; a loop, its rounds; a race, its slowest branch. A deadline caps whatever is under it,
so one `timeout` makes known what is not known below. What has no end that is known before the run is
listed with its reason: a question that nobody has to answer, a list of unknown length.

Left out on purpose: what waits for a limit (`limit 8 at once`), and undos, which come after the failure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from flowlang.plan import model as plan
from flowlang.plan.blocks import longest_ways
from flowlang.plan.bounds import Scope, attempts, count_of, inside, names_in, size_of
from flowlang.plan.folding import fold
from flowlang.plan.text import expression_text
from flowlang.plan.walk import branches_of, callees_first

FOREVER: Final = 10_000 * 366 * 86_400_000_000
"""Ten thousand years in microseconds: times beyond it are not worth telling apart."""

REASONS: Final = 5  # that are kept for a flow


@attrs.frozen
class Endless:
    """Why a time is not known, and where."""

    reason: str
    at: plan.Place


@attrs.frozen
class Longest:
    """`microseconds` None: not known, for the reasons in `because`."""

    microseconds: int | None
    because: tuple[Endless, ...] = ()


def longest_times(flows: Mapping[str, plan.Flow], agents: Mapping[str, plan.Agent]) -> dict[str, Longest]:
    """The longest time of every flow, by its name."""
    known: dict[str, Longest] = {}
    for name in callees_first(flows):
        known[name] = _Clock(agents, known).flow(flows[name])
    return {name: known[name] for name in flows}


def longest_of_steps(
    flow: plan.Flow, flows: Mapping[str, plan.Flow], agents: Mapping[str, plan.Agent]
) -> dict[str, Longest]:
    """The longest time of each statement of a flow, by its name; `flows` are those that it may call."""
    clock = _Clock(agents, longest_times(flows, agents))
    scope = inside({}, names_in(flow.body))
    return {statement.name: clock.statement(statement, scope) for statement in flow.body.statements}


@attrs.frozen
class _Clauses:
    """What a step asks of the call it makes, itself or in an arm: to retry it in place of its agent, and how
    long an attempt may take."""

    retried: bool = False
    attempt: int | None = None


_NO_CLAUSES = _Clauses()


@attrs.frozen(eq=False, repr=False)
class _Clock:
    agents: Mapping[str, plan.Agent]
    known: Mapping[str, Longest]

    def flow(self, flow: plan.Flow) -> Longest:
        return _capped(self.block(flow.body, {}), flow.timeout)

    def block(self, block: plan.Block, outer: Scope) -> Longest:
        """The longest way through the statements of a block."""
        scope = inside(outer, names_in(block))
        times = [self.statement(statement, scope) for statement in block.statements]
        because = tuple(reason for time in times for reason in time.because)
        if because:
            return Longest(None, because[:REASONS])
        lengths = [time.microseconds or 0 for time in times]
        return _known(max(longest_ways(block.statements, lengths, closed=True), default=0))

    def statement(self, statement: plan.AnyStatement, scope: Scope) -> Longest:
        match statement:
            case plan.Step():
                return self.step(statement, scope)
            case plan.ReturnWhen(task=task) | plan.Result(task=task):
                return self.task(task, scope, _NO_CLAUSES)
            case _:
                return _NOTHING

    def step(self, step: plan.Step, scope: Scope) -> Longest:
        clauses = _Clauses(step.retry is not None, _number(step.attempt_timeout))
        tried = _retried(self.task(step.task, scope, clauses), step.retry, scope, step.at)
        handlers = [
            self.task(catch.handler, inside(scope, {catch.binding or "": None}), _NO_CLAUSES)
            for catch in step.catches
        ]
        finish = self.block(step.finally_, scope) if step.finally_ else _NOTHING
        return _sum([_capped(tried, step.timeout), _slowest(handlers), finish])

    def task(self, task: plan.Task, scope: Scope, clauses: _Clauses) -> Longest:
        match task:
            case plan.CallAgent():
                return self.call(task, scope, clauses)
            case plan.Choose() | plan.MatchTask():
                return _slowest(self.task(arm, scope, clauses) for arm in branches_of(task))
            case plan.Evaluate() | plan.Fail():
                return _NOTHING
            case _:
                found = self.compound(task, scope)
                return found if clauses.attempt is None else _at_most(found, clauses.attempt)

    def compound(self, task: plan.Task, scope: Scope) -> Longest:
        match task:
            case plan.CallFlow(flow=name):
                return self.known.get(name, _NOTHING)
            case plan.ForEach():
                return self.for_each(task, scope)
            case plan.While():
                return self.rounds(task, scope)
            case plan.Do(body=body):
                return self.block(body, scope)
            case plan.Race():
                return self.race(task, scope)
            case plan.Wait(event=event):
                return _endless(f"`{event}` may never come", task.at)
            case plan.Sleep(time=time, until=until):
                length = None if until else fold(time)
                if length is None:
                    return _endless(f"`{expression_text(time)}` is known only in the run", task.at)
                return _known(int(length))
            case _:
                return _NOTHING

    def race(self, race: plan.Race, scope: Scope) -> Longest:
        """The slowest branch, since the others may fail; but a sleep never does, and so ends a race."""
        branches = branches_of(race)
        found = _slowest(self.task(branch, scope, _NO_CLAUSES) for branch in branches)
        naps = [fold(b.time) for b in branches if isinstance(b, plan.Sleep) and not b.until]
        ends = [int(nap) for nap in naps if nap is not None]
        return _at_most(found, min(ends)) if ends and race.count is None else found

    def call(self, call: plan.CallAgent, scope: Scope, clauses: _Clauses) -> Longest:
        agent = self.agents.get(call.agent)
        limit = clauses.attempt or (agent.timeout if agent else None)
        if agent is None or limit is None:
            return _endless(f"`{call.agent}` may never be answered", call.at)
        return _retried(_known(limit), None if clauses.retried else agent.retry, scope, call.at)

    def for_each(self, loop: plan.ForEach, scope: Scope) -> Longest:
        """Rounds of as many items as run at once. Items at once without a number are all."""
        item = self.block(loop.body, inside(scope, {loop.first: None, loop.second or loop.first: None}))
        count = size_of(loop.source, scope).number
        if item.microseconds is None or not item.microseconds:
            return item
        if count is None:
            return _endless(f"the size of `{expression_text(loop.source)}` is known only in the run", loop.at)
        width = 1 if loop.in_order else _number(loop.at_once) if loop.at_once is not None else count
        if width is None:
            width = 1
        return _known(item.microseconds * -(-count // max(width, 1)))

    def rounds(self, loop: plan.While, scope: Scope) -> Longest:
        body = self.block(loop.body, inside(scope, {loop.state: None}))
        limit = count_of(loop.limit, scope).number
        pause = _number(loop.every) if loop.every is not None else 0
        if body.microseconds is None:
            return body
        if limit is None:
            return _endless(f"`{expression_text(loop.limit)}` is known only in the run", loop.at)
        if pause is None:
            assert loop.every is not None
            return _endless(f"`{expression_text(loop.every)}` is known only in the run", loop.at)
        return (
            _known(body.microseconds + max(limit - 1, 0) * max(body.microseconds, pause))
            if limit
            else _NOTHING
        )


def longest_pause(backoff: plan.Backoff | None, attempt: int) -> int | None:
    """The most time between a failed attempt (counted from 1) and the next; None where it is not known."""
    if backoff is None:
        return 0
    initial = _number(backoff.initial)
    maximum = _number(backoff.maximum) if backoff.maximum is not None else FOREVER
    if initial is None or maximum is None:
        return None
    match backoff.shape:
        case "constant":
            return min(initial, maximum)
        case "linear":
            return min(initial * attempt, maximum)
        case "exponential":
            return min(initial << min(attempt - 1, 62), maximum)


def _retried(once: Longest, retry: plan.Retry | None, scope: Scope, at: plan.Place) -> Longest:
    """All attempts and the pauses between them; after `within` no further one starts."""
    if retry is None:
        return once
    total = _attempts(once, retry, scope, at)
    allowed = _number(retry.within)
    if once.microseconds is None or allowed is None:
        return total
    return _at_most(total, allowed + once.microseconds)


def _attempts(once: Longest, retry: plan.Retry, scope: Scope, at: plan.Place) -> Longest:
    if once.microseconds is None:
        return once
    count = attempts(retry, scope).number
    if count is None:
        return _endless(f"`{expression_text(retry.times)}` is known only in the run", at)
    pauses = 0
    for attempt in range(1, count):
        pause = longest_pause(retry.backoff, attempt)
        if pause is None:
            return _endless("the backoff is known only in the run", at)
        pauses += pause
        if pauses > FOREVER or attempt > 10_000:
            return _known(FOREVER)
    return _known(once.microseconds * count + pauses)


def _number(expr: plan.Expr | None) -> int | None:
    value = fold(expr) if expr is not None else None
    return None if value is None else int(value)


def _known(microseconds: int) -> Longest:
    return Longest(min(max(microseconds, 0), FOREVER))


def _endless(reason: str, at: plan.Place) -> Longest:
    return Longest(None, (Endless(reason, at),))


def _sum(parts: Iterable[Longest]) -> Longest:
    times = list(parts)
    because = tuple(reason for time in times for reason in time.because)
    return (
        Longest(None, because[:REASONS]) if because else _known(sum(time.microseconds or 0 for time in times))
    )


def _slowest(parts: Iterable[Longest]) -> Longest:
    times = list(parts)
    because = tuple(reason for time in times for reason in time.because)
    return (
        Longest(None, because[:REASONS])
        if because
        else _known(max((t.microseconds or 0 for t in times), default=0))
    )


def _capped(time: Longest, deadline: plan.Expr | None) -> Longest:
    """A time under a deadline; one that is known only in the run bounds it, but by no number."""
    limit = _number(deadline)
    return time if limit is None else _at_most(time, limit)


def _at_most(time: Longest, limit: int) -> Longest:
    return time if time.microseconds is not None and time.microseconds <= limit else _known(limit)


_NOTHING: Final = Longest(0)
