"""Arms: those of a flow, and a program that notes which it takes.

Nothing tells of an arm that was taken. So the code of what decides is exchanged for code that notes what came
of it: the conditions of a `choose`, the subject of a `match`. A `match` or an `if` that is all there is to a
`let` or to a value is compiled as a whole, so what decides in it is evaluated once more, beside it. Arms that
lie deeper in an expression are none of their own: what they are part of is reached, or is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import TypeAlias

import attrs

from flowlang.plan import model as plan
from flowlang.plan.walk import all_blocks, all_tasks, branches_of, tasks_of
from flowlang.runtime.program import Program
from flowlang.values.codec import write_json
from flowlang.values.compiler import Code, compile_expression
from flowlang.values.evaluation import Budget, EvaluationError
from flowlang.values.value import Value

Inner: TypeAlias = plan.Match | plan.If
Decision: TypeAlias = plan.Choose | plan.MatchTask | Inner
Taken: TypeAlias = dict[tuple[int, int], None]
"""The arms that were taken: `id` of the decision, number of the arm."""


@attrs.frozen
class Arm:
    """`text` says what it is called; `key` is what it is in `Taken`."""

    at: plan.Place
    text: str
    key: tuple[int, int]


def arms_of(flow: plan.Flow) -> Iterator[Arm]:
    """The arms of a flow, without those of the flows that it calls."""
    for task in all_tasks(flow.body):
        if isinstance(task, plan.Choose | plan.MatchTask):
            for number, (at, text) in enumerate(zip(_places(task), _texts(task), strict=True)):
                yield Arm(at, text, (id(task), number))
    for statement, decision in _inner_of(flow):
        where = "" if statement.name.startswith("!") else f" in `{statement.name}`"
        for number, text in enumerate(_texts(decision)):
            yield Arm(statement.at, text + where, (id(decision), number))


def noting(program: Program, taken: Taken) -> Program:
    """A program that does the same, and notes the arms that it takes."""
    code = dict(program.code)
    for flow in program.plan.flows.values():
        for task in all_tasks(flow.body):
            if isinstance(task, plan.Choose):
                for number, arm in enumerate(task.arms):
                    code[id(arm.condition)] = _condition(task, number, code[id(arm.condition)], taken)
            elif isinstance(task, plan.MatchTask):
                code[id(task.subject)] = _subject(task, code[id(task.subject)], taken)
        for _, decision in _inner_of(flow):
            code[id(decision)] = _whole(decision, code[id(decision)], taken)
    return attrs.evolve(program, code=code)


def _inner_of(flow: plan.Flow) -> Iterator[tuple[plan.AnyStatement, Inner]]:
    """The expressions that are nothing but arms, each with the statement that it stands in."""
    for block in all_blocks(flow.body):
        for statement in block.statements:
            for value in _values_of(statement):
                if isinstance(value, Inner):
                    yield statement, value


def _values_of(statement: plan.AnyStatement) -> Iterator[plan.Expr]:
    if isinstance(statement, plan.Let):
        yield statement.value
    pending = [*tasks_of(statement)]
    while pending:
        task = pending.pop()
        pending.extend(branches_of(task))
        if isinstance(task, plan.Evaluate):
            yield task.value


# What they are called


def _texts(decision: Decision) -> list[str]:
    match decision:
        case plan.Choose():
            count = len(branches_of(decision))
            return [f"the arm {number} of {count} of a `choose`" for number in range(1, count + 1)]
        case plan.If():
            return ["the first arm of an `if`", "the `else` of an `if`"]
        case _:
            return [f"the arm `{_pattern_text(pattern)}` of a `match`" for pattern in _patterns(decision)]


def _patterns(decision: plan.MatchTask | plan.Match) -> list[plan.Pattern]:
    if isinstance(decision, plan.Match):
        return [arm.pattern for arm in decision.arms]
    return [arm.pattern for arm in decision.arms]


def _pattern_text(pattern: plan.Pattern) -> str:
    match pattern:
        case plan.CasePattern(case=case):
            return case
        case plan.ValuePattern(value=value):
            return write_json(value)
        case plan.ElsePattern():
            return "else"


def _places(task: plan.Choose | plan.MatchTask) -> Iterator[plan.Place]:
    """Where the arms stand; the task, for one that is a constant or a name."""
    conditions = [arm.condition for arm in task.arms] if isinstance(task, plan.Choose) else []
    for arm, condition in zip_longest(branches_of(task), conditions):
        inner: object = arm.value if isinstance(arm, plan.Evaluate) else arm
        yield getattr(condition, "at", None) or getattr(inner, "at", None) or task.at


# Which are taken


def _condition(task: plan.Choose, number: int, code: Code, taken: Taken) -> Code:
    last = number + 1 == len(task.arms)

    def noted(names: Mapping[str, Value], budget: Budget) -> Value:
        holds = code(names, budget)
        if holds or last:
            taken[id(task), number if holds else number + 1] = None
        return holds

    return noted


def _subject(decision: plan.MatchTask | plan.Match, code: Code, taken: Taken) -> Code:
    patterns = _patterns(decision)

    def noted(names: Mapping[str, Value], budget: Budget) -> Value:
        value = code(names, budget)
        number = next(n for n, pattern in enumerate(patterns) if _matches(pattern, value))
        taken[id(decision), number] = None
        return value

    return noted


def _matches(pattern: plan.Pattern, value: Value) -> bool:
    match pattern:
        case plan.CasePattern(case=case):
            return value is not None and bool(value["case"] == case)
        case plan.ValuePattern(value=wanted):
            return bool(value == wanted)
        case plan.ElsePattern():
            return True


def _whole(decision: Inner, code: Code, taken: Taken) -> Code:
    if isinstance(decision, plan.If):
        decides = compile_expression(decision.condition)
    else:
        decides = _subject(decision, compile_expression(decision.subject), taken)

    def noted(names: Mapping[str, Value], budget: Budget) -> Value:
        try:
            value = decides(names, Budget())
        except EvaluationError:
            return code(names, budget)  # which fails in the same way
        if isinstance(decision, plan.If):
            taken[id(decision), 0 if value else 1] = None
        return code(names, budget)

    return noted
