"""Check tests: answers against signatures, runs against flows, and what is expected.

A test is read from above. A run takes the answers and events of the lines above it, and a line sees the
results above it; so an answer below the last run, or an `expect` above the first, does nothing, and is a
warning."""

from __future__ import annotations

import attrs

from flowlang.semantics import builtins
from flowlang.semantics.blocks import Blocks
from flowlang.semantics.expressions import Expressions
from flowlang.semantics.facts import Callable, ErrorRef, EventName, fields_as_parameters
from flowlang.semantics.reach import in_order
from flowlang.semantics.scope import Env, Value
from flowlang.semantics.types import BOOL, DURATION, UNKNOWN, contains, is_poison
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Label


def check_test(expressions: Expressions, tree: ast.TestDecl) -> None:
    """Check a test: stubs against signatures, the run against the flow, and what it expects."""
    expressions.in_test = True
    test = _Test(expressions, Blocks(expressions))
    env = Env(deadline=True)
    for statement in tree.statements:
        env = test.statement(statement, env)
    if not any(isinstance(statement, ast.Broken) for statement in tree.statements):
        _idle(expressions, tree)


def _idle(expressions: Expressions, tree: ast.TestDecl) -> None:
    """Lines that do nothing."""
    runs = [n for n, statement in enumerate(tree.statements) if isinstance(statement, ast.Run)]
    if not runs:
        message, help = "this test runs nothing", "run a flow in it: `run out = …`"
        expressions.problems.report(codes.NOTHING_TESTED, tree.name.span, message, help=help)
        return
    for position, statement in enumerate(tree.statements):
        if isinstance(statement, ast.Given | ast.Send) and position > runs[-1]:
            message, help = "no run stands below this line, so it does nothing", "move it above the run"
        elif isinstance(statement, ast.Expect) and position < runs[0]:
            message, help = "nothing has run yet where this is expected", "move it below the run"
        else:
            continue
        expressions.problems.report(codes.NOTHING_TESTED, statement.span, message, help=help)


