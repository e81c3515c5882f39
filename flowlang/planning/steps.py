"""Steps of a plan -> statements of a block.

    agent_id                    step NAME = agent(…)
    steps                       step NAME = do { … yield { a, b } }
    loop, for_each              step NAME = for each item in … { … yield … }
    loop, while                 step NAME = while …, at most n times, from NAME = null { … next … }

What is about a call (`retry_policy`, `fallback`, `undo`, `idempotency_key`) belongs, in a loop over an agent,
to each of its calls; what is about the step (`condition`, `dependencies`, `timeout`) to the whole of it. The
state of a `while` has the name of its step, so that within it `results.STEP` is the last round's result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import attrs

from flowlang.planning.agents import Agents, KnownAgent, NoAgent
from flowlang.planning.clauses import Clauses
from flowlang.planning.declarations import Breaker, UsedAgents
from flowlang.planning.document import Mapping, Node, Scalar
from flowlang.planning.expressions import Scope
from flowlang.planning.model import AgentStep, ForEach, Strategy, While
from flowlang.planning.names import as_name, unique
from flowlang.planning.reading import Part, Step
from flowlang.planning.trees import Maker
from flowlang.planning.values import Values
from flowlang.syntax import ast
from flowlang.syntax.mistakes.characters import REFUSED
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Fix, Label, Problems
from flowlang.text.source import Span

End: TypeAlias = type[ast.Return] | type[ast.Yield] | type[ast.Next]


@attrs.frozen(eq=False)
class Steps:
    """`taken` are names that no value may have: the aliases of the module."""

    values: Values
    agents: Agents
    used: UsedAgents
    taken: frozenset[str]

    @property
    def make(self) -> Maker:
        return self.values.expressions.make

    @property
    def problems(self) -> Problems:
        return self.values.expressions.problems

    @property
    def clauses(self) -> Clauses:
        return Clauses(self.values, self.agents, self.call)

    def body(
        self, steps: Sequence[Step], holder: Mapping, strategy: Strategy | None, scope: Scope, end: End
    ) -> ast.Block:
        """The block of some steps, which ends with what they are for."""
        names = self.names(steps, scope)
        inner = scope.with_steps(names)
        statements: list[ast.Step | ast.Broken] = []
        seen = set(scope.ids)
        for step in steps:
            id = None if step.name is None else str(step.name.value)
            statements.append(self.statement(step, inner, again=id in seen))
            seen.update({id} if id is not None else ())
        last = self.end(holder, [s.name.name for s in statements if s.name is not None], inner, end)
        return self.make(ast.Block, holder.span, (*statements, last), strategy == "sequential")

    def names(self, steps: Sequence[Step], scope: Scope) -> dict[str, str]:
        """The language's names of steps, by id. Ids that are names come first, since they keep them."""
        firsts: dict[str, Scalar] = {}
        for step in steps:
            if step.name is not None:
                self.declare(step.name, firsts, scope)
        taken = scope.names() | self.taken
        names: dict[str, str] = {}
        for id in sorted(firsts, key=lambda id: as_name(id, "step") != id):
            names[id] = unique(as_name(id, "step"), taken)
            taken.add(names[id])
        return names

    def declare(self, name: Scalar, firsts: dict[str, Scalar], scope: Scope) -> None:
        id = str(name.value)
        if id not in firsts and id not in scope.ids:
            firsts[id] = name
            return
        related = (Label(firsts[id].span, "the first one"),) if id in firsts else ()
        message = f"there are two steps with the id `{id}`"
        help = "give one of them another id"
        self.problems.report(codes.DUPLICATE_NAME, name.span, message, related=related, help=help)

    def end(self, holder: Mapping, names: Sequence[str], scope: Scope, end: End) -> ast.Statement:
        """`return { a, b }`, or what `output` says."""
        output = holder.get("output")
        if output is not None and not (isinstance(output, Scalar) and output.value is None):
            value = self.values.value(output, scope)
        else:
            at = Span(holder.span.end, holder.span.end)
            entries = tuple(
                self.make(ast.Entry, at, self.make.ident(at, name), self.make.name(at, name), True)
                for name in names
            )
            value = self.make(ast.RecordLiteral, at, entries)
        return self.ending(end, value.span, value)

    def ending(self, end: End, span: Span, task: ast.Task) -> ast.Statement:
        if end is ast.Return:
            return self.make(ast.Return, span, task, None)
        return self.make(ast.Yield, span, task) if end is ast.Yield else self.make(ast.Next, span, task)

    # One step

    def statement(self, step: Step, scope: Scope, again: bool) -> ast.Step | ast.Broken:
        """A step as a statement. One whose id has been used, or that has the wrong shape, is broken."""
        if step.part is None or step.name is None or again:
            name = None if again or step.name is None else self.ident(step.name, scope)
            return self.make(ast.Broken, step.node.span, "step", name)
        name, says = self.ident(step.name, scope), step.part.says
        own = self.clauses.about_steps(step.part, scope)
        match says.loop:
            case ForEach() as loop:
                task: ast.Task = self.for_each(step, step.part, loop, scope)
            case While() as loop:
                task = self.while_(step, step.part, loop, name, scope)
            case None:
                task, more = self.once(step, step.part, name.name, scope)
                own = (*own, *more)
        doc = documentation(says.description or says.task_type)
        return self.make(ast.Step, step.node.span, name, None, task, own, doc)

    def ident(self, id: Scalar, scope: Scope) -> ast.Ident:
        return self.make.ident(id.inside, scope.steps[str(id.value)])

    def once(
        self, step: Step, part: Part[AgentStep], name: str, scope: Scope
    ) -> tuple[ast.Task, tuple[ast.Clause, ...]]:
        """The call of a step or, of a group, its block, with the clauses that are about it."""
        clauses = self.clauses.about_calls(part, name, scope)
        if part.says.agent_id is not None:
            return self.call_of(part, scope), clauses
        block = self.body(step.steps, part.node, part.says.strategy, scope, ast.Yield)
        return self.make(ast.Do, part.node.span, block), clauses

    def for_each(self, step: Step, part: Part[AgentStep], loop: ForEach, scope: Scope) -> ast.ForEach:
        at = part.at("loop")
        item = unique(as_name(loop.item, "item"), {*scope.steps.values(), *self.taken})
        named = part.node.get("loop")
        written = named.get("item") if isinstance(named, Mapping) else None
        first = self.make.ident((written or at).span, item)
        source = self.values.expression(part.at("loop", "items"), scope)
        at_once = None
        if loop.max_parallel is not None and loop.max_parallel > 1:
            at_once = self.number(part.at("loop", "max_parallel").span, loop.max_parallel)
        body = self.round(step, part, scope.with_item(loop.item, item), ast.Yield)
        in_order = loop.max_parallel == 1
        return self.make(ast.ForEach, at.span, first, None, source, None, at_once, in_order, None, body)

    def while_(
        self, step: Step, part: Part[AgentStep], loop: While, name: ast.Ident, scope: Scope
    ) -> ast.While:
        at = part.at("loop").span
        condition = self.values.expression(part.at("loop", "condition"), scope)
        limit = self.number(part.at("loop", "max_iterations").span, loop.max_iterations)
        state, initial = self.make.ident(name.span, name.name), self.make(ast.NullLiteral, at)
        body = self.round(step, part, scope, ast.Next)
        return self.make(ast.While, at, condition, limit, False, None, state, None, initial, body)

    def round(self, step: Step, part: Part[AgentStep], scope: Scope, end: End) -> ast.Block:
        """The block of one round of a loop. What has clauses of its own is a step in it."""
        says, span = part.says, part.node.span
        has_clauses = says.retry_policy or says.fallback or says.undo or says.idempotency_key
        if not has_clauses and says.agent_id is None:
            return self.body(step.steps, part.node, says.strategy, scope, end)
        name = unique("call", scope.names() | self.taken | set(_ids_below(step)))
        task, clauses = self.once(step, part, name, scope)
        if not clauses:
            return self.make(ast.Block, span, (self.ending(end, span, task),), False)
        call = self.make(ast.Step, span, self.make.ident(span, name), None, task, clauses, None)
        last = self.ending(end, span, self.make.name(span, name))
        return self.make(ast.Block, span, (call, last), False)

    # Calls

    def call_of(self, part: Part[AgentStep], scope: Scope) -> ast.Expr:
        """The call of a step, whose agent may be given a circuit breaker by it."""
        call = self.call(part.node, scope)
        breaker = part.says.circuit_breaker
        agent = self.agents.find(str(part.says.agent_id))
        if breaker is not None and isinstance(agent, KnownAgent):
            at = part.at("circuit_breaker")
            reset = self.values.time(part.at("circuit_breaker", "reset_timeout"))
            self.used.guard(agent, Breaker(breaker.failure_threshold, reset, at.span))
        return call

    def call(self, node: Mapping, scope: Scope) -> ast.Expr:
        """The call that an object with `agent_id` and `parameters` describes."""
        at = node.get("agent_id")
        assert isinstance(at, Scalar)
        agent = self.agents.find(str(at.value))
        parameters = node.get("parameters")
        entries = parameters.entries if isinstance(parameters, Mapping) else ()
        arguments: list[ast.Argument] = []
        for entry in entries:
            known = agent.parameter(entry.name) if isinstance(agent, KnownAgent) else None
            value = self.values.value(entry.value, scope, known.type if known else None)
            span = entry.key.span
            key = self.make.ident(entry.key.inside, entry.name)
            arguments.append(self.make(ast.Argument, span.to(entry.value.span), key, value))
        if isinstance(agent, NoAgent):
            report_unknown(agent, at, self.problems)
            return self.make(ast.BrokenExpr, at.span)
        callee = self.used.callee(self.make, agent, at.span)
        return self.make(ast.Call, at.span, callee, tuple(arguments))

    def number(self, span: Span, value: int) -> ast.IntLiteral:
        return self.make(ast.IntLiteral, span, value, str(value))


def report_unknown(agent: NoAgent, at: Node, problems: Problems) -> None:
    code = codes.NOT_ALLOWED if agent.forbidden else codes.UNKNOWN_NAME
    fix = None
    if agent.meant is not None and isinstance(at, Scalar):
        fix = Fix(f"write `{agent.meant}`", (Edit(at.inside, agent.meant),))
    problems.report(code, at.span, agent.message, help=agent.help, fix=fix)


def documentation(text: str | None) -> str | None:
    """A text as documentation: lines that a comment can hold."""
    lines = [REFUSED.sub("", line).rstrip() for line in (text or "").replace("\r", "\n").split("\n")]
    return "\n".join(lines).strip("\n") or None


def _ids_below(step: Step) -> Iterator[str]:
    for inner in step.steps:
        if inner.name is not None:
            yield as_name(str(inner.name.value), "step")
        yield from _ids_below(inner)
