"""What every part of expression inference works with: the side tables, and the rules they share.

Types flow both ways: `wanted` goes down, so that literals take the type they are asked for, and the type
found comes up. A mistake is reported once; what it touches becomes UNKNOWN, which fits everywhere.
Environments go down only, and what a condition teaches (`assuming`) is known where it holds.

The class grows by family: names and members in `access`, built-in functions in `methods`, declarations in
`arguments` and `calls`, then `literals`, `operations`, `choices`; `expressions` has the table of all."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from flowlang.semantics import types
from flowlang.semantics.constants import fold
from flowlang.semantics.declare import Resolver
from flowlang.semantics.facts import (
    Local,
    MethodUse,
    StepFacts,
    Symbol,
)
from flowlang.semantics.lookup import Lookup
from flowlang.semantics.mismatch import explain_mismatch, handle_missing, unquoted, written
from flowlang.semantics.narrowing import always_holds, narrowed
from flowlang.semantics.operators import Refusal
from flowlang.semantics.scope import Env, Value, condition_of, conjuncts
from flowlang.semantics.types import (
    BOOL,
    DURATION,
    FLOAT,
    INT,
    NEVER,
    NULL,
    UNKNOWN,
    ListOf,
    MapOf,
    Optional,
    Record,
    Type,
    apart,
    brief,
    fits,
    join,
    present,
    revealed,
)
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Fix, Problems


@attrs.define(eq=False, repr=False)
class Tables:
    """The side tables of one declaration while they are filled; see `facts.Facts`."""

    types: dict[int, Type] = attrs.field(factory=dict)
    symbols: dict[int, Symbol] = attrs.field(factory=dict)
    coercions: dict[int, Type] = attrs.field(factory=dict)
    methods: dict[int, MethodUse] = attrs.field(factory=dict)
    statements: dict[int, StepFacts] = attrs.field(factory=dict)


@attrs.define(eq=False, repr=False)
class Inference:
    lookup: Lookup
    problems: Problems
    resolver: Resolver
    tables: Tables
    read: set[int] = attrs.field(factory=set)  # ids of the locals that something mentions
    why: dict[int, str] = attrs.field(factory=dict)  # why a name may be missing, by the id of its mention
    in_test: bool = False  # where `file("…")` may stand
    calls_allowed: bool = False  # in `expect`, where `calls("agent")` may stand

    def infer(self, expr: ast.Node, env: Env, wanted: Type | None = None) -> Type:
        """The type of an expression. `wanted` is a hint: whether it fits is the caller's to check."""
        raise NotImplementedError

    def infer_arguments(self, expr: ast.Call, env: Env) -> None:
        """Look into the arguments of a call that is wrong in another way."""
        for argument in expr.arguments:
            if not isinstance(argument.value, ast.Lambda):
                self.infer(argument.value, env)

    def check(self, expr: ast.Node, env: Env, wanted: Type, what: str) -> Type:
        """Infer an expression that must fit `wanted`; `what` names the place in the message."""
        found = self.infer(expr, env, revealed(wanted))
        self.require(expr, found, wanted, what)
        return found

    def require(self, expr: ast.Node, found: Type, wanted: Type, what: str) -> bool:
        """Report unless `found` fits; note the widening where it does."""
        if fits(found, wanted):
            self.coerce(expr, found, wanted)
            return True
        code, message, help = explain_mismatch(found, wanted, what, self.why_missing(expr), written(expr))
        self.problems.report(code, expr.span, message, help=help, fix=unquoted(expr, wanted))
        return False

    def coerce(self, expr: ast.Node, found: Type, wanted: Type) -> None:
        """Note that a value has to be made anew to be `wanted`, if it has."""
        if converts(found, wanted):
            self.tables.coercions[expr.id] = revealed(wanted)

    def duration(self, expr: ast.Expr, env: Env, what: str) -> None:
        """Check a length of time; one that is known now must be more than zero."""
        self.check(expr, env, DURATION, what)
        constant = fold(expr)
        if constant is not None and constant.kind == "duration" and constant.value <= 0:
            message, help = f"{what} must be more than zero", "write a duration like `30s` or `1h30m`"
            self.problems.report(codes.BAD_BOUND, expr.span, message, help=help)

    def count(self, expr: ast.Expr, env: Env, what: str) -> None:
        """Check a number of things; one that is known now must be at least 1."""
        self.check(expr, env, INT, what)
        constant = fold(expr)
        if constant is not None and constant.kind == "int" and constant.value < 1:
            message, help = f"{what} must be at least 1", "write a whole number like `3`"
            self.problems.report(codes.BAD_BOUND, expr.span, message, help=help)

    def condition(self, expr: ast.Expr, env: Env, what: str) -> bool | None:
        """Check a condition whose answer should not be known before; returns it where it is."""
        decided = self.asked(expr, env, what)
        if decided is not None:
            self.condition_decided(expr, decided, what)
        return decided

    def asked(self, expr: ast.Expr, env: Env, what: str) -> bool | None:
        """Check a condition; returns its answer where that is known before.

        What the parts of a condition say about themselves is then left to the caller: one message for all."""
        mark = len(self.problems.found)
        self.check(expr, env, BOOL, what)
        decided = self.decided(expr, env)
        if decided is not None:
            found = self.problems.found[mark:]
            self.problems.found[mark:] = [d for d in found if d.code != codes.CONSTANT_CONDITION]
        return decided

    def decided(self, expr: ast.Expr, env: Env) -> bool | None:
        """Whether a condition's answer is known before it is asked, and which."""
        if isinstance(expr, ast.BoolLiteral):
            return expr.value
        answers = [self._answer(part, holds, env) for part, holds in conjuncts(expr)]
        if False in answers:
            return False
        return None if None in answers else True

    def _answer(self, part: ast.Expr, holds: bool, env: Env) -> bool | None:
        """Whether a part of a condition has the truth it is asked for, where that is known."""
        key, truth = condition_of(part, self.tables.symbols, holds)
        if (key, truth) in env.known:
            return True
        if (key, not truth) in env.known:
            return False
        always = always_holds(part, self.tables.symbols, self.tables.types)
        return None if always is None else always == holds

    def condition_decided(self, expr: ast.Expr, holds: bool, what: str) -> None:
        """Report a condition that decides nothing."""
        message = f"this is always {'true' if holds else 'false'} here, so {what} decides nothing"
        help = "drop it" if holds else "ask for something else, or drop what depends on it"
        self.problems.report(codes.CONSTANT_CONDITION, expr.span, message, help=help)

    def assuming(self, condition: ast.Expr, env: Env, truth: bool = True) -> Env:
        """The environment where an (inferred) condition has the given truth."""
        for part, holds in conjuncts(condition, truth):
            if not env.unclear and self._is_unclear(part):
                env = attrs.evolve(env, unclear=True)
            env = env.with_known(condition_of(part, self.tables.symbols, holds))
            env = env.with_narrowed(narrowed(part, holds, self.tables.symbols, self.tables.types, env))
        return env

    def _is_unclear(self, part: ast.Expr) -> bool:
        """Whether a part of a condition is wrong, so that it does not tell what it was meant to."""
        match part:
            case ast.Binary(left=left, right=right):
                sides = [left, right]
            case ast.Is(value=value):
                sides = [value]
            case _:
                sides = [part]
        return any(self.tables.types.get(side.id) == UNKNOWN for side in sides)

    def local(self, ident: ast.Ident, kind: str, type: Type, why: str | None = None) -> Value:
        """A value name that the tree declares."""
        local = Local(ident.name, kind, ident.span, ident.id)  # type: ignore[arg-type]
        self.tables.symbols[ident.id] = local
        self.tables.types[ident.id] = type
        return Value(local, type, why=why)

    def why_missing(self, expr: ast.Node) -> str | None:
        """Why a value may be missing, in words."""
        match expr:
            case ast.Name():
                return self.why.get(expr.id)
            case ast.Index():
                return "there may be nothing at that place"
            case ast.Call(callee=ast.Member(name=name)):
                return f"`{name.name}` may find nothing"
            case ast.Member(safe=True):
                return "what stands before `?.` may be missing"
            case ast.Member(name=name):
                return f"the field `{name.name}` is optional"
        return None

    def report_missing(self, expr: ast.Node, found: Type) -> None:
        """Report a value that may be missing where it may not."""
        if found == NULL:
            self.problems.report(codes.MAYBE_MISSING, expr.span, "this is always null", help="leave it out")
            return
        message = self.may_be_missing(expr, found)
        help = handle_missing(present(found), written(expr))
        self.problems.report(codes.MAYBE_MISSING, expr.span, message, help=help)

    def may_be_missing(self, expr: ast.Node, found: Type) -> str:
        """That a value may be missing, and why."""
        name = written(expr)
        why = self.why_missing(expr) or f"its type is `{brief(found)}`"
        return f"`{name}` may be missing: {why}" if name else f"this may be missing: {why}"

    def refuse(self, expr: ast.Node, refusal: Refusal, fix: Fix | None = None) -> None:
        self.problems.report(refusal.code, expr.span, refusal.message, help=refusal.help, fix=fix)

    def join_arms(
        self, arms: Sequence[tuple[ast.Node, Type]], before: str = "the arms before it are"
    ) -> Type:
        """The type of a value that comes from one of several places."""
        found: Type = NEVER
        for at, type in arms:
            joined = join(found, type)
            if joined is None:
                self.no_common(at, type, found, before)
                return UNKNOWN
            found = joined
        for at, type in arms:
            self.coerce(at, type, found)
        return found

    def no_common(self, at: ast.Node, found: Type, other: Type, before: str) -> None:
        """Report a value whose type goes with no type of those before it."""
        this, that = apart(found, other)
        message = f"this is `{this}`, but {before} `{that}`"
        help = "no type holds both; make them alike"
        if {found, other} == {INT, FLOAT}:
            help = "write the whole number with `.0`"
        self.problems.report(codes.NO_COMMON_TYPE, at.span, message, help=help)


def converts(found: Type, wanted: Type) -> bool:
    """Whether a value that fits has to be made anew: ints become floats, missing fields become null."""
    if found == wanted:
        return False
    match found, revealed(wanted):
        case types.Scalar("int"), types.Scalar("float"):
            return True
        case Optional(inner=inner), Optional(inner=other):
            return converts(inner, other)
        case _, Optional(inner=other):
            return found != NULL and converts(found, other)
        case (ListOf(inner), ListOf(other)) | (MapOf(inner), MapOf(other)):
            return converts(inner, other)
        case Record(), Record(fields=fields):
            kept = [(found.field(f.name), f.type) for f in fields]
            return any(given is None or converts(given, asked) for given, asked in kept)
    return False
