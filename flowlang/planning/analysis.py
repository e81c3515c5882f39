"""A compiled flow -> what a planner asks of it: levels, critical path, width, why two steps are ordered, and
the strategy that its steps need.

It reads the plan, where dependencies are written out, so it speaks of flows from text, from YAML and from
Python alike."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

import attrs

from flowlang.plan import model as plan
from flowlang.plan.blocks import longest_ways, strategy
from flowlang.plan.longest import longest_of_steps
from flowlang.plan.model import Strategy

Reason: TypeAlias = Literal["result", "after", "in order", "barrier"]
Fit: TypeAlias = Literal["as needed", "weaker", "stronger"]

FOREVER = 10**18  # microseconds: longer than all that is known


@attrs.frozen
class Link:
    """One step that waits for another: it mentions its `result`, names it in `after`, stands below it in a
    block that is `in order`, or below a `barrier` such as `require`."""

    earlier: str
    later: str
    reason: Reason


@attrs.frozen
class Analysis:
    """What is known of the steps of a flow, by their names.

    Steps of one level wait for none of the same level; `width` is the size of the largest. `critical_path`
    is the chain of steps that can take longest, those without a known time counting as endless; `longest` is
    the longest time of the whole in microseconds, None where it is not known. `strategy` is what the steps
    need, whatever order their block keeps."""

    levels: tuple[tuple[str, ...], ...]
    width: int
    critical_path: tuple[str, ...]
    longest: int | None
    strategy: Strategy
    links: tuple[Link, ...]


@attrs.frozen
class Judgement:
    """A declared strategy against the one that the steps need. `weaker`: it keeps apart what could run at the
    same time. `stronger`: it promises what the steps do not have."""

    declared: Strategy
    needed: Strategy
    fit: Fit
    advice: str | None


def analyse(compiled: plan.Plan, flow: str | None = None) -> Analysis:
    """The steps of a flow: the one called `flow`, else the plan's main one. Raises KeyError."""
    name = flow or compiled.main
    if name is None or name not in compiled.flows:
        raise KeyError(f"the plan has no flow {flow or 'that is called main'}")
    body = compiled.flows[name].body
    ways = longest_ways(body.statements, [int(isinstance(s, plan.Step)) for s in body.statements])
    levels: dict[int, list[str]] = {}
    for statement, way in zip(body.statements, ways, strict=True):
        if isinstance(statement, plan.Step):
            levels.setdefault(way, []).append(statement.name)
    return Analysis(
        levels=tuple(tuple(levels[level]) for level in sorted(levels)),
        width=max((len(level) for level in levels.values()), default=0),
        critical_path=_critical_path(compiled, name),
        longest=compiled.flows[name].longest,
        strategy=strategy(_as_needed(body)),
        links=tuple(_links(body)),
    )


def why_ordered(analysis: Analysis, earlier: str, later: str) -> tuple[Link, ...]:
    """The shortest chain of reasons why one step waits for another; empty where it does not."""
    into: dict[str, list[Link]] = {}
    for link in analysis.links:
        into.setdefault(link.later, []).append(link)
    found: dict[str, Link | None] = {later: None}
    pending = deque([later])
    while pending and earlier not in found:
        for link in into.get(pending.popleft(), ()):
            if link.earlier not in found:
                found[link.earlier] = link
                pending.append(link.earlier)
    chain: list[Link] = []
    following = found.get(earlier)
    while following is not None:
        chain.append(following)
        following = found[following.later]
    return tuple(chain)


def judge_strategy(declared: Strategy, analysis: Analysis) -> Judgement:
    """Whether a declared strategy is what the steps need."""
    needed = analysis.strategy
    fit, advice = _judged(declared, needed, analysis)
    return Judgement(declared, needed, fit, advice)


def _judged(declared: Strategy, needed: Strategy, analysis: Analysis) -> tuple[Fit, str | None]:
    match declared, needed:
        case "sequential", "parallel":
            return "weaker", "steps that need not wait for each other do; `parallel` lets them run together"
        case "parallel", "sequential" if len(analysis.levels) > 1:
            return "stronger", "no two steps can run at the same time, since each needs the one before"
        case "conditional", ("sequential" | "parallel" | "loop"):
            return "stronger", f"not every step has a condition; `{needed}` says what they do"
        case "loop", ("sequential" | "parallel" | "conditional"):
            return "stronger", f"not every step is a loop; `{needed}` says what they do"
    return "as needed", None


def _as_needed(body: plan.Block) -> list[plan.AnyStatement]:
    """The statements of a block, without the order that it keeps for its own sake."""
    statements = {statement.name: statement for statement in body.statements}
    return [
        statement.model_copy(update={"depends": tuple(_needs(statement, statements))})
        for statement in body.statements
    ]


def _needs(statement: plan.AnyStatement, statements: Mapping[str, plan.AnyStatement]) -> Iterable[str]:
    known = (name for name in statement.depends if name in statements)
    return (name for name in known if _reason(statement, statements[name]) != "in order")


# Why steps wait


def _links(body: plan.Block) -> Iterable[Link]:
    """The links between steps; what stands between them, such as a `let`, is looked through."""
    statements = {statement.name: statement for statement in body.statements}
    for step in body.statements:
        if isinstance(step, plan.Step):
            for name in step.depends:
                if name in statements:
                    reason = _reason(step, statements[name])
                    yield from (
                        Link(earlier, step.name, reason) for earlier in _steps_behind(name, statements)
                    )


def _steps_behind(name: str, statements: Mapping[str, plan.AnyStatement]) -> list[str]:
    """The nearest steps above a statement, itself if it is one."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    pending = [name]
    while pending:
        current = pending.pop()
        if current in seen or current not in statements:
            continue
        seen.add(current)
        if isinstance(statements[current], plan.Step):
            found[current] = None
        else:
            pending.extend(statements[current].depends)
    return list(found)


def _reason(later: plan.AnyStatement, earlier: plan.AnyStatement) -> Reason:
    if earlier.name in later.free:
        return "result"
    if isinstance(later, plan.Step) and earlier.name in later.after:
        return "after"
    return "in order" if isinstance(earlier, plan.Step | plan.Let) else "barrier"


# The critical path


def _critical_path(compiled: plan.Plan, flow: str) -> tuple[str, ...]:
    """The chain of steps with the greatest sum of longest times."""
    body = compiled.flows[flow].body
    times = longest_of_steps(compiled.flows[flow], compiled.flows, compiled.agents)
    weights = [
        1 + min(time, FOREVER) if (time := times[s.name].microseconds) is not None else FOREVER
        for s in body.statements
    ]
    weights = [w if isinstance(s, plan.Step) else 0 for w, s in zip(weights, body.statements, strict=True)]
    closed = longest_ways(body.statements, weights, closed=True)
    ends = {statement.name: way for statement, way in zip(body.statements, closed, strict=True)}
    statements = {statement.name: statement for statement in body.statements}
    path: list[str] = []
    current = max(statements, key=lambda name: ends[name], default=None)
    while current is not None:
        if isinstance(statements[current], plan.Step):
            path.append(current)
        before = [name for name in statements[current].depends if name in statements]
        current = max(before, key=lambda name: ends[name], default=None)
    return tuple(reversed(path))
