"""Infer the type of expressions: tree and environment -> type, with everything noted in side tables.

The table of all kinds of expression; each family has its own file, see `inference`."""

from __future__ import annotations

from flowlang.semantics import types
from flowlang.semantics.calls import Calls
from flowlang.semantics.choices import Choices
from flowlang.semantics.declare import report_too_large
from flowlang.semantics.literals import Literals
from flowlang.semantics.operations import Operations
from flowlang.semantics.scope import Env
from flowlang.semantics.types import (
    BOOL,
    FLOAT,
    INT,
    NULL,
    UNKNOWN,
    Enum,
    Type,
    is_too_large,
)
from flowlang.syntax import ast
from flowlang.syntax.sizes import is_too_long
from flowlang.text import codes


class Expressions(Calls, Choices, Operations, Literals):
    def infer(self, expr: ast.Node, env: Env, wanted: Type | None = None) -> Type:
        """The type of an expression. `wanted` is a hint: whether it fits is the caller's to check."""
        # Of an expression that is too long the parser has said so, and nothing else is worth saying.
        found = UNKNOWN if is_too_long(expr) else self._infer(expr, env, wanted)
        if is_too_large(found):
            report_too_large(self.problems, expr, found)
            found = UNKNOWN
        self.tables.types[expr.id] = found
        return found

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

    def _expression_arm(self, arm: ast.Task, env: Env, wanted: Type | None) -> Type:
        return self.infer(arm, env, wanted)

    def _stray_lambda(self, expr: ast.Lambda) -> Type:
        message = "a function can only be an argument of a built-in function, like `xs.map(x => …)`"
        self.problems.report(codes.TYPE_MISMATCH, expr.span, message)
        return UNKNOWN

    def _stray_task(self, expr: ast.Node) -> Type:
        message = f"{TASK_WORDS.get(type(expr), 'a task')} cannot stand inside an expression"
        help = "give it a step of its own: `step name = …`"
        self.problems.report(codes.CALL_IN_EXPRESSION, expr.span, message, help=help)
        return UNKNOWN


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
