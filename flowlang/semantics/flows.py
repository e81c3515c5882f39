"""Check flows: what is inside of them. Gives the flow's interface.

What may come of a flow is found from inside: its escaping errors, its effect, its waits. So a flow is
checked after the flows that it calls."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from flowlang.semantics.blocks import Blocks
from flowlang.semantics.declare import Declarer, report_duplicate
from flowlang.semantics.expressions import Expressions
from flowlang.semantics.facts import Callable, ErrorRef, Parameter
from flowlang.semantics.mentions import mentions
from flowlang.semantics.reach import Reach, in_order
from flowlang.semantics.scope import Env
from flowlang.semantics.types import UNKNOWN, Type, is_optional, is_poison, show
from flowlang.syntax import ast
from flowlang.text import codes


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
