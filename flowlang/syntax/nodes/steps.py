"""The nodes of blocks: statements, tasks, clauses and the lines of tests."""

from __future__ import annotations

from typing import TypeAlias

from flowlang.syntax import ast
from flowlang.syntax.nodes.base import Nodes
from flowlang.syntax.nodes.declarations import ordered
from flowlang.text.source import Span

Pace: TypeAlias = tuple[ast.Expr | None, bool, ast.Expr | None]  # at once, in order, tolerating


class StepNodes(Nodes):
    # Statements

    def block(self, span: Span, *statements: ast.Statement) -> ast.Block:
        return ast.Block(self.next_id(), span, statements, False)

    def step(
        self,
        span: Span,
        doc: str | None,
        name: ast.Ident,
        annotation: ast.TypeExpr | None,
        task: ast.Task,
        clauses: tuple[ast.Clause, ...],
    ) -> ast.Step:
        return ast.Step(self.next_id(), span, self.named(name, "a step"), annotation, task, clauses, doc)

    def let(self, span: Span, name: ast.Ident, annotation: ast.TypeExpr | None, value: ast.Expr) -> ast.Let:
        return ast.Let(self.next_id(), span, self.named(name, "a value"), annotation, value)

    def require(self, span: Span, condition: ast.Expr, message: ast.Expr | None) -> ast.Require:
        return ast.Require(self.next_id(), span, condition, message)

    def ensure(self, span: Span, condition: ast.Expr, message: ast.Expr | None) -> ast.Ensure:
        return ast.Ensure(self.next_id(), span, condition, message)

    def fail(self, span: Span, error: ast.Expr, when: ast.Expr | None) -> ast.Fail:
        return ast.Fail(self.next_id(), span, error, when)

    def return_(self, span: Span, task: ast.Task, when: ast.Expr | None) -> ast.Return:
        return ast.Return(self.next_id(), span, task, when)

    def yield_(self, span: Span, task: ast.Task) -> ast.Yield:
        return ast.Yield(self.next_id(), span, task)

    def next_(self, span: Span, task: ast.Task) -> ast.Next:
        return ast.Next(self.next_id(), span, task)

    # Tasks

    def if_task(self, span: Span, condition: ast.Expr, then: ast.Task, otherwise: ast.Task) -> ast.If:
        return ast.If(self.next_id(), span, condition, then, otherwise)

    def match_task(self, span: Span, subject: ast.Expr, *arms: ast.MatchArm) -> ast.Match:
        return ast.Match(self.next_id(), span, subject, arms)

    def task_arm(self, span: Span, pattern: ast.Pattern, task: ast.Task) -> ast.MatchArm:
        return ast.MatchArm(self.next_id(), span, pattern, task)

    def for_each(
        self,
        span: Span,
        first: ast.Ident,
        second: ast.Ident | None,
        source: ast.Expr,
        where: ast.Expr | None,
        pace: Pace | None,
        body: ast.Block,
    ) -> ast.ForEach:
        self.named(first, "a loop variable")
        if second:
            self.named(second, "a loop variable")
        at_once, in_order, tolerating = pace or (None, False, None)
        return ast.ForEach(
            self.next_id(), span, first, second, source, where, at_once, in_order, tolerating, body
        )

    def at_once_pace(self, span: Span, count: ast.Expr, tolerating: ast.Expr | None) -> Pace:
        return count, False, tolerating

    def in_order_pace(self, span: Span, in_order: bool, tolerating: ast.Expr | None) -> Pace:
        return None, in_order, tolerating

    def tolerating_pace(self, span: Span, tolerating: ast.Expr) -> Pace:
        return None, False, tolerating

    def while_(
        self,
        span: Span,
        condition: ast.Expr,
        limit: ast.Expr,
        or_fail: bool | None,
        every: ast.Expr | None,
        state: ast.Ident,
        annotation: ast.TypeExpr | None,
        initial: ast.Expr,
        body: ast.Block,
    ) -> ast.While:
        state = self.named(state, "the state of a loop")
        return ast.While(
            self.next_id(), span, condition, limit, bool(or_fail), every, state, annotation, initial, body
        )

    def or_fail(self, span: Span) -> bool:
        return True

    def choose(self, span: Span, *arms_and_otherwise: ast.ChooseArm | ast.Task | None) -> ast.Choose:
        *arms, otherwise = arms_and_otherwise
        return ast.Choose(self.next_id(), span, tuple(arms), otherwise)  # type: ignore[arg-type]

    def choose_arm(self, span: Span, condition: ast.Expr, task: ast.Task) -> ast.ChooseArm:
        return ast.ChooseArm(self.next_id(), span, condition, task)

    def do(self, span: Span, in_order: bool | None, body: ast.Block) -> ast.Do:
        return ast.Do(self.next_id(), span, ordered(body, bool(in_order)))

    def race(self, span: Span, branches: tuple[ast.Task, ...] | ast.ForEach) -> ast.Race:
        return ast.Race(self.next_id(), span, None, branches)

    def first_of(
        self, span: Span, first: str, count: ast.Expr, branches: tuple[ast.Task, ...] | ast.ForEach
    ) -> ast.Race:
        return ast.Race(self.next_id(), span, count, branches)

    def branches(self, span: Span, *branches: ast.Task) -> tuple[ast.Task, ...]:
        return branches

    def wait_for(self, span: Span, event: ast.QualifiedName, where: ast.Lambda | None) -> ast.WaitFor:
        return ast.WaitFor(self.next_id(), span, event, where)

    def sleep(self, span: Span, duration: ast.Expr) -> ast.Sleep:
        return ast.Sleep(self.next_id(), span, duration)

    def sleep_until(self, span: Span, instant: ast.Expr) -> ast.SleepUntil:
        return ast.SleepUntil(self.next_id(), span, instant)

    def fail_with(self, span: Span, error: ast.Expr) -> ast.FailWith:
        return ast.FailWith(self.next_id(), span, error)

    # Clauses

    def clauses(self, span: Span, *clauses: ast.Clause) -> tuple[ast.Clause, ...]:
        return clauses

    def when(self, span: Span, condition: ast.Expr, otherwise: ast.Expr | None) -> ast.When:
        return ast.When(self.next_id(), span, condition, otherwise)

    def after(self, span: Span, *names: ast.Ident) -> ast.After:
        return ast.After(self.next_id(), span, names)

    def key(self, span: Span, value: ast.Expr) -> ast.Key:
        return ast.Key(self.next_id(), span, value)

    def catch(
        self,
        span: Span,
        errors: tuple[ast.QualifiedName, ...] | None,
        binding: ast.Ident | None,
        handler: ast.Task,
    ) -> ast.Catch:
        if binding:
            self.named(binding, "a caught failure")
        return ast.Catch(self.next_id(), span, errors or (), binding, handler)

    def errors(self, span: Span, *errors: ast.QualifiedName) -> tuple[ast.QualifiedName, ...]:
        return errors

    def undo(self, span: Span, task: ast.Task) -> ast.Undo:
        return ast.Undo(self.next_id(), span, task)

    def finally_(self, span: Span, body: ast.Block) -> ast.Finally:
        return ast.Finally(self.next_id(), span, body)

    # Tests

    def test_block(self, span: Span, *statements: ast.TestStatement) -> tuple[ast.TestStatement, ...]:
        return statements

    def given(
        self,
        span: Span,
        agent: ast.QualifiedName,
        after: ast.Expr | None,
        reply: tuple[ast.Expr | None, ast.Expr | None],
        when: ast.Expr | None,
    ) -> ast.Given:
        answer, fails = reply
        return ast.Given(self.next_id(), span, agent, after, answer, fails, when)

    def given_name(self, span: Span, first: ast.Ident, *names: ast.Ident) -> ast.QualifiedName:
        """`trips.desk.reserve`: `reserve` of `trips.desk`, which is `desk` of `trips`."""
        if not names:
            return ast.QualifiedName(self.next_id(), span, None, first)
        module: ast.Ident | ast.QualifiedName = first
        *around, last = names
        for alias in around:
            module = ast.QualifiedName(self.next_id(), first.span.to(alias.span), module, alias)
        return ast.QualifiedName(self.next_id(), span, module, last)

    def answer(self, span: Span, value: ast.Expr) -> tuple[ast.Expr | None, ast.Expr | None]:
        return value, None

    def fails(self, span: Span, error: ast.Expr) -> tuple[ast.Expr | None, ast.Expr | None]:
        return None, error

    def send(self, span: Span, event: ast.Expr, after: ast.Expr | None) -> ast.Send:
        return ast.Send(self.next_id(), span, event, after)

    def run(self, span: Span, name: ast.Ident, fails: ast.QualifiedName | None, call: ast.Expr) -> ast.Run:
        return ast.Run(self.next_id(), span, self.named(name, "an outcome"), fails, call)

    def expect(self, span: Span, condition: ast.Expr) -> ast.Expect:
        return ast.Expect(self.next_id(), span, condition)