@attrs.frozen(eq=False, repr=False)
class _Test:
    expressions: Expressions
    blocks: Blocks

    def statement(self, statement: ast.TestStatement, env: Env) -> Env:
        """Check one line; returns what the lines below see."""
        match statement:
            case ast.Given():
                self._given(statement, env)
            case ast.Send():
                self._send(statement, env)
            case ast.Run():
                self._run_once(statement, env)
                return env.with_values(self._run(statement, env))
            case ast.Expect(condition=condition):
                self.expressions.calls_allowed = True
                self.expressions.check(condition, env, BOOL, "`expect`")
                self.expressions.calls_allowed = False
                return self.expressions.assuming(condition, env)
            case ast.Broken(name=ast.Ident() as name):
                return env.with_values(self.expressions.local(name, "let", UNKNOWN))
            case ast.Broken():
                pass
        return env

    def _run_once(self, run: ast.Run, env: Env) -> None:
        first = env.names.find(run.name.name)
        if first is not None:
            label = Label(first.local.span, "the first one")
            message, help = f"`{run.name.name}` stands here twice", "give this one another name"
            self.expressions.problems.report(
                codes.DUPLICATE_NAME, run.name.span, message, related=(label,), help=help
            )

    def _given(self, given: ast.Given, env: Env) -> None:
        agent = self.expressions.lookup.qualified(given.agent, "agent or ask")
        if agent is not None and not (isinstance(agent, Callable) and agent.kind != "flow"):
            what = "`given` answers an agent or an ask"
            help = "a flow runs as it is; answer the agents that it calls" if is_flow(agent) else None
            self.expressions.lookup.wrong_kind(given.agent, agent, codes.WRONG_KIND, what, help)
        if given.after is not None:
            self.expressions.check(given.after, env, DURATION, "the time of an answer")
        if isinstance(agent, Callable):  # else nobody knows what the names in it are
            self._answered(given, agent, env.with_values(*self._parameters(given, agent)))

    def _answered(self, given: ast.Given, agent: Callable, env: Env) -> None:
        if given.when is not None:
            self.expressions.check(given.when, env, BOOL, "`when`")
        if given.answer is not None:
            self.expressions.check(given.answer, env, agent.result, f"the answer of `{given.agent.text}`")
        if given.fails is not None:
            self._fails(given, given.fails, env, agent)

    def _parameters(self, given: ast.Given, agent: Callable) -> list[Value]:
        """The arguments of a call, by name, for answers that depend on them."""
        return [
            self.expressions.local(ast.Ident(-2 - i, given.agent.span, p.name), "param", p.type)
            for i, p in enumerate(agent.parameters)
        ]

    def _fails(self, given: ast.Given, error: ast.Expr, env: Env, agent: Callable) -> None:
        if isinstance(error, ast.Name):
            error = ast.Call(error.id, error.span, error, ())
        outcome = self.blocks.tasks.fail(error, env)
        for ref in outcome.reach.errors:
            if ref not in agent.raises:
                message = f"`{given.agent.text}` never raises `{ref.name}`"
                raised = ", ".join(f"`{self.expressions.lookup.written(e)}`" for e in in_order(agent.raises))
                help = f"it raises {raised}" if raised else "its declaration has no `raises`"
                self.expressions.problems.report(codes.TYPE_MISMATCH, error.span, message, help=help)

    def _send(self, send: ast.Send, env: Env) -> None:
        if send.after is not None:
            self.expressions.check(send.after, env, DURATION, "the time of an event")
        name = send.event.callee if isinstance(send.event, ast.Call) else send.event
        path = _qualified(name)
        found = path and self.expressions.lookup.qualified(path, "event")
        if isinstance(found, EventName) and isinstance(send.event, ast.Call):
            parameters = fields_as_parameters(found.fields)
            self.expressions.arguments(send.event, env, parameters, f"`{found.declared.name}`")
        elif path is None or found is not None:
            message = "`send` takes an event with its fields"
            self.expressions.problems.report(
                codes.WRONG_KIND, send.event.span, message, help="write `send Paid(…)`"
            )

    def _run(self, run: ast.Run, env: Env) -> Value:
        wanted = "`run` takes a call of a flow"
        target = self.blocks.tasks.called(run.call, env) if isinstance(run.call, ast.Call) else None
        if target is None or target.kind != "flow" or not isinstance(run.call, ast.Call):
            found = self.expressions.infer(run.call, env) if target is None else UNKNOWN
            if not is_poison(found) or target is not None:
                names = self.expressions.lookup.names
                flow = next((name for name, found in names.items() if is_flow(found)), "brief")
                help = f"write `run {run.name.name} = {flow}(…)`"
                self.expressions.problems.report(codes.WRONG_KIND, run.call.span, wanted, help=help)
            return self.expressions.local(run.name, "let", UNKNOWN)
        outcome = self.blocks.tasks.task(run.call, env)
        if run.fails is None:
            return self.expressions.local(run.name, "let", outcome.type)
        error = self.expressions.lookup.error(run.fails)
        fields = [error[1]] if error else []
        if error is not None:
            self._may_fail(run, run.fails, error[0], target)
        return self.expressions.local(run.name, "let", builtins.failure_type(fields))

    def _may_fail(self, run: ast.Run, name: ast.QualifiedName, error: ErrorRef, flow: Callable) -> None:
        """A built-in error may always leave a flow, a declared one only if something in it raises it. What
        is called in it by a wrong name may raise anything."""
        if not error.module or error in flow.raises or contains(flow.result, UNKNOWN):
            return
        message = f"`{flow.declared.name}` never fails with `{name.text}`"
        raised = ", ".join(f"`{self.expressions.lookup.written(e)}`" for e in in_order(flow.raises))
        help = (
            f"it may fail with {raised}, or with a built-in error"
            if raised
            else "it raises no declared error"
        )
        self.expressions.problems.report(codes.TYPE_MISMATCH, name.span, message, help=help)


def is_flow(found: object) -> bool:
    return isinstance(found, Callable) and found.kind == "flow"


def _qualified(tree: ast.Expr) -> ast.QualifiedName | None:
    """A name with the modules before it, where an expression is one."""
    match tree:
        case ast.Name(name=text):
            return ast.QualifiedName(tree.id, tree.span, None, ast.Ident(tree.id, tree.span, text))
        case ast.Member(target=ast.Name(name=alias) as target, name=name):
            module = ast.Ident(target.id, target.span, alias)
            return ast.QualifiedName(tree.id, tree.span, module, name)
        case ast.Member(target=target, name=name) if around := _qualified(target):
            return ast.QualifiedName(tree.id, tree.span, around, name)
        case _:
            return None
