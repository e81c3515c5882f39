"""Generate the Python of an expression: each form -> the nodes that evaluate it.

Names in what is generated: `C` the context, `B` the budget, `t1`… a value that is needed twice (`:=`),
`v1`… what a loop binds, `K1`… a type of the plan; all else are helpers of `compiler`. Operands are
evaluated once, in the order of the source. A comprehension runs over a name only, so each loop first
keeps its list and pays for all rounds: `[… for v1 in t1] if enter(B, t1 := …, 7) else None`."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import attrs

from flowlang.plan import model as plan
from flowlang.plan.model import Expr, Place
from flowlang.values import shapes
from flowlang.values.functions import CHARGING, FUNCTIONS, KEYED
from flowlang.values.numbers import FLOAT_SIGNS, INT_SIGNS
from flowlang.values.pyast import Nodes
from flowlang.values.strings import TINY
from flowlang.values.times import SECOND
from flowlang.values.value import MAX_INT, MIN_INT

Scope: TypeAlias = Mapping[str, tuple[str, str | None]]
"""What a name of the flow is in the generated code: a name, and the field of it where a pattern bound one."""

_CHUNK: Final = 40  # forms of a spine that nest in one Python expression
_WIDTHS: Final = {"format.int": 20, "format.float": 24}  # the most characters of what an f-string can write
_COMPARISONS: Final = {"eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "in.list": "in"}


def helper_name(operation: str) -> str:
    """The Python name of an operator or function of the plan."""
    return "f_" + operation.replace(".", "_")


@attrs.define
class Generator(Nodes):
    """`places` is the table behind line numbers, `constants` what the names `K1`… stand for."""

    places: dict[Place | None, int] = attrs.field(factory=lambda: {None: 1})
    constants: dict[str, object] = attrs.field(factory=dict)
    results: dict[ast.expr, str] = attrs.field(factory=dict)  # code whose value a name holds afterwards
    count: int = 0

    def expression(self, expr: Expr, scope: Scope) -> ast.expr:
        """Any expression: its spine in a loop, in pieces where it is too long to nest in Python."""
        forms, leaf = shapes.spine(expr)
        lines = [self.line]
        for form in (*forms, leaf):
            lines.append(self._line_of(form, lines[-1]))
        self.line = lines.pop()
        code = self._leaf(leaf, scope)
        pieces = []
        for done, form in enumerate(reversed(forms), 1):
            self.line = lines.pop()
            code = self._form(form, code, scope)
            if done % _CHUNK == 0:
                piece, code = self._kept(code)
                pieces.append(piece)
        self.line = lines.pop()
        return self.last_of(*pieces, code) if pieces else code

    def _line_of(self, form: Expr, outer: int) -> int:
        at: Place | None = getattr(form, "at", None)
        return outer if at is None else self.places.setdefault(at, len(self.places) + 1)

    def _fresh(self, letter: str) -> str:
        self.count += 1
        return f"{letter}{self.count}"

    def _constant(self, value: object) -> ast.expr:
        """A constant that Python has no literal for."""
        name = self._fresh("K")
        self.constants[name] = value
        return self.name(name)

    def _kept(self, code: ast.expr) -> tuple[ast.expr, ast.expr]:
        """Code for the first use of a value, which must be the first evaluated, and for later ones."""
        if isinstance(code, ast.Constant | ast.Name):
            return code, code
        name = self.results.get(code)
        if name is None:
            name = self._fresh("t")
            code = self.keep(name, code)
        return code, self.name(name)

    def _checked(
        self, result: ast.expr, good: Callable[[ast.expr], ast.expr], otherwise: ast.expr
    ) -> ast.expr:
        """`t if good(t := result) else otherwise`, where `otherwise` fails: the value stays in `t`."""
        name = self._fresh("t")
        code = self.if_(good(self.keep(name, result)), self.name(name), otherwise)
        self.results[code] = name
        return code

    # Leaves

    def _leaf(self, expr: Expr, scope: Scope) -> ast.expr:
        match expr:
            case plan.Constant(value=value):
                return self.constant(value) if not isinstance(value, list | dict) else self._constant(value)
            case plan.Variable(name=name):
                return self._variable(name, scope)
            case plan.Template(parts=parts):
                return self._template(parts, scope)
            case plan.MakeList(items=items):
                return self.list_([self.expression(item, scope) for item in items])
            case plan.MakeObject():
                return self._object(expr, scope)
        raise TypeError(f"{expr.kind} is no expression")

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

    # Strings

    def _template(self, parts: tuple[str | Expr, ...], scope: Scope) -> ast.expr:
        """An f-string, where the sizes of its parts show that it stays small, else a call that pays."""
        holes = [part if isinstance(part, str) else self._hole(part, scope) for part in parts]
        if all(isinstance(hole, str) or hole.width is not None for hole in holes):
            small = sum(map(_width, holes)) < TINY
            shown = [hole if isinstance(hole, str) else hole.shown for hole in holes]
            return self.text(shown) if small else self._long_text(holes)
        return self._measured_text([self._settled(hole) for hole in holes])

    def _measured_text(self, holes: list[str | _Hole]) -> ast.expr:
        shown: list[str | ast.expr] = []
        sizes: list[ast.expr] = []
        texts: list[str | _Hole] = []
        for hole in holes:
            if isinstance(hole, str) or hole.width is not None:
                shown.append(hole if isinstance(hole, str) else hole.shown)
                texts.append(hole)
                continue
            first, again = self._kept(hole.text)
            sizes.append(self.call("len", first))
            shown.append(again)
            texts.append(_Hole(again, again, None))
        size = sizes[0]
        for more in sizes[1:]:
            size = self.binary(size, "+", more)
        room = self.constant(TINY - sum(map(_width, holes)))
        return self.if_(self.compare(size, "<", room), self.text(shown), self._long_text(texts))

    def _long_text(self, holes: list[str | _Hole]) -> ast.expr:
        texts = (self.constant(hole) if isinstance(hole, str) else hole.text for hole in holes)
        return self.call("template", self.name("B"), *texts)

    def _hole(self, part: Expr, scope: Scope) -> _Hole:
        if isinstance(part, plan.Operate) and part.operator in _WIDTHS:
            value = self.expression(part.operands[0], scope)
            return _Hole(value, self.call(helper_name(part.operator), value), _WIDTHS[part.operator])
        text = self.expression(part, scope)
        return _Hole(text, text, None)

    def _settled(self, hole: str | _Hole) -> str | _Hole:
        """A hole beside others that are measured first: what could fail must not be left for later."""
        if isinstance(hole, str) or hole.width is None or _is_lookup(hole.shown):
            return hole
        return _Hole(hole.text, hole.text, None)

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
                kept, again = self._kept(first)
                return self.and_(self._present(kept), self._has_case(again, case))
            case plan.Cast(type=type):
                return self.call("cast", self.name("B"), first, self._constant(type))
            case plan.Widen(type=plan.ScalarType(kind="float")):
                return self.call("float", first)
            case plan.Widen(type=type):
                return self.call("widened", self.name("B"), first, self._constant(type))
            case plan.Encode(safe=safe):
                return self._unless_null(first, lambda value: self._encode(form, value), safe)
            case plan.Match():
                return self._match(form, first, scope)
        raise TypeError(f"{form.kind} has no operand")

    def _unless_null(self, target: ast.expr, use: Callable[[ast.expr], ast.expr], safe: bool) -> ast.expr:
        if not safe:
            return use(target)
        first, again = self._kept(target)
        return self.if_(self.is_null(first), self.constant(None), use(again))

    def _present(self, value: ast.expr) -> ast.expr:
        return self.compare(value, "is not", self.constant(None))

    def _has_case(self, value: ast.expr, case: str) -> ast.expr:
        return self.compare(self.field(value, "case"), "==", self.constant(case))

    def _encode(self, form: plan.Encode, value: ast.expr) -> ast.expr:
        return self.call(f"encode_{form.form}", self.name("B"), value, self._constant(form.type))

    def _index(self, form: plan.Index, target: ast.expr, scope: Scope) -> ast.expr:
        index = self.expression(form.index, scope)
        return self._item(target, index) if form.of == "list" else self.call(f"{form.of}_at", target, index)

    def _item(self, target: ast.expr, index: ast.expr) -> ast.expr:
        """`target[index] if len(target) > index >= 0 else None`"""
        items, items_again = self._kept(target)
        position, position_again = self._kept(index)
        inside = self.compare(self.call("len", items), ">", position, ">=", self.constant(0))
        return self.if_(inside, self.item(items_again, position_again), self.constant(None))

    def _coalesce(self, form: plan.Coalesce, first: ast.expr, scope: Scope) -> ast.expr:
        """Operands that come later nest inside, so a long chain is folded from its end."""
        *others, last = [self.expression(operand, scope) for operand in shapes.junction(form)[1:]]
        code = last
        for operand in reversed([first, *others]):
            kept, again = self._kept(operand)
            code = self.if_(self._present(kept), again, code)
        return code

    def _if(self, form: plan.If, condition: ast.expr, scope: Scope) -> ast.expr:
        chain, otherwise = shapes.branches(form)
        code = self.expression(otherwise, scope)
        for test, then in reversed(chain[1:]):
            code = self.if_(self.expression(test, scope), self.expression(then, scope), code)
        return self.if_(condition, self.expression(chain[0][1], scope), code)

    def _match(self, form: plan.Match, subject: ast.expr, scope: Scope) -> ast.expr:
        name = self._fresh("t")
        kept = self.keep(name, subject)
        code = self.call("no_arm")
        for arm in reversed(form.arms):
            code = self._arm(arm, name, scope, code)
        return self.last_of(kept, code)

    def _arm(self, arm: plan.MatchArm, subject: str, scope: Scope, otherwise: ast.expr) -> ast.expr:
        value = self.name(subject)
        match arm.pattern:
            case plan.CasePattern(case=case, bindings=bindings):
                test = self.and_(self._present(value), self._has_case(value, case))
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
        if operator in _COMPARISONS and shapes.is_free(form):
            return self._compared(operator, operands[0], operands[1])
        if operator in INT_SIGNS:
            return self._int(INT_SIGNS[operator], *operands)
        if operator in FLOAT_SIGNS:
            return self._float(FLOAT_SIGNS[operator], *operands)
        match operator:
            case "int.mod":
                return self._remainder(*operands)
            case "string.add":
                return self._joined(*operands)
            case "in.map":
                return self.compare(operands[0], "in", operands[1])
            case "datetime.diff":
                return self.binary(operands[0], "-", operands[1])
        return self._helper(operator, operands)

    def _helper(self, operator: str, operands: list[ast.expr]) -> ast.expr:
        paying = [self.name("B")] if operator in CHARGING else []
        return self.call(helper_name(operator), *paying, *operands)

    def _unary(self, operator: str, operands: list[ast.expr]) -> ast.expr:
        match operator, operands:
            case "not", [operand]:
                return self.not_(operand)
            case (("float.neg" | "duration.neg"), [operand]):
                return self.negative(operand)
            case "format.bool", [operand]:
                return self.if_(operand, self.constant("true"), self.constant("false"))
        return self._helper(operator, operands)

    def _compared(self, operator: str, left: ast.expr, right: ast.expr) -> ast.expr:
        sign = _COMPARISONS[operator]
        if sign in ("==", "!=") and isinstance(right, ast.Constant) and right.value is None:
            sign = "is" if sign == "==" else "is not"
        return self.compare(left, sign, right)

    def _int(self, sign: str, left: ast.expr, right: ast.expr) -> ast.expr:
        """A sum, difference or product with its overflow check; beside a constant one bound is enough."""
        left, left_again = self._for_failure(left)
        right, right_again = self._for_failure(right)
        addend = right.value if isinstance(right, ast.Constant) and sign != "*" else None
        upward = None if not isinstance(addend, int) else (addend >= 0) == (sign == "+")

        def fits(result: ast.expr) -> ast.expr:
            if upward is True:
                return self.compare(result, "<=", self.constant(MAX_INT))
            if upward is False:
                return self.compare(self.constant(MIN_INT), "<=", result)
            return self.compare(self.constant(MIN_INT), "<=", result, "<=", self.constant(MAX_INT))

        failure = self.call("overflow", self.constant(sign), left_again, right_again)
        return self._checked(self.binary(left, sign, right), fits, failure)

    def _float(self, sign: str, left: ast.expr, right: ast.expr) -> ast.expr:
        """`t if (t := left + right) - t == 0.0 else infinite(…)`: infinity minus itself is no number."""
        left, left_again = self._for_failure(left)
        right, right_again = self._for_failure(right)
        name = self._fresh("t")
        difference = self.binary(self.keep(name, self.binary(left, sign, right)), "-", self.name(name))
        failure = self.call("infinite", self.constant(sign), left_again, right_again)
        code = self.if_(self.compare(difference, "==", self.constant(0.0)), self.name(name), failure)
        self.results[code] = name
        return code

    def _remainder(self, left: ast.expr, right: ast.expr) -> ast.expr:
        """Python's `%` where it agrees with ours: where neither side is negative."""
        if not _is_lookup(right):
            return self._helper("int.mod", [left, right])
        left, left_again = self._kept(left)
        agrees = self.compare(left, ">=", self.constant(0), "<", right)
        return self.if_(
            agrees, self.binary(left_again, "%", right), self._helper("int.mod", [left_again, right])
        )

    def _joined(self, left: ast.expr, right: ast.expr) -> ast.expr:
        left, left_again = self._kept(left)
        right, right_again = self._kept(right)
        size = self.binary(self.call("len", left), "+", self.call("len", right))
        return self.if_(
            self.compare(size, "<", self.constant(TINY)),
            self.binary(left_again, "+", right_again),
            self._helper("string.add", [left_again, right_again]),
        )

    def _for_failure(self, code: ast.expr) -> tuple[ast.expr, ast.expr]:
        """Like `_kept`, for a later use that only an error makes: looking up again is then cheap enough."""
        return (code, code) if _is_lookup(code) else self._kept(code)

    # Functions

    def _apply(self, form: plan.Apply, receiver: ast.expr, scope: Scope) -> ast.expr:
        function, *rest = form.function, *form.arguments[1:]
        if rest and isinstance(rest[0], plan.Lambda):
            return self._loop(function, receiver, rest[0], scope)
        arguments = [self.expression(argument, scope) for argument in rest]
        match function, arguments:
            case (("list.size" | "map.size" | "string.size"), []):
                return self.call("len", receiver)
            case (("list.is_empty" | "map.is_empty" | "string.is_empty"), []):
                return self.not_(receiver)
            case "list.first", []:
                return self._item(receiver, self.constant(0))
            case "list.get", [index]:
                return self._item(receiver, index)
            case "int.float", []:
                return self.call("float", receiver)
            case (("duration.seconds" | "datetime.seconds"), []):
                return self.binary(receiver, "/", self.constant(SECOND))
        if function not in FUNCTIONS:
            return self.call("no_function", self.constant(function), receiver, *arguments)
        return self.call(helper_name(function), self.name("B"), receiver, *arguments)

    def _loop(self, function: str, receiver: ast.expr, lambda_: plan.Lambda, scope: Scope) -> ast.expr:
        """The loop of a lambda, as the branch that is taken once all its rounds are paid for."""
        (parameter,) = lambda_.params
        item, items = self._fresh("v"), self._fresh("t")
        units = self.constant(shapes.cost(lambda_.body))
        paid = self.call("enter", self.name("B"), self.keep(items, receiver), units)
        body = self.expression(lambda_.body, {**scope, parameter: (item, None)})
        return self.if_(paid, self._rounds(function, item, items, body), self.constant(None))

    def _rounds(self, function: str, item: str, items: str, body: ast.expr) -> ast.expr:
        null, value = self.constant(None), self.name(item)
        match function:
            case "list.map":
                return self.comprehension(body, item, items)
            case "list.filter":
                return self.comprehension(value, item, items, where=body)
            case "list.flat_map":
                return self.call("flatten", self.name("B"), self.comprehension(body, item, items))
            case "list.count":
                return self.call("len", self.comprehension(null, item, items, where=body))
            case "list.any":
                return self._any(item, items, body)
            case "list.none":
                return self.not_(self._any(item, items, body))
            case "list.all":
                return self.not_(self._any(item, items, self.not_(body)))
            case "list.find":
                return self._find(item, items, body)
        keys = self.comprehension(body, item, items)
        if function not in KEYED:
            return self.call("no_function", self.constant(function), keys)
        return self.call(helper_name(function), self.name("B"), self.name(items), keys)

    def _any(self, item: str, items: str, body: ast.expr) -> ast.expr:
        settled = self._fresh("t")
        rounds = self._until(settled, item, items, body)
        return self.last_of(self.keep(settled, self.constant(False)), rounds, self.name(settled))

    def _find(self, item: str, items: str, body: ast.expr) -> ast.expr:
        settled, found = self._fresh("t"), self._fresh("t")
        rounds = self.keep(found, self._until(settled, item, items, body))
        first = self._item(self.name(found), self.constant(0))
        return self.last_of(self.keep(settled, self.constant(False)), rounds, first)

    def _until(self, settled: str, item: str, items: str, body: ast.expr) -> ast.expr:
        """The first item for which `body` holds, in a list. A comprehension cannot be left, so the rounds
        after it only find that all is settled."""
        where = self.and_(self.not_(self.name(settled)), self.keep(settled, body))
        return self.comprehension(self.name(item), item, items, where=where)


@attrs.frozen
class _Hole:
    """A hole of a string: what an f-string takes, its text as a string, and the most characters of it,
    None where it has to be measured."""

    shown: ast.expr
    text: ast.expr
    width: int | None


def _width(hole: str | _Hole) -> int:
    """The most characters of a part that need not be measured."""
    return len(hole) if isinstance(hole, str) else hole.width or 0


def _is_lookup(code: ast.expr) -> bool:
    """Whether code only reads what is there, so that it does not matter when or how often."""
    while isinstance(code, ast.Subscript) and isinstance(code.slice, ast.Constant):
        code = code.value
    return isinstance(code, ast.Constant | ast.Name)
