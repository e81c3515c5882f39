"""Declarations to interfaces: what the tree of a signature, a type or an error means.

Types are resolved in dependency order by the caller, so looking a name up never recurses: a name that is
not resolved yet belongs to a cycle, which has been reported."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

import attrs

from flowlang.semantics import types
from flowlang.semantics.constants import positive_constant, positive_duration
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    Declared,
    Effect,
    ErrorName,
    ErrorRef,
    EventName,
    Exposed,
    Interface,
    Parameter,
    Poisoned,
    TypeName,
)
from flowlang.semantics.habits import FOREIGN_TYPES
from flowlang.semantics.lookup import Lookup
from flowlang.semantics.suggest import way_out
from flowlang.semantics.types import Record, RecordField, Type
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Fix, Label, Problems

GENERICS: dict[str, type[types.ListOf] | type[types.MapOf] | type[types.Secret]] = {
    "list": types.ListOf,
    "map": types.MapOf,
    "secret": types.Secret,
}
EFFECTS: tuple[Effect, ...] = ("pure", "read", "idempotent", "write")


@attrs.frozen(eq=False, repr=False)
class Resolver:
    """Turns the types of one declaration into types."""

    lookup: Lookup
    problems: Problems

    def type(self, tree: ast.TypeExpr, *, secret: bool = False) -> Type:
        """What a type expression means. `secret<…>` may stand only where `secret` says so."""
        found = self._type(tree, secret)
        if not types.is_too_large(found):
            return found
        report_too_large(self.problems, tree, found)
        return types.UNKNOWN

    def _type(self, tree: ast.TypeExpr, secret: bool) -> Type:
        match tree:
            case ast.NamedType(name=name):
                return self._named(name)
            case ast.OptionalType(inner=inner):
                return self._optional(tree, self.type(inner, secret=secret))
            case ast.GenericType():
                return self._generic(tree, secret)
            case ast.RecordType(fields=fields):
                return Record(self.fields(fields))
            case ast.EnumType(values=values):
                return self._enum(values)
            case ast.BrokenType() | ast.InferredType():
                return types.UNKNOWN
            case _:
                assert_never(tree)

    def fields(self, fields: Iterable[ast.Field]) -> tuple[RecordField, ...]:
        found: dict[str, RecordField] = {}
        for field in fields:
            if field.name.name in found:
                message = f"the field `{field.name.name}` stands here twice"
                self.problems.report(codes.DUPLICATE_NAME, field.name.span, message, help="keep one of them")
            else:
                found[field.name.name] = RecordField(field.name.name, self.type(field.type), field.doc)
        return tuple(found.values())

    def _named(self, name: ast.QualifiedName) -> Type:
        if name.module is None and name.name.name not in self.lookup.names:
            scalar = types.SCALARS.get(name.name.name)
            return scalar or self._unknown(name)
        found = self.lookup.qualified(name, "type")
        match found:
            case None:
                return types.UNKNOWN
            case TypeName(type=type):
                return type
            case Constructor(union=types.Union(shown=shown)):
                wanted, help = f"its type is `{shown}`", f"write `{shown}`"
                self.lookup.wrong_kind(name, found, codes.WRONG_KIND, wanted, help)
            case _:
                self.lookup.wrong_kind(name, found, codes.WRONG_KIND, "a type is wanted here")
        return types.UNKNOWN

    def _unknown(self, name: ast.QualifiedName) -> Type:
        written = name.name.name
        self.lookup.find(written)
        fix = None
        help: str | None
        if written in GENERICS:
            message = f"`{written}` needs to say of what"
            help = f"write `{written}<string>`, for example"
        elif written in FOREIGN_TYPES:
            message, right = f"there is no type `{written}`", FOREIGN_TYPES[written]
            help = f"it is called `{right}` here"
            fix = Fix(f"write `{right}`", (Edit(name.span, right),))
        else:
            known = [
                *types.SCALARS,
                *GENERICS,
                *self.lookup.of_kind("type", self.lookup.names),
            ]
            message = f"there is no type `{written}`"
            way = way_out(written, name.span, self.lookup.guesses.among(known))
            help, fix = way if way.fix else self.lookup.elsewhere(written, name.span)
            help = help or f"declare it: `type {written} = {{ … }}`"
        self.problems.report(codes.UNKNOWN_TYPE, name.span, message, help=help, fix=fix)
        return types.UNKNOWN

    def _optional(self, tree: ast.OptionalType, inner: Type) -> Type:
        if isinstance(inner, types.Optional) or inner == types.NULL:
            self.problems.report(
                codes.NEEDLESS_HANDLING,
                tree.span,
                f"`{types.show(inner)}` can be null already",
                help="drop the `?`",
            )
        return types.optional(inner)

    def _generic(self, tree: ast.GenericType, secret: bool) -> Type:
        help: str | None
        make = GENERICS.get(tree.name.name)
        arguments = [self.type(a) for a in tree.arguments]
        if make is None:
            help, fix = way_out(tree.name.name, tree.name.span, GENERICS)
            help = help or "only `list`, `map` and `secret` take a type in `<…>`"
            message = f"there is no type `{tree.name.name}<…>`"
            self.problems.report(codes.UNKNOWN_TYPE, tree.name.span, message, help=help, fix=fix)
            return types.UNKNOWN
        if len(arguments) != 1:
            message = f"`{tree.name.name}` takes one type, not {len(arguments)}"
            help = "a map's keys are always strings: `map<int>`" if make is types.MapOf else None
            self.problems.report(codes.UNKNOWN_TYPE, tree.span, message, help=help)
            return types.UNKNOWN
        if make is types.Secret and not secret:
            message = "a secret may only be a parameter of a flow or an agent"
            help = "pass it on whole, as an argument; it is never stored, returned or looked into"
            self.problems.report(codes.SECRET_LEAK, tree.span, message, help=help)
            return types.UNKNOWN
        return make(arguments[0])

    def _enum(self, values: tuple[ast.Text, ...]) -> Type:
        found: dict[str, None] = {}
        for value in values:
            if value.value in found:
                message = f"{value.text} stands here twice"
                self.problems.report(codes.DUPLICATE_NAME, value.span, message, help="keep one of them")
            found[value.value] = None
        return types.Enum(tuple(found))


@attrs.frozen(eq=False, repr=False)
class Declarer:
    """Makes the interface of one declaration."""

    module: str
    resolver: Resolver
    declared: Declared

    @property
    def lookup(self) -> Lookup:
        return self.resolver.lookup

    @property
    def problems(self) -> Problems:
        return self.resolver.problems

    def type(self, tree: ast.TypeDecl) -> TypeName:
        if isinstance(tree.definition, ast.Variants):
            return TypeName(self.declared, self._union(tree, tree.definition))
        type = self.resolver.type(tree.definition)
        if isinstance(type, Record | types.Enum) and type.name is None:
            type = attrs.evolve(type, name=self.declared.name)
        return TypeName(self.declared, type)

    def _union(self, tree: ast.TypeDecl, body: ast.Variants) -> Type:
        cases: dict[str, types.Case] = {}
        for variant in body.variants:
            fields = self.resolver.fields(variant.fields)
            for field in variant.fields:
                if field.name.name == "case":
                    message = "a constructor's field cannot be called `case`"
                    help = "in JSON, `case` holds the name of the constructor; call the field something else"
                    self.problems.report(codes.RESERVED_NAME, field.name.span, message, help=help)
            cases.setdefault(variant.name.name, types.Case(variant.name.name, fields, variant.doc))
        name = tree.name.name
        union = types.Union(self.module, name, tuple(cases.values()), name, len(cases))
        if types.is_too_large(union):
            report_too_large(self.problems, tree.name, union)
            return types.UNKNOWN
        return union

    def constructor(self, union: types.Union, variant: ast.Variant) -> Constructor:
        case = union.case(variant.name.name)
        return Constructor(self.declared, union, variant.name.name, case.fields if case else ())

    def error(self, tree: ast.ErrorDecl) -> ErrorName:
        for field in tree.fields:
            if field.name.name == "error":
                message = "an error's field cannot be called `error`"
                help = (
                    "where the error is caught `as e`, `e.error` is its name; call the field something else"
                )
                self.problems.report(codes.RESERVED_NAME, field.name.span, message, help=help)
        ref = ErrorRef(self.module, tree.name.name)
        return ErrorName(self.declared, ref, self.resolver.fields(tree.fields))

    def event(self, tree: ast.EventDecl) -> EventName:
        return EventName(self.declared, self.resolver.fields(tree.fields))

    def agent(self, tree: ast.AgentDecl) -> Callable:
        raised = self.raises(tree.signature)
        effect = self._policies(tree, raised)
        name = self.declared.name
        exposed = frozenset() if tree.asks or effect not in (None, "write") else {Exposed(name, effect)}
        return Callable(
            self.declared,
            "ask" if tree.asks else "agent",
            self.parameters(tree.signature),
            self.result(tree.signature),
            raised,
            "idempotent" if tree.asks and effect is None else effect,
            tree.asks,
            frozenset(exposed),
            any(isinstance(p, ast.Retry) for p in tree.policies),
            any(isinstance(p, ast.Timeout) for p in tree.policies),
        )

    def parameters(self, signature: ast.Signature) -> tuple[Parameter, ...]:
        found: dict[str, Parameter] = {}
        for param in signature.params:
            name = param.name.name
            if name in found:
                message = f"the parameter `{name}` stands here twice"
                self.problems.report(codes.DUPLICATE_NAME, param.name.span, message, help="keep one of them")
                continue
            type = self.resolver.type(param.type, secret=True)
            found[name] = Parameter(name, type, param.default is None, param.doc, param.default)
        return tuple(found.values())

    def result(self, signature: ast.Signature) -> Type:
        return types.NULL if signature.result is None else self.resolver.type(signature.result)

    def raises(self, signature: ast.Signature) -> frozenset[ErrorRef]:
        found: set[ErrorRef] = set()
        for name in signature.raises or ():
            error = self.lookup.error(name)
            if error is None:
                continue
            if not error[0].module:
                message = f"`{name.text}` is built in: it may always escape, so `raises` does not list it"
                self.problems.report(codes.NOT_AN_ERROR, name.span, message, help="drop it from `raises`")
            found.add(error[0])
        return frozenset(e for e in found if e.module)

    def _policies(self, tree: ast.AgentDecl, raised: frozenset[ErrorRef]) -> Effect | None:
        """Check an agent's policies; returns its effect."""
        effect: Effect | None = None
        seen: dict[str, ast.Policy] = {}
        for policy in tree.policies:
            kind = type(policy).__name__.lower()
            if kind in seen:
                report_duplicate(self.problems, policy, kind, seen[kind])
            seen.setdefault(kind, policy)
            if isinstance(policy, ast.Effect):
                effect = self._effect(policy)
            elif isinstance(policy, ast.Retry):
                self._agent_retry(policy, raised)
            else:
                self._policy(policy)
        cache = seen.get("cache")
        if cache is not None and effect not in ("pure", "read"):
            message = "only an agent that is `effect pure` or `effect read` can be cached"
            help = "say so with `effect read`, if calling it changes nothing"
            self.problems.report(codes.BAD_POLICY, cache.span, message, help=help)
        return effect

    def _effect(self, policy: ast.Effect) -> Effect | None:
        found = next((e for e in EFFECTS if e == policy.name.name), None)
        if found is None:
            message = f"there is no effect `{policy.name.name}`"
            help, fix = way_out(policy.name.name, policy.name.span, EFFECTS, list_as="there is")
            self.problems.report(codes.BAD_POLICY, policy.name.span, message, help=help, fix=fix)
        return found

    def _policy(self, policy: ast.Timeout | ast.Limit | ast.Breaker | ast.Cache) -> None:
        match policy:
            case ast.Timeout(duration=duration):
                positive_duration(duration, self.problems, "a timeout")
            case ast.Limit(quotas=quotas):
                for quota in quotas:
                    positive_constant(quota.count, self.problems, "a limit")
                    if isinstance(quota, ast.PerWindow):
                        positive_duration(quota.window, self.problems, "the window of a limit")
            case ast.Breaker(failures=failures, within=within, reset=reset):
                positive_constant(failures, self.problems, "the number of failures")
                positive_duration(within, self.problems, "the window of a breaker")
                positive_duration(reset, self.problems, "the reset time of a breaker")
            case ast.Cache(duration=duration):
                positive_duration(duration, self.problems, "the time that a value is cached")
            case _:
                assert_never(policy)

    def _agent_retry(self, retry: ast.Retry, raised: frozenset[ErrorRef]) -> None:
        positive_constant(retry.times, self.problems, "the number of retries")
        for name in retry.errors:
            error = self.lookup.error(name)
            if error is not None and error[0].module and error[0] not in raised:
                message = f"`{name.text}` is retried here, but this agent does not raise it"
                help = "add it to `raises`, or drop it here"
                self.problems.report(codes.USELESS_CATCH, name.span, message, help=help)
        if retry.backoff is not None:
            positive_duration(retry.backoff.initial, self.problems, "a backoff")
            if retry.backoff.maximum is not None:
                positive_duration(retry.backoff.maximum, self.problems, "the longest backoff")
        if retry.within is not None:
            positive_duration(retry.within, self.problems, "the time for all attempts")
        if retry.until is not None:
            message = "an agent's own retry cannot look at values"
            self.problems.report(
                codes.BAD_POLICY,
                retry.until.span,
                message,
                help="put `retry … until …` on the step that calls it",
            )


def report_too_large(problems: Problems, at: ast.Node, type: Type) -> None:
    """Report a type beyond the limits that keep every check short."""
    deep = types.extent_of(type).depth > types.MAX_DEPTH
    what = (
        f"nests more than {types.MAX_DEPTH} levels deep"
        if deep
        else f"has more than {types.MAX_PARTS:,} parts"
    )
    help = "keep what is so large as `json`, or in a `file`, and read from it what you need"
    problems.report(codes.TOO_DEEP, at.span, f"the type of this {what}", help=help)


def report_duplicate(problems: Problems, clause: ast.Node, kind: str, first: ast.Node) -> None:
    problems.report(
        codes.DUPLICATE_CLAUSE,
        clause.span,
        f"`{kind}` stands here twice",
        related=(Label(first.span, "the first one"),),
        help="keep one of them",
    )


def poisoned(declared: Declared) -> Interface:
    return Poisoned(declared)
