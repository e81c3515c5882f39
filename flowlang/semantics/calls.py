"""Infer calls of declarations: constructors give values; agents and flows may not stand in an expression."""

from __future__ import annotations

import attrs

from flowlang.semantics import builtins, functions, types
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    ErrorName,
    Interface,
    Parameter,
    Poisoned,
    TypeName,
)
from flowlang.semantics.habits import CALLS
from flowlang.semantics.lookup import kind_of
from flowlang.semantics.methods import Methods
from flowlang.semantics.scope import Env
from flowlang.semantics.suggest import did_you_mean, nearest
from flowlang.semantics.types import (
    FLOAT,
    INT,
    STRING,
    UNKNOWN,
    ListOf,
    MapOf,
    RecordField,
    Secret,
    Type,
    Union,
    fits,
    is_optional,
    is_poison,
    present,
    show,
)
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Fix
from flowlang.text.source import Span


@attrs.define(eq=False)
class Calls(Methods):
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
                self.infer_arguments(expr, env)
                return UNKNOWN
            case _:
                self._not_callable(expr, target)
                self.infer_arguments(expr, env)
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
                return self.member_of(member, namespace, "agent or constructor")
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
        name = f"`{target.declared.name}`"
        message = f"{name} is {kind_of(target)}, and {kind} calls cannot stand inside an expression"
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
        meant = {nearest(n, by_name) for n in given if n not in by_name}
        missing = [p for p in parameters if p.required and p.name not in given and p.name not in meant]
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


def constructor_parameters(constructor: Constructor | ErrorName) -> tuple[Parameter, ...]:
    """The fields of a constructor or an error as parameters; optional ones may be left out."""
    return fields_as_parameters(constructor.fields)


def fields_as_parameters(fields: tuple[RecordField, ...]) -> tuple[Parameter, ...]:
    return tuple(Parameter(f.name, f.type, not is_optional(f.type), f.doc) for f in fields)


def _step_name(target: Callable) -> str:
    return target.declared.name.rsplit(".", 1)[-1] + "_result"
