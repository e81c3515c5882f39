"""Infer calls of declarations: constructors give values; agents and flows may not stand in an expression."""

from __future__ import annotations

from collections.abc import Mapping

from flowlang.semantics import builtins, functions, types
from flowlang.semantics.arguments import Arguments
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    ErrorName,
    EventName,
    Interface,
    Namespace,
    Poisoned,
    TypeName,
    fields_as_parameters,
)
from flowlang.semantics.habits import CALLS
from flowlang.semantics.lookup import kind_of
from flowlang.semantics.mismatch import written
from flowlang.semantics.scope import Env
from flowlang.semantics.suggest import WayOut, way_out
from flowlang.semantics.types import (
    FILE,
    FLOAT,
    INT,
    STRING,
    UNKNOWN,
    ListOf,
    MapOf,
    Record,
    RecordField,
    Secret,
    Type,
    Union,
    contains,
    is_poison,
)
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Fix
from flowlang.text.source import Span


class Calls(Arguments):
    def _call(self, expr: ast.Call, env: Env) -> Type:
        if self.calls_allowed and self._is_recorder(expr, env):
            return self._recorded(expr, env)
        if self.in_test and self._is_file_maker(expr):
            return self._made_file(expr, env)
        target = self.callee(expr, env)
        match target:
            case Constructor():
                self.arguments(expr, env, fields_as_parameters(target.fields), f"`{target.case}`")
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

    def _is_recorder(self, expr: ast.Call, env: Env) -> bool:
        """Whether this is `calls("agent")`, which tells in `expect` what an agent was called with."""
        callee = expr.callee
        if not (isinstance(callee, ast.Name) and callee.name == "calls"):
            return False
        return env.names.find("calls") is None and self.lookup.find("calls") is None

    def _is_file_maker(self, expr: ast.Call) -> bool:
        """Whether this is `file("content")`, which in a test stands for a file with that content."""
        is_file = isinstance(expr.callee, ast.Name) and expr.callee.name == "file"
        return is_file and self.lookup.find("file") is None

    def _recorded(self, expr: ast.Call, env: Env) -> Type:
        """The arguments of each call of an agent; secrets are left out."""
        only = expr.arguments[0] if len(expr.arguments) == 1 else None
        if only is None or only.name is not None or not isinstance(only.value, ast.StringLiteral):
            self.infer_arguments(expr, env)
            message, help = "`calls` takes the name of an agent", 'write it as a string: `calls("read")`'
            self.problems.report(codes.TYPE_MISMATCH, expr.span, message, help=help)
            return ListOf(UNKNOWN)
        self.infer(only.value, env)
        found = self._recorded_agent(only.value)
        if found is None:
            return ListOf(UNKNOWN)
        fields = (RecordField(p.name, p.type) for p in found.parameters if not contains(p.type, Secret))
        return ListOf(Record(tuple(fields)))

    def _made_file(self, expr: ast.Call, env: Env) -> Type:
        """`file("content", "media/type")`, with constant strings."""
        self.infer_arguments(expr, env)
        values = [argument.value for argument in expr.arguments if argument.name is None]
        texts = [value for value in values if isinstance(value, ast.StringLiteral)]
        if len(texts) != len(expr.arguments) or len(texts) not in (1, 2):
            message, help = (
                "`file` takes its content, as a constant string",
                'write `file("…", "text/plain")`',
            )
            self.problems.report(codes.TYPE_MISMATCH, expr.span, message, help=help)
        return FILE

    def _recorded_agent(self, name: ast.StringLiteral) -> Callable | None:
        alias, _, member = name.value.rpartition(".")
        members: Mapping[str, Interface] = {} if alias else self.lookup.names
        found = None if alias else self.lookup.find(member)
        namespace = self.lookup.around(alias) if alias else None
        if isinstance(namespace, Namespace):
            members, found = namespace.members, self.lookup.member(alias, namespace, member)
        if isinstance(found, Callable) and found.kind != "flow":
            return found
        if not isinstance(found, Poisoned) and not getattr(namespace, "poisoned", False):
            agents = (n for n, i in members.items() if isinstance(i, Callable) and i.kind != "flow")
            known = [f"{alias}.{n}" if alias else n for n in agents]
            message = f"there is no agent `{name.value}`"
            help, _ = way_out(name.value, name.span, known, list_as="there is")
            self.problems.report(codes.UNKNOWN_NAME, name.span, message, help=help)
        return None

    def callee(self, expr: ast.Call, env: Env) -> Interface | ast.Member | None:
        """What a call calls: a declaration, or a method by its member node. None: reported, or unknown."""
        match expr.callee:
            case ast.Name() as name:
                return self._declared_callee(name, env)
            case ast.Member(target=target) as member:
                namespace = self.namespace(target, env)
                if namespace is None:
                    return None if self._unknown_module(expr, target, env) else member
                return self.member_of(member, namespace, "agent or constructor")
            case other:
                if not is_poison(self.infer(other, env)):
                    self.problems.report(
                        codes.WRONG_KIND, other.span, "this is a value; it cannot be called", help=CALLABLE
                    )
                return None

    def _unknown_module(self, call: ast.Call, target: ast.Expr, env: Env) -> bool:
        """Report `trip.book(city: c)` with an alias that does not exist: its arguments are named, so it is
        meant to call a declaration, not a function of a value."""
        if not isinstance(target, ast.Name) or env.names.find(target.name) is not None:
            return False
        named = bool(call.arguments) and all(argument.name is not None for argument in call.arguments)
        if not named or self.lookup.find(target.name) is not None or target.name in builtins.AMBIENT:
            return False
        aliases = [n for n, i in self.lookup.names.items() if isinstance(i, Namespace)]
        self.lookup.unknown(target, target.name, "module", aliases)
        return True

    def _declared_callee(self, name: ast.Name, env: Env) -> Interface | None:
        found = self.lookup.find(name.name)
        if found is not None:
            self.tables.symbols[name.id] = found
            return None if isinstance(found, Poisoned) else found
        if env.names.find(name.name) is not None:
            message = f"`{name.name}` is a value; it cannot be called"
            self.problems.report(codes.WRONG_KIND, name.span, message, help=CALLABLE)
            return None
        if name.name in builtins.ERRORS:
            message, help = f"`{name.name}` is an error, not a value", HOW_TO_FAIL
            self.problems.report(codes.WRONG_KIND, name.span, message, help=help)
            return None
        self._unknown_callee(name)
        return None

    def _unknown_callee(self, name: ast.Name) -> None:
        names = self.lookup.names
        callables = [*self.lookup.of_kind("agent", names), *self.lookup.of_kind("constructor", names)]
        way = way_out(name.name, name.span, self.lookup.guesses.among(callables))
        if way.fix is None:
            habit = CALLS.get(name.name)
            if habit is None and self.lookup_method(name.name):
                habit = f"functions stand after a dot: `….{name.name}(…)`"
            way = WayOut(habit) if habit else self.lookup.elsewhere(name.name, name.span)
        message = f"there is no agent, flow or constructor `{name.name}`"
        self.problems.report(codes.UNKNOWN_NAME, name.span, message, help=way.help, fix=way.fix)

    def lookup_method(self, name: str) -> bool:
        receivers = (STRING, ListOf(INT), MapOf(INT), INT, FLOAT, types.DURATION, types.DATETIME)
        return any(name in functions.names(receiver) for receiver in receivers)

    def _not_callable(self, expr: ast.Call, target: Interface) -> None:
        message = f"`{target.declared.name}` is {kind_of(target)}; it cannot be called here"
        help: str | None = None
        fix: Fix | None = None
        if isinstance(target, ErrorName):
            help = HOW_TO_FAIL
        elif isinstance(target, EventName):
            help = f"a flow waits for it: `step it = wait for {target.declared.name}`"
        elif isinstance(target, TypeName):
            help, fix = _as_record(expr, target.type)
        self.problems.report(codes.WRONG_KIND, expr.callee.span, message, help=help, fix=fix)

    def _call_in_expression(self, expr: ast.Call, env: Env, target: Callable) -> Type:
        kind = kind_of(target).split()[-1]
        name = written(expr.callee) or target.declared.name
        message = f"`{name}` is {kind_of(target)}, and {kind} calls cannot stand inside an expression"
        help = f"give it a step of its own: `step {_step_name(target)} = {name}(…)`"
        self.problems.report(codes.CALL_IN_EXPRESSION, expr.span, message, help=help)
        self.arguments(expr, env, target.parameters, f"`{name}`")
        return target.result


def _as_record(expr: ast.Call, type: Type) -> WayOut:
    """A record is a literal, not a call as in other languages."""
    if not isinstance(type, Record):
        return WayOut("a value is made by a literal, or by a constructor of a union")
    fields = ", ".join(f"{field.name}: …" for field in type.fields)
    opening = Edit(Span(expr.callee.span.start, expr.callee.span.end + 1), "{ ")
    closing = Edit(Span(expr.span.end - 1, expr.span.end), " }")
    fix = Fix("write a record", (opening, closing))
    named = bool(expr.arguments) and all(argument.name is not None for argument in expr.arguments)
    return WayOut(f"a record is written `{{ {fields} }}`", fix if named else None)


CALLABLE = "only agents, flows and constructors are called by name; functions stand after a dot"
HOW_TO_FAIL = "an error stands after `fail`, or in `catch`"


def _step_name(target: Callable) -> str:
    return target.declared.name.rsplit(".", 1)[-1] + "_result"
