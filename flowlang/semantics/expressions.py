"""Infer the type of expressions: tree and environment -> type, with everything noted in side tables.

Types flow both ways: `wanted` goes down, so that literals take the type they are asked for, and the type
found comes up. A mistake is reported once; what it touches becomes UNKNOWN, which fits everywhere.
Environments go down only, and what a condition teaches (`assuming`) is known where it holds."""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Mapping
from typing import TypeAlias

import attrs

from flowlang.semantics import builtins, functions, types
from flowlang.semantics.declare import Resolver
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    ErrorName,
    Interface,
    Local,
    MethodUse,
    Namespace,
    Parameter,
    Poisoned,
    StepFacts,
    Symbol,
    TypeName,
)
from flowlang.semantics.habits import CALLS, METHODS, NAMES
from flowlang.semantics.lookup import Lookup, declared_here, kind_of
from flowlang.semantics.mismatch import explain_mismatch, handle_missing
from flowlang.semantics.narrowing import narrowed
from flowlang.semantics.operators import Refusal, binary_result, comparable_problem
from flowlang.semantics.scope import Env, Value, condition_of, conjuncts, path_of
from flowlang.semantics.suggest import did_you_mean
from flowlang.semantics.types import (
    BOOL,
    FLOAT,
    INT,
    JSON,
    NEVER,
    NULL,
    STRING,
    UNKNOWN,
    Enum,
    ListOf,
    MapOf,
    Optional,
    Record,
    RecordField,
    Secret,
    Type,
    Union,
    fits,
    is_optional,
    is_poison,
    is_text,
    join,
    optional,
    present,
    show,
)  # fmt: skip
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Fix, Label, Problems
from flowlang.text.patterns import pattern_problem
from flowlang.text.source import Span

Arm: TypeAlias = Function[[ast.Task, Env, Type | None], Type]
"""How the arm of an `if` or a `match` is inferred: as an expression, or as a task where one stands."""


@attrs.define(eq=False)
class Tables:
    """The side tables of one declaration while they are filled; see `facts.Facts`."""

    types: dict[int, Type] = attrs.field(factory=dict)
    symbols: dict[int, Symbol] = attrs.field(factory=dict)
    coercions: dict[int, Type] = attrs.field(factory=dict)
    methods: dict[int, MethodUse] = attrs.field(factory=dict)
    statements: dict[int, StepFacts] = attrs.field(factory=dict)


