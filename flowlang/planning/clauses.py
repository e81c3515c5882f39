"""What a plan says around a step -> clauses.

condition            when             retry_policy       retry, with one attempt less
dependencies         after            idempotency_key    key
timeout              timeout          fallback           catch
                                      undo               undo"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import attrs

from flowlang.planning.agents import Agents, KnownAgent
from flowlang.planning.document import Mapping, Node, Scalar
from flowlang.planning.expressions import Scope
from flowlang.planning.model import AgentStep, RetryPolicy
from flowlang.planning.reading import Part
from flowlang.planning.values import Values
from flowlang.semantics.suggest import way_out
from flowlang.semantics.types import Type
from flowlang.syntax import ast
from flowlang.text import codes

CallOf: TypeAlias = Callable[[Mapping, Scope], ast.Expr]

ONE_SECOND = 1_000_000


@attrs.frozen(eq=False)
class Clauses:
    values: Values
    agents: Agents
    call: CallOf

    def about_steps(self, part: Part[AgentStep], scope: Scope) -> tuple[ast.Clause, ...]:
        """What holds for a step as a whole."""
        return tuple(self._about_steps(part, scope))

    def about_calls(self, part: Part[AgentStep], name: str, scope: Scope) -> tuple[ast.Clause, ...]:
        """What holds for one call, or one round of a group. `name` is what its value is called in `undo`."""
        return tuple(self._about_calls(part, name, scope))

    def _about_steps(self, part: Part[AgentStep], scope: Scope) -> Iterator[ast.Clause]:
        make, says = self.values.expressions.make, part.says
        if says.condition is not None:
            at = part.at("condition")
            yield make(ast.When, at.span, self.values.expression(at, scope), None)
        if says.dependencies:
            names = tuple(self._dependencies(part, scope))
            if names:
                yield make(ast.After, part.at("dependencies").span, names)
        if says.timeout is not None:
            at = part.at("timeout")
            yield make(ast.Timeout, at.span, self.values.time(at), False)

    def _dependencies(self, part: Part[AgentStep], scope: Scope) -> Iterator[ast.Ident]:
        for index, id in enumerate(part.says.dependencies):
            at = part.at("dependencies", index)
            if id == part.says.step_id:
                message, help = f"the step `{id}` cannot wait for itself", "drop this dependency"
                self.values.expressions.problems.report(codes.CYCLE, at.span, message, help=help)
            elif id in scope.steps:
                assert isinstance(at, Scalar)
                yield self.values.expressions.make.ident(at.inside, scope.steps[id])
            else:
                self._unknown(at, f"there is no step `{id}` in sight", scope.steps)

    def _about_calls(self, part: Part[AgentStep], name: str, scope: Scope) -> Iterator[ast.Clause]:
        make, says = self.values.expressions.make, part.says
        if says.idempotency_key is not None:
            at = part.at("idempotency_key")
            yield make(ast.Key, at.span, self.values.value(at, scope))
        if says.retry_policy is not None and (retry := self._retry(part, says.retry_policy)):
            yield retry
        if says.fallback is not None:
            at = part.at("fallback")
            errors = self._errors(part, says.fallback.on, ("fallback", "on"))
            yield make(ast.Catch, at.span, errors, None, self._instead(part, scope))
        if says.undo is not None:
            at = part.at("undo")
            assert isinstance(at, Mapping)
            yield make(ast.Undo, at.span, self.call(at, scope.with_steps({says.step_id: name})))

    # Retry

    def _retry(self, part: Part[AgentStep], policy: RetryPolicy) -> ast.Retry | None:
        at = part.at("retry_policy").span
        self._jitter(part, policy)
        if policy.max_retries == 1:
            return None
        make = self.values.expressions.make
        count = policy.max_retries - 1
        times = make(ast.IntLiteral, part.at("retry_policy", "max_retries").span, count, str(count))
        errors = self._errors(part, policy.retry_on, ("retry_policy", "retry_on"))
        return make(ast.Retry, at, times, errors, self._backoff(part, policy), None, None)

    def _backoff(self, part: Part[AgentStep], policy: RetryPolicy) -> ast.Backoff | None:
        make = self.values.expressions.make
        if not {"backoff_type", "initial_delay", "max_delay"} & policy.model_fields_set:
            return None
        at = part.at("retry_policy").span
        initial: ast.Expr = make(ast.DurationLiteral, at, ONE_SECOND, "1s")
        if policy.initial_delay is not None:
            initial = self.values.time(part.at("retry_policy", "initial_delay"))
        maximum = None
        if policy.max_delay is not None:
            maximum = self.values.time(part.at("retry_policy", "max_delay"))
        shape = None if policy.backoff_type == "exponential" else policy.backoff_type
        return make(ast.Backoff, at, shape, initial, maximum)

    def _jitter(self, part: Part[AgentStep], policy: RetryPolicy) -> None:
        has_jitter = policy.backoff_type == "exponential"
        if policy.jitter is None or policy.jitter == has_jitter:
            return
        message = f"a {policy.backoff_type} backoff has {'full' if has_jitter else 'no'} jitter"
        help = "drop `jitter`, or choose another `backoff_type`"
        at = part.at("retry_policy", "jitter").span
        self.values.expressions.problems.report(codes.BAD_PLAN, at, message, help=help)

    # Fallback

    def _instead(self, part: Part[AgentStep], scope: Scope) -> ast.Expr:
        at = part.at("fallback")
        assert isinstance(at, Mapping)
        if at.get("agent_id") is not None:
            return self.call(at, scope)
        return self.values.value(part.at("fallback", "value"), scope, self._result(part))

    def _result(self, part: Part[AgentStep]) -> Type | None:
        """What the agent of a step gives, so that a value in its place can be read as that."""
        agent = self.agents.find(part.says.agent_id) if part.says.agent_id else None
        return agent.callable.result if isinstance(agent, KnownAgent) and agent.callable else None

    def _errors(
        self, part: Part[AgentStep], names: Iterable[str], path: tuple[str, ...]
    ) -> tuple[ast.QualifiedName, ...]:
        make = self.values.expressions.make
        found: list[ast.QualifiedName] = []
        for index, name in enumerate(names):
            at = part.at(*path, index)
            known = self.agents.error(name)
            if known is None:
                self._unknown(at, f"there is no error `{name}`", self.agents.errors())
            else:
                found.append(make.qualified(at.span, *known))
        return tuple(found)

    def _unknown(self, at: Node, message: str, known: Iterable[str]) -> None:
        assert isinstance(at, Scalar)
        guessed = self.values.expressions.guesses.among(known)
        help, fix = way_out(str(at.value), at.inside, guessed, list_as="there is")
        self.values.expressions.problems.report(codes.UNKNOWN_NAME, at.span, message, help=help, fix=fix)
