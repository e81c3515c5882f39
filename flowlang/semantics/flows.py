"""Check flows and tests: the declarations with something inside. Gives the flow's interface.

What may come of a flow is found from inside: its escaping errors, its effect, its waits. So a flow is
checked after the flows that it calls."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from flowlang.semantics import builtins
from flowlang.semantics.blocks import Blocks
from flowlang.semantics.declare import Declarer, report_duplicate
from flowlang.semantics.expressions import Expressions
from flowlang.semantics.facts import Callable, ErrorRef, EventName, Parameter, fields_as_parameters
from flowlang.semantics.mentions import mentions
from flowlang.semantics.reach import Reach, in_order
from flowlang.semantics.scope import Env, Value
from flowlang.semantics.types import BOOL, DURATION, UNKNOWN, Type, is_optional, is_poison, show
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Label


def signature_of(declarer: Declarer, tree: ast.FlowDecl) -> Callable:
    """What a flow promises by its signature alone."""
    return Callable(
        declarer.declared,
        "flow",
        declarer.parameters(tree.signature),
        declarer.result(tree.signature),
        declarer.raises(tree.signature),
        None,
        False,
    )


def check_flow(declarer: Declarer, expressions: Expressions, tree: ast.FlowDecl, *, lint: bool) -> Callable:
    """Check a flow's body. `lint`: its text parsed, so what nothing mentions may really be unused; where
    there are mistakes, what is not used may be what was meant."""
    promised = signature_of(declarer, tree)
    defaults(expressions, promised.parameters)
    values = [
        expressions.local(param.name, "param", parameter.type)
        for param, parameter in zip(tree.signature.params, promised.parameters, strict=False)
    ]
    env = Env(deadline=bool(tree.policies)).with_values(*values)
    _policies(expressions, tree, env)
    blocks = Blocks(expressions, f"the result of `{tree.name.name}`")
    body = blocks.block(tree.body, env, "flow", promised.result)
    _returns(expressions, tree, promised.result)
    _escaping(expressions, tree, promised, body.reach)
    if lint and not expressions.problems.has_errors:
        _unused(expressions, tree, blocks)
    return attrs.evolve(
        promised,
        result=_result(expressions, tree, promised.result),
        raises=promised.raises if tree.signature.raises is not None else body.reach.errors,
        effect=body.reach.effect,
        exposed=body.reach.exposed,
        waits=body.reach.waits,
    )


def defaults(expressions: Expressions, parameters: Iterable[Parameter]) -> None:
    """Check default values: constants of the parameter's type, which see no other name."""
    for parameter in parameters:
        if parameter.default is None:
            continue
        what = f"the default of `{parameter.name}`"
        name = next(iter(mentions(parameter.default).values()), None)
        if name is None:
            expressions.check(parameter.default, Env(), parameter.type, what)
        else:
            message, help = (
                f"{what} mentions a name, but it must be a constant",
                "make it optional, and give the value in the flow: `… ?? …`",
            )
            expressions.problems.report(codes.NOT_A_CONSTANT, name.span, message, help=help)


def _policies(expressions: Expressions, tree: ast.FlowDecl, env: Env) -> None:
    for policy in tree.policies:
        expressions.duration(policy.duration, env, "a timeout")
        if policy.per_attempt:
            message, help = "a flow has no attempts of its own", "write `timeout …` without `per attempt`"
            expressions.problems.report(codes.BAD_POLICY, policy.span, message, help=help)
    if len(tree.policies) > 1:
        report_duplicate(expressions.problems, tree.policies[1], "timeout", tree.policies[0])


def _returns(expressions: Expressions, tree: ast.FlowDecl, result: Type) -> None:
    """A flow that promises a value ends with a `return` (or a `fail`)."""
    ends = any(isinstance(s, ast.Return | ast.Fail) and s.when is None for s in tree.body.statements)
    broken = any(isinstance(s, ast.Broken) for s in tree.body.statements)
    if ends or broken or is_optional(result) or is_poison(result) or tree.signature.result is None:
        return
    message = f"`{tree.name.name}` promises `{show(result)}`, but its end gives nothing"
    help = "end it with an unconditional `return …`"
    expressions.problems.report(codes.TYPE_MISMATCH, tree.signature.result.span, message, help=help)


def _result(expressions: Expressions, tree: ast.FlowDecl, promised: Type) -> Type:
    """What a flow gives: what it promises, or what is returned where it leaves that open."""
    if not isinstance(tree.signature.result, ast.InferredType):
        return promised
    last = next((s for s in reversed(tree.body.statements) if isinstance(s, ast.Return)), None)
    return expressions.tables.types.get(last.task.id, UNKNOWN) if last else promised


def _escaping(expressions: Expressions, tree: ast.FlowDecl, promised: Callable, reach: Reach) -> None:
    """With a written `raises`, every other declared error must be caught."""
    if tree.signature.raises is None:
        return
    for error in in_order(reach.errors - promised.raises):
        at = _raising(expressions, tree.body, error)
        name = expressions.lookup.written(error)
        message = f"`{name}` may leave this flow, but its `raises` does not list it"
        help = f"catch it, `catch {name} -> …`, or add it to `raises`"
        expressions.problems.report(codes.UNHANDLED_ERROR, at.span, message, help=help)


