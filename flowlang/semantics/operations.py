"""Infer operators, `is` and `as`.

Operators lean to the left, so a long chain is walked along its left edge without recursion."""

from __future__ import annotations

from flowlang.semantics import types
from flowlang.semantics.cases import Cases
from flowlang.semantics.facts import (
    Constructor,
)
from flowlang.semantics.mismatch import explain_mismatch, written
from flowlang.semantics.operators import Refusal, binary_result, comparable_problem
from flowlang.semantics.scope import Env
from flowlang.semantics.suggest import nearest
from flowlang.semantics.types import (
    BOOL,
    FLOAT,
    INT,
    JSON,
    NEVER,
    STRING,
    UNKNOWN,
    Enum,
    ListOf,
    MapOf,
    Type,
    fits,
    is_optional,
    is_poison,
    is_text,
    join,
    optional,
    present,
    show,
)
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Fix
from flowlang.text.source import Span


class Operations(Cases):
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
            message, help = "this always divides by zero", "divide by something else"
            self.problems.report(codes.CONSTANT_FAILS, expr.right.span, message, help=help)
            return left
        result = binary_result(expr.operator, left, right)
        if not isinstance(result, Refusal):
            return result
        self.refuse(expr, result, _operand_fix(expr, left, right))
        return BOOL if expr.operator in _TESTS else UNKNOWN

    def _coalesce(self, expr: ast.Binary, left: Type, env: Env, wanted: Type | None) -> Type:
        hint = wanted or (present(left) if not is_poison(left) else None)
        right = self.infer(expr.right, env, hint)
        if is_poison(left):
            return right if left == NEVER else UNKNOWN
        if left == JSON:
            name = written(expr.left) or "…"
            help = f"ask `{name} == null`, or say what it is first: `({name} as T?) ?? …`"
            self.problems.report(codes.JSON_USE, expr.left.span, "`??` does not work on json", help=help)
            return UNKNOWN
        if not is_optional(left):
            message = f"`{show(left)}` is never missing, so what stands after `??` is never used"
            span = Span(expr.left.span.end, expr.right.span.end)
            fix = Fix("drop it", (Edit(span, ""),))
            self.problems.report(codes.NEEDLESS_HANDLING, span, message, help="drop the `?? …`", fix=fix)
            return left
        joined = join(present(left), right)
        if joined is None:
            self.no_common(expr.right, right, present(left), "what stands before `??` is")
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
                    self.problems.report(codes.CONSTANT_CONDITION, expr.span, message, help="drop it")
                return
        problem = comparable_problem(left, right)
        if problem is not None:
            self.refuse(expr, problem, _equality_fix(expr, left, right) or _float_fix(expr, left, right))

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

    def _is(self, expr: ast.Is, env: Env) -> Type:
        found = self.infer(expr.value, env)
        if expr.case is None:
            if not is_optional(found) and found != JSON and not is_poison(found):
                message = f"`{show(found)}` is never null, so this never holds"
                self.problems.report(codes.CONSTANT_CONDITION, expr.span, message, help="drop it")
            return BOOL
        case = self.lookup.qualified(expr.case, "constructor")
        if case is None or is_poison(found):
            return BOOL
        if not isinstance(case, Constructor):
            self.lookup.wrong_kind(expr.case, case, codes.WRONG_KIND, "`is` asks for a constructor")
            return BOOL
        self.case_of(expr.case, case, present(found))
        return BOOL

    def _cast(self, expr: ast.Cast, env: Env) -> Type:
        wanted = self.resolver.type(expr.type)
        found = self.infer(expr.value, env, None if wanted == JSON else wanted)
        if is_poison(found) or is_poison(wanted):
            return wanted
        if found == wanted or (fits(found, wanted) and wanted != JSON):
            self._needless_cast(expr, found, wanted)
            self.coerce(expr.value, found, wanted)
        elif not (JSON in (present(found), wanted) or (is_text(found) and isinstance(wanted, Enum))):
            message = f"`as` reads json, but this is `{show(found)}`"
            _, _, help = explain_mismatch(found, wanted, "this", name=written(expr.value))
            self.problems.report(codes.TYPE_MISMATCH, expr.span, message, help=help)
        return wanted

    def _needless_cast(self, expr: ast.Cast, found: Type, wanted: Type) -> None:
        message = f"this is `{show(found)}` already"
        if found != wanted:
            message = f"`{show(found)}` fits wherever `{show(wanted)}` is wanted"
        fix = Fix("drop the `as`", (Edit(Span(expr.value.span.end, expr.span.end), ""),))
        self.problems.report(codes.NEEDLESS_HANDLING, expr.span, message, help="drop the `as`", fix=fix)


_TESTS = ("==", "!=", "<", "<=", ">", ">=", "in")


def _is_zero(expr: ast.Expr) -> bool:
    return isinstance(expr, ast.IntLiteral | ast.FloatLiteral) and expr.value == 0


def _operand_fix(expr: ast.Binary, left: Type, right: Type) -> Fix | None:
    """The change that most likely mends an arithmetic operator, where one is plain."""
    simple = isinstance(expr.left, ast.Name | ast.Member | ast.Call | ast.Index)
    if expr.operator == "/" and left == right == INT and simple:
        between = Edit(Span(expr.left.span.end, expr.right.span.start), ".div(")
        behind = Edit(Span(expr.right.span.end, expr.right.span.end), ")")
        return Fix("divide and round towards zero", (between, behind))
    text, name = expr.left, written(expr.right)
    if expr.operator == "+" and isinstance(text, ast.StringLiteral) and text.text[:1] == '"' and name:
        return Fix("put it into the string", (Edit(expr.span, f'{text.text[:-1]}${{{name}}}"'),))
    return _float_fix(expr, left, right)


def _equality_fix(expr: ast.Binary, left: Type, right: Type) -> Fix | None:
    """A quoted number beside a number wants no quotes; a value that an enum has not wants the nearest one."""
    for side, other in ((expr.left, right), (expr.right, left)):
        if not isinstance(side, ast.StringLiteral):
            continue
        if types.is_number(present(other)) and side.value.isdigit():
            return Fix("drop the quotes", (Edit(side.span, side.value),))
        known = present(other)
        near = nearest(side.value, known.values) if isinstance(known, Enum) else None
        if near is not None:
            return Fix(f'write "{near}"', (Edit(side.span, f'"{near}"'),))
    return None


def _float_fix(expr: ast.Binary, left: Type, right: Type) -> Fix | None:
    """A whole-number literal beside a float wants `.0`."""
    if expr.operator == "..":
        return None
    for side, found, other in ((expr.left, left, right), (expr.right, right, left)):
        if isinstance(side, ast.IntLiteral) and found == INT and other == FLOAT:
            return Fix(f"write `{side.text}.0`", (Edit(Span(side.span.end, side.span.end), ".0"),))
    return None