@attrs.define(eq=False)
class Expressions:
    lookup: Lookup
    problems: Problems
    resolver: Resolver
    tables: Tables
    read: set[int] = attrs.field(factory=set)  # ids of the locals that something mentions
    calls_allowed: bool = False  # in `expect`, where `calls("agent")` may stand

    # What others ask for

    def infer(self, expr: ast.Node, env: Env, wanted: Type | None = None) -> Type:
        """The type of an expression. `wanted` is a hint: whether it fits is the caller's to check."""
        found = self._infer(expr, env, wanted)
        self.tables.types[expr.id] = found
        return found

    def check(self, expr: ast.Node, env: Env, wanted: Type, what: str) -> Type:
        """Infer an expression that must fit `wanted`; `what` names the place in the message."""
        found = self.infer(expr, env, wanted)
        self.require(expr, found, wanted, what)
        return found

    def require(self, expr: ast.Node, found: Type, wanted: Type, what: str) -> bool:
        """Report unless `found` fits; note the widening where it does."""
        if fits(found, wanted):
            self.coerce(expr, found, wanted)
            return True
        code, message, help = explain_mismatch(found, wanted, what, self.why_missing(expr))
        self.problems.report(code, expr.span, message, help=help)
        return False

    def coerce(self, expr: ast.Node, found: Type, wanted: Type) -> None:
        if converts(found, wanted):
            self.tables.coercions[expr.id] = wanted

    def condition(self, expr: ast.Expr, env: Env, what: str) -> None:
        """Check a condition whose answer should not be known before."""
        self.check(expr, env, BOOL, what)
        decided = self.decided(expr, env)
        if decided is not None:
            self.condition_decided(expr, decided, what)

    def assuming(self, condition: ast.Expr, env: Env, truth: bool = True) -> Env:
        """The environment where an (inferred) condition has the given truth."""
        for part, holds in conjuncts(condition, truth):
            env = env.with_known(condition_of(part, self.tables.symbols, holds))
            env = env.with_narrowed(narrowed(part, holds, self.tables.symbols, self.tables.types, env))
        return env

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
                value = self._why.get(expr.id)
                return value
            case ast.Index():
                return "there may be nothing at that place"
            case ast.Call(callee=ast.Member(name=name)):
                return f"`{name.name}` may find nothing"
            case ast.Member(safe=True):
                return "what stands before `?.` may be missing"
            case ast.Member(name=name):
                return f"the field `{name.name}` is optional"
        return None

    _why: dict[int, str] = attrs.field(factory=dict)

    # One method per kind of expression

    def _infer(self, expr: ast.Node, env: Env, wanted: Type | None) -> Type:
        match expr:
            case ast.Name():
                return self._name(expr, env)
            case ast.Member():
                return self._member(expr, env)
            case ast.Call():
                return self._call(expr, env)
            case ast.StringLiteral(value=value):
                return Enum((value,))
            case ast.IntLiteral():
                return INT
            case ast.Binary():
                return self._binary(expr, env, wanted)
            case ast.Interpolation():
                return self._interpolation(expr, env)
            case ast.RecordLiteral():
                return self._record(expr, env, wanted)
            case ast.ListLiteral():
                return self._list(expr, env, wanted)
            case ast.FloatLiteral():
                return FLOAT
            case ast.BoolLiteral():
                return BOOL
            case ast.NullLiteral():
                return NULL
            case ast.DurationLiteral():
                return types.DURATION
            case ast.Index():
                return self._index(expr, env)
            case ast.Unary():
                return self._unary(expr, env)
            case ast.If():
                return self.if_(expr, env, wanted, self._expression_arm)
            case ast.Match():
                return self.match(expr, env, wanted, self._expression_arm)
            case ast.Is():
                return self._is(expr, env)
            case ast.Cast():
                return self._cast(expr, env)
            case ast.BrokenExpr():
                return UNKNOWN
            case ast.Lambda():
                return self._stray_lambda(expr)
            case _:
                return self._stray_task(expr)

    # Names and members

    def _name(self, expr: ast.Name, env: Env, *, secret: bool = False) -> Type:
        value = env.names.find(expr.name)
        if value is None:
            return self._other_name(expr, env)
        self.tables.symbols[expr.id] = value.local
        self.read.add(value.local.node)
        found = env.type_of(value)
        if is_optional(found) and value.why:
            self._why[expr.id] = value.why
        if isinstance(present(found), Secret) and not secret:
            return self._leak(expr)
        return found

    def _other_name(self, expr: ast.Name, env: Env) -> Type:
        ambient = builtins.AMBIENT.get(expr.name)
        if ambient is not None:
            self.tables.symbols[expr.id] = Local(expr.name, "ambient", expr.span, -1)
            return ambient
        found = self.lookup.find(expr.name)
        if found is None:
            self._unknown_name(expr, env)
        elif not isinstance(found, Poisoned):
            self.tables.symbols[expr.id] = found
            message = f"`{expr.name}` is {kind_of(found)}, not a value"
            help = f"call it: `{expr.name}(…)`" if isinstance(found, Callable | Constructor) else None
            self.problems.report(
                codes.WRONG_KIND, expr.span, message, help=help, related=(declared_here(found),)
            )
        return UNKNOWN

    def _unknown_name(self, expr: ast.Name, env: Env) -> None:
        right = NAMES.get(expr.name)
        message = f"there is no value `{expr.name}`"
        if right is not None:
            fix = Fix(f"write `{right}`", (Edit(expr.span, right),))
            self.problems.report(
                codes.UNKNOWN_NAME, expr.span, message, help=f"it is called `{right}` here", fix=fix
            )
        else:
            help = did_you_mean(expr.name, [*env.names, *builtins.AMBIENT])
            self.problems.report(codes.UNKNOWN_NAME, expr.span, message, help=help)

    def _leak(self, expr: ast.Expr) -> Type:
        message = "a secret may only be passed on whole, as an argument"
        help = "no operator, field, list, template, `let`, `yield` or `return` may hold one"
        self.problems.report(codes.SECRET_LEAK, expr.span, message, help=help)
        return UNKNOWN

    def _member(self, expr: ast.Member, env: Env) -> Type:
        namespace = self.namespace(expr.target, env)
        if namespace is not None:
            return self._namespace_member(expr, namespace)
        target = self.infer(expr.target, env)
        field = self._field(expr, self._present_target(expr, target))
        if is_poison(field):
            return UNKNOWN
        path = path_of(expr, self.tables.symbols)
        if path is not None and path in env.narrowed:
            return env.narrowed[path]
        return optional(field) if expr.safe and is_optional(target) else field

    def _present_target(self, expr: ast.Member, target: Type) -> Type:
        """What stands before the dot, known not to be null; reports where `.` and `?.` are mixed up."""
        if is_poison(target):
            return UNKNOWN
        if target == NULL:
            self.problems.report(codes.MAYBE_MISSING, expr.target.span, "this is always null")
            return UNKNOWN
        if expr.safe and not is_optional(target):
            dot = Span(expr.target.span.end, expr.name.span.start)
            fix = Fix("write `.`", (Edit(dot, "."),))
            message = f"`?.` on `{show(target)}`, which is never missing"
            self.problems.report(codes.NEEDLESS_HANDLING, dot, message, help="write `.`", fix=fix)
        elif is_optional(target) and not expr.safe:
            why = self.why_missing(expr.target)
            message = f"`{show(target)}` may be missing" + (f": {why}" if why else "")
            help = f"write `?.{expr.name.name}`, give a default with `??`, or guard with `when … != null`"
            self.problems.report(codes.MAYBE_MISSING, expr.target.span, message, help=help)
        return present(target)

    def _field(self, expr: ast.Member, target: Type) -> Type:
        name = expr.name.name
        known: list[str] = []
        match target:
            case Record(fields=fields):
                found = target.field(name)
                known = [f.name for f in fields]
            case Union():
                return self._case_field(expr, target)
            case _:
                found = None
        if found is not None or is_poison(target):
            return found or UNKNOWN
        self._no_field(expr, target, known)
        return UNKNOWN

    def _no_field(self, expr: ast.Member, target: Type, known: list[str]) -> None:
        name = expr.name
        if target == JSON:
            message = "json has no fields that could be checked"
            self.problems.report(codes.JSON_USE, name.span, message, help="say what it is first: `(… as T)`")
            return
        methods = functions.names(target)
        message = f"`{show(target)}` has no field `{name.name}`"
        help: str | None
        if name.name in methods:
            help = f"it is a function: `.{name.name}(…)`"
        elif isinstance(target, MapOf):
            help = f'a map is read by key: `["{name.name}"]`, which may be missing'
        else:
            help = did_you_mean(name.name, known)
            help = help or ("it has " + ", ".join(f"`{k}`" for k in known) if known else None)
        self.problems.report(codes.UNKNOWN_FIELD, name.span, message, help=help)

    def _case_field(self, expr: ast.Member, target: Union) -> Type:
        name = expr.name.name
        found = [case.field(name) for case in target.cases]
        joined = types.join_all([f for f in found if f is not None])
        if all(f is not None for f in found) and joined is not None:
            return joined
        having = [case.name for case, f in zip(target.cases, found, strict=True) if f is not None]
        message = f"not every `{show(target)}` has a field `{name}`"
        if not having:
            message = f"no `{show(target)}` has a field `{name}`"
        help = f"only `{having[0]}` has it: ask with `match`, or `… is {having[0]}`" if having else None
        self.problems.report(codes.UNKNOWN_FIELD, expr.name.span, message, help=help)
        return UNKNOWN

    def namespace(self, target: ast.Expr, env: Env) -> Namespace | Poisoned | None:
        """The module that an expression before a dot names, if it does."""
        if not isinstance(target, ast.Name) or env.names.find(target.name) is not None:
            return None
        found = self.lookup.names.get(target.name)
        if not isinstance(found, Namespace | Poisoned):
            return None
        self.lookup.find(target.name)
        self.tables.symbols[target.id] = found
        return found

    def _namespace_member(self, expr: ast.Member, namespace: Namespace | Poisoned) -> Type:
        found = self._member_of(expr, namespace, "declaration")
        if found is not None:
            message = f"`{expr.name.name}` is {kind_of(found)}, not a value"
            help = "call it: `(…)`" if isinstance(found, Callable | Constructor) else None
            self.problems.report(codes.WRONG_KIND, expr.span, message, help=help)
        return UNKNOWN

    def _member_of(self, expr: ast.Member, namespace: Namespace | Poisoned, wanted: str) -> Interface | None:
        """A declaration of a module; None where there is none (reported) or nobody can know."""
        if isinstance(namespace, Poisoned):
            return None
        assert isinstance(expr.target, ast.Name)
        found = self.lookup.member(expr.target.name, namespace, expr.name.name)
        if found is None and not namespace.poisoned:
            where = f" in `{expr.target.name}`"
            self.lookup.unknown(expr.name, expr.name.name, wanted, namespace.members, where)
        if found is not None:
            self.tables.symbols[expr.id] = found
        return None if isinstance(found, Poisoned) else found

    def _index(self, expr: ast.Index, env: Env) -> Type:
        target = self.infer(expr.target, env)
        if is_optional(target) and target != NULL:
            self.report_missing(expr.target, target)
        match present(target):
            case ListOf(item=item):
                self.check(expr.index, env, INT, "the place in a list")
                return optional(item)
            case MapOf(value=value):
                self.check(expr.index, env, STRING, "the key of a map")
                return optional(value)
            case other if is_text(other):
                self.check(expr.index, env, INT, "the place in a string")
                return optional(STRING)
            case other:
                self.infer(expr.index, env)
                if not is_poison(other):
                    self._not_indexed(expr, other)
                return UNKNOWN

    def _not_indexed(self, expr: ast.Index, target: Type) -> None:
        if target == JSON:
            help = "say what it is first: `(… as list<json>)[0]`"
            self.problems.report(codes.JSON_USE, expr.span, "json cannot be looked into", help=help)
            return
        message = f"`{show(target)}` has no places to look up"
        key = expr.index.value if isinstance(expr.index, ast.StringLiteral) else None
        help = f"a field is read with a dot: `.{key}`" if key and isinstance(target, Record) else None
        self.problems.report(codes.BAD_OPERANDS, expr.span, message, help=help)

    def report_missing(self, expr: ast.Node, found: Type) -> None:
        why = self.why_missing(expr)
        message = f"`{show(found)}` may be missing" + (f": {why}" if why else "")
        self.problems.report(codes.MAYBE_MISSING, expr.span, message, help=handle_missing(present(found)))

    # Literals

    def _interpolation(self, expr: ast.Interpolation, env: Env) -> Type:
        for part in expr.parts:
            if not isinstance(part, str):
                self._hole(part, self.infer(part, env))
        return STRING

    def _hole(self, part: ast.Node, found: Type) -> None:
        if is_poison(found):
            return
        if is_optional(found):
            self.report_missing(part, found)
        elif not (is_text(found) or found in (INT, FLOAT, BOOL, types.DURATION, types.DATETIME)):
            message = f"a hole takes a string, a number, a bool or a time, not `{show(found)}`"
            self.problems.report(
                codes.TYPE_MISMATCH, part.span, message, help="write it as JSON: `${….json()}`"
            )

    def _list(self, expr: ast.ListLiteral, env: Env, wanted: Type | None) -> Type:
        inside = present(wanted) if wanted else None
        if isinstance(inside, ListOf):
            fine = [self._fits_item(item, env, inside.item) for item in expr.items]
            return inside if all(fine) or expr.items else inside
        found: Type = NEVER
        for item in expr.items:
            joined = join(found, self.infer(item, env))
            if joined is None:
                self._no_common(item, self.tables.types[item.id], found, "the items before it")
                return ListOf(UNKNOWN)
            found = joined
        for item in expr.items:
            self.coerce(item, self.tables.types[item.id], found)
        return ListOf(found)

    def _fits_item(self, item: ast.Expr, env: Env, wanted: Type) -> bool:
        return self.require(item, self.infer(item, env, wanted), wanted, "an item of this list")

    def _no_common(self, at: ast.Node, found: Type, other: Type, others: str) -> None:
        message = f"this is `{show(found)}`, but {others}: `{show(other)}`"
        help = "no type holds both; make them alike"
        if {found, other} == {INT, FLOAT}:
            help = "write the whole number with `.0`"
        self.problems.report(codes.NO_COMMON_TYPE, at.span, message, help=help)

    def _record(self, expr: ast.RecordLiteral, env: Env, wanted: Type | None) -> Type:
        inside = present(wanted) if wanted else None
        keyed = any(isinstance(entry, ast.KeyEntry) for entry in expr.entries)
        if keyed or (isinstance(inside, MapOf) and not expr.entries):
            return self._map(expr, env, inside)
        if isinstance(inside, Record):
            return self._wanted_record(expr, env, inside)
        fields: dict[str, RecordField] = {}
        for entry in expr.entries:
            if isinstance(entry, ast.Entry):
                self._once(entry, fields)
                fields[entry.name.name] = RecordField(entry.name.name, self.infer(entry.value, env))
            elif isinstance(entry, ast.Spread):
                fields.update((f.name, f) for f in self._spread_fields(entry, env))
        return Record(tuple(fields.values()))

    def _once(self, entry: ast.Entry, fields: Mapping[str, object]) -> None:
        name = entry.name.name
        if name in fields and fields[name] is not None and not getattr(fields[name], "spread", False):
            self.problems.report(
                codes.DUPLICATE_NAME, entry.name.span, f"the field `{name}` stands here twice"
            )

    def _spread_fields(self, entry: ast.Spread, env: Env) -> tuple[RecordField, ...]:
        found = self.infer(entry.value, env)
        if isinstance(found, Record):
            return found.fields
        if not is_poison(found):
            message = f"`...` spreads a record, but this is `{show(found)}`"
            self.problems.report(codes.TYPE_MISMATCH, entry.value.span, message)
        return ()

    def _wanted_record(self, expr: ast.RecordLiteral, env: Env, wanted: Record) -> Type:
        given: dict[str, RecordField | None] = {}
        known = [f.name for f in wanted.fields]
        unknown_spread = False
        for entry in expr.entries:
            if isinstance(entry, ast.Entry):
                self._once(entry, given)
                given[entry.name.name] = RecordField(entry.name.name, UNKNOWN)
                self._wanted_field(entry, env, wanted, known)
            elif isinstance(entry, ast.Spread):
                fields = self._spread_fields(entry, env)
                unknown_spread |= not isinstance(self.tables.types[entry.value.id], Record)
                self._spread_fits(entry, fields, wanted)
                given.update((f.name, None) for f in fields)
        missing = [f.name for f in wanted.fields if f.name not in given and not is_optional(f.type)]
        if missing and not unknown_spread:
            listed = ", ".join(f"`{n}`" for n in missing)
            message = f"`{show(wanted)}` needs {'the field' if len(missing) == 1 else 'the fields'} {listed}"
            self.problems.report(
                codes.TYPE_MISMATCH, expr.span, message, help="add " + _example_fields(wanted, missing)
            )
        return wanted

    def _wanted_field(self, entry: ast.Entry, env: Env, wanted: Record, known: list[str]) -> None:
        field = wanted.field(entry.name.name)
        if field is not None:
            self.check(entry.value, env, field, f"the field `{entry.name.name}`")
            return
        self.infer(entry.value, env)
        message = f"`{show(wanted)}` has no field `{entry.name.name}`"
        help = did_you_mean(entry.name.name, known) or "it has " + ", ".join(f"`{n}`" for n in known)
        self.problems.report(codes.UNKNOWN_FIELD, entry.name.span, message, help=help)

    def _spread_fits(self, entry: ast.Spread, fields: tuple[RecordField, ...], wanted: Record) -> None:
        for field in fields:
            asked = wanted.field(field.name)
            if asked is None or not fits(field.type, asked):
                wrong = "is not one of its fields" if asked is None else f"must be `{show(asked)}`"
                message = f"this does not fit `{show(wanted)}`: `{field.name}` {wrong}"
                self.problems.report(codes.TYPE_MISMATCH, entry.value.span, message)
                return

    def _map(self, expr: ast.RecordLiteral, env: Env, wanted: Type | None) -> Type:
        item = wanted.value if isinstance(wanted, MapOf) else None
        found: Type = item or NEVER
        for entry in expr.entries:
            value = self._map_entry(entry, env, item)
            if item is not None:
                self.require(entry.value, value, item, "a value of this map")
                continue
            joined = join(found, value)
            if joined is None:
                self._no_common(entry.value, value, found, "the values before it")
                return MapOf(UNKNOWN)
            found = joined
        for entry in expr.entries:
            if not isinstance(entry, ast.Spread):
                self.coerce(entry.value, self.tables.types[entry.value.id], found)
        return MapOf(found)

    def _map_entry(self, entry: ast.Entry | ast.KeyEntry | ast.Spread, env: Env, item: Type | None) -> Type:
        if isinstance(entry, ast.KeyEntry):
            self.infer(entry.key, env)
            return self.infer(entry.value, env, item)
        found = self.infer(entry.value, env, item)
        if isinstance(entry, ast.Entry):
            message = "a map's keys are quoted, and one key here is"
            fix = Fix("quote the key", (Edit(entry.name.span, f'"{entry.name.name}"'),))
            if not entry.short:
                self.problems.report(
                    codes.TYPE_MISMATCH,
                    entry.name.span,
                    message,
                    help=f'write `"{entry.name.name}": …`',
                    fix=fix,
                )
            return found
        if isinstance(found, MapOf):
            return found.value
        if not is_poison(found):
            message = f"`...` spreads a map here, but this is `{show(found)}`"
            self.problems.report(codes.TYPE_MISMATCH, entry.value.span, message)
        return UNKNOWN

    # Operators

    def _unary(self, expr: ast.Unary, env: Env) -> Type:
        if expr.operator == "not":
            self.check(expr.operand, env, BOOL, "what `not` turns around")
            return BOOL
        found = self.infer(expr.operand, env)
        if found in (INT, FLOAT, types.DURATION) or is_poison(found):
            return found
        if is_optional(found):
            self.report_missing(expr.operand, found)
        else:
            self.problems.report(codes.BAD_OPERANDS, expr.span, f"`-` does not work on `{show(found)}`")
        return UNKNOWN

    def _binary(self, expr: ast.Binary, env: Env, wanted: Type | None) -> Type:
        """Operators lean to the left, so a long chain is walked along its left edge without recursion."""
        spine = [expr]
        while isinstance(spine[-1].left, ast.Binary):
            spine.append(spine[-1].left)
        spine.reverse()
        left_env = env
        left = self.infer(spine[0].left, env, wanted if spine[0].operator == "??" else None)
        for node in spine:
            left, left_env = self._operate(node, left, env, left_env, wanted if node is expr else None)
            self.tables.types[node.id] = left
        return left

    def _operate(
        self, expr: ast.Binary, left: Type, env: Env, left_env: Env, wanted: Type | None
    ) -> tuple[Type, Env]:
        """One operator whose left side is inferred. `left_env` is where the left side was assumed to hold,
        so that `a and b and c` learns from each part once."""
        operator = expr.operator
        if operator in ("and", "or"):
            self.require(expr.left, left, BOOL, f"a side of `{operator}`")
            before = left_env if isinstance(expr.left, ast.Binary) and expr.left.operator == operator else env
            last = expr.left.right if before is not env and isinstance(expr.left, ast.Binary) else expr.left
            inner = self.assuming(last, before, operator == "and")
            self.check(expr.right, inner, BOOL, f"a side of `{operator}`")
            return BOOL, inner
        if operator == "??":
            return self._coalesce(expr, left, env, wanted), env
        right = self.infer(expr.right, env)
        if is_poison(left) or is_poison(right):
            return (BOOL if operator in _TESTS else UNKNOWN), env
        if operator in ("==", "!="):
            self._equality(expr, left, right)
            return BOOL, env
        if operator == "in":
            self._membership(expr, left, right)
            return BOOL, env
        return self._arithmetic(expr, left, right), env

    def _arithmetic(self, expr: ast.Binary, left: Type, right: Type) -> Type:
        for side, found in ((expr.left, left), (expr.right, right)):
            if is_optional(found):
                self.report_missing(side, found)
                return BOOL if expr.operator in _TESTS else UNKNOWN
        if expr.operator in ("/", "%") and _is_zero(expr.right):
            self.problems.report(codes.CONSTANT_FAILS, expr.right.span, "this divides by zero, always")
            return left
        result = binary_result(expr.operator, left, right)
        if not isinstance(result, Refusal):
            return result
        self.refuse(expr, result, _float_fix(expr, left, right))
        return BOOL if expr.operator in _TESTS else UNKNOWN

    def _coalesce(self, expr: ast.Binary, left: Type, env: Env, wanted: Type | None) -> Type:
        hint = wanted or (present(left) if not is_poison(left) else None)
        right = self.infer(expr.right, env, hint)
        if is_poison(left):
            return right if left == NEVER else UNKNOWN
        if not is_optional(left):
            message = f"`{show(left)}` is never missing, so what stands after `??` is never used"
            span = Span(expr.left.span.end, expr.right.span.end)
            fix = Fix("drop it", (Edit(span, ""),))
            self.problems.report(codes.NEEDLESS_HANDLING, span, message, help="drop the `?? …`", fix=fix)
            return left
        joined = join(present(left), right)
        if joined is None:
            self._no_common(expr.right, right, present(left), "before `??` stands another type")
            return UNKNOWN
        self.coerce(expr.left, left, optional(joined))
        self.coerce(expr.right, right, joined)
        return joined

    def _equality(self, expr: ast.Binary, left: Type, right: Type) -> None:
        for side, other in ((left, expr.right), (right, expr.left)):
            if isinstance(other, ast.NullLiteral):
                if not is_optional(side) and side != JSON:
                    answer = "never" if expr.operator == "==" else "always"
                    message = f"`{show(side)}` is never null, so this {answer} holds"
                    self.problems.report(codes.CONSTANT_CONDITION, expr.span, message)
                return
        problem = comparable_problem(left, right)
        if problem is not None:
            self.refuse(expr, problem, _float_fix(expr, left, right))

    def refuse(self, expr: ast.Node, refusal: Refusal, fix: Fix | None = None) -> None:
        self.problems.report(refusal.code, expr.span, refusal.message, help=refusal.help, fix=fix)

    def _membership(self, expr: ast.Binary, left: Type, right: Type) -> None:
        if is_optional(right):
            self.report_missing(expr.right, right)
            return
        match right:
            case ListOf(item=item):
                problem = None if item == NEVER else comparable_problem(left, present(item))
            case MapOf():
                problem = comparable_problem(left, STRING)
            case _:
                help = "ask a string with `.contains(…)`" if is_text(right) else None
                message = f"`in` looks into a list or a map, not `{show(right)}`"
                problem = Refusal(codes.BAD_OPERANDS, message, help)
        if problem is not None:
            self.refuse(expr, problem)

    # Tests of kind

    def _is(self, expr: ast.Is, env: Env) -> Type:
        found = self.infer(expr.value, env)
        if expr.case is None:
            if not is_optional(found) and found != JSON and not is_poison(found):
                message = f"`{show(found)}` is never null"
                self.problems.report(codes.CONSTANT_CONDITION, expr.span, message)
            return BOOL
        case = self.lookup.qualified(expr.case, "constructor")
        if case is None or is_poison(found):
            return BOOL
        if not isinstance(case, Constructor):
            self.lookup.wrong_kind(expr.case, case, codes.WRONG_KIND, "`is` asks for a constructor")
            return BOOL
        self._case_of(expr.case, case, present(found))
        return BOOL

    def _case_of(self, at: ast.QualifiedName, case: Constructor, subject: Type) -> bool:
        """Whether a constructor belongs to the type it is asked of; reported where not."""
        if is_poison(subject):
            return True
        if not isinstance(subject, Union):
            message = f"only a tagged union has constructors, and this is `{show(subject)}`"
            self.problems.report(codes.TYPE_MISMATCH, at.span, message)
            return False
        if subject.case(case.case) is not None and _same_union(subject, case.union):
            return True
        left = ", ".join(f"`{c.name}`" for c in subject.cases)
        help = did_you_mean(case.case, [c.name for c in subject.cases]) or f"here it can be {left}"
        message = f"`{at.text}` cannot be: the value is `{show(subject)}`"
        self.problems.report(codes.TYPE_MISMATCH, at.span, message, help=help)
        return False

    def _cast(self, expr: ast.Cast, env: Env) -> Type:
        wanted = self.resolver.type(expr.type)
        found = self.infer(expr.value, env, None if wanted == JSON else wanted)
        if is_poison(found) or is_poison(wanted):
            return wanted
        readable = found == JSON or wanted == JSON or (is_text(found) and isinstance(wanted, Enum))
        if found == wanted or (fits(found, wanted) and wanted != JSON):
            message = f"this is `{show(found)}` already"
            self.problems.report(codes.NEEDLESS_HANDLING, expr.span, message, help="drop the `as`")
            self.coerce(expr.value, found, wanted)
        elif not readable:
            message = f"`as` reads json, but this is `{show(found)}`"
            _, _, help = explain_mismatch(found, wanted, "this", None)
            self.problems.report(codes.TYPE_MISMATCH, expr.span, message, help=help)
        return wanted

    # Choices; their arms may be tasks, so `tasks` calls these too

    def if_(self, expr: ast.If, env: Env, wanted: Type | None, arm: Arm) -> Type:
        self.condition(expr.condition, env, "the condition of `if`")
        then = arm(expr.then, self.assuming(expr.condition, env), wanted)
        otherwise = arm(expr.otherwise, self.assuming(expr.condition, env, False), wanted)
        return self.join_arms([(expr.then, then), (expr.otherwise, otherwise)])

    def join_arms(self, arms: list[tuple[ast.Node, Type]], wanted: Type | None = None) -> Type:
        """The type of a value that comes from one of several places."""
        found: Type = NEVER
        for at, type in arms:
            joined = join(found, type)
            if joined is None:
                self._no_common(at, type, found, "elsewhere it is another type")
                return UNKNOWN
            found = joined
        for at, type in arms:
            self.coerce(at, type, found)
        return found

    def match(self, expr: ast.Match, env: Env, wanted: Type | None, arm: Arm) -> Type:
        subject = self.infer(expr.subject, env)
        path = path_of(expr.subject, self.tables.symbols)
        left = subject
        arms: list[tuple[ast.Node, Type]] = []
        for one in expr.arms:
            if left == NEVER and subject != NEVER:
                self.problems.report(codes.UNREACHABLE_ARM, one.pattern.span, "nothing is left for this arm")
            matched, left, values = self._pattern(one.pattern, subject, left)
            inner = env.with_values(*values)
            if path is not None:
                inner = inner.with_narrowed({path: matched})
            arms.append((one.task, arm(one.task, inner, wanted)))
        self._exhaustive(expr, left, subject)
        return self.join_arms(arms)

    def _pattern(self, pattern: ast.Pattern, subject: Type, left: Type) -> tuple[Type, Type, list[Value]]:
        """What a pattern matches, what it leaves, and the names it binds."""
        match pattern:
            case ast.ElsePattern():
                return left, NEVER, []
            case ast.ConstructorPattern():
                return self._constructor_pattern(pattern, subject, left)
            case ast.LiteralPattern():
                matched, rest = self._literal_pattern(pattern, subject, left)
                return matched, rest, []

    def _constructor_pattern(
        self, pattern: ast.ConstructorPattern, subject: Type, left: Type
    ) -> tuple[Type, Type, list[Value]]:
        case = self.lookup.qualified(pattern.case, "constructor")
        if case is not None and not isinstance(case, Constructor):
            self.lookup.wrong_kind(pattern.case, case, codes.WRONG_KIND, "a constructor is wanted here")
        if not isinstance(case, Constructor) or not self._case_of(pattern.case, case, present(subject)):
            return (
                UNKNOWN,
                left if case else UNKNOWN,
                [self.local(b.name, "pattern", UNKNOWN) for b in pattern.bindings],
            )
        rest = _without_case(left, case.case)
        if rest == left and not is_poison(left):
            message = f"`{case.case}` has been handled above"
            self.problems.report(codes.UNREACHABLE_ARM, pattern.span, message)
        union = present(subject)
        matched = union.only([case.case]) if isinstance(union, Union) else UNKNOWN
        return matched, rest, [self._binding(b, case) for b in pattern.bindings]

    def _binding(self, binding: ast.Binding, case: Constructor) -> Value:
        found = next((f.type for f in case.fields if f.name == binding.field.name), None)
        if found is None:
            names = [f.name for f in case.fields]
            message = f"`{case.case}` has no field `{binding.field.name}`"
            help = did_you_mean(binding.field.name, names)
            help = help or ("it has " + ", ".join(f"`{n}`" for n in names) if names else "it has no fields")
            self.problems.report(codes.UNKNOWN_FIELD, binding.field.span, message, help=help)
        return self.local(binding.name, "pattern", found or UNKNOWN)

    def _literal_pattern(self, pattern: ast.LiteralPattern, subject: Type, left: Type) -> tuple[Type, Type]:
        found = self.infer(pattern.value, Env())
        if is_poison(subject):
            return UNKNOWN, UNKNOWN
        if found == NULL:
            if not is_optional(subject):
                self.problems.report(codes.UNREACHABLE_ARM, pattern.span, f"`{show(subject)}` is never null")
            return NULL, present(left)
        problem = None if subject == JSON else comparable_problem(found, present(subject))
        if problem is not None or subject == JSON:
            message = problem.message if problem else "json cannot be matched"
            help = problem.help if problem else "say what it is first: `… as T`"
            self.problems.report(codes.TYPE_MISMATCH, pattern.span, message, help=help)
            return UNKNOWN, left
        return found, _without_literal(left, pattern.value)

    def _exhaustive(self, expr: ast.Match, left: Type, subject: Type) -> None:
        if is_poison(left):
            return
        missing = _missing_arms(left)
        message = f"this `match` on `{show(subject)}` leaves out {', '.join(missing)}"
        help = "add `" + ", ".join(f"{m} -> …" for m in missing if m != "other values")
        help = (
            (help + "`, or `else -> …`") if any(m != "other values" for m in missing) else "add `else -> …`"
        )
        self.problems.report(codes.NOT_EXHAUSTIVE, expr.subject.span, message, help=help)

    def _expression_arm(self, arm: ast.Task, env: Env, wanted: Type | None) -> Type:
        return self.infer(arm, env, wanted)

    # Calls

    def _call(self, expr: ast.Call, env: Env) -> Type:
        target = self.callee(expr, env)
        match target:
            case Constructor():
                self.arguments(expr, env, constructor_parameters(target), f"`{target.case}`")
                union = target.union
                return union.only([target.case]) if isinstance(union, Union) else UNKNOWN
            case Callable():
                return self._call_in_expression(expr, env, target)
            case ast.Member():
                return self._method(expr, target, env)
            case None:
                self._infer_arguments(expr, env)
                return UNKNOWN
            case _:
                self._not_callable(expr, target)
                self._infer_arguments(expr, env)
                return UNKNOWN

    def callee(self, expr: ast.Call, env: Env) -> Interface | ast.Member | None:
        """What a call calls: a declaration, or a method by its member node. None: reported, or unknown."""
        match expr.callee:
            case ast.Name() as name:
                return self._declared_callee(expr, name, env)
            case ast.Member(target=target) as member:
                namespace = self.namespace(target, env)
                if namespace is None:
                    return member
                return self._member_of(member, namespace, "agent or constructor")
            case other:
                if not is_poison(self.infer(other, env)):
                    self.problems.report(codes.WRONG_KIND, other.span, "this is a value; it cannot be called")
                return None

    def _declared_callee(self, call: ast.Call, name: ast.Name, env: Env) -> Interface | None:
        found = self.lookup.find(name.name)
        if found is not None:
            self.tables.symbols[name.id] = found
            return None if isinstance(found, Poisoned) else found
        if name.name == "calls" and self.calls_allowed:
            return None
        if env.names.find(name.name) is not None:
            message = f"`{name.name}` is a value; it cannot be called"
            self.problems.report(codes.WRONG_KIND, name.span, message)
            return None
        if name.name in builtins.ERRORS:
            message = (
                f"`{name.name}` is an error; it can stand after `fail` or in `catch`, not in an expression"
            )
            self.problems.report(codes.WRONG_KIND, name.span, message)
            return None
        self._unknown_callee(name, env)
        return None

    def _unknown_callee(self, name: ast.Name, env: Env) -> None:
        callables = [
            n for n, i in self.lookup.names.items() if isinstance(i, Callable | Constructor | Poisoned)
        ]
        help = did_you_mean(name.name, callables) or CALLS.get(name.name)
        if help is None and self.lookup_method(name.name):
            help = f"functions stand after a dot: `….{name.name}(…)`"
        message = f"there is no agent, flow or constructor `{name.name}`"
        self.problems.report(codes.UNKNOWN_NAME, name.span, message, help=help)

    def lookup_method(self, name: str) -> bool:
        receivers = (STRING, ListOf(INT), MapOf(INT), INT, FLOAT, types.DURATION, types.DATETIME)
        return any(name in functions.names(receiver) for receiver in receivers)

    def _not_callable(self, expr: ast.Call, target: Interface) -> None:
        message = f"`{target.declared.name}` is {kind_of(target)}; it cannot be called here"
        help = None
        if isinstance(target, ErrorName):
            help = "an error stands after `fail`, or in `catch`"
        elif isinstance(target, TypeName):
            help = "a record is written `{ field: … }`"
        self.problems.report(codes.WRONG_KIND, expr.callee.span, message, help=help)

    def _call_in_expression(self, expr: ast.Call, env: Env, target: Callable) -> Type:
        kind = kind_of(target).split()[-1]
        message = f"`{target.declared.name}` is {kind_of(target)}, and {kind} calls cannot stand inside an expression"
        help = f"give it a step of its own: `step {_step_name(target)} = {target.declared.name}(…)`"
        self.problems.report(codes.CALL_IN_EXPRESSION, expr.span, message, help=help)
        self.arguments(expr, env, target.parameters, f"`{target.declared.name}`")
        return target.result

    def arguments(self, expr: ast.Call, env: Env, parameters: tuple[Parameter, ...], name: str) -> None:
        """Check the named arguments of a call of a declaration."""
        by_name = {p.name: p for p in parameters}
        given: dict[str, ast.Argument] = {}
        positional = False
        for argument in expr.arguments:
            if argument.name is None:
                self._positional(argument, env, parameters, name, reported=positional)
                positional = True
            elif argument.name.name in given:
                message = f"the argument `{argument.name.name}` stands here twice"
                self.problems.report(codes.DUPLICATE_NAME, argument.name.span, message)
            else:
                given[argument.name.name] = argument
                self._argument(argument, env, by_name, name)
        missing = [p for p in parameters if p.required and p.name not in given]
        if missing and not positional:
            listed = ", ".join(f"`{p.name}`" for p in missing)
            message = f"{name} needs {'the argument' if len(missing) == 1 else 'the arguments'} {listed}"
            help = "add " + ", ".join(f"`{p.name}: …` ({show(p.type)})" for p in missing)
            self.problems.report(codes.MISSING_ARGUMENT, expr.span, message, help=help)

    def _argument(self, argument: ast.Argument, env: Env, known: dict[str, Parameter], name: str) -> None:
        assert argument.name is not None
        parameter = known.get(argument.name.name)
        if parameter is None:
            self.infer(argument.value, env)
            message = f"{name} takes no argument `{argument.name.name}`"
            listed = ", ".join(f"`{n}`" for n in known)
            help = did_you_mean(argument.name.name, known) or (
                f"it takes {listed}" if known else "it takes none"
            )
            self.problems.report(codes.UNKNOWN_ARGUMENT, argument.name.span, message, help=help)
            return
        what = f"the argument `{parameter.name}` of {name}"
        if isinstance(argument.value, ast.Name):
            self._name_argument(argument.value, env, parameter, what)
        else:
            self.check(argument.value, env, parameter.type, what)

    def _name_argument(self, value: ast.Name, env: Env, parameter: Parameter, what: str) -> None:
        """A plain name is the one place where a secret may stand."""
        found = self._name(value, env, secret=True)
        self.tables.types[value.id] = found
        if isinstance(present(found), Secret) and not fits(found, parameter.type):
            message = f"{what} is not secret, so a secret may not be passed to it"
            help = f"declare it `{parameter.name}: {show(found)}`"
            self.problems.report(codes.SECRET_LEAK, value.span, message, help=help)
        else:
            self.require(value, found, parameter.type, what)

    def _positional(
        self,
        argument: ast.Argument,
        env: Env,
        parameters: tuple[Parameter, ...],
        name: str,
        *,
        reported: bool,
    ) -> None:
        self.infer(argument.value, env)
        if reported:
            return
        fix: Fix | None = None
        help = f"{name} takes no arguments"
        if parameters:
            fix = Fix(
                "name the argument",
                (Edit(Span(argument.span.start, argument.span.start), f"{parameters[0].name}: "),),
            )
            help = f"write `{parameters[0].name}: …`"
        message = f"the arguments of {name} are named"
        self.problems.report(
            codes.POSITIONAL_ARGUMENT,
            argument.span,
            message,
            help=help,
            fix=fix if len(parameters) == 1 else None,
        )

    def _infer_arguments(self, expr: ast.Call, env: Env) -> None:
        for argument in expr.arguments:
            if not isinstance(argument.value, ast.Lambda):
                self.infer(argument.value, env)

    # Methods

    def _method(self, expr: ast.Call, member: ast.Member, env: Env) -> Type:
        target = self.infer(member.target, env)
        receiver = self._present_target(member, target)
        if is_poison(receiver):
            self._infer_arguments(expr, env)
            return UNKNOWN
        signature = functions.signature(receiver, member.name.name)
        if signature is None:
            self._unknown_method(expr, member, receiver)
            self._infer_arguments(expr, env)
            return UNKNOWN
        self.tables.methods[expr.id] = MethodUse(signature.function)
        bindings = functions.Bindings()
        bindings.bind(signature.receiver, receiver)
        if self._method_arguments(expr, env, signature, bindings):
            self.coerce(member.target, receiver, bindings.substitute(signature.receiver))
        result = self._narrowing_filter(expr, signature, env) or bindings.substitute(signature.result)
        return optional(result) if member.safe and is_optional(target) else result

    def _unknown_method(self, expr: ast.Call, member: ast.Member, receiver: Type) -> None:
        name = member.name.name
        help: str | None = "say what it is first: `(… as T)`"
        if receiver == JSON:
            self.problems.report(codes.JSON_USE, member.name.span, f"json has no `{name}`", help=help)
            return
        others = functions.receivers(receiver, name)
        message = f"`{show(receiver)}` has no function `{name}`"
        known = functions.names(receiver)
        help = did_you_mean(name, known) or METHODS.get(name)
        if others:
            help = f"only `{show(others[0])}` has it"
        elif isinstance(receiver, Record) and receiver.field(name) is not None:
            help = f"it is a field: `.{name}`"
        self.problems.report(codes.UNKNOWN_METHOD, member.name.span, message, help=help)

    def _method_arguments(
        self, expr: ast.Call, env: Env, signature: functions.Signature, bindings: functions.Bindings
    ) -> bool:
        wanted = signature.parameters
        least = sum(p.required for p in wanted)
        if not least <= len(expr.arguments) <= len(wanted):
            self._infer_arguments(expr, env)
            message = f"`{signature.name}` takes {_count(least, len(wanted))}, not {len(expr.arguments)}"
            self.problems.report(
                codes.MISSING_ARGUMENT, expr.span, message, help=f"it is `{signature.show()}`"
            )
            return False
        fine = True
        for argument, parameter in zip(expr.arguments, wanted, strict=False):
            if argument.name is not None:
                message = f"the arguments of `{signature.name}` are not named"
                edit = Edit(Span(argument.name.span.start, argument.value.span.start), "")
                fix = Fix("drop the name", (edit,))
                self.problems.report(codes.POSITIONAL_ARGUMENT, argument.name.span, message, fix=fix)
            fine &= self._method_argument(argument.value, env, signature, parameter, bindings)
        return fine

    def _method_argument(
        self, value: ast.Expr | ast.Lambda, env: Env, signature: functions.Signature,
        parameter: functions.ParameterPattern, bindings: functions.Bindings,
    ) -> bool:  # fmt: skip
        what = f"the argument `{parameter.name}` of `{signature.name}`"
        if isinstance(parameter.pattern, functions.LambdaPattern):
            return self._lambda_argument(value, env, parameter.pattern, bindings, what)
        if isinstance(value, ast.Lambda):
            wanted = show(bindings.substitute(parameter.pattern))
            self.problems.report(
                codes.TYPE_MISMATCH, value.span, f"{what} must be `{wanted}`, not a function"
            )
            return False
        hint = bindings.substitute(parameter.pattern)
        found = self.infer(value, env, None if is_poison(hint) else hint)
        if parameter.literal_regex and not self._literal_regex(value, what):
            return False
        if not bindings.bind(parameter.pattern, found):
            return self.require(value, found, bindings.substitute(parameter.pattern), what)
        self.coerce(value, found, bindings.substitute(parameter.pattern))
        return True

    def _literal_regex(self, value: ast.Expr, what: str) -> bool:
        if not isinstance(value, ast.StringLiteral):
            message = f"{what} must be a literal, so that it can be checked before the run"
            self.problems.report(codes.BAD_PATTERN, value.span, message)
            return False
        problem = pattern_problem(value.value)
        if problem is not None:
            self.problems.report(codes.BAD_PATTERN, value.span, f"this is no pattern: {problem}")
        return problem is None

    def _lambda_argument(
        self, value: ast.Expr | ast.Lambda, env: Env, pattern: functions.LambdaPattern,
        bindings: functions.Bindings, what: str,
    ) -> bool:  # fmt: skip
        if not isinstance(value, ast.Lambda):
            found = self.infer(value, env)
            if not is_poison(found):
                message = f"{what} must be a function, but this is `{show(found)}`"
                self.problems.report(codes.TYPE_MISMATCH, value.span, message, help="write `x => …`")
            return False
        wanted = [bindings.substitute(p) for p in pattern.parameters]
        if len(value.params) != len(wanted):
            message = f"{what} takes {_count(len(wanted), len(wanted), 'parameter')}, not {len(value.params)}"
            self.problems.report(codes.TYPE_MISMATCH, value.span, message)
            wanted = [UNKNOWN] * len(value.params)
        found = self.lambda_body(value, env, wanted, _concrete(pattern.result))
        if bindings.bind(pattern.result, found):
            self.coerce(value.body, found, bindings.substitute(pattern.result))
            return True
        return self.require(
            value.body, found, _lambda_result(pattern.result, bindings), f"the result of {what}"
        )

    def lambda_body(
        self, value: ast.Lambda, env: Env, parameters: list[Type], wanted: Type | None = None
    ) -> Type:
        """The type of a function's body, given the types of its parameters."""
        values = [self.local(p, "lambda", t) for p, t in zip(value.params, parameters, strict=True)]
        found = self.infer(value.body, env.with_values(*values), wanted)
        self.tables.types[value.id] = found
        return found

    def _narrowing_filter(self, expr: ast.Call, signature: functions.Signature, env: Env) -> Type | None:
        """`filter(p => p != null)` knows of its items what the condition says of `p`."""
        if signature.function != "list.filter" or not isinstance(expr.arguments[0].value, ast.Lambda):
            return None
        function = expr.arguments[0].value
        if len(function.params) != 1:
            return None
        param = function.params[0]
        value = Value(Local(param.name, "lambda", param.span, param.id), self.tables.types[param.id])
        inner = self.assuming(function.body, env.with_values(value))
        return ListOf(inner.type_of(value))

    def _stray_lambda(self, expr: ast.Lambda) -> Type:
        message = "a function can only be an argument of a built-in function, like `xs.map(x => …)`"
        self.problems.report(codes.TYPE_MISMATCH, expr.span, message)
        return UNKNOWN

    def _stray_task(self, expr: ast.Node) -> Type:
        message = f"{TASK_WORDS.get(type(expr), 'a task')} cannot stand inside an expression"
        help = "give it a step of its own: `step name = …`"
        self.problems.report(codes.CALL_IN_EXPRESSION, expr.span, message, help=help)
        return UNKNOWN

    def decided(self, expr: ast.Expr, env: Env) -> bool | None:
        """Whether a condition's answer is known before it is asked, and which."""
        if isinstance(expr, ast.BoolLiteral):
            return expr.value
        answers = []
        for part, holds in conjuncts(expr):
            key, truth = condition_of(part, self.tables.symbols, holds)
            answers.append(
                True if (key, truth) in env.known else False if (key, not truth) in env.known else None
            )
        if False in answers:
            return False
        return None if None in answers else True

    def condition_decided(self, expr: ast.Expr, holds: bool, what: str) -> None:
        """Report a condition that decides nothing."""
        message = f"this is always {'true' if holds else 'false'} here, so {what} decides nothing"
        self.problems.report(codes.CONSTANT_CONDITION, expr.span, message)


