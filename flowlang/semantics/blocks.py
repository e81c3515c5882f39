"""Check blocks: read the graph off the names, then check statements in an order that it allows.

A statement depends on the statements of its block that it mentions and on the nearest barrier above it. A
component of more than one statement is a cycle; it is reported once and its names are poison. Conditions
of barriers are known below them, so statements below see narrowed types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import attrs

from flowlang.semantics import types
from flowlang.semantics.expressions import Expressions
from flowlang.semantics.facts import Callable, Local, StepFacts
from flowlang.semantics.mentions import Mentions, mentions
from flowlang.semantics.order import components, cycle_in, is_cycle, shortened
from flowlang.semantics.placing import DeclaredNames, check_places, declare, declared_name, is_barrier
from flowlang.semantics.reach import NOWHERE, Outcome, Reach, join_reaches
from flowlang.semantics.scope import Env, Names, Value
from flowlang.semantics.steps import CheckedStep, Steps
from flowlang.semantics.suggest import way_out
from flowlang.semantics.tasks import BlockKind, Tasks
from flowlang.semantics.types import NEVER, NULL, STRING, UNKNOWN, Type
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Fix, Label
from flowlang.text.source import Span

CYCLE_LABELS = 4  # places of a cycle that are shown


@attrs.define(eq=False, repr=False)
class Blocks:
    expressions: Expressions
    promised: str = "the result"  # what the result of the flow is called in messages
    tasks: Tasks = attrs.field(init=False)
    steps: Steps = attrs.field(init=False)
    reads: list[tuple[ast.Ident, str]] = attrs.field(factory=list)  # lets and steps that only read

    def __attrs_post_init__(self) -> None:
        self.tasks = Tasks(self.expressions, self.block)
        self.steps = Steps(self.expressions, self.tasks)

    def block(self, block: ast.Block, env: Env, kind: BlockKind, wanted: Type | None) -> Outcome:
        """Check a block; the outcome's type is that of its result, null without one."""
        return _Block(self, block, kind, wanted).check(env)

    def note_read(self, name: ast.Ident, what: str) -> None:
        self.reads.append((name, what))


