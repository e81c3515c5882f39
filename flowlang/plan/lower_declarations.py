"""Lower declarations: signatures, and agents with their policies folded to numbers."""

from __future__ import annotations

from collections.abc import Iterable

from flowlang.plan import model as plan
from flowlang.plan.lower_expressions import Expressions
from flowlang.plan.lower_tasks import Tasks
from flowlang.plan.model import ATTEMPT_TIMEOUT
from flowlang.semantics.constants import fold
from flowlang.semantics.facts import Callable, Parameter
from flowlang.syntax import ast


def lower_parameters(parameters: Iterable[Parameter], lowering: Expressions) -> tuple[plan.Parameter, ...]:
    """Parameters with their defaults; one that is not required and has none is filled in by its provider."""
    return tuple(
        plan.Parameter(
            name=p.name,
            type=lowering.naming.type(p.type),
            required=p.required,
            default=lowering.lower(p.default) if p.default is not None else None,
            doc=p.doc,
        )
        for p in parameters
    )


def lower_agent(tree: ast.AgentDecl, agent: Callable, tasks: Tasks) -> plan.Agent:
    """An agent or an ask with its policies. Whoever is asked may take any time; a call ends."""
    lowering = tasks.expressions
    policies = {type(policy): policy for policy in tree.policies}
    match policies.get(ast.Timeout):
        case ast.Timeout(duration=duration):
            timeout: int | None = _number(duration)
        case _:
            timeout = None if tree.asks else ATTEMPT_TIMEOUT
    retry, cache = policies.get(ast.Retry), policies.get(ast.Cache)
    return plan.Agent(
        asks=tree.asks,
        parameters=lower_parameters(agent.parameters, lowering),
        result=lowering.naming.type(agent.result),
        raises=tasks.error_names(agent.raises),
        effect=agent.effect,
        timeout=timeout,
        retry=tasks.retry(retry) if isinstance(retry, ast.Retry) else None,
        limits=_limits(policies.get(ast.Limit)),
        breaker=_breaker(policies.get(ast.Breaker)),
        cache=_number(cache.duration) if isinstance(cache, ast.Cache) else None,
        at=lowering.places.of(tree),
        doc=tree.doc,
    )


def lower_used_agent(tree: ast.Use, agent: Callable, tasks: Tasks) -> plan.Agent:
    """An agent of a `use`: its signature comes from a provider, named for whoever links the plan."""
    assert agent.provider is not None
    kind, target = agent.provider
    lowering = tasks.expressions
    return plan.Agent(
        parameters=lower_parameters(agent.parameters, lowering),
        result=lowering.naming.type(agent.result),
        raises=tasks.error_names(agent.raises),
        effect=agent.effect,
        timeout=ATTEMPT_TIMEOUT,
        provider=plan.Provider(
            kind=kind, target=target, path=lowering.places.source.path, member=agent.declared.name
        ),
        at=lowering.places.of(tree),
        doc=agent.declared.doc,
    )


def _limits(policy: ast.Policy | None) -> tuple[plan.Quota, ...]:
    if not isinstance(policy, ast.Limit):
        return ()
    return tuple(
        plan.Quota(
            count=_number(quota.count),
            window=_number(quota.window) if isinstance(quota, ast.PerWindow) else None,
        )
        for quota in policy.quotas
    )


def _breaker(policy: ast.Policy | None) -> plan.Breaker | None:
    if not isinstance(policy, ast.Breaker):
        return None
    return plan.Breaker(
        failures=_number(policy.failures), within=_number(policy.within), reset=_number(policy.reset)
    )


def _number(expr: ast.Expr) -> int:
    """A count, or a duration in microseconds."""
    constant = fold(expr)
    assert constant is not None, "the checker lets only constants be policies"
    return constant.value