TASK_WORDS: dict[type[ast.Node], str] = {
    ast.ForEach: "`for each`",
    ast.While: "`while`",
    ast.Choose: "`choose`",
    ast.Do: "`do`",
    ast.Race: "`race`",
    ast.WaitFor: "`wait for`",
    ast.Sleep: "`sleep`",
    ast.SleepUntil: "`sleep`",
    ast.FailWith: "`fail`",
}

_TESTS = ("==", "!=", "<", "<=", ">", ">=", "in")


def constructor_parameters(constructor: Constructor | ErrorName) -> tuple[Parameter, ...]:
    """The fields of a constructor or an error as parameters; optional ones may be left out."""
    return fields_as_parameters(constructor.fields)


def fields_as_parameters(fields: tuple[RecordField, ...]) -> tuple[Parameter, ...]:
    return tuple(Parameter(f.name, f.type, not is_optional(f.type), f.doc) for f in fields)


def converts(found: Type, wanted: Type) -> bool:
    """Whether a value that fits has to be made anew: ints become floats, missing fields become null."""
    if found == wanted:
        return False
    match found, wanted:
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


def _same_union(left: Type, right: Type) -> bool:
    return (
        isinstance(left, Union)
        and isinstance(right, Union)
        and (left.module, left.name) == (right.module, right.name)
    )