@attrs.define(eq=False, repr=False)
class _Block:
    blocks: Blocks
    block: ast.Block
    kind: BlockKind
    wanted: Type | None
    depends: dict[int, list[int]] = attrs.field(factory=dict)  # statement index -> indices
    barriers: dict[int, int] = attrs.field(factory=dict)  # statement index -> the nearest barrier above
    names: DeclaredNames = attrs.field(factory=DeclaredNames)
    waves: dict[int, int] = attrs.field(factory=dict)
    results: list[Type] = attrs.field(factory=list)
    reaches: list[Reach] = attrs.field(factory=list)

    @property
    def expressions(self) -> Expressions:
        return self.blocks.expressions

    @property
    def statements(self) -> tuple[ast.Statement, ...]:
        return self.block.statements

    def check(self, env: Env) -> Outcome:
        self.names = declare(self.statements, env, self.expressions)
        free = [mentions(statement) for statement in self.statements]
        check_places(self.block, self.kind, self.expressions.problems)
        values: dict[str, Value] = {}
        self._depend(free, values)
        inner = attrs.evolve(env, names=Names(values, env.names))
        self._settle(self._order(free, values), inner, values)
        outcome = Outcome(self._result(), join_reaches(self.reaches))
        self._ensure(inner, outcome.type)
        return outcome

    # Order

    def _depend(self, free: list[Mentions], values: dict[str, Value]) -> None:
        barrier: int | None = None
        for index, statement in enumerate(self.statements):
            named = [self.names.indices[name] for name in free[index] if name in self.names.indices]
            if isinstance(statement, ast.Ensure):
                named = []
            elif index in named and self._is_doubtful(statement):
                named.remove(index)  # it may well mean the outer one
            before = []
            if barrier is not None:
                self.barriers[index] = barrier
                before = [barrier]
            if self.block.in_order:
                before = [index - 1] if index > 0 else []
                named = self._above(index, named, free[index], values)
            self.depends[index] = list(dict.fromkeys(named + before))
            if is_barrier(statement):
                barrier = index

    def _is_doubtful(self, statement: ast.Statement) -> bool:
        name = declared_name(statement)
        return name is not None and name.name in self.names.doubtful

    def _above(self, index: int, named: list[int], free: Mentions, values: dict[str, Value]) -> list[int]:
        """In an ordered block a statement sees only what stands above it; a name from below is poisoned."""
        for name, at in free.items():
            if self.names.indices.get(name, -1) > index:
                message = f"`{name}` stands below, and this block is `in order`"
                help = "move it up, or drop `in order`"
                self.expressions.problems.report(codes.NAME_BELOW, at.span, message, help=help)
                below = self.statements[self.names.indices[name]]
                assert isinstance(below, ast.Step | ast.Let | ast.Broken) and below.name is not None
                values[name] = self.expressions.local(below.name, "step", UNKNOWN)
        return [i for i in named if i <= index]

    def _order(self, free: list[Mentions], values: dict[str, Value]) -> Iterator[int]:
        """Statement indices, each after those it depends on; cycles are reported and their names poisoned."""
        for component in components(self.depends):
            if is_cycle(component, self.depends):
                self._cycle(component, free)
                for index in component:
                    name = declared_name(self.statements[index])
                    if name is not None:
                        values[name.name] = self.expressions.local(name, "step", UNKNOWN)
            yield from sorted(component)

    def _cycle(self, component: list[int], free: list[Mentions]) -> None:
        way = cycle_in(component, self.depends)
        needs = [self._need(one, other, free) for one, other in pairwise(way)]
        names = [_title(self.statements[index]) for index in way]
        message = f"these wait for each other: {shortened(names, ' needs ')}"
        help = "one of them must do without the other"
        if len(way) == 2:
            message = f"{names[0]} waits for itself"
            help = "a step's own name can be used only in its `undo`"
            if isinstance(self.statements[way[0]], ast.Let):
                help = "it has no value yet; did you mean another name?"
        elif any(is_barrier(self.statements[i]) for i in way):
            help = "what stands below a barrier waits for it, so a barrier cannot mention it; move it above"
        first, *others = needs[:CYCLE_LABELS]
        label = first.text if others else ""
        self.expressions.problems.report(
            codes.CYCLE, first.span, message, label=label, help=help, related=tuple(others)
        )

    def _need(self, index: int, other: int, free: list[Mentions]) -> Label:
        """Where a statement of a cycle mentions the next one."""
        statement = self.statements[index]
        mentioned = (node for name, node in free[index].items() if self.names.indices.get(name) == other)
        at = next(mentioned, declared_name(statement) or statement)
        return Label(at.span, f"{_title(statement)} needs {_title(self.statements[other])}")

    # Statements

    def _settle(self, order: Iterable[int], env: Env, values: dict[str, Value]) -> None:
        """Check statements; below each barrier `env` has what it and those above it teach."""
        below: dict[int, Env] = {}
        for index in order:
            statement = self.statements[index]
            here = below.get(self.barriers.get(index, -1), env)
            self._wave(index)
            facts = self._statement(statement, here, values)
            if is_barrier(statement):
                below[index] = self._after_barrier(statement, here)
            if facts is not None:
                self._note(index, facts)

    def _wave(self, index: int) -> None:
        self.waves[index] = max(
            (self.waves.get(i, 0) + 1 for i in self.depends[index] if i != index), default=0
        )

    def _note(self, index: int, facts: StepFacts) -> None:
        depends = tuple(self.statements[i].id for i in self.depends[index] if i != index)
        self.expressions.tables.statements[self.statements[index].id] = attrs.evolve(
            facts, depends=depends, wave=self.waves[index]
        )

    def _statement(self, statement: ast.Statement, env: Env, values: dict[str, Value]) -> StepFacts | None:
        match statement:
            case ast.Step():
                return self._step(statement, env, values)
            case ast.Let():
                return self._let(statement, env, values)
            case ast.Return(task=task, when=when):
                return self._returning(task, when, env, self.wanted if self.kind == "flow" else None)
            case ast.Yield(task=task) | ast.Next(task=task):
                return self._returning(task, None, env, None)
            case ast.Fail(error=error, when=when):
                if when is not None:
                    self.expressions.condition(when, env, "`when`")
                    env = self.expressions.assuming(when, env)
                return self._reached(self.blocks.tasks.fail(error, env), skips=when is not None)
            case ast.Require(condition=condition, message=message):
                self._demand(condition, message, env, "`require`")
                return self._reached(Outcome(NULL), skips=False)
            case ast.Ensure():
                return self._reached(Outcome(NULL), skips=False)
            case ast.Broken(name=name):
                if name is not None:
                    values[name.name] = self.expressions.local(name, "step", UNKNOWN)
                return None

    def _step(self, step: ast.Step, env: Env, values: dict[str, Value]) -> StepFacts:
        self._after(step, env)
        checked = self.blocks.steps.step(step, env)
        self._provide(step.name, checked.local, values)
        self.reaches.append(checked.reach)
        if _only_reads(step, checked):
            self.blocks.note_read(step.name, "step")
        skips = any(isinstance(c, ast.When) for c in step.clauses)
        reach = checked.reach
        return StepFacts((), 0, checked.task, checked.value, reach.errors, reach.effect, skips)

    def _after(self, step: ast.Step, env: Env) -> None:
        for clause in step.clauses:
            if not isinstance(clause, ast.After):
                continue
            for name in clause.names:
                found = self._declaring(name.name)
                if isinstance(found, ast.Step | ast.Let | ast.Broken) and found.name is not None:
                    self.expressions.read.add(found.name.id)
                    self.expressions.tables.symbols[name.id] = Local(
                        name.name, "step", found.name.span, found.name.id
                    )
                elif env.names.find(name.name) is not None:
                    message = f"`{name.name}` is no step of this block, so it has settled already"
                    self.expressions.problems.report(codes.WRONG_KIND, name.span, message, help="drop it")
                else:
                    others = (n for n in self.names.indices if n != step.name.name)
                    known = self.expressions.lookup.guesses.among(others)
                    help, fix = way_out(name.name, name.span, known, list_as="there is")
                    message = f"there is no step `{name.name}` in this block"
                    self.expressions.problems.report(
                        codes.UNKNOWN_NAME, name.span, message, help=help, fix=fix
                    )

    def _declaring(self, name: str) -> ast.Statement | None:
        return self.statements[self.names.indices[name]] if name in self.names.indices else None

    def _let(self, let: ast.Let, env: Env, values: dict[str, Value]) -> StepFacts:
        called = self.blocks.tasks.called(let.value, env) if isinstance(let.value, ast.Call) else None
        if called is not None:
            found = self._step_in_let(let, called, env)
        elif let.annotation is None:
            found = self.expressions.infer(let.value, env)
        else:
            found = self.expressions.resolver.type(let.annotation)
            self.expressions.check(let.value, env, found, f"`{let.name.name}`")
        self.expressions.tables.types[let.id] = found
        why = self.expressions.why_missing(let.value) if types.is_optional(found) else None
        self._provide(let.name, self.expressions.local(let.name, "let", found, why), values)
        self.blocks.note_read(let.name, "let")
        return StepFacts((), 0, found, found, frozenset(), "pure", False)

    def _step_in_let(self, let: ast.Let, called: Callable, env: Env) -> Type:
        """Report a call that wants a `step`; its type is what the step would have."""
        kind = called.kind
        message = f"a `let` holds an expression, and {kind} calls are steps"
        fix = Fix("make it a step", (Edit(Span(let.span.start, let.span.start + len("let")), "step"),))
        help = f"write `step {let.name.name} = …`"
        self.expressions.problems.report(
            codes.CALL_IN_EXPRESSION, let.value.span, message, help=help, fix=fix
        )
        found = self.blocks.tasks.task(let.value, env).type
        return found

    def _provide(self, name: ast.Ident, value: Value, values: dict[str, Value]) -> None:
        """Make a value known by its name, where nothing else may be meant by it."""
        doubtful = name.name in self.names.doubtful
        values[name.name] = Value(value.local, UNKNOWN) if doubtful else value

    def _returning(self, task: ast.Task, when: ast.Expr | None, env: Env, promised: Type | None) -> StepFacts:
        if when is not None:
            self.expressions.condition(when, env, "`when`")
            env = self.expressions.assuming(when, env)
        outcome = self.blocks.tasks.task(task, env, self.wanted)
        if promised is not None:
            self._promised(task, outcome.type, promised)
        self.results.append(outcome.type)
        return self._reached(outcome, skips=when is not None)

    def _promised(self, task: ast.Task, found: Type, wanted: Type) -> None:
        """A flow's result must fit what its head says; without `->` that is null."""
        if wanted != NULL or types.fits(found, wanted):
            self.expressions.require(task, found, wanted, self.blocks.promised)
            return
        message = f"this flow promises no value, but this is `{types.brief(found)}`"
        help = f"say what it gives in its head: `flow …(…) -> {types.brief(found)}`"
        self.expressions.problems.report(codes.TYPE_MISMATCH, task.span, message, help=help)

    def _reached(self, outcome: Outcome, *, skips: bool) -> StepFacts:
        if outcome.reach is not NOWHERE:
            self.reaches.append(outcome.reach)
        reach = outcome.reach
        return StepFacts((), 0, outcome.type, outcome.type, reach.errors, reach.effect, skips)

    def _demand(self, condition: ast.Expr, message: ast.Expr | None, env: Env, what: str) -> None:
        self.expressions.condition(condition, env, what)
        if message is not None:
            self.expressions.check(
                message, self.expressions.assuming(condition, env, False), STRING, "the message"
            )

    def _after_barrier(self, statement: ast.Statement, env: Env) -> Env:
        match statement:
            case ast.Require(condition=condition):
                return self.expressions.assuming(condition, env)
            case ast.Return(when=ast.Node() as when) | ast.Fail(when=ast.Node() as when):
                return self.expressions.assuming(when, env, False)
        return env

    # The end

    def _result(self) -> Type:
        if self.kind == "flow":
            return self.wanted or NULL
        if self.results:
            return self.results[-1]
        last = self.statements[-1] if self.statements else None
        if isinstance(last, ast.Fail) and last.when is None:
            return NEVER
        if any(isinstance(statement, ast.Broken) for statement in self.statements):
            return UNKNOWN  # it may be what should have given the result
        if self.kind == "while":
            message, help = "a round of `while` must give the next state", "end the block with `next …`"
            end = Span(self.block.span.end - 1, self.block.span.end)
            self.expressions.problems.report(codes.MISPLACED_STATEMENT, end, message, help=help)
            return UNKNOWN
        return NULL

    def _ensure(self, env: Env, result: Type) -> None:
        for statement in self.statements:
            if isinstance(statement, ast.Ensure):
                own = Value(Local("result", "result", statement.span, -1), result)
                self._demand(statement.condition, statement.message, env.with_values(own), "`ensure`")


def _only_reads(step: ast.Step, checked: CheckedStep) -> bool:
    """Whether all that a step does is give a value, so that it is in vain where nothing mentions it."""
    reach = checked.reach
    cleans_up = any(isinstance(clause, ast.Undo | ast.Finally) for clause in step.clauses)
    acts = reach.effect not in ("pure", "read") or reach.waits or bool(reach.errors)
    return not (cleans_up or acts or checked.task == UNKNOWN)


def _title(statement: ast.Statement) -> str:
    name = declared_name(statement)
    if name is not None:
        return f"`{name.name}`"
    word = type(statement).__name__.lower()
    return f"the `{word} … when`" if is_barrier(statement) and word != "require" else f"the `{word}`"
