"""Show a plan: what a reviewer reads before a run, as text for a terminal.

Each flow opens with what can be said of the whole: the most calls, the longest time, waits that nothing
ends. Then come its statements in source order, each with its wave, what it waits for and why, what it
gives and may raise, its effect and its policies; what stands in a block is indented under its step."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

import attrs

from flowlang.plan import model as plan
from flowlang.plan.blocks import implied
from flowlang.plan.longest import FOREVER, longest_times
from flowlang.plan.model import ATTEMPT_TIMEOUT
from flowlang.plan.names import free_names
from flowlang.plan.styled import FIRM, Line, Stretch, Style, joined, wrapped, written
from flowlang.plan.text import (
    duration_text,
    expression_text,
    pattern_text,
    retry_text,
    task_text,
    type_text,
)
from flowlang.plan.waits import open_waits
from flowlang.plan.walk import body_of, called_agents, called_flows

NAME_COLUMN: Final = 16  # the most room that names of statements get
UNBROKEN: Final = 48  # characters of a bound that stand on one line
VALUE: Final = 220  # characters that are shown of a value that is only computed
TYPE: Final = 72  # and of a type
_EFFECT_STYLES: Final[dict[str | None, Style]] = {
    "pure": "quiet",
    "read": "good",
    "idempotent": "careful",
    "write": "danger",
    None: "danger",
}


def render_plan(compiled: plan.Plan, flow_name: str | None, *, width: int = 100, colour: bool = False) -> str:
    """A flow (None: the main one, else all of the entry module) with the flows and agents that it reaches.
    Raises KeyError where the plan has no such flow."""
    names = _reached(compiled, flow_name)
    lines: list[Line] = []
    for name in names:
        lines += [*_Flow(compiled, name, width).lines(), []]
    lines += _agents(compiled, names, width)
    return written(lines, colour=colour)


def _reached(compiled: plan.Plan, flow_name: str | None) -> tuple[str, ...]:
    first = flow_name or compiled.main
    pending = [first] if first else [name for name in compiled.flows if "." not in name]
    found: dict[str, None] = {}
    while pending:
        name = pending.pop(0)
        if name not in found:
            found[name] = None
            pending += called_flows(compiled.flows[name])
    return tuple(found)


@attrs.frozen
class _Flow:
    compiled: plan.Plan
    name: str
    width: int

    @property
    def flow(self) -> plan.Flow:
        return self.compiled.flows[self.name]

    def lines(self) -> Iterator[Line]:
        yield from wrapped(self.signature(), self.width, [], [Stretch("    ")])
        indent = [Stretch("  ")]
        for text in (self.flow.doc or "").splitlines():
            yield from wrapped([Stretch(text, "quiet")], self.width, indent, indent)
        for label, line in self.summary():
            start = [Stretch(f"  {label:<8} ", "quiet")]
            yield from wrapped(line, self.width, start, [Stretch(" " * 11)])
        yield []
        yield from _Block(self.compiled, self.width, [Stretch("  ")]).lines(self.flow.body)

    def signature(self) -> Line:
        flow = self.flow
        parameters = ", ".join(
            f"{p.name}: {type_text(p.type)}" + (f" = {expression_text(p.default)}" if p.default else "")
            for p in flow.parameters
        )
        result = f" -> {type_text(flow.result)}" if flow.result != plan.ScalarType(kind="null") else ""
        return [
            Stretch("flow ", "quiet"),
            Stretch(self.name, "title"),
            Stretch(f"({parameters}){result}"),
        ]

    def summary(self) -> Iterator[tuple[str, Line]]:
        flow = self.flow
        bounds = [[Stretch(_bound(name, bound))] for name, bound in flow.bounds.items()]
        yield "calls", joined(bounds) if bounds else [Stretch("none")]
        yield "longest", self.longest()
        if waits := self.waits():
            yield "waits", waits
        yield "effect", joined([_effect(flow.effect), *([_errors(flow.raises)] if flow.raises else [])])
        if flow.timeout is not None:
            yield "timeout", [Stretch(expression_text(flow.timeout))]
        last = max((statement.wave for statement in flow.body.statements), default=-1) + 1
        waves = f"{last} wave{'' if last == 1 else 's'}"
        yield "strategy", [Stretch(f"{flow.body.strategy}, {waves}")]

    def longest(self) -> Line:
        longest = self.flow.longest
        if longest is not None:
            return [Stretch("10,000 years or more" if longest >= FOREVER else duration_text(longest))]
        because = longest_times(self.compiled.flows, self.compiled.agents)[self.name].because
        reasons = [[Stretch(f"{end.reason} ({_where(self.compiled, end.at)})")] for end in because]
        return [Stretch("not known: "), *joined(reasons, "; ")]

    def waits(self) -> Line:
        """The waits that nothing ends."""
        found = open_waits(self.flow, self.compiled.agents)
        where = [
            [Stretch(f"`{wait.what}` in {wait.step} ({_where(self.compiled, wait.at)})")] for wait in found
        ]
        return [*joined(where, ", "), Stretch(" without a deadline", "danger")] if found else []


@attrs.frozen
class _Block:
    """Shows statements behind a margin, the bars of the blocks around them."""

    compiled: plan.Plan
    width: int
    margin: Line

    def lines(self, block: plan.Block) -> Iterator[Line]:
        longest = max((len(s.name) for s in block.statements), default=0)
        column = min(longest, NAME_COLUMN)
        needless = implied({statement.name: statement.depends for statement in block.statements})
        barriers = {s.name for s in block.statements if isinstance(s, _BARRIERS)}
        for statement in block.statements:
            needs = _needs(statement, barriers, needless)
            yield from self.statement(statement, needs, column)

    def statement(self, statement: plan.AnyStatement, needs: list[Line], column: int) -> Iterator[Line]:
        style: Style = "quiet" if statement.name.startswith("!") else "name"
        name = statement.name if len(statement.name) <= column else statement.name[: column - 1] + "…"
        wave = Stretch(f"{statement.wave:>2} ", "quiet")
        start = [*self.margin, wave, Stretch(f"{name:<{column}}  ", style)]
        below = [*self.margin, Stretch(" " * (column + 5))]
        inner = attrs.evolve(self, margin=below)
        yield from wrapped(_head(statement), self.width, start, [*below, Stretch("  ")])
        about = [*needs, *self.gives(statement)]
        yield from inner.indented(joined(about, "  ") if about else [])
        yield from inner.details(statement)

    def indented(self, line: Line) -> Iterator[Line]:
        if line:
            yield from wrapped(line, self.width, self.margin, [*self.margin, Stretch("  ")])

    def gives(self, statement: plan.AnyStatement) -> list[Line]:
        """`→ T · errors · effect`."""
        match statement:
            case plan.Step(type=type, raises=raises, effect=effect):
                parts = [[Stretch(_cut(type_text(type), TYPE))]]
                parts += [_errors(raises)] if raises else []
                parts += [_effect(effect)] if effect != "pure" else []
                return [[Stretch("→ ", "quiet"), *joined(parts)]]
            case plan.Let(type=type):
                return [[Stretch("→ ", "quiet"), Stretch(_cut(type_text(type), TYPE))]]
            case _:
                return []

    def details(self, statement: plan.AnyStatement) -> Iterator[Line]:
        match statement:
            case plan.Step():
                yield from self.step(statement)
            case plan.ReturnWhen(task=task) | plan.Result(task=task):
                yield from self.inside(task)

    def step(self, step: plan.Step) -> Iterator[Line]:
        if step.guard is not None:
            skipped = f" otherwise {expression_text(step.otherwise)}" if step.otherwise else ""
            yield from self.indented(
                [Stretch("when ", "quiet"), Stretch(expression_text(step.guard) + skipped)]
            )
        policies = [[Stretch(policy)] for policy in _policies(step)]
        yield from self.indented(joined(policies))
        inherited = [[Stretch(policy)] for policy in self.inherited(step)]
        yield from self.indented([Stretch("agent: ", "quiet"), *joined(inherited)] if inherited else [])
        yield from self.inside(step.task)
        for catch in step.catches:
            errors = " ".join(["catch", ", ".join(catch.errors)]).rstrip()
            binding = f" as {catch.binding}" if catch.binding else ""
            yield from self.clause(f"{errors}{binding} ->", catch.handler)
        if step.undo is not None:
            yield from self.clause("undo", step.undo)
        if step.finally_ is not None:
            yield from self.indented([Stretch("finally", "quiet")])
            yield from self.barred().lines(step.finally_)

    def inherited(self, step: plan.Step) -> Iterator[str]:
        """What the agent that a step calls says where the step says nothing, but for the usual timeout."""
        agent = self.compiled.agents.get(step.task.agent) if isinstance(step.task, plan.CallAgent) else None
        if agent is None:
            return
        if step.attempt_timeout is None and agent.timeout not in (None, ATTEMPT_TIMEOUT):
            yield f"timeout {duration_text(agent.timeout or 0)} per attempt"
        if step.retry is None and agent.retry is not None:
            yield retry_text(agent.retry)

    def clause(self, head: str, task: plan.Task) -> Iterator[Line]:
        yield from self.indented([Stretch(head + " ", "quiet"), *_task(task)])
        yield from self.inside(task)

    def inside(self, task: plan.Task) -> Iterator[Line]:
        """What stands in a task: its arms, branches or block."""
        inner = self.barred()
        match task:
            case plan.Choose(arms=arms, otherwise=otherwise):
                for arm in arms:
                    yield from inner.clause(f"when {expression_text(arm.condition)} ->", arm.task)
                if otherwise is not None:
                    yield from inner.clause("else ->", otherwise)
            case plan.MatchTask(arms=cases):
                for case in cases:
                    yield from inner.clause(f"{pattern_text(case.pattern)} ->", case.task)
            case plan.Race(branches=branches, each=None):
                for branch in branches:
                    yield from inner.clause("·", branch)
            case plan.Race(each=plan.ForEach(body=body)):
                yield from inner.lines(body)
            case _:
                found = body_of(task)
                if found is not None:
                    yield from inner.lines(found)

    def barred(self) -> _Block:
        return attrs.evolve(self, margin=[*self.margin, Stretch("│ ", "quiet")])


def _head(statement: plan.AnyStatement) -> Line:
    """What a statement does, as its source says it."""
    match statement:
        case plan.Step(task=task):
            return _task(task)
        case plan.Let(value=value):
            return [Stretch("= ", "quiet"), Stretch(_cut(expression_text(value), VALUE))]
        case plan.ReturnWhen(condition=condition, task=task):
            return _worded("return", task_text(task), "when", expression_text(condition))
        case plan.FailWhen(condition=when, failure=failure):
            return _worded("fail", task_text(failure).removeprefix("fail "), "when", _text(when))
        case plan.Require(condition=condition, message=message):
            return _worded("require", expression_text(condition), "else", _text(message))
        case plan.Ensure(condition=condition, message=message):
            return _worded("ensure", expression_text(condition), "else", _text(message))
        case plan.Result(name=name, task=task):
            return [Stretch(name.strip("!") + " ", "quiet"), *_task(task)]


def _text(expr: plan.Expr | None) -> str | None:
    return None if expr is None else expression_text(expr)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _worded(word: str, text: str, second: str, rest: str | None) -> Line:
    line = [Stretch(f"{word} ", "quiet"), Stretch(text)]
    return [*line, Stretch(f" {second} ", "quiet"), Stretch(rest)] if rest else line


def _task(task: plan.Task) -> Line:
    """The head of a task; of one with a block, also how that runs."""
    body = task.each.body if isinstance(task, plan.Race) and task.each else body_of(task)
    line = [Stretch(task_text(task))]
    return [*line, Stretch(f" · {body.strategy}", "quiet")] if body and len(body.statements) > 1 else line


def _needs(
    statement: plan.AnyStatement, barriers: Collection[str], needless: Collection[tuple[str, str]]
) -> list[Line]:
    """`← what it waits for`, and why where no name says it; what follows from the rest is left out."""
    mentioned = free_names(statement)
    after = statement.after if isinstance(statement, plan.Step) else ()
    shown = []
    for name in statement.depends:
        if name in mentioned:
            shown.append(name)
        elif name in after:
            shown.append(f"{name}{FIRM}(after)")
        elif (name, statement.name) not in needless:
            shown.append(f"{name}{FIRM}({'barrier' if name in barriers else 'in order'})")
    return [[Stretch("← ", "quiet"), Stretch(", ".join(shown))]] if shown else []


_BARRIERS = (plan.ReturnWhen, plan.FailWhen, plan.Require)


def _policies(step: plan.Step) -> Iterator[str]:
    """What bounds and repeats a step."""
    if step.key is not None:
        yield f"key {expression_text(step.key)}"
    if step.attempt_timeout is not None and step.attempt_timeout != step.timeout:
        yield f"timeout {expression_text(step.attempt_timeout)} per attempt"
    if step.retry is not None:
        yield retry_text(step.retry)
    if step.timeout is not None:
        yield f"timeout {expression_text(step.timeout)}"


def _bound(agent: str, bound: plan.Bound) -> str:
    text = f"{agent} ≤ {bound.formula}"
    return text.replace(" ", FIRM) if len(text) <= UNBROKEN else text


def _errors(raises: Iterable[str]) -> Line:
    return [Stretch("raises ", "quiet"), Stretch(", ".join(raises))]


def _effect(effect: str | None) -> Line:
    return [Stretch(effect or f"effect{FIRM}not{FIRM}declared", _EFFECT_STYLES[effect])]


def _where(compiled: plan.Plan, at: plan.Place) -> str:
    path = compiled.sources[at.source].path if at.source < len(compiled.sources) else "?"
    return f"{path.rpartition('/')[2]}:{at.line}"


def _agents(compiled: plan.Plan, flows: Iterable[str], width: int) -> Iterator[Line]:
    """The agents that the flows call, with what holds for each of their calls."""
    used = dict.fromkeys(name for flow in flows for name in called_agents(compiled.flows[flow]))
    if not used:
        return
    yield [Stretch("agents", "quiet")]
    column = min(max(len(name) for name in used), 28)
    for name in used:
        agent = compiled.agents[name]
        start = [Stretch(f"  {name:<{column}}  ", "name")]
        yield from wrapped(joined(_agent(agent)), width, start, [Stretch(" " * (column + 4))])


def _agent(agent: plan.Agent) -> Iterator[Line]:
    yield from agent_clauses(agent)
    if agent.provider is not None:
        yield [Stretch(f"{agent.provider.kind} {agent.provider.target}", "quiet")]


def agent_clauses(agent: plan.Agent) -> Iterator[Line]:
    """What holds for each call of an agent: its effect, then its policies."""
    if agent.asks:
        yield [Stretch("ask")]
    yield _effect(agent.effect)
    yield from ([Stretch(text)] for text in agent_policies(agent))


def agent_policies(agent: plan.Agent) -> Iterator[str]:
    """What bounds, repeats, protects and keeps the calls of an agent, in the words of the language."""
    if agent.timeout is not None:
        yield f"timeout {duration_text(agent.timeout)} per attempt"
    if agent.retry is not None:
        yield retry_text(agent.retry)
    if agent.limits:
        yield "limit " + ", ".join(_quota(quota) for quota in agent.limits)
    if agent.breaker is not None:
        breaker = agent.breaker
        times = f"within {duration_text(breaker.within)} reset {duration_text(breaker.reset)}"
        yield f"breaker {breaker.failures} failures {times}"
    if agent.cache is not None:
        yield f"cache {duration_text(agent.cache)}"


def _quota(quota: plan.Quota) -> str:
    return (
        f"{quota.count} at once"
        if quota.window is None
        else f"{quota.count} per {duration_text(quota.window)}"
    )
