"""Lower tasks and blocks: steps with their clauses, barriers, results, and what they run.

Where a task's value must be of a wider type than the task gives, the widening goes down to where values are
made: into arms, yields and branches, and from there into expressions and calls. Only what fills a loop's
state or comes from an event cannot be reached so; it is bound to a name in a block of its own first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

import attrs

from flowlang.plan import model as plan
from flowlang.plan.blocks import strategy, waves
from flowlang.plan.canonical import statement_fingerprint
from flowlang.plan.lower_expressions import Expressions
from flowlang.plan.names import free_names
from flowlang.semantics import types
from flowlang.semantics.facts import Callable, ErrorName, ErrorRef, EventName
from flowlang.semantics.inference import converts
from flowlang.semantics.types import Type
from flowlang.syntax import ast

_UNNAMED = {
    ast.Return: "return", ast.Fail: "fail", ast.Require: "require", ast.Ensure: "ensure",
    ast.Yield: "yield", ast.Next: "next",
}  # fmt: skip


@attrs.define(eq=False, repr=False)
class Reached:
    """What a plan must hold because something in it names it, by its name there."""

    callables: dict[str, Callable] = attrs.field(factory=dict)
    errors: dict[str, ErrorRef] = attrs.field(factory=dict)
    events: dict[str, EventName] = attrs.field(factory=dict)


@attrs.frozen(eq=False, repr=False)
class Tasks:
    """Lowers the tasks and blocks of one flow."""

    expressions: Expressions
    reached: Reached

    def block(self, tree: ast.Block, type: Type) -> plan.Block:
        """A block whose value is of a type."""
        names = _statement_names(tree)
        lowered = [self._statement(s, names[s.id], type) for s in tree.statements]
        depends = self._dependencies(tree, names)
        placed = [s.model_copy(update={"depends": d}) for s, d in zip(lowered, depends, strict=True)]
        finished = tuple(
            statement.model_copy(update={"wave": wave, "free": free_names(statement)})
            for statement, wave in zip(placed, waves(placed), strict=True)
        )
        marked = tuple(s.model_copy(update={"fingerprint": statement_fingerprint(s)}) for s in finished)
        return plan.Block(
            strategy=strategy(marked), statements=marked, type=self.expressions.naming.type(type)
        )

    def _dependencies(self, tree: ast.Block, names: dict[int, str]) -> list[tuple[str, ...]]:
        """What each statement waits for, in source order."""
        position = {id: i for i, id in enumerate(names)}
        found = (self.expressions.facts.statements.get(statement.id) for statement in tree.statements)
        return [
            tuple(names[id] for id in sorted(facts.depends if facts else (), key=position.__getitem__))
            for facts in found
        ]

    # Statements

    def _statement(self, tree: ast.Statement, name: str, type: Type) -> plan.AnyStatement:
        at = self.expressions.places.of(tree)
        lower = self.expressions.lower
        match tree:
            case ast.Step():
                return self._step(tree, name)
            case ast.Let(value=value):
                found = self._let_type(tree)
                return plan.Let(
                    name=name, at=at, value=lower(value), type=self.expressions.naming.type(found)
                )
            case ast.Require(condition=condition, message=message):
                return plan.Require(
                    name=name, at=at, condition=lower(condition), message=message and lower(message)
                )
            case ast.Ensure(condition=condition, message=message):
                return plan.Ensure(
                    name=name, at=at, condition=lower(condition), message=message and lower(message)
                )
            case ast.Fail(error=error, when=when):
                return plan.FailWhen(
                    name=name, at=at, condition=when and lower(when), failure=self._fail(error)
                )
            case ast.Return(task=task, when=when) if when is not None:
                ended = self.task(task, self._missing(task, type))
                return plan.ReturnWhen(name=name, at=at, condition=lower(when), task=ended)
            case ast.Return(task=task) | ast.Yield(task=task) | ast.Next(task=task):
                return plan.Result(name=name, at=at, task=self.task(task, self._missing(task, type)))
            case ast.Broken():
                raise AssertionError("a tree with errors is not lowered")
            case _:
                assert_never(tree)

    def _let_type(self, tree: ast.Let) -> Type:
        coerced = self.expressions.facts.coercions.get(tree.value.id)
        return coerced or self.expressions.type_of(tree.value)

    def _step(self, tree: ast.Step, name: str) -> plan.Step:
        facts = self.expressions.facts.statements[tree.id]
        made = plan.Step(
            name=name,
            at=self.expressions.places.of(tree),
            doc=tree.doc,
            task=self._arm(tree.task, facts.value),
            type=self.expressions.naming.type(facts.value),
            task_type=self.expressions.naming.type(facts.task),
            raises=self.error_names(facts.errors),
            effect=facts.effect,
            catches=tuple(self._catch(c, facts.value) for c in tree.clauses if isinstance(c, ast.Catch)),
        )
        found: dict[str, object] = {}
        for clause in tree.clauses:
            found.update(self._clause(clause))
        if "timeout" in found and "undo" not in found and not self._bounded(tree.task):
            found.setdefault("attempt_timeout", found["timeout"])
        return made.model_copy(update=found)

    def _bounded(self, task: ast.Task) -> bool:
        """Whether a task has no use for the step's timeout as that of its attempt.

        It has none that calls no agent, or one that says how long it may take. Any other would end by the
        engine's, however long the step's is. (With an `undo` the call is awaited, and the engine's bounds
        that.)"""
        target = self.expressions.facts.symbols.get(task.callee.id) if isinstance(task, ast.Call) else None
        return not isinstance(target, Callable) or target.kind != "agent" or target.bounded

    def _clause(self, clause: ast.Clause) -> dict[str, object]:
        """The fields of a step that a clause fills."""
        lower = self.expressions.lower
        match clause:
            case ast.When(condition=condition, otherwise=otherwise):
                return {"guard": lower(condition), "otherwise": otherwise and lower(otherwise)}
            case ast.After(names=names):
                return {"after": tuple(n.name for n in names)}
            case ast.Key(value=value):
                return {"key": lower(value)}
            case ast.Timeout(duration=duration, per_attempt=per_attempt):
                return {"attempt_timeout" if per_attempt else "timeout": lower(duration)}
            case ast.Retry():
                return {"retry": self.retry(clause)}
            case ast.Undo(task=task):
                return {"undo": self.task(task)}
            case ast.Finally(body=body):
                return {"finally_": self.block(body, types.NULL)}
            case ast.Catch():
                return {}
            case _:
                assert_never(clause)

    def _catch(self, clause: ast.Catch, type: Type) -> plan.Catch:
        return plan.Catch(
            errors=self.errors(clause.errors),
            binding=clause.binding and clause.binding.name,
            handler=self._arm(clause.handler, type),
            at=self.expressions.places.of(clause),
        )

    def retry(self, tree: ast.Retry) -> plan.Retry:
        lower = self.expressions.lower
        backoff = tree.backoff and plan.Backoff(
            shape=tree.backoff.shape or "exponential",
            initial=lower(tree.backoff.initial),
            maximum=tree.backoff.maximum and lower(tree.backoff.maximum),
        )
        until = tree.until and plan.Until(binding=tree.until.params[0].name, condition=lower(tree.until.body))
        return plan.Retry(
            times=lower(tree.times),
            errors=self.errors(tree.errors),
            backoff=backoff,
            within=tree.within and lower(tree.within),
            until=until,
        )

    def errors(self, names: Iterable[ast.QualifiedName]) -> tuple[str, ...]:
        """The plan's names of errors; what no declaration stands behind is built in."""
        found: list[str] = []
        for name in names:
            symbol = self.expressions.symbol(name)
            if isinstance(symbol, ErrorName):
                found += self.error_names([symbol.ref])
            else:
                found.append(name.name.name)
        return tuple(found)

    def error_names(self, errors: Iterable[ErrorRef]) -> tuple[str, ...]:
        named = {self.expressions.naming.error(error): error for error in errors}
        self.reached.errors.update({name: error for name, error in named.items() if error.module})
        return tuple(sorted(named))

    # Tasks

    def task(self, tree: ast.Task, wanted: Type | None = None) -> plan.Task:
        """A task, its value made `wanted` (or what the checker wants it to be) where it is not that yet."""
        wanted = wanted or self.expressions.facts.coercions.get(tree.id)
        at = self.expressions.places.of(tree)
        lower = self.expressions.lower
        match tree:
            case ast.Call() if isinstance(target := self.expressions.callee(tree), Callable):
                return self._call(tree, target, wanted)
            case ast.ForEach():
                return self._for_each(tree, _item(wanted))
            case ast.While():
                return self._bound(self._while(tree), wanted, tree)
            case ast.Choose(arms=arms, otherwise=otherwise):
                chosen = tuple(
                    plan.ChooseArm(condition=lower(a.condition), task=self._arm(a.task, wanted)) for a in arms
                )
                return plan.Choose(arms=chosen, otherwise=otherwise and self._arm(otherwise, wanted), at=at)
            case ast.If(condition=condition, then=then, otherwise=otherwise) if self._runs(tree):
                arm = plan.ChooseArm(condition=lower(condition), task=self._arm(then, wanted))
                return plan.Choose(arms=(arm,), otherwise=self._arm(otherwise, wanted), at=at)
            case ast.Match(subject=subject, arms=cases) if self._runs(tree):
                matched = tuple(
                    plan.MatchTaskArm(
                        pattern=self.expressions.pattern(c.pattern), task=self._arm(c.task, wanted)
                    )
                    for c in cases
                )
                return plan.MatchTask(subject=lower(subject), arms=matched, at=at)
            case ast.Do(body=body):
                return plan.Do(body=self._body(body, wanted), at=at)
            case ast.Race():
                return self._race(tree, wanted)
            case ast.WaitFor():
                return self._bound(self._wait(tree), wanted, tree)
            case ast.Sleep(duration=duration):
                return plan.Sleep(time=lower(duration), at=at)
            case ast.SleepUntil(instant=instant):
                return plan.Sleep(time=lower(instant), until=True, at=at)
            case ast.FailWith(error=error):
                return self._fail(error)
            case _:
                return plan.Evaluate(value=lower(tree, wanted))

    def _arm(self, tree: ast.Task, wanted: Type | None) -> plan.Task:
        """An arm or branch: what the whole must become, it must become."""
        return self.task(tree, self._missing(tree, wanted))

    def _missing(self, tree: ast.Task, wanted: Type | None) -> Type | None:
        """The type that a task must be made; None where it is of that type already."""
        found = self.expressions.facts.types.get(tree.id)
        return wanted if wanted is not None and found is not None and converts(found, wanted) else None

    def _runs(self, tree: ast.If | ast.Match) -> bool:
        """Whether an arm is more than an expression."""
        tasks = [tree.then, tree.otherwise] if isinstance(tree, ast.If) else [arm.task for arm in tree.arms]
        return any(self._is_task(task) for task in tasks)

    def _is_task(self, tree: ast.Task) -> bool:
        match tree:
            case ast.Call():
                return isinstance(self.expressions.callee(tree), Callable)
            case ast.If() | ast.Match():
                return self._runs(tree)
            case (
                ast.ForEach() | ast.While() | ast.Choose() | ast.Do() | ast.Race() | ast.WaitFor()
                | ast.Sleep() | ast.SleepUntil() | ast.FailWith()
            ):  # fmt: skip
                return True
            case _:
                return False

    def _call(self, tree: ast.Call, target: Callable, wanted: Type | None) -> plan.Task:
        name = self.expressions.naming.callable(target)
        self.reached.callables[name] = target
        arguments = self.expressions.arguments(tree)
        widen = wanted and self.expressions.naming.type(wanted)
        at = self.expressions.places.of(tree)
        if target.kind == "flow":
            return plan.CallFlow(flow=name, arguments=arguments, widen=widen, at=at)
        return plan.CallAgent(agent=name, arguments=arguments, widen=widen, at=at)

    def _for_each(self, tree: ast.ForEach, wanted: Type | None) -> plan.ForEach:
        """A loop; `wanted` is what the value of each item is made."""
        lower = self.expressions.lower
        source = types.present(self.expressions.type_of(tree.source))
        return plan.ForEach(
            over="map" if isinstance(source, types.MapOf) else "list",
            source=lower(tree.source),
            first=tree.first.name,
            second=tree.second and tree.second.name,
            where=tree.where and lower(tree.where),
            at_once=tree.at_once and lower(tree.at_once),
            in_order=tree.in_order,
            tolerating=tree.tolerating and lower(tree.tolerating),
            body=self._body(tree.body, wanted),
            at=self.expressions.places.of(tree),
        )

    def _while(self, tree: ast.While) -> plan.While:
        lower = self.expressions.lower
        state = self.expressions.type_of(tree)
        return plan.While(
            condition=lower(tree.condition),
            limit=lower(tree.limit),
            or_fail=tree.or_fail,
            every=tree.every and lower(tree.every),
            state=tree.state.name,
            initial=lower(tree.initial),
            body=self.block(tree.body, state),
            at=self.expressions.places.of(tree),
        )

    def _race(self, tree: ast.Race, wanted: Type | None) -> plan.Race:
        item = wanted if tree.count is None else _item(wanted)
        count = tree.count and self.expressions.lower(tree.count)
        at = self.expressions.places.of(tree)
        if isinstance(tree.branches, ast.ForEach):
            return plan.Race(count=count, each=self._for_each(tree.branches, item), at=at)
        return plan.Race(count=count, branches=tuple(self._arm(b, item) for b in tree.branches), at=at)

    def _wait(self, tree: ast.WaitFor) -> plan.Wait:
        event = self.expressions.symbol(tree.event)
        assert isinstance(event, EventName), "what is waited for is an event"
        name = self.expressions.naming.declared(event.declared)
        self.reached.events[name] = event
        where = tree.where
        return plan.Wait(
            event=name,
            binding=where and where.params[0].name,
            where=where and self.expressions.lower(where.body),
            at=self.expressions.places.of(tree),
        )

    def _fail(self, error: ast.Expr) -> plan.Fail:
        head = error.callee if isinstance(error, ast.Call) else error
        symbol = self.expressions.symbol(head)
        if isinstance(symbol, ErrorName):
            self.error_names([symbol.ref])
        return self.expressions.failure(error)

    def _body(self, tree: ast.Block, wanted: Type | None) -> plan.Block:
        """The block of a task, whose value is that of its last statement."""
        return self.block(tree, wanted or self._value_type(tree))

    def _value_type(self, tree: ast.Block) -> Type:
        for statement in reversed(tree.statements):
            if isinstance(statement, ast.Yield | ast.Next):
                task = statement.task
                return self.expressions.facts.coercions.get(task.id) or self.expressions.type_of(task)
        return types.NULL

    def _bound(self, task: plan.While | plan.Wait, wanted: Type | None, tree: ast.Task) -> plan.Task:
        """A task whose value is widened after it is done, where that is wanted."""
        if wanted is None:
            return task
        naming, at = self.expressions.naming, task.at
        given = naming.type(self.expressions.type_of(tree))
        value = plan.Widen(value=plan.Variable(name="!value"), type=naming.type(wanted))
        step = plan.Step(name="!value", task=task, type=given, task_type=given, free=free_names(task), at=at)
        result = plan.Result(
            name="!yield",
            task=plan.Evaluate(value=value),
            depends=("!value",),
            wave=1,
            free=("!value",),
            at=at,
        )
        marked = tuple(s.model_copy(update={"fingerprint": statement_fingerprint(s)}) for s in (step, result))
        body = plan.Block(strategy=strategy(marked), statements=marked, type=naming.type(wanted))
        return plan.Do(body=body, at=at)


def _item(wanted: Type | None) -> Type | None:
    inside = types.present(wanted) if wanted is not None else None
    return inside.item if isinstance(inside, types.ListOf) else None


def _statement_names(tree: ast.Block) -> dict[int, str]:
    """A name for every statement: its own, or one that no author can write."""
    counts: dict[str, int] = {}
    names: dict[int, str] = {}
    for statement in tree.statements:
        if isinstance(statement, ast.Step | ast.Let):
            names[statement.id] = statement.name.name
            continue
        kind = _UNNAMED[type(statement)]
        if isinstance(statement, ast.Yield | ast.Next) or (
            isinstance(statement, ast.Return) and not statement.when
        ):
            names[statement.id] = f"!{kind}"
        else:
            counts[kind] = counts.get(kind, 0) + 1
            names[statement.id] = f"!{kind}{counts[kind]}"
    return names
