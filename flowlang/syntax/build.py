"""Rules of the grammar -> nodes of the tree: one method for each rule or alias that makes a node.

A method takes the span of what its rule matched and the values of the rule's children, in the order of
the grammar (an absent `[option]` is None), and returns the node, or a plain value where the tree has no
node of its own. Children are built before their parents, so ids grow in source order.

What the grammar cannot say is said here: numbers have a range, escapes a meaning, a name may not be one
of the words that begin or join expressions. Such a mistake is reported and a node stands there all the
same, so nothing else is lost."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Literal, TypeAlias

import attrs

from flowlang.syntax import ast, literals
from flowlang.syntax.words import RESERVED, TYPES
from flowlang.text import codes
from flowlang.text.diagnostics import Problems
from flowlang.text.source import Span

MAX_DEPTH = 128  # levels of one expression; brackets have a limit of their own

# The rules whose nodes can hold nodes of their own kind, and so make a tree deep; and the rules at which
# counting starts anew, since blocks are limited as brackets are.
# fmt: off
DEEPENING = frozenset([
    "binary", "not_", "negative", "is_case", "is_null", "cast", "member", "safe_member", "index", "call",
    "if_", "if_task", "match", "match_task", "list_literal", "record_literal", "optional_type",
    "generic_type", "record_type",
])
# fmt: on
RESETTING = frozenset(["block", "test_block"])

HoleParser: TypeAlias = Callable[["Builder", int, int], ast.Expr]
BinaryOperator: TypeAlias = Literal[
    "+", "-", "*", "/", "%", "..", "??", "==", "!=", "<", "<=", ">", ">=", "in", "and", "or"
]
Pace: TypeAlias = tuple[ast.Expr | None, bool, ast.Expr | None]  # at once, in order, tolerating


@attrs.define
class Builder:
    """Makes the nodes of one declaration."""

    problems: Problems
    parse_hole: HoleParser
    next_id: Callable[[], int] = attrs.field(factory=lambda: count().__next__)
    least_int: ast.IntLiteral | None = None  # 2**63 that waits for its minus sign
    is_too_deep: bool = False

    # Names

    def ident(self, span: Span, name: str) -> ast.Ident:
        return ast.Ident(self.next_id(), span, name)

    def qualified_name(self, span: Span, first: ast.Ident, second: ast.Ident | None) -> ast.QualifiedName:
        return ast.QualifiedName(self.next_id(), span, first if second else None, second or first)

    def text(self, span: Span, token: str) -> ast.Text:
        pieces = self.pieces(span, token)
        if not all(isinstance(piece, str) for piece in pieces):
            self.problems.report(
                codes.SYNTAX,
                span,
                "this text must be constant",
                label="has a `${…}` hole",
                help="write it out; `\\${` stands for the characters themselves",
            )
        value = "".join(piece for piece in pieces if isinstance(piece, str))
        return ast.Text(self.next_id(), span, value, token)

    def doc(self, span: Span, *lines: str) -> str:
        return "\n".join(line.removeprefix("///").removeprefix(" ").rstrip() for line in lines)

    def named(self, ident: ast.Ident, what: str) -> ast.Ident:
        """The name of something, after a look at whether it may have that name."""
        if ident.name in RESERVED:
            self.problems.report(
                codes.RESERVED_NAME,
                ident.span,
                f"`{ident.name}` is a word of the language and cannot name {what}",
                help=f"choose another name, such as `{ident.name}_` or one that says what it holds",
            )
        return ident

    # Declarations

    def import_decl(self, span: Span, doc: str | None, path: ast.Text, name: ast.Ident) -> ast.Import:
        return ast.Import(self.next_id(), span, path, self.named(name, "a module"), doc)

    def use_decl(
        self, span: Span, doc: str | None, provider: ast.Ident, name: ast.Ident, target: ast.Text
    ) -> ast.Use:
        return ast.Use(self.next_id(), span, provider, self.named(name, "a provider"), target, doc)

    def type_decl(
        self, span: Span, doc: str | None, name: ast.Ident, definition: ast.TypeExpr | ast.Variants
    ) -> ast.TypeDecl:
        return ast.TypeDecl(self.next_id(), span, name, definition, doc)

    def variants(self, span: Span, *variants: ast.Variant) -> ast.Variants:
        types = [variant for variant in variants if variant.name.name in TYPES and not variant.fields]
        if types:
            self.problems.report(
                codes.SYNTAX,
                types[0].name.span,
                f"`|` joins constructors, and `{types[0].name.name}` is a type",
                help="a type with null is `string?`; several shapes get names: "
                "`type Answer = Text(value: string) | Number(value: float)`",
            )
        return ast.Variants(self.next_id(), span, variants)

    def variant(
        self, span: Span, doc: str | None, name: ast.Ident, fields: tuple[ast.Field, ...] | None
    ) -> ast.Variant:
        if name.name not in TYPES:
            self.named(name, "a constructor")
        return ast.Variant(self.next_id(), span, name, fields or (), doc)

    def bare_variant(self, span: Span, name: ast.Ident, fields: tuple[ast.Field, ...] | None) -> ast.Variant:
        return self.variant(span, None, name, fields)

    def error_decl(
        self, span: Span, doc: str | None, name: ast.Ident, fields: tuple[ast.Field, ...] | None
    ) -> ast.ErrorDecl:
        return ast.ErrorDecl(self.next_id(), span, self.named(name, "an error"), fields or (), doc)

    def event_decl(
        self, span: Span, doc: str | None, name: ast.Ident, fields: tuple[ast.Field, ...] | None
    ) -> ast.EventDecl:
        return ast.EventDecl(self.next_id(), span, self.named(name, "an event"), fields or (), doc)

    def fields(self, span: Span, *fields: ast.Field) -> tuple[ast.Field, ...]:
        return fields

    def field(self, span: Span, doc: str | None, name: ast.Ident, type: ast.TypeExpr) -> ast.Field:
        return ast.Field(self.next_id(), span, name, type, doc)

    def agent_decl(
        self,
        span: Span,
        doc: str | None,
        name: ast.Ident,
        signature: ast.Signature,
        policies: tuple[ast.Policy, ...],
    ) -> ast.AgentDecl:
        name = self.named(name, "an agent")
        return ast.AgentDecl(self.next_id(), span, name, False, signature, policies, doc)

    def ask_decl(
        self,
        span: Span,
        doc: str | None,
        name: ast.Ident,
        signature: ast.Signature,
        policies: tuple[ast.Policy, ...],
    ) -> ast.AgentDecl:
        name = self.named(name, "a question")
        return ast.AgentDecl(self.next_id(), span, name, True, signature, policies, doc)

    def flow_decl(
        self,
        span: Span,
        doc: str | None,
        name: ast.Ident,
        signature: ast.Signature,
        policies: tuple[ast.Timeout | bool, ...],
        body: ast.Block,
    ) -> ast.FlowDecl:
        for param in signature.params:
            self.named(param.name, "a parameter of a flow")
        timeouts = tuple(policy for policy in policies if isinstance(policy, ast.Timeout))
        body = ordered(body, any(policy is True for policy in policies))
        return ast.FlowDecl(self.next_id(), span, self.named(name, "a flow"), signature, timeouts, body, doc)

    def test_decl(
        self, span: Span, doc: str | None, name: ast.Text, statements: tuple[ast.TestStatement, ...]
    ) -> ast.TestDecl:
        return ast.TestDecl(self.next_id(), span, name, statements, doc)

    def signature(
        self,
        span: Span,
        params: tuple[ast.Param, ...],
        result: ast.TypeExpr | None,
        raises: tuple[ast.QualifiedName, ...] | None,
    ) -> ast.Signature:
        return ast.Signature(self.next_id(), span, params, result, raises)

    def params(self, span: Span, *params: ast.Param) -> tuple[ast.Param, ...]:
        return params

    def param(
        self, span: Span, doc: str | None, name: ast.Ident, type: ast.TypeExpr, default: ast.Expr | None
    ) -> ast.Param:
        return ast.Param(self.next_id(), span, name, type, default, doc)

    def raises(self, span: Span, *errors: ast.QualifiedName) -> tuple[ast.QualifiedName, ...]:
        return errors

    # Policies

    def policies(self, span: Span, *policies: ast.Policy) -> tuple[ast.Policy, ...]:
        return policies

    def flow_policies(self, span: Span, *policies: ast.Timeout | bool) -> tuple[ast.Timeout | bool, ...]:
        return policies

    def timeout(self, span: Span, duration: ast.Expr, per_attempt: bool | None) -> ast.Timeout:
        return ast.Timeout(self.next_id(), span, duration, bool(per_attempt))

    def per_attempt(self, span: Span) -> bool:
        return True

    def in_order(self, span: Span) -> bool:
        return True

    def retry(
        self,
        span: Span,
        times: ast.Expr,
        errors: tuple[ast.QualifiedName, ...] | None,
        backoff: ast.Backoff | None,
        within: ast.Expr | None,
        until: ast.Lambda | None,
    ) -> ast.Retry:
        return ast.Retry(self.next_id(), span, times, errors or (), backoff, within, until)

    def on(self, span: Span, *errors: ast.QualifiedName) -> tuple[ast.QualifiedName, ...]:
        return errors

    def backoff(
        self,
        span: Span,
        shape: Literal["constant", "linear", "exponential"] | None,
        initial: ast.Expr,
        maximum: ast.Expr | None,
    ) -> ast.Backoff:
        return ast.Backoff(self.next_id(), span, shape, initial, maximum)

    def effect(self, span: Span, name: ast.Ident) -> ast.Effect:
        return ast.Effect(self.next_id(), span, name)

    def limit(self, span: Span, *quotas: ast.AtOnce | ast.PerWindow) -> ast.Limit:
        return ast.Limit(self.next_id(), span, quotas)

    def at_once(self, span: Span, count: ast.Expr) -> ast.AtOnce:
        return ast.AtOnce(self.next_id(), span, count)

    def per_window(self, span: Span, count: ast.Expr, window: ast.Expr) -> ast.PerWindow:
        return ast.PerWindow(self.next_id(), span, count, window)

    def breaker(self, span: Span, failures: ast.Expr, within: ast.Expr, reset: ast.Expr) -> ast.Breaker:
        return ast.Breaker(self.next_id(), span, failures, within, reset)

    def cache(self, span: Span, duration: ast.Expr) -> ast.Cache:
        return ast.Cache(self.next_id(), span, duration)

    # Types

    def named_type(self, span: Span, name: ast.QualifiedName) -> ast.NamedType:
        return ast.NamedType(self.next_id(), span, name)

    def generic_type(self, span: Span, name: ast.Ident, *arguments: ast.TypeExpr) -> ast.GenericType:
        return ast.GenericType(self.next_id(), span, name, arguments)

    def optional_type(self, span: Span, inner: ast.TypeExpr) -> ast.OptionalType:
        return ast.OptionalType(self.next_id(), span, inner)

    def record_type(self, span: Span, *fields: ast.Field) -> ast.RecordType:
        return ast.RecordType(self.next_id(), span, fields)

    def enum(self, span: Span, *values: ast.Text) -> ast.EnumType:
        return ast.EnumType(self.next_id(), span, values)

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

    # Expressions

    def if_(self, span: Span, condition: ast.Expr, then: ast.Expr, otherwise: ast.Expr) -> ast.If:
        return ast.If(self.next_id(), span, condition, then, otherwise)

    def binary(self, span: Span, left: ast.Expr, operator: BinaryOperator, right: ast.Expr) -> ast.Binary:
        return ast.Binary(self.next_id(), span, operator, left, right)

    def not_(self, span: Span, operand: ast.Expr) -> ast.Unary:
        return ast.Unary(self.next_id(), span, "not", operand)

    def negative(self, span: Span, operand: ast.Expr) -> ast.Unary:
        if operand is self.least_int:
            self.least_int = None
        return ast.Unary(self.next_id(), span, "-", operand)

    def is_case(self, span: Span, value: ast.Expr, case: ast.QualifiedName) -> ast.Is:
        return ast.Is(self.next_id(), span, value, case)

    def is_null(self, span: Span, value: ast.Expr) -> ast.Is:
        return ast.Is(self.next_id(), span, value, None)

    def cast(self, span: Span, value: ast.Expr, type: ast.TypeExpr) -> ast.Cast:
        return ast.Cast(self.next_id(), span, value, type)

    def member(self, span: Span, target: ast.Expr, name: ast.Ident) -> ast.Member:
        return ast.Member(self.next_id(), span, target, name, False)

    def safe_member(self, span: Span, target: ast.Expr, name: ast.Ident) -> ast.Member:
        return ast.Member(self.next_id(), span, target, name, True)

    def index(self, span: Span, target: ast.Expr, index: ast.Expr) -> ast.Index:
        return ast.Index(self.next_id(), span, target, index)

    def call(self, span: Span, callee: ast.Expr, arguments: tuple[ast.Argument, ...]) -> ast.Call:
        return ast.Call(self.next_id(), span, callee, arguments)

    def arguments(self, span: Span, *arguments: ast.Argument) -> tuple[ast.Argument, ...]:
        return arguments

    def argument(self, span: Span, value: ast.Expr | ast.Lambda) -> ast.Argument:
        return ast.Argument(self.next_id(), span, None, value)

    def named_argument(self, span: Span, name: ast.Ident, value: ast.Expr | ast.Lambda) -> ast.Argument:
        return ast.Argument(self.next_id(), span, name, value)

    def lambda_(self, span: Span, *params_and_body: ast.Ident | ast.Expr) -> ast.Lambda:
        *params, body = params_and_body
        for param in params:
            self.named(param, "a parameter")  # type: ignore[arg-type]
        return ast.Lambda(self.next_id(), span, tuple(params), body)  # type: ignore[arg-type]

    def name(self, span: Span, name: str) -> ast.Name:
        return ast.Name(self.next_id(), span, name)

    def null(self, span: Span) -> ast.NullLiteral:
        return ast.NullLiteral(self.next_id(), span)

    def boolean(self, span: Span, word: str) -> ast.BoolLiteral:
        return ast.BoolLiteral(self.next_id(), span, word == "true")

    def list_literal(self, span: Span, *items: ast.Expr) -> ast.ListLiteral:
        return ast.ListLiteral(self.next_id(), span, items)

    def record_literal(
        self, span: Span, *entries: ast.Entry | ast.KeyEntry | ast.Spread
    ) -> ast.RecordLiteral:
        return ast.RecordLiteral(self.next_id(), span, entries)

    def entry(self, span: Span, name: ast.Ident, value: ast.Expr) -> ast.Entry:
        return ast.Entry(self.next_id(), span, name, value, False)

    def short_entry(self, span: Span, name: str) -> ast.Entry:
        ident = self.named(self.ident(span, name), "a value")
        return ast.Entry(self.next_id(), span, ident, self.name(span, name), True)

    def key_entry(
        self, span: Span, key: ast.StringLiteral | ast.Interpolation, value: ast.Expr
    ) -> ast.KeyEntry:
        return ast.KeyEntry(self.next_id(), span, key, value)

    def spread(self, span: Span, value: ast.Expr) -> ast.Spread:
        return ast.Spread(self.next_id(), span, value)

    def match(self, span: Span, subject: ast.Expr, *arms: ast.MatchArm) -> ast.Match:
        return ast.Match(self.next_id(), span, subject, arms)

    def match_arm(self, span: Span, pattern: ast.Pattern, value: ast.Expr) -> ast.MatchArm:
        return ast.MatchArm(self.next_id(), span, pattern, value)

    def constructor_pattern(
        self, span: Span, case: ast.QualifiedName, *bindings: ast.Binding | None
    ) -> ast.ConstructorPattern:
        return ast.ConstructorPattern(self.next_id(), span, case, tuple(b for b in bindings if b))

    def binding(self, span: Span, field: ast.Ident, name: ast.Ident | None) -> ast.Binding:
        return ast.Binding(self.next_id(), span, field, self.named(name or field, "a value"))

    def literal_pattern(
        self, span: Span, value: ast.StringLiteral | ast.IntLiteral | ast.BoolLiteral | ast.NullLiteral
    ) -> ast.LiteralPattern:
        return ast.LiteralPattern(self.next_id(), span, value)

    def else_pattern(self, span: Span) -> ast.ElsePattern:
        return ast.ElsePattern(self.next_id(), span)

    # Literals

    def integer(self, span: Span, token: str) -> ast.IntLiteral:
        value = literals.integer(token)
        if value is None:
            self.bad_number(
                span, "this number is too large", "an int has 64 bits: at most 9223372036854775807"
            )
        literal = ast.IntLiteral(self.next_id(), span, value or 0, token)
        if value == literals.MAX_INT + 1:
            self.report_least_int()
            self.least_int = literal
        return literal

    def report_least_int(self) -> None:
        """Report 2**63 if no minus sign has come to make an int of it."""
        if self.least_int:
            self.bad_number(
                self.least_int.span, "this number is too large", "the largest int is 9223372036854775807"
            )
            self.least_int = None

    def floating(self, span: Span, token: str) -> ast.FloatLiteral:
        value = literals.floating(token)
        if value is None:
            self.bad_number(span, "this number is too large for a float", "floats end near 1.8e308")
        return ast.FloatLiteral(self.next_id(), span, value or 0.0, token)

    def duration(self, span: Span, token: str) -> ast.DurationLiteral:
        microseconds = literals.duration(token)
        if microseconds is None:
            self.bad_number(
                span,
                "this duration is too long or too fine",
                "durations are whole microseconds, up to 292,000 years",
            )
        return ast.DurationLiteral(self.next_id(), span, microseconds or 0, token)

    def bad_number(self, span: Span, message: str, help: str) -> None:
        self.problems.report(codes.BAD_NUMBER, span, message, help=help)

    def string(self, span: Span, token: str) -> ast.StringLiteral | ast.Interpolation:
        parts = tuple(self.pieces(span, token))
        if all(isinstance(part, str) for part in parts):
            return ast.StringLiteral(self.next_id(), span, "".join(parts), token)  # type: ignore[arg-type]
        return ast.Interpolation(self.next_id(), span, parts, token)

    def pieces(self, span: Span, token: str) -> list[str | ast.Expr]:
        """The constant pieces and the parsed holes of a string, in order; its mistakes are reported."""
        pieces: list[str | ast.Expr] = []
        for piece in literals.string_pieces(token):
            match piece:
                case str():
                    pieces.append(piece)
                case literals.Hole(start, end, closed):
                    pieces.append(self.hole(Span(start, end).shifted(span.start), closed))
                case literals.BadEscape(start, end):
                    self.bad_escape(Span(start, end).shifted(span.start), token[start:end])
        return pieces

    def hole(self, span: Span, closed: bool) -> ast.Expr:
        if closed:
            return self.parse_hole(self, span.start, span.end)
        opener = Span(span.start - 2, span.start)
        self.problems.report(
            codes.BAD_HOLE,
            opener,
            "this hole has no end",
            label="opened here",
            help="close it with `}` before the closing quote; `\\${` stands for the characters themselves",
        )
        return ast.BrokenExpr(self.next_id(), span)

    def bad_escape(self, span: Span, escape: str) -> None:
        self.problems.report(
            codes.BAD_ESCAPE,
            span,
            f"`{escape}` is not an escape",
            help="escapes are \\n \\t \\r \\\\ \\\" \\' \\$ and \\u{1F600}; a backslash itself is `\\\\`",
        )

    def too_deep(self, span: Span, action: str) -> ast.BrokenExpr | ast.BrokenType:
        """What stands in place of a node that is too deep. One report is enough."""
        if not self.is_too_deep:
            self.problems.report(
                codes.TOO_DEEP,
                span,
                f"this nests more than {MAX_DEPTH} levels deep",
                help="give a part of it a name with `let`",
            )
        self.is_too_deep = True
        broken = ast.BrokenType if action.endswith("_type") else ast.BrokenExpr
        return broken(self.next_id(), span)


def ordered(block: ast.Block, in_order: bool) -> ast.Block:
    return ast.Block(block.id, block.span, block.statements, True) if in_order else block
