"""Infer `if` and `match`. Their arms are tasks where they stand as tasks, so the caller brings the function
that infers an arm."""

from __future__ import annotations

from collections.abc import Callable as Function
from typing import TypeAlias

from flowlang.semantics import types
from flowlang.semantics.cases import Cases
from flowlang.semantics.facts import (
    Constructor,
)
from flowlang.semantics.operators import comparable_problem
from flowlang.semantics.scope import Env, Value, path_of
from flowlang.semantics.suggest import way_out
from flowlang.semantics.types import (
    BOOL,
    JSON,
    NEVER,
    NULL,
    UNKNOWN,
    Enum,
    Type,
    Union,
    is_optional,
    is_poison,
    optional,
    present,
    show,
)
from flowlang.syntax import ast
from flowlang.text import codes


class Choices(Cases):
    def if_(self, expr: ast.If, env: Env, wanted: Type | None, arm: Arm) -> Type:
        self.condition(expr.condition, env, "the condition of `if`")
        then = arm(expr.then, self.assuming(expr.condition, env), wanted)
        otherwise = arm(expr.otherwise, self.assuming(expr.condition, env, False), wanted)
        return self.join_arms([(expr.then, then), (expr.otherwise, otherwise)], "the other arm is")

    def match(self, expr: ast.Match, env: Env, wanted: Type | None, arm: Arm) -> Type:
        subject = self.infer(expr.subject, env)
        path = path_of(expr.subject, self.tables.symbols)
        left = subject
        arms: list[tuple[ast.Node, Type]] = []
        handled: set[tuple[str, object]] = set()
        exhausted = False
        for one in expr.arms:
            repeated = self._handled_above(one.pattern, handled)
            if left == NEVER and not (repeated or is_poison(subject) or exhausted):
                exhausted = True
                message = "the arms above have handled everything, so nothing is left for this one"
                self.problems.report(codes.UNREACHABLE_ARM, one.pattern.span, message, help="drop this arm")
            matched, left, values = self._pattern(one.pattern, subject, left)
            inner = env.with_values(*values)
            if path is not None:
                inner = inner.with_narrowed({path: matched})
            arms.append((one.task, arm(one.task, inner, wanted)))
        self._exhaustive(expr, left, subject)
        return self.join_arms(arms)

    def _handled_above(self, pattern: ast.Pattern, handled: set[tuple[str, object]]) -> bool:
        """Report a literal that an arm above has; `handled` collects them."""
        if not isinstance(pattern, ast.LiteralPattern):
            return False
        value = getattr(pattern.value, "value", None)
        key = (type(value).__name__, value)
        if key not in handled:
            handled.add(key)
            return False
        message = "this value has been handled above"
        self.problems.report(codes.UNREACHABLE_ARM, pattern.span, message, help="drop this arm")
        return True

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
        if not isinstance(case, Constructor) or not self.case_of(pattern.case, case, present(subject)):
            return (
                UNKNOWN,
                left if case else UNKNOWN,
                [self.local(b.name, "pattern", UNKNOWN) for b in pattern.bindings],
            )
        rest = _without_case(left, case.case)
        if rest == left and not is_poison(left):
            message = f"`{case.case}` has been handled above"
            self.problems.report(codes.UNREACHABLE_ARM, pattern.span, message, help="drop this arm")
        union = present(subject)
        matched = union.only([case.case]) if isinstance(union, Union) else UNKNOWN
        return matched, rest, [self._binding(b, case) for b in pattern.bindings]

    def _binding(self, binding: ast.Binding, case: Constructor) -> Value:
        found = next((f.type for f in case.fields if f.name == binding.field.name), None)
        if found is None:
            names = [f.name for f in case.fields]
            message = f"`{case.case}` has no field `{binding.field.name}`"
            help, fix = way_out(binding.field.name, binding.field.span, names, list_as="it has")
            help = help or ("it has no fields" if not names else None)
            self.problems.report(codes.UNKNOWN_FIELD, binding.field.span, message, help=help, fix=fix)
        return self.local(binding.name, "pattern", found or UNKNOWN)

    def _literal_pattern(self, pattern: ast.LiteralPattern, subject: Type, left: Type) -> tuple[Type, Type]:
        found = self.infer(pattern.value, Env())
        if is_poison(subject):
            return UNKNOWN, UNKNOWN
        if found == NULL:
            if not is_optional(subject) and subject != JSON:
                message = f"`{show(subject)}` is never null"
                self.problems.report(codes.UNREACHABLE_ARM, pattern.span, message, help="drop this arm")
            return NULL, present(left)
        problem = comparable_problem(found, present(subject))
        if problem is not None:
            self.problems.report(problem.code, pattern.span, problem.message, help=problem.help)
            return UNKNOWN, left
        return found, _without_literal(left, pattern.value)

    def _exhaustive(self, expr: ast.Match, left: Type, subject: Type) -> None:
        if is_poison(left):
            return
        missing = _missing_arms(left)
        if not missing:
            return
        listed = ", ".join(m if m == OTHERS else f"`{m}`" for m in missing)
        message = f"this `match` on `{show(subject)}` leaves out {listed}"
        arms = [f"`{m} -> …`" for m in missing if m != OTHERS] if len(missing) <= 3 else []
        help = "add " + ", ".join([*arms, "or `else -> …`" if arms else "`else -> …`"])
        self.problems.report(codes.NOT_EXHAUSTIVE, expr.subject.span, message, help=help)


OTHERS = "all other values"
_HALF_BOOL: dict[object, Type] = {True: types.Scalar("true"), False: types.Scalar("false")}


Arm: TypeAlias = Function[[ast.Task, Env, Type | None], Type]


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
            missing = [OTHERS]
    return missing + (["null"] if is_optional(left) else [])
