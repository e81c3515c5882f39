"""The nodes of declarations, signatures, policies and types."""

from __future__ import annotations

from typing import Literal

from flowlang.syntax import ast
from flowlang.syntax.nodes.base import Nodes
from flowlang.syntax.words import TYPES
from flowlang.text import codes
from flowlang.text.source import Span


class DeclarationNodes(Nodes):
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


def ordered(block: ast.Block, in_order: bool) -> ast.Block:
    return ast.Block(block.id, block.span, block.statements, True) if in_order else block