def _without_case(left: Type, case: str) -> Type:
    """What is left of a type when one constructor is handled."""
    inside = present(left)
    if not isinstance(inside, Union):
        return left
    rest = inside.only(c.name for c in inside.cases if c.name != case)
    return optional(rest) if is_optional(left) else rest


def _without_literal(left: Type, value: ast.Expr) -> Type:
    inside = present(left)
    rest: Type = inside
    if isinstance(inside, Enum) and isinstance(value, ast.StringLiteral):
        values = tuple(v for v in inside.values if v != value.value)
        rest = Enum(values, inside.name if len(values) == len(inside.values) else None) if values else NEVER
    elif inside == BOOL and isinstance(value, ast.BoolLiteral):
        rest = _HALF_BOOL[not value.value]
    elif inside == _HALF_BOOL.get(getattr(value, "value", None)):
        rest = NEVER
    return optional(rest) if is_optional(left) else rest


_HALF_BOOL: dict[object, Type] = {True: types.Scalar("true"), False: types.Scalar("false")}


def _missing_arms(left: Type) -> list[str]:
    missing: list[str] = []
    match present(left):
        case Union(cases=cases):
            missing = [c.name for c in cases]
        case Enum(values=values):
            missing = [f'"{v}"' for v in values]
        case types.Scalar("bool"):
            missing = ["true", "false"]
        case types.Scalar("true" | "false" as half):
            missing = [half]
        case types.Scalar("never"):
            pass
        case _:
            missing = ["other values"]
    return missing + (["null"] if is_optional(left) else [])


