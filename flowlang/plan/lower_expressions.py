"""Lower expressions: a checked tree -> typed operations.

The checker proved the types; here they choose the operation (`int.add` or `duration.add`) and then are gone.
What it noted to be converted is wrapped in `Widen`, and what an author may leave out (optional fields, the
name after `?.`) is written out. A chain of one operator is walked without recursion, since nothing bounds
its length but the size of an expression."""

from __future__ import annotations

from typing import Final, cast

import attrs

from flowlang.plan import model as plan
from flowlang.plan.lower_types import Naming, Places
from flowlang.semantics import types
from flowlang.semantics.builtins import ERRORS
from flowlang.semantics.facts import Callable, Constructor, ErrorName, Facts, Symbol
from flowlang.semantics.types import Type
from flowlang.syntax import ast

_ARITHMETIC: Final = {"+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod"}
_COMPARISONS: Final = {"==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge"}
_NUMBERS: Final = ("int", "float")


@attrs.frozen(eq=False, repr=False)
class Expressions:
    """Lowers the expressions of one declaration."""

    facts: Facts
    naming: Naming
    places: Places

    def lower(self, expr: ast.Expr, wanted: Type | None = None) -> plan.Expr:
        """An expression, made `wanted` (or what the checker wants it to be) where it is not that yet."""
        wanted = wanted or self.facts.coercions.get(expr.id)
        lowered = self._lower(expr)
        return lowered if wanted is None else self._widened(lowered, wanted)

    def type_of(self, node: ast.Node) -> Type:
        return self.facts.types[node.id]

    def symbol(self, node: ast.Node) -> Symbol | None:
        return self.facts.symbols.get(node.id)

    def callee(self, call: ast.Call) -> Symbol | None:
        """The declaration that a call names; None for a method."""
        found = self.symbol(call.callee)
        return found if isinstance(found, Callable | Constructor | ErrorName) else None

    def function(self, tree: ast.Lambda) -> plan.Lambda:
        return plan.Lambda(params=tuple(p.name for p in tree.params), body=self.lower(tree.body))

    def arguments(self, call: ast.Call) -> dict[str, plan.Expr]:
        """The named arguments of a call of a declaration."""
        return {
            argument.name.name: self.lower(argument.value)
            for argument in call.arguments
            if argument.name is not None and not isinstance(argument.value, ast.Lambda)
        }

    def failure(self, expr: ast.Expr) -> plan.Fail:
        """`fail E(…)`: every field has a value, null where it is optional and left out."""
        given = self.arguments(expr) if isinstance(expr, ast.Call) else {}
        name = expr.callee if isinstance(expr, ast.Call) else expr
        symbol = self.symbol(name)
        if isinstance(symbol, ErrorName):
            error, fields = self.naming.error(symbol.ref), symbol.fields
        else:
            assert isinstance(name, ast.Name), "what is not declared is built in, by its plain name"
            error, fields = name.name, ERRORS[name.name]
        values = {f.name: given.get(f.name, plan.Constant(value=None)) for f in fields}
        return plan.Fail(error=error, fields=values, at=self.places.of(expr))

    def pattern(self, pattern: ast.Pattern) -> plan.Pattern:
        match pattern:
            case ast.ConstructorPattern(case=case, bindings=bindings):
                return plan.CasePattern(
                    case=case.name.name, bindings={b.name.name: b.field.name for b in bindings}
                )
            case ast.LiteralPattern(value=value):
                return plan.ValuePattern(value=None if isinstance(value, ast.NullLiteral) else value.value)
            case ast.ElsePattern():
                return plan.ElsePattern()

    def _widened(self, lowered: plan.Expr, wanted: Type) -> plan.Expr:
        match lowered:
            case plan.Constant(value=int(value)) if types.present(wanted) == types.FLOAT:
                return plan.Constant(value=float(value))
            case _:
                return plan.Widen(value=lowered, type=self.naming.type(wanted))

    def _lower(self, expr: ast.Expr) -> plan.Expr:
        match expr:
            case ast.Name(name=name):
                return plan.Variable(name=name)
            case ast.Member():
                return self._member(expr)
            case ast.Call():
                return self._call(expr)
            case ast.StringLiteral(value=value) | ast.IntLiteral(value=value) | ast.FloatLiteral(value=value):
                return plan.Constant(value=value)
            case ast.BoolLiteral(value=value):
                return plan.Constant(value=value)
            case ast.NullLiteral():
                return plan.Constant(value=None)
            case ast.DurationLiteral(microseconds=microseconds):
                return plan.Constant(value=microseconds, unit="duration")
            case ast.Interpolation(parts=parts):
                return self._template(expr, parts)
            case ast.ListLiteral(items=items):
                return plan.MakeList(items=tuple(self.lower(item) for item in items))
            case ast.RecordLiteral():
                return self._record(expr)
            case ast.Index():
                return self._index(expr)
            case ast.Unary():
                return self._unary(expr)
            case ast.Binary():
                return self._binary(expr)
            case ast.Is(value=value, case=case):
                return plan.Is(value=self.lower(value), case=case and case.name.name)
            case ast.Cast():
                return self._cast(expr)
            case ast.If(condition=condition, then=then, otherwise=otherwise):
                return plan.If(
                    condition=self.lower(condition), then=self.arm(then), otherwise=self.arm(otherwise)
                )
            case ast.Match(subject=subject, arms=arms):
                lowered = tuple(
                    plan.MatchArm(pattern=self.pattern(arm.pattern), value=self.arm(arm.task)) for arm in arms
                )
                return plan.Match(subject=self.lower(subject), arms=lowered)
            case ast.BrokenExpr():
                raise AssertionError("a tree with errors is not lowered")

    def arm(self, task: ast.Task) -> plan.Expr:
        """The arm of an `if` or `match` that is an expression."""
        return self.lower(cast(ast.Expr, task))

    def _member(self, expr: ast.Member) -> plan.Expr:
        target = self.lower(expr.target)
        method = self.facts.methods.get(expr.id)
        if method is not None:
            return plan.Apply(function=method.function, arguments=(target,), at=self.places.of(expr))
        return plan.Member(target=target, field=expr.name.name, safe=expr.safe, at=self.places.of(expr))

    def _call(self, expr: ast.Call) -> plan.Expr:
        constructor = self.callee(expr)
        if isinstance(constructor, Constructor):
            return self._construct(expr, constructor)
        member = expr.callee
        assert isinstance(member, ast.Member), "a call in an expression is of a method or a constructor"
        return self._method(expr, member)

    def _construct(self, expr: ast.Call, constructor: Constructor) -> plan.Expr:
        given = self.arguments(expr)
        pairs = [_field("case", plan.Constant(value=constructor.case))]
        pairs += [_field(f.name, given.get(f.name, plan.Constant(value=None))) for f in constructor.fields]
        return plan.MakeObject(map=False, pairs=tuple(pairs), at=self.places.of(expr))

    def _method(self, expr: ast.Call, member: ast.Member) -> plan.Expr:
        function = self.facts.methods[expr.id].function
        at = self.places.of(expr)
        receiver = self.lower(member.target)
        type = self.type_of(member.target)
        safe = member.safe and types.is_optional(type)
        if function == "any.json":
            return plan.Encode(form="text", value=receiver, type=self.naming.type(type), safe=safe, at=at)
        if function == "any.hash":
            receiver = plan.Encode(
                form="canonical", value=receiver, type=self.naming.type(type), safe=safe, at=at
            )
        rest = tuple(
            self.function(a.value) if isinstance(a.value, ast.Lambda) else self.lower(a.value)
            for a in expr.arguments
        )
        return plan.Apply(function=function, arguments=(receiver, *rest), safe=safe, at=at)

    def _template(self, expr: ast.Interpolation, parts: tuple[str | ast.Expr, ...]) -> plan.Expr:
        lowered = tuple(part if isinstance(part, str) else self._hole(part) for part in parts)
        return plan.Template(parts=lowered, at=self.places.of(expr))

    def _hole(self, part: ast.Expr) -> plan.Expr:
        kind = _kind(self.type_of(part))
        lowered = self.lower(part)
        return lowered if kind == "string" else self._operate(f"format.{kind}", part, lowered)

    def _record(self, expr: ast.RecordLiteral) -> plan.Expr:
        type = self.type_of(expr)
        if isinstance(type, types.MapOf):
            pairs = tuple(self._map_pair(entry) for entry in expr.entries)
            return plan.MakeObject(map=True, pairs=pairs, at=self.places.of(expr))
        assert isinstance(type, types.Record), type
        if any(isinstance(entry, ast.Spread) for entry in expr.entries):
            return self._spread_record(expr, type)
        given = {e.name.name: e.value for e in expr.entries if isinstance(e, ast.Entry)}
        fields = tuple(
            _field(f.name, self.lower(given[f.name]) if f.name in given else plan.Constant(value=None))
            for f in type.fields
        )
        return plan.MakeObject(map=False, pairs=fields, at=self.places.of(expr))

    def _spread_record(self, expr: ast.RecordLiteral, type: types.Record) -> plan.Expr:
        """A record whose fields come from others too; as these may be narrower, the whole is widened."""
        pairs = tuple(
            plan.Pair(key=None, value=self.lower(entry.value))
            if isinstance(entry, ast.Spread)
            else _field(cast(ast.Entry, entry).name.name, self.lower(entry.value))
            for entry in expr.entries
        )
        made = plan.MakeObject(map=False, pairs=pairs, at=self.places.of(expr))
        spread = [self.type_of(entry.value) for entry in expr.entries if isinstance(entry, ast.Spread)]
        given = {
            f.name: f.type for record in spread if isinstance(record, types.Record) for f in record.fields
        }
        own = {entry.name.name for entry in expr.entries if isinstance(entry, ast.Entry)}
        same = all(f.name in own or given.get(f.name) == f.type for f in type.fields)
        return made if same else plan.Widen(value=made, type=self.naming.type(type))

    def _map_pair(self, entry: ast.Entry | ast.KeyEntry | ast.Spread) -> plan.Pair:
        match entry:
            case ast.KeyEntry(key=key, value=value):
                return plan.Pair(key=self.lower(key), value=self.lower(value))
            case ast.Entry(name=name, value=value):
                return _field(name.name, self.lower(value))
            case ast.Spread(value=value):
                return plan.Pair(key=None, value=self.lower(value))

    def _index(self, expr: ast.Index) -> plan.Expr:
        target = types.present(self.type_of(expr.target))
        of = (
            "list"
            if isinstance(target, types.ListOf)
            else "map"
            if isinstance(target, types.MapOf)
            else "string"
        )
        return plan.Index(
            of=of, target=self.lower(expr.target), index=self.lower(expr.index), at=self.places.of(expr)
        )

    def _unary(self, expr: ast.Unary) -> plan.Expr:
        operand = self.lower(expr.operand)
        if expr.operator == "not":
            return self._operate("not", expr, operand)
        if isinstance(operand, plan.Constant) and isinstance(operand.value, int | float):
            return plan.Constant(value=-operand.value, unit=operand.unit)
        return self._operate(f"{_kind(self.type_of(expr.operand))}.neg", expr, operand)

    def _binary(self, expr: ast.Binary) -> plan.Expr:
        """Operators lean to the left; the chain is walked along its left edge."""
        if expr.operator in ("and", "or"):
            return self._junction(expr)
        chain = [expr]
        while isinstance(left := chain[-1].left, ast.Binary) and left.operator not in ("and", "or"):
            if left.id in self.facts.coercions:
                break
            chain.append(left)
        lowered = self.lower(chain[-1].left)
        for node in reversed(chain):
            lowered = self._operation(node, lowered, self.lower(node.right))
        return lowered

    def _junction(self, expr: ast.Binary) -> plan.Expr:
        """A chain of `and` or `or` as a balanced tree: they are associative, and so a long one stays flat."""
        parts: list[ast.Expr] = []
        left: ast.Expr = expr
        while isinstance(left, ast.Binary) and left.operator == expr.operator:
            parts.append(left.right)
            left = left.left
        parts.append(left)
        lowered = [self.lower(part) for part in reversed(parts)]
        while len(lowered) > 1:
            pairs = [lowered[i : i + 2] for i in range(0, len(lowered), 2)]
            lowered = [_joined(expr.operator, pair) for pair in pairs]
        return lowered[0]

    def _operation(self, expr: ast.Binary, left: plan.Expr, right: plan.Expr) -> plan.Expr:
        operator = expr.operator
        if operator == "??":
            return plan.Coalesce(left=left, right=right)
        if operator == "..":
            return self._operate("range", expr, left, right)
        if operator in _COMPARISONS:
            return self._operate(_COMPARISONS[operator], expr, left, right)
        other = types.present(self._operand_type(expr.right))
        if operator == "in":
            return self._operate(
                "in.list" if isinstance(other, types.ListOf) else "in.map", expr, left, right
            )
        return self._arithmetic(expr, left, right)

    def _arithmetic(self, expr: ast.Binary, left: plan.Expr, right: plan.Expr) -> plan.Expr:
        one, other = _kind(self._operand_type(expr.left)), _kind(self._operand_type(expr.right))
        match one, expr.operator, other:
            case "datetime", "-", "datetime":
                return self._operate("datetime.diff", expr, left, right)
            case "duration", "/", "duration":
                return self._operate("duration.ratio", expr, left, right)
            case ("duration", "+", "datetime") | (("int" | "float"), "*", "duration"):
                return self._operate(f"{other}.{_ARITHMETIC[expr.operator]}", expr, right, left)
            case _:
                return self._operate(f"{one}.{_ARITHMETIC[expr.operator]}", expr, left, right)

    def _operand_type(self, expr: ast.Expr) -> Type:
        return self.facts.coercions.get(expr.id) or self.type_of(expr)

    def _operate(self, operator: str, expr: ast.Expr, *operands: plan.Expr) -> plan.Expr:
        return plan.Operate(
            operator=cast(plan.Operator, operator), operands=operands, at=self.places.of(expr)
        )

    def _cast(self, expr: ast.Cast) -> plan.Expr:
        value, wanted = self.lower(expr.value), self.type_of(expr)
        found = self.type_of(expr.value)
        at = self.places.of(expr)
        if wanted == types.JSON and found != types.JSON:
            return plan.Encode(form="json", value=value, type=self.naming.type(found), at=at)
        if types.fits(found, wanted):
            return value
        return plan.Cast(value=value, type=self.naming.type(wanted), at=at)


def _field(name: str, value: plan.Expr) -> plan.Pair:
    return plan.Pair(key=plan.Constant(value=name), value=value)


def _joined(operator: str, parts: list[plan.Expr]) -> plan.Expr:
    if len(parts) == 1:
        return parts[0]
    left, right = parts
    return plan.And(left=left, right=right) if operator == "and" else plan.Or(left=left, right=right)


def _kind(type: Type) -> str:
    """The name of a scalar type; enums are strings."""
    plain = types.present(type)
    return "string" if isinstance(plain, types.Enum) else cast(types.Scalar, plain).name
