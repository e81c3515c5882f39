"""Generate the Python of an expression: each form of the plan -> the nodes that evaluate it.

Operands are evaluated once, in the order of the source; what could only be seen in an error (or in the
budget) may be done faster than it reads. Arithmetic, strings and loops have modules of their own."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Final

import attrs

from flowlang.plan import model as plan
from flowlang.plan.model import Expr
from flowlang.values import shapes
from flowlang.values.arithmetic import SIGNS, Arithmetic, is_tree
from flowlang.values.builder import Scope, helper_name
from flowlang.values.codec import reader_of
from flowlang.values.encoding import encoder_of
from flowlang.values.functions import FUNCTIONS
from flowlang.values.loops import Loops
from flowlang.values.texts import Texts
from flowlang.values.times import SECOND
from flowlang.values.value import Misfit, Value, normalise

_CHUNK: Final = 40  # forms of a spine that nest in one Python expression


@attrs.define(eq=False, repr=False)
class Generator(Arithmetic, Texts, Loops):
    def expression(self, expr: Expr, scope: Scope) -> ast.expr:
        """Any expression: its spine in a loop, in pieces where it is too long to nest in Python."""
        forms, leaf = shapes.spine(expr, stop=is_tree)
        lines = [self.line]
        for form in (*forms, leaf):
            lines.append(self.line_of(form, lines[-1]))
        self.line = lines.pop()
        code = self._leaf(leaf, scope)
        pieces = []
        for done, form in enumerate(reversed(forms), 1):
            self.line = lines.pop()
            code = self._form(form, code, scope)
            if done % _CHUNK == 0:
                piece, code = self.kept(code)
                pieces.append(piece)
        self.line = lines.pop()
        return self.last_of(*pieces, code) if pieces else code

    # Leaves

    def _leaf(self, expr: Expr, scope: Scope) -> ast.expr:
        match expr:
            case plan.Constant(value=value):
                return self._constant(value)
            case plan.Variable(name=name):
                return self._variable(name, scope)
            case plan.Template(parts=parts):
                return self.template(parts, scope)
            case plan.MakeList(items=items):
                return self.list_([self.expression(item, scope) for item in items])
            case plan.MakeObject():
                return self._object(expr, scope)
            case plan.Operate():
                return self.tree(expr, scope)
        raise TypeError(f"{expr.kind} is no expression")

    def _constant(self, value: Value) -> ast.expr:
        try:
            value = normalise(value)
        except Misfit as misfit:
            return self.call("fail", self.constant(str(misfit)))
        return self.held(value) if isinstance(value, list | dict) else self.constant(value)

    def _variable(self, name: str, scope: Scope) -> ast.expr:
        if name not in scope:
            return self.field(self.name("C"), name)
        known, field = scope[name]
        return self.name(known) if field is None else self.field(self.name(known), field)

    def _object(self, expr: plan.MakeObject, scope: Scope) -> ast.expr:
        """A literal; where it spreads others, the pieces between them are merged from left to right."""
        pieces: list[ast.expr] = []
        pairs: list[tuple[ast.expr | None, ast.expr]] = []
        for pair in expr.pairs:
            if pair.key is None:
                pieces += (self.dict_(pairs), self.expression(pair.value, scope))
                pairs = []
            else:
                key = self.expression(pair.key, scope)
                pairs.append((key, self.expression(pair.value, scope)))
        last = self.dict_(pairs)
        return self.call("merge", self.name("B"), *pieces, last) if pieces else last

    # Forms, given the code of their first operand

    def _form(self, form: Expr, first: ast.expr, scope: Scope) -> ast.expr:
        match form:
            case plan.Member(field=field, safe=safe):
                return self._unless_null(first, lambda target: self.field(target, field), safe)
            case plan.Index():
                return self._index(form, first, scope)
            case plan.Operate():
                return self._operate(form, first, scope)
            case plan.And() | plan.Or():
                rest = (self.expression(operand, scope) for operand in shapes.junction(form)[1:])
                return (self.and_ if isinstance(form, plan.And) else self.or_)(first, *rest)
            case plan.Coalesce():
                return self._coalesce(form, first, scope)
            case plan.If():
                return self._if(form, first, scope)
            case plan.Apply(safe=safe):
                return self._unless_null(first, lambda receiver: self._apply(form, receiver, scope), safe)
            case plan.Is(case=None):
                return self.is_null(first)
            case plan.Is(case=str(case)):
                kept, again = self.kept(first)
                return self.and_(self.is_present(kept), self._has_case(again, case))
            case plan.Cast(type=type):
                return self.call("cast", self.name("B"), first, self.held(reader_of(type)))
            case plan.Widen(type=plan.ScalarType(kind="float")):
                return self.call("float", first)
            case plan.Widen(type=type):
                return self.call("widened", self.name("B"), first, self.held(type))
            case plan.Encode(safe=safe):
                return self._unless_null(first, lambda value: self._encode(form, value), safe)
            case plan.Match():
                return self._match(form, first, scope)
        raise TypeError(f"{form.kind} has no operand")

    def _unless_null(self, target: ast.expr, use: Callable[[ast.expr], ast.expr], safe: bool) -> ast.expr:
        if not safe:
            return use(target)
        first, again = self.kept(target)
        return self.if_(self.is_null(first), self.constant(None), use(again))

    def _has_case(self, value: ast.expr, case: str) -> ast.expr:
        return self.compare(self.field(value, "case"), "==", self.constant(case))

    def _encode(self, form: plan.Encode, value: ast.expr) -> ast.expr:
        return self.call(f"encode_{form.form}", self.name("B"), value, self.held(encoder_of(form.type)))

    def _index(self, form: plan.Index, target: ast.expr, scope: Scope) -> ast.expr:
        index = self.expression(form.index, scope)
        return (
            self.item_or_null(target, index)
            if form.of == "list"
            else self.call(f"{form.of}_at", target, index)
        )

    def _coalesce(self, form: plan.Coalesce, first: ast.expr, scope: Scope) -> ast.expr:
        """Operands that come later nest inside, so a long chain is folded from its end."""
        *others, last = [self.expression(operand, scope) for operand in shapes.junction(form)[1:]]
        code = last
        for operand in reversed([first, *others]):
            kept, again = self.kept(operand)
            code = self.if_(self.is_present(kept), again, code)
        return code

    def _if(self, form: plan.If, condition: ast.expr, scope: Scope) -> ast.expr:
        chain, otherwise = shapes.branches(form)
        code = self.expression(otherwise, scope)
        for test, then in reversed(chain[1:]):
            code = self.if_(self.expression(test, scope), self.expression(then, scope), code)
        return self.if_(condition, self.expression(chain[0][1], scope), code)

    def _match(self, form: plan.Match, subject: ast.expr, scope: Scope) -> ast.expr:
        name = self.fresh("t")
        kept = self.keep(name, subject)
        code = self.call("no_arm")
        for arm in reversed(form.arms):
            code = self._arm(arm, name, scope, code)
        return self.last_of(kept, code)

    def _arm(self, arm: plan.MatchArm, subject: str, scope: Scope, otherwise: ast.expr) -> ast.expr:
        value = self.name(subject)
        match arm.pattern:
            case plan.CasePattern(case=case, bindings=bindings):
                test = self.and_(self.is_present(value), self._has_case(value, case))
                bound = {name: (subject, field) for name, field in bindings.items()}
                return self.if_(test, self.expression(arm.value, {**scope, **bound}), otherwise)
            case plan.ValuePattern(value=None):
                return self.if_(self.is_null(value), self.expression(arm.value, scope), otherwise)
            case plan.ValuePattern(value=literal):
                test = self.compare(value, "==", self.constant(literal))
                return self.if_(test, self.expression(arm.value, scope), otherwise)
            case plan.ElsePattern():
                return self.expression(arm.value, scope)

    # Operators

    def _operate(self, form: plan.Operate, first: ast.expr, scope: Scope) -> ast.expr:
        operator = form.operator
        operands = [first, *(self.expression(operand, scope) for operand in form.operands[1:])]
        if len(operands) != 2:
            return self._unary(operator, operands)
        if shapes.is_free(form):
            return self._compared(operator, operands[0], operands[1])
        if operator in SIGNS:
            return self.operation(operator, *operands)
        match operator:
            case "int.mod":
                return self.remainder(*operands)
            case "string.add":
                return self.joined(*operands)
            case "in.map":
                return self.compare(operands[0], "in", operands[1])
            case "datetime.diff":
                return self.binary(operands[0], "-", operands[1])
        return self.helper(operator, operands)

    def _unary(self, operator: str, operands: list[ast.expr]) -> ast.expr:
        match operator, operands:
            case "not", [operand]:
                return self.not_(operand)
            case (("float.neg" | "duration.neg"), [operand]):
                return self.negative(operand)
            case "format.bool", [operand]:
                return self.if_(operand, self.constant("true"), self.constant("false"))
        return self.helper(operator, operands)

    def _compared(self, operator: str, left: ast.expr, right: ast.expr) -> ast.expr:
        if isinstance(right, ast.Constant) and right.value is None and operator in ("eq", "ne"):
            return self.is_null(left) if operator == "eq" else self.is_present(left)
        return self.compare(left, shapes.COMPARISONS.get(operator, "in"), right)

    # Functions

    def _apply(self, form: plan.Apply, receiver: ast.expr, scope: Scope) -> ast.expr:
        function, *rest = form.function, *form.arguments[1:]
        if rest and isinstance(rest[0], plan.Lambda):
            return self.loop(function, receiver, rest[0], scope)
        arguments = [self.expression(argument, scope) for argument in rest]
        match function, arguments:
            case (("list.size" | "map.size" | "string.size"), []):
                return self.call("len", receiver)
            case (("list.is_empty" | "map.is_empty" | "string.is_empty"), []):
                return self.not_(receiver)
            case "list.first", []:
                return self.item_or_null(receiver, self.constant(0))
            case "list.get", [index]:
                return self.item_or_null(receiver, index)
            case "int.float", []:
                return self.call("float", receiver)
            case (("duration.seconds" | "datetime.seconds"), []):
                return self.binary(receiver, "/", self.constant(SECOND))
        if function not in FUNCTIONS:
            return self.call("no_function", self.constant(function), receiver, *arguments)
        return self.call(helper_name(function), self.name("B"), receiver, *arguments)
