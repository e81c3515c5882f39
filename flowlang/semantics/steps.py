"""Check steps: a task with its clauses, from the inside out.

Guard, attempt, retry, timeout, catch, finally: each clause wraps what the ones before it gave, in type and
in what may come of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

import attrs

from flowlang.semantics import builtins, types
from flowlang.semantics.declare import report_duplicate
from flowlang.semantics.expressions import Expressions
from flowlang.semantics.facts import Callable, Constructor, ErrorRef, Local
from flowlang.semantics.reach import Outcome, Reach, in_order
from flowlang.semantics.scope import Condition, Env, Value, condition_of, conjuncts
from flowlang.semantics.tasks import Tasks
from flowlang.semantics.types import (
    BOOL,
    NULL,
    STRING,
    RecordField,
    Type,
    contains,
    join,
    optional,
    show,
)
from flowlang.syntax import ast
from flowlang.text import codes

Error: TypeAlias = tuple[ErrorRef, tuple[RecordField, ...]]
"""An error and its fields."""


@attrs.frozen
class CheckedStep:
    """`task` is what the task gives, `value` what other statements see of the step as `local`."""

    local: Value
    task: Type
    value: Type
    reach: Reach


@attrs.define(eq=False, repr=False)
class Clauses:
    """The clauses of a step by kind."""

    when: ast.When | None = None
    key: ast.Key | None = None
    timeout: ast.Timeout | None = None
    attempt_timeout: ast.Timeout | None = None
    retry: ast.Retry | None = None
    catches: list[ast.Catch] = attrs.field(factory=list)
    undo: ast.Undo | None = None
    finally_: ast.Finally | None = None
    always: bool = False  # its guard is known to hold, which is reported there and nowhere else


@attrs.frozen(eq=False, repr=False)
class Steps:
    expressions: Expressions
    tasks: Tasks

    def step(self, step: ast.Step, env: Env) -> CheckedStep:
        clauses = self._sorted(step)
        annotation = None if step.annotation is None else self.expressions.resolver.type(step.annotation)
        guarded = self._guard(clauses, env)
        deadline = env.deadline or clauses.timeout is not None or clauses.attempt_timeout is not None
        inner = attrs.evolve(guarded, deadline=deadline)
        key_fits = self._key(step, clauses, inner)
        keyed, retried = clauses.key is not None, clauses.retry is not None
        task = self.tasks.task(step.task, inner, annotation, keyed=keyed, retried=retried)
        if not key_fits:  # it was meant to make repetition harmless
            task = attrs.evolve(task, reach=attrs.evolve(task.reach, exposed=frozenset()))
        if annotation is not None and not self._annotated(step.task, task.type, annotation):
            task = attrs.evolve(task, type=annotation)
        task = attrs.evolve(task, reach=self._times(clauses, inner, task))
        caught = self._catches(clauses, guarded, task, annotation)
        reach = self._cleanup(step, clauses, guarded, task, caught.reach)
        plain = annotation or caught.type
        value = self._guarded(step, clauses, env, plain)
        self.expressions.tables.types[step.id] = value
        local = self._value(step, clauses, plain, value)
        return CheckedStep(local, task.type, value, reach)

    def _sorted(self, step: ast.Step) -> Clauses:
        found = Clauses()
        for clause in step.clauses:
            match clause:
                case ast.Catch():
                    found.catches.append(clause)
                case ast.Timeout(per_attempt=True):
                    self._once(clause, "timeout … per attempt", found, "attempt_timeout")
                case ast.Finally():
                    self._once(clause, "finally", found, "finally_")
                case ast.After():
                    pass  # a matter of order: see `blocks`
                case _:
                    self._once(clause, type(clause).__name__.lower(), found, type(clause).__name__.lower())
        return found

    def _once(self, clause: ast.Clause, kind: str, found: Clauses, slot: str) -> None:
        first = getattr(found, slot)
        if first is not None:
            report_duplicate(self.expressions.problems, clause, kind, first)
        else:
            setattr(found, slot, clause)

    def _guard(self, clauses: Clauses, env: Env) -> Env:
        if clauses.when is None:
            return env
        decided = self.expressions.condition(clauses.when.condition, env, "this guard")
        clauses.always = decided is True
        return self.expressions.assuming(clauses.when.condition, env)

    def _annotated(self, task: ast.Task, found: Type, annotation: Type) -> bool:
        return self.expressions.require(task, found, annotation, "this step's value")

    def _key(self, step: ast.Step, clauses: Clauses, env: Env) -> bool:
        """Check the key; False where no agent would see it."""
        if clauses.key is None:
            return True
        self.expressions.check(clauses.key.value, env, STRING, "a key")
        target = self._target(step.task)
        if target is None and self._is_unclear(step.task, env):
            return True
        if target is not None and target.kind != "flow":
            return True
        what = "this step calls none" if target is None else "this step calls a flow"
        message, help = f"`key` is handed to an agent, and {what}", "put it on the step that calls the agent"
        self.expressions.problems.report(codes.MISPLACED_CLAUSE, clauses.key.span, message, help=help)
        return False

    def _is_unclear(self, task: ast.Task, env: Env) -> bool:
        """Whether a task calls something that is not known, which is reported there."""
        if not isinstance(task, ast.Call):
            return isinstance(task, ast.BrokenExpr)
        match task.callee:
            case ast.Name(name=name):
                return not isinstance(self.expressions.lookup.names.get(name), Constructor)
            case ast.Member(target=ast.Name(name=name)):
                return env.names.find(name) is None
            case _:
                return False

    def _target(self, task: ast.Task) -> Callable | None:
        if not isinstance(task, ast.Call):
            return None
        found = self.expressions.tables.symbols.get(task.callee.id)
        return found if isinstance(found, Callable) else self._named_target(task)

    def _named_target(self, task: ast.Call) -> Callable | None:
        """The key is checked before the call, whose symbol is then not noted yet."""
        return self.tasks.called(task, Env())

    # Retry and timeout

    def _times(self, clauses: Clauses, env: Env, task: Outcome) -> Reach:
        """Check timeouts and the retry; what may still come of the task."""
        for clause in (clauses.timeout, clauses.attempt_timeout):
            if clause is not None:
                self.expressions.duration(clause.duration, env, "a timeout")
        return task.reach if clauses.retry is None else self._retry(clauses.retry, env, task)

    def _retry(self, retry: ast.Retry, env: Env, task: Outcome) -> Reach:
        self.expressions.count(retry.times, env, "the number of retries")
        for name in retry.errors:
            error = self.expressions.lookup.error(name)
            if error is not None:
                self._raised(name, error[0], task.type, task.reach, "retried")
        if retry.backoff is not None:
            self.expressions.duration(retry.backoff.initial, env, "a backoff")
            if retry.backoff.maximum is not None:
                self.expressions.duration(retry.backoff.maximum, env, "the longest backoff")
        if retry.within is not None:
            self.expressions.duration(retry.within, env, "the time for all attempts")
        if retry.until is not None:
            self._until(retry.until, env, task.type)
        return self.tasks.repeated(retry, "this `retry` may repeat what `{}` does", task.reach)

    def _until(self, until: ast.Lambda, env: Env, task: Type) -> None:
        if len(until.params) != 1:
            message = "`until` takes a function of the value"
            self.expressions.problems.report(
                codes.TYPE_MISMATCH, until.span, message, help="write `until r => …`"
            )
            return
        found = self.expressions.lambda_body(until, env, [task])
        self.expressions.require(until.body, found, BOOL, "`until`")

    def _raised(self, name: ast.QualifiedName, ref: ErrorRef, task: Type, reach: Reach, what: str) -> None:
        """Warn of an error that is named although nothing here raises it. What is called by a wrong name may
        raise anything."""
        if ref.module and ref not in reach.errors and not contains(task, types.UNKNOWN):
            raised = ", ".join(f"`{self.expressions.lookup.written(e)}`" for e in in_order(reach.errors))
            message = f"`{name.text}` is {what} here, but nothing in this step raises it"
            help = f"it raises {raised}" if raised else "it raises no declared error"
            self.expressions.problems.report(codes.USELESS_CATCH, name.span, message, help=help)

    # Catch

    def _catches(self, clauses: Clauses, env: Env, task: Outcome, annotation: Type | None) -> Outcome:
        """The step after its catches: the join of the task and the handlers, and what still escapes."""
        left, handled = task.reach, Reach()
        found = task.type
        caught_all = False
        taken: set[ErrorRef] = set()
        for catch in clauses.catches:
            if caught_all:
                message = "the `catch` above takes every failure, so this one is never reached"
                self.expressions.problems.report(
                    codes.UNREACHABLE_ARM, catch.span, message, help="move it up, or drop it"
                )
            errors = self._caught(catch, task.type, None if caught_all else left, taken)
            refs = [ref for ref, _ in errors]
            handler = self.tasks.task(
                catch.handler, self._binding(catch, errors, env), annotation or task.type
            )
            found = self._joined(catch, found, handler.type, annotation)
            handled = handled.joined(handler.reach)
            # An error that does not exist may be meant for any that are left.
            left = left.without_errors(refs if refs and len(refs) == len(catch.errors) else None)
            taken.update(refs)
            caught_all |= not catch.errors
        return Outcome(found, left.joined(handled))

    def _caught(self, catch: ast.Catch, task: Type, left: Reach | None, taken: set[ErrorRef]) -> list[Error]:
        """The errors that a catch of a task names. `left` is what may arrive at it, None where nothing can;
        `taken` are those that a catch above it takes."""
        found: list[Error] = []
        for name in catch.errors:
            error = self.expressions.lookup.error(name)
            if error is None:
                continue
            found.append(error)
            if error[0] in taken and left is not None:
                message = f"`{name.text}` is caught here, but a `catch` above takes it"
                self.expressions.problems.report(codes.USELESS_CATCH, name.span, message, help="drop it")
            elif left is not None:
                self._raised(name, error[0], task, left, "caught")
        return found

    def _binding(self, catch: ast.Catch, errors: list[Error], env: Env) -> Env:
        """What a handler sees: with `as e`, the failure that was caught."""
        if catch.binding is None:
            return env
        unknown = len(errors) < len(catch.errors)
        type = types.UNKNOWN if unknown else builtins.failure_type([fields for _, fields in errors])
        return env.with_values(self.expressions.local(catch.binding, "catch", type))

    def _joined(self, catch: ast.Catch, found: Type, handler: Type, annotation: Type | None) -> Type:
        if annotation is not None:
            self.expressions.require(catch.handler, handler, annotation, "the handler's value")
            return annotation
        joined = join(found, handler)
        if joined is None:
            message = f"the handler gives `{show(handler)}`, but the task gives `{show(found)}`"
            help = "give both the same type, or null where there is no value"
            self.expressions.problems.report(codes.NO_COMMON_TYPE, catch.handler.span, message, help=help)
            return types.UNKNOWN
        self.expressions.coerce(catch.handler, handler, joined)
        return joined

    # Undo and finally

    def _cleanup(self, step: ast.Step, clauses: Clauses, env: Env, task: Outcome, reach: Reach) -> Reach:
        if clauses.undo is not None:
            own = Value(Local(step.name.name, "step", step.name.span, step.name.id), task.type)
            inner = attrs.evolve(env, cleanup="undo", deadline=True).with_values(own)
            self.tasks.task(clauses.undo.task, inner)
        if clauses.finally_ is None:
            return reach
        inner = attrs.evolve(env, cleanup="finally", deadline=True)
        ending = self.tasks.block(clauses.finally_.body, inner, "finally", None)
        return reach.joined(ending.reach)

    # The value

    def _guarded(self, step: ast.Step, clauses: Clauses, env: Env, plain: Type) -> Type:
        """The type that others see: a guard makes it optional, or joins what stands after `otherwise`."""
        when = clauses.when
        if when is None:
            return NULL if plain == types.NEVER else plain
        if when.otherwise is None:
            return optional(plain)
        skipped = self.expressions.assuming(when.condition, env, False)
        other = self.expressions.infer(when.otherwise, skipped, plain)
        joined = plain if types.fits(other, plain) else join(plain, other)
        if joined is None:
            message = f"a skipped `{step.name.name}` would be `{show(other)}`, but else it is `{show(plain)}`"
            help = "give both the same type, or drop `otherwise`: a skipped step is null"
            self.expressions.problems.report(codes.NO_COMMON_TYPE, when.otherwise.span, message, help=help)
            return types.UNKNOWN
        self.expressions.coerce(when.otherwise, other, joined)
        return joined

    def _value(self, step: ast.Step, clauses: Clauses, plain: Type, value: Type) -> Value:
        made = self.expressions.local(step.name, "step", value)
        if clauses.when is None or clauses.when.otherwise is not None or clauses.always:
            return attrs.evolve(made, why=_why_optional(step, clauses))
        conditions = guard_conditions(clauses.when.condition, self.expressions)
        why = f"`{step.name.name}` is skipped where its guard is false"
        return attrs.evolve(made, plain=plain, conditions=frozenset(conditions), why=why)


def _why_optional(step: ast.Step, clauses: Clauses) -> str | None:
    for catch in clauses.catches:
        if isinstance(catch.handler, ast.NullLiteral):
            errors = ", ".join(e.text for e in catch.errors) or "a failure"
            return f"`{step.name.name}` is null after {errors}"
    return None


def guard_conditions(guard: ast.Expr, expressions: Expressions) -> Iterable[Condition]:
    """What is known where a guard held."""
    return (condition_of(part, expressions.tables.symbols, holds) for part, holds in conjuncts(guard))
