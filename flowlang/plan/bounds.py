"""Call bounds: the most calls of each agent that one run of a flow can make.

Retries multiply by the number of attempts, `for each` by the size of what it goes over, `while` by its
limit; of arms and handlers only one runs, so they give the greatest; everything else adds up, and a called
flow stands for its own bounds with the arguments in place of its parameters. A step's own `retry` replaces
that of the agent it calls; an undo is tried again as the runtime does it (`UNDO_RETRIES`).

What is not known before a run stays an unknown of the formula (`read ≤ 3·|found|`). Sizes are followed
through lets, through functions that do not lengthen a list, and through steps that loop over one."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Final, TypeAlias

import attrs

from flowlang.plan import model as plan
from flowlang.plan.amounts import ZERO, Amount, Unknown, add, greatest, multiply, number, substitute, unknown
from flowlang.plan.folding import fold
from flowlang.plan.text import expression_text, operand_text
from flowlang.plan.walk import branches_of, callees_first

UNDO_RETRIES: Final = 5
"""How often an undo is tried again whose agent has no policy of its own."""

Calls: TypeAlias = dict[str, Amount]
Scope: TypeAlias = MutableMapping[str, plan.AnyStatement | None]
"""What names stand for: a statement, or None for what is known only in the run."""

_DEPTH: Final = 8  # lets that are followed to find a size
_NOT_LONGER: Final = frozenset({
    "filter", "map", "sort", "sort_by", "reverse", "distinct", "enumerate", "skip", "slice", "zip",
    "entries", "keys", "values", "without",
})  # fmt: skip


def call_bounds(
    flows: Mapping[str, plan.Flow], agents: Mapping[str, plan.Agent]
) -> dict[str, dict[str, plan.Bound]]:
    """The bounds of every flow, by its name, for each agent that it can reach."""
    known: dict[str, Calls] = {}
    for name in callees_first(flows):
        known[name] = _Counter(flows, agents, known).flow(flows[name])
    return {name: {agent: _bound(amount) for agent, amount in known[name].items()} for name in flows}


def _bound(amount: Amount) -> plan.Bound:
    return plan.Bound(formula=amount.show(), calls=amount.number)


@attrs.frozen(eq=False, repr=False)
class _Counter:
    flows: Mapping[str, plan.Flow]
    agents: Mapping[str, plan.Agent]
    known: Mapping[str, Calls]

    def flow(self, flow: plan.Flow) -> Calls:
        return self.block(flow.body, ChainMap())

    def block(self, block: plan.Block, outer: Scope) -> Calls:
        scope = inside(outer, names_in(block))
        steps = [self.step(s, scope) for s in block.statements if isinstance(s, plan.Step)]
        ends = [s.task for s in block.statements if isinstance(s, plan.ReturnWhen | plan.Result)]
        return _sum([*steps, _greatest(self.task(task, scope) for task in ends)])

    def step(self, step: plan.Step, scope: Scope) -> Calls:
        task = self.task(step.task, scope, policies=step.retry is None)
        handlers = [
            self.task(catch.handler, inside(scope, dict.fromkeys([catch.binding or ""])))
            for catch in step.catches
        ]
        undo = _times(_undo_attempts(step.undo, self.agents), self.undo(step, scope))
        finish = self.block(step.finally_, scope) if step.finally_ else {}
        return _sum([_times(attempts(step.retry, scope), task), _greatest(handlers), undo, finish])

    def undo(self, step: plan.Step, scope: Scope) -> Calls:
        return (
            self.task(step.undo, scope, policies=not isinstance(step.undo, plan.CallAgent))
            if step.undo
            else {}
        )

    def task(self, task: plan.Task, scope: Scope, *, policies: bool = True) -> Calls:
        """The calls of one execution of a task; with `policies`, agents retry by their own."""
        match task:
            case plan.CallAgent(agent=name):
                agent = self.agents.get(name)
                return {name: attempts(agent.retry if agent and policies else None, scope)}
            case plan.CallFlow():
                return self.called(task, scope)
            case plan.ForEach(source=source, body=body, first=first, second=second):
                item = self.block(body, inside(scope, dict.fromkeys([first, second or first])))
                return _times(size_of(source, scope), item)
            case plan.While(limit=limit, state=state, body=body):
                return _times(count_of(limit, scope), self.block(body, inside(scope, {state: None})))
            case plan.Do(body=body):
                return self.block(body, scope)
            case plan.Race():
                return _sum([self.task(branch, scope) for branch in branches_of(task)])
            case plan.Choose():
                return _greatest(self.task(arm, scope, policies=policies) for arm in branches_of(task))
            case plan.MatchTask(arms=arms):
                return _greatest(
                    self.task(arm.task, inside(scope, _bound_by(arm.pattern)), policies=policies)
                    for arm in arms
                )
            case plan.Evaluate() | plan.Wait() | plan.Sleep() | plan.Fail():
                return {}

    def called(self, call: plan.CallFlow, scope: Scope) -> Calls:
        flow = self.flows.get(call.flow)
        if flow is None or call.flow not in self.known:
            return {}
        defaults = {p.name: p.default for p in flow.parameters if p.default is not None}
        arguments = {**defaults, **call.arguments}

        def replace(part: Unknown) -> Amount:
            return _argument(part, arguments, call.flow, scope)

        return {agent: substitute(amount, replace) for agent, amount in self.known[call.flow].items()}


def attempts(retry: plan.Retry | None, scope: Scope) -> Amount:
    """How often something is tried, the first time included."""
    return number(1) if retry is None else add([number(1), count_of(retry.times, scope)])


def count_of(expr: plan.Expr, scope: Scope) -> Amount:
    """The value of a whole number that is not negative."""
    expr = _resolved(expr, scope)
    value = fold(expr)
    if value is not None:
        return number(int(value))
    match expr:
        case plan.Operate(operator="int.add", operands=(left, right)):
            return add([count_of(left, scope), count_of(right, scope)])
        case _:
            return unknown(_unknown(expr, size=False))


def size_of(expr: plan.Expr, scope: Scope, depth: int = _DEPTH) -> Amount:
    """The most items that a list or map can have."""
    expr = _resolved(expr, scope)
    if depth == 0:
        return unknown(_unknown(expr, size=True))
    match expr:
        case plan.Constant(value=list() | dict() as items):
            return number(len(items))
        case plan.MakeList(items=parts):
            return number(len(parts))
        case plan.MakeObject(pairs=pairs) if all(pair.key is not None for pair in pairs):
            return number(len(pairs))
        case plan.Operate(operator="range", operands=(start, end)):
            first, last = fold(_resolved(start, scope)), fold(_resolved(end, scope))
            if first is not None and last is not None:
                return number(int(last) - int(first))
            if first is not None and first >= 0:
                return count_of(end, scope)
        case plan.Widen(value=value):
            return size_of(value, scope, depth - 1)
        case plan.Coalesce(left=left, right=right):
            return greatest([size_of(left, scope, depth - 1), size_of(right, scope, depth - 1)])
        case plan.If(then=then, otherwise=otherwise):
            return greatest([size_of(then, scope, depth - 1), size_of(otherwise, scope, depth - 1)])
        case plan.Apply(function=function, arguments=(receiver, *rest), safe=False) if not isinstance(
            receiver, plan.Lambda
        ):
            found = _size_of_result(function.rpartition(".")[2], receiver, rest, scope, depth - 1)
            if found is not None:
                return found
        case plan.Variable(name=name):
            match scope.get(name):
                case plan.Step(task=plan.ForEach(source=source), catches=(), otherwise=None):
                    return size_of(source, scope, depth - 1)
    return unknown(_unknown(expr, size=True))


def names_in(block: plan.Block) -> dict[str, plan.AnyStatement | None]:
    return {statement.name: statement for statement in block.statements}


def inside(scope: Scope, names: dict[str, plan.AnyStatement | None]) -> Scope:
    """A scope in which further names are known, hiding outer ones."""
    return ChainMap(names, *(scope.maps if isinstance(scope, ChainMap) else [scope]))


def _size_of_result(
    name: str, receiver: plan.Expr, rest: list[plan.Expr | plan.Lambda], scope: Scope, depth: int
) -> Amount | None:
    """The size of what a function gives, where it follows from the sizes of what it takes."""
    if name == "take" and not isinstance(rest[0], plan.Lambda):
        return _smaller(size_of(receiver, scope, depth), count_of(rest[0], scope))
    if name in _NOT_LONGER:
        return size_of(receiver, scope, depth)
    if name in ("concat", "merge") and not isinstance(rest[0], plan.Lambda):
        return add([size_of(receiver, scope, depth), size_of(rest[0], scope, depth)])
    return None


def _smaller(size: Amount, limit: Amount) -> Amount:
    """The lesser where both are known, else the limit: it is what the author wrote to bound the list."""
    if size.number is not None and (limit.number is None or size.number < limit.number):
        return size
    return limit


def _resolved(expr: plan.Expr, scope: Scope) -> plan.Expr:
    """What a name stands for, as far as lets say it."""
    for _ in range(_DEPTH):
        match expr:
            case plan.Variable(name=name):
                statement = scope.get(name)
                if not isinstance(statement, plan.Let):
                    return expr
                expr = statement.value
            case plan.Widen(value=value):
                expr = value
            case _:
                return expr
    return expr


def _unknown(expr: plan.Expr, *, size: bool) -> Unknown:
    path: list[str] = []
    target = expr
    while isinstance(target, plan.Member):
        path.append(target.field)
        target = target.target
    text = expression_text(expr) if size else operand_text(expr)
    if isinstance(target, plan.Variable):
        return Unknown(text, target.name, tuple(reversed(path)), size)
    return Unknown(text if len(text) <= 48 else text[:47] + "…", size=size)


def _argument(part: Unknown, arguments: Mapping[str, plan.Expr], flow: str, scope: Scope) -> Amount:
    """What an unknown of a called flow is for its caller."""
    argument = arguments.get(part.root)
    if argument is None:
        text = part.text if len(part.text) > 48 else f"{flow}.{part.text}"
        return unknown(Unknown(text, size=part.size))
    if not part.path:
        return size_of(argument, scope) if part.size else count_of(argument, scope)
    start = _unknown(argument, size=part.size)
    text = ".".join([start.text, *part.path])
    return unknown(Unknown(text, start.root, start.path + part.path, part.size))


def _undo_attempts(undo: plan.Task | None, agents: Mapping[str, plan.Agent]) -> Amount:
    if isinstance(undo, plan.CallAgent) and (agent := agents.get(undo.agent)) is not None and agent.retry:
        return attempts(agent.retry, {})
    return number(1 + UNDO_RETRIES)


def _bound_by(pattern: plan.Pattern) -> dict[str, plan.AnyStatement | None]:
    return dict.fromkeys(pattern.bindings) if isinstance(pattern, plan.CasePattern) else {}


def _times(count: Amount, calls: Calls) -> Calls:
    return {agent: multiply(count, amount) for agent, amount in calls.items()}


def _sum(parts: Iterable[Calls]) -> Calls:
    gathered: dict[str, list[Amount]] = {}
    for calls in parts:
        for agent, amount in calls.items():
            gathered.setdefault(agent, []).append(amount)
    return {agent: add(amounts) for agent, amounts in gathered.items()}


def _greatest(parts: Iterable[Calls]) -> Calls:
    gathered: dict[str, list[Amount]] = {}
    for calls in parts:
        for agent, amount in calls.items():
            gathered.setdefault(agent, []).append(amount)
    return {agent: greatest([*amounts, ZERO]) for agent, amounts in gathered.items()}
