"""Infer calls of built-in functions: unify the signature with receiver and arguments."""

from __future__ import annotations

from flowlang.semantics import functions
from flowlang.semantics.access import Access
from flowlang.semantics.facts import (
    Local,
    MethodUse,
)
from flowlang.semantics.habits import METHODS
from flowlang.semantics.operators import comparable_problem
from flowlang.semantics.scope import Env, Value
from flowlang.semantics.suggest import WayOut, nearest, way_out
from flowlang.semantics.types import (
    JSON,
    NEVER,
    UNKNOWN,
    ListOf,
    MapOf,
    Record,
    Type,
    is_optional,
    is_poison,
    optional,
    present,
    show,
)
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Fix
from flowlang.text.patterns import pattern_problem
from flowlang.text.source import Span


class Methods(Access):
    def _method(self, expr: ast.Call, member: ast.Member, env: Env) -> Type:
        target = self.infer(member.target, env)
        receiver = self.present_target(member, target)
        if is_poison(receiver):
            self.infer_arguments(expr, env)
            return UNKNOWN
        signature = functions.signature(receiver, member.name.name)
        if signature is None:
            self._unknown_method(expr, member, receiver)
            self.infer_arguments(expr, env)
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
        if receiver == JSON:
            help = "say what it is first: `(… as T)`"
            self.problems.report(codes.JSON_USE, member.name.span, f"json has no `{name}`", help=help)
            return
        way = self._way_to_method(expr, member, receiver)
        message = f"`{show(receiver)}` has no function `{name}`"
        self.problems.report(codes.UNKNOWN_METHOD, member.name.span, message, help=way.help, fix=way.fix)

    def _way_to_method(self, expr: ast.Call, member: ast.Member, receiver: Type) -> WayOut:
        name = member.name.name
        if isinstance(receiver, Record) and receiver.field(name) is not None:
            fix = Fix("read the field", (Edit(Span(member.span.end, expr.span.end), ""),))
            return WayOut(f"it is a field: `.{name}`", None if expr.arguments else fix)
        way = way_out(name, member.name.span, functions.names(receiver), list_as="it has")
        if way.fix:
            return way
        habit = _who_has(receiver, name) or METHODS.get(name) or METHODS.get(nearest(name, METHODS) or "")
        return way if habit is None else WayOut(habit)

    def _method_arguments(
        self, expr: ast.Call, env: Env, signature: functions.Signature, bindings: functions.Bindings
    ) -> bool:
        wanted = signature.parameters
        least = sum(p.required for p in wanted)
        if not least <= len(expr.arguments) <= len(wanted):
            self.infer_arguments(expr, env)
            code = codes.MISSING_ARGUMENT if len(expr.arguments) < least else codes.UNKNOWN_ARGUMENT
            message = f"`{signature.name}` takes {_count(least, len(wanted))}, not {len(expr.arguments)}"
            self.problems.report(code, expr.span, message, help=f"it is `{signature.show()}`")
            return False
        fine = True
        for argument, parameter in zip(expr.arguments, wanted, strict=False):
            if argument.name is not None:
                message = f"the arguments of `{signature.name}` are not named"
                edit = Edit(Span(argument.name.span.start, argument.value.span.start), "")
                fix = Fix("drop the name", (edit,))
                help = "drop the name; their order says which is which"
                self.problems.report(
                    codes.POSITIONAL_ARGUMENT, argument.name.span, message, help=help, fix=fix
                )
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
        found = self.infer(value, env, _hint(parameter.pattern))
        if parameter.literal_regex and not self._literal_regex(value, what):
            return False
        if signature.function in _SEARCHES and not self._may_equal(value, found, bindings):
            return False
        if not bindings.bind(parameter.pattern, found):
            return self.require(value, found, bindings.substitute(parameter.pattern), what)
        self.coerce(value, found, bindings.substitute(parameter.pattern))
        return True

    def _may_equal(self, value: ast.Expr, found: Type, bindings: functions.Bindings) -> bool:
        """`xs.contains(v)` asks for equality, like `v in xs`."""
        item = bindings.substitute(functions.ITEM)
        problem = None if is_poison(item) else comparable_problem(found, item)
        if problem is not None:
            self.refuse(value, problem)
        return problem is None

    def _literal_regex(self, value: ast.Expr, what: str) -> bool:
        if not isinstance(value, ast.StringLiteral):
            message = f"{what} must be a literal, so that it can be checked before the run"
            help = "write it out; a raw string needs no escapes: `'[a-z]+'`"
            self.problems.report(codes.BAD_PATTERN, value.span, message, help=help)
            return False
        problem = pattern_problem(value.value)
        if problem is not None:
            message, help = f"this is no pattern: {problem}", "patterns are written in RE2 syntax"
            self.problems.report(codes.BAD_PATTERN, value.span, message, help=help)
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
        self._unfit_result(value.body, found, pattern.result, bindings, what)
        return False

    def _unfit_result(
        self, at: ast.Expr, found: Type, pattern: Type, bindings: functions.Bindings, what: str
    ) -> None:
        constraint = {"N": "a number", "C": "something that can be ordered"}.get(show(pattern))
        if constraint is None:
            self.require(at, found, bindings.substitute(pattern), f"the result of {what}")
        elif is_optional(found):
            self.report_missing(at, found)
        else:
            message = f"{what} must give {constraint}, but gives `{show(found)}`"
            help = "numbers, strings, durations and datetimes have an order" if show(pattern) == "C" else None
            self.problems.report(codes.TYPE_MISMATCH, at.span, message, help=help)

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
        if signature.function != "list.filter" or len(expr.arguments) != 1:
            return None
        function = expr.arguments[0].value
        if not isinstance(function, ast.Lambda) or len(function.params) != 1:
            return None
        param = function.params[0]
        value = Value(Local(param.name, "lambda", param.span, param.id), self.tables.types[param.id])
        inner = self.assuming(function.body, env.with_values(value))
        return ListOf(inner.type_of(value))


def _who_has(receiver: Type, name: str) -> str | None:
    """What has a function that this receiver lacks, and how to come there."""
    alike = functions.receivers(receiver, name)
    if alike and isinstance(receiver, ListOf):
        if is_optional(receiver.item) and functions.signature(ListOf(present(receiver.item)), name):
            return "leave out what is missing first: `….filter(x => x != null)`"
        wanted = alike[0]
        if functions.has_variables(wanted):
            return f"only items that have an order can be asked for `{name}`: numbers, strings, times"
        return f"only `{show(wanted)}` has it; `….map(x => …)` makes a list of something else"
    if isinstance(receiver, MapOf) and functions.signature(ListOf(receiver.value), name):
        return f"a map is gone through as a list: `….entries().{name}(…)`"
    owners = functions.owners(name)
    return f"only `{show(owners[0])}` has it" if owners else None


_SEARCHES = ("list.contains", "list.index_of")


def _hint(pattern: Type) -> Type | None:
    """What a literal is told. A variable may still grow, so what it stands for so far is no hint; but that a
    map is wanted is one, for `{}`."""
    return MapOf(NEVER) if isinstance(pattern, MapOf) else _concrete(pattern)


def _concrete(pattern: Type) -> Type | None:
    """A pattern without variables, which can serve as a hint."""
    return None if functions.has_variables(pattern) else pattern


def _count(least: int, most: int, noun: str = "argument") -> str:
    number = str(least) if least == most else f"{least} to {most}"
    return f"{number} {noun}" + ("" if number == "1" else "s")
