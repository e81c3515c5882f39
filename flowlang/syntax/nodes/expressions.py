"""The nodes of expressions and literals."""

from __future__ import annotations

from typing import Literal, TypeAlias

from flowlang.syntax import ast, literals
from flowlang.syntax.nodes.base import Nodes
from flowlang.text import codes
from flowlang.text.source import Span

BinaryOperator: TypeAlias = Literal[
    "+", "-", "*", "/", "%", "..", "??", "==", "!=", "<", "<=", ">", ">=", "in", "and", "or"
]


class ExpressionNodes(Nodes):
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
        ident, value = self.named(self.ident(span, name), "a value"), self.name(span, name)
        return ast.Entry(self.next_id(), span, ident, value, True)

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
        name = self.named(name or self.ident(span, field.name), "a value")
        return ast.Binding(self.next_id(), span, field, name)

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