def _concrete(pattern: Type) -> Type | None:
    return pattern if pattern == BOOL else None


def _lambda_result(pattern: Type, bindings: functions.Bindings) -> Type:
    found = bindings.substitute(pattern)
    if not is_poison(found):
        return found
    return types.Scalar({"N": "number", "C": "value that can be ordered"}.get(show(pattern), show(pattern)))


def _count(least: int, most: int, noun: str = "argument") -> str:
    number = str(least) if least == most else f"{least} to {most}"
    return f"{number} {noun}" + ("" if number == "1" else "s")


def _is_zero(expr: ast.Expr) -> bool:
    return isinstance(expr, ast.IntLiteral | ast.FloatLiteral) and expr.value == 0


def _float_fix(expr: ast.Binary, left: Type, right: Type) -> Fix | None:
    """A whole-number literal beside a float wants `.0`."""
    for side, found, other in ((expr.left, left, right), (expr.right, right, left)):
        if isinstance(side, ast.IntLiteral) and found == INT and other == FLOAT:
            return Fix(f"write `{side.text}.0`", (Edit(Span(side.span.end, side.span.end), ".0"),))
    return None


def _example_fields(wanted: Record, names: list[str]) -> str:
    return ", ".join(f"`{n}: …` ({show(wanted.field(n) or UNKNOWN)})" for n in names)


def _step_name(target: Callable) -> str:
    return target.declared.name.rsplit(".", 1)[-1] + "_result"


__all__ = ["Expressions", "Label", "Tables"]