def _raising(expressions: Expressions, body: ast.Block, error: ErrorRef) -> ast.Node:
    for statement in body.statements:
        facts = expressions.tables.statements.get(statement.id)
        if facts is not None and error in facts.errors:
            return getattr(statement, "name", statement)
    return body


def _unused(expressions: Expressions, tree: ast.FlowDecl, blocks: Blocks) -> None:
    for param in tree.signature.params:
        if param.name.id not in expressions.read and not param.name.name.startswith("_"):
            message = f"the parameter `{param.name.name}` is never used"
            help = f"drop it, or call it `_{param.name.name}`"
            expressions.problems.report(codes.UNUSED, param.name.span, message, help=help)
    seen: set[int] = set()
    for name, what in blocks.reads:
        if name.id in expressions.read or name.id in seen or name.name.startswith("_"):
            continue
        seen.add(name.id)
        message = f"`{name.name}` is never used"
        if what == "step":
            message += ", and the step changes nothing"
        expressions.problems.report(
            codes.UNUSED, name.span, message, help=f"drop it, or call it `_{name.name}`"
        )


def check_test(expressions: Expressions, tree: ast.TestDecl) -> None:
    """Check a test: stubs against signatures, the run against the flow, and what it expects."""
    test = _Test(expressions, Blocks(expressions))
    env = Env(deadline=True)
    for statement in tree.statements:
        env = test.statement(statement, env)


@attrs.frozen(eq=False)
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
        agent = self.expressions.lookup.qualified(given.agent, "agent")
        if agent is not None and not (isinstance(agent, Callable) and agent.kind != "flow"):
            what = "`given` answers an agent or an ask"
            help = "a flow runs as it is; answer the agents that it calls" if is_flow(agent) else None
            self.expressions.lookup.wrong_kind(given.agent, agent, codes.WRONG_KIND, what, help)
        target = agent if isinstance(agent, Callable) else None
        inner = env.with_values(*self._parameters(given, target)) if target else env
        if given.after is not None:
            self.expressions.check(given.after, env, DURATION, "the time of an answer")
        if given.when is not None:
            self.expressions.check(given.when, inner, BOOL, "`when`")
        if given.answer is not None:
            wanted = target.result if target else UNKNOWN
            self.expressions.check(given.answer, inner, wanted, f"the answer of `{given.agent.text}`")
        if given.fails is not None:
            self._fails(given, given.fails, inner, target)

    def _parameters(self, given: ast.Given, target: Callable) -> list[Value]:
        """The arguments of a call, by name, for answers that depend on them."""
        return [
            self.expressions.local(ast.Ident(-2 - i, given.agent.span, p.name), "param", p.type)
            for i, p in enumerate(target.parameters)
        ]

    def _fails(self, given: ast.Given, error: ast.Expr, env: Env, target: Callable | None) -> None:
        if isinstance(error, ast.Name):
            error = ast.Call(error.id, error.span, error, ())
        outcome = self.blocks.tasks.fail(error, env)
        for ref in outcome.reach.errors:
            if target is not None and ref not in target.raises:
                message = f"`{given.agent.text}` never raises `{ref.name}`"
                raised = ", ".join(f"`{self.expressions.lookup.written(e)}`" for e in in_order(target.raises))
                help = f"it raises {raised}" if raised else "its declaration has no `raises`"
                self.expressions.problems.report(codes.TYPE_MISMATCH, error.span, message, help=help)

    def _send(self, send: ast.Send, env: Env) -> None:
        if send.after is not None:
            self.expressions.check(send.after, env, DURATION, "the time of an event")
        name = send.event.callee if isinstance(send.event, ast.Call) else send.event
        found = self._event(name)
        if isinstance(found, EventName) and isinstance(send.event, ast.Call):
            parameters = fields_as_parameters(found.fields)
            self.expressions.arguments(send.event, env, parameters, f"`{found.declared.name}`")
        elif found is not None or not isinstance(name, ast.Name | ast.Member):
            message = "`send` takes an event with its fields"
            self.expressions.problems.report(
                codes.WRONG_KIND, send.event.span, message, help="write `send Paid(…)`"
            )

    def _event(self, name: ast.Expr) -> object:
        lookup = self.expressions.lookup
        match name:
            case ast.Name(name=text):
                return lookup.qualified(_qualified(name, None, text), "event")
            case ast.Member(target=ast.Name(name=alias), name=member):
                return lookup.qualified(_qualified(name, alias, member.name), "event")
        return None

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
        return self.expressions.local(run.name, "let", builtins.failure_type(fields))


def is_flow(found: object) -> bool:
    return isinstance(found, Callable) and found.kind == "flow"


def _qualified(at: ast.Node, module: str | None, name: str) -> ast.QualifiedName:
    alias = None if module is None else ast.Ident(at.id, at.span, module)
    return ast.QualifiedName(at.id, at.span, alias, ast.Ident(at.id, at.span, name))
