"""Check blocks: read the graph off the names, then check statements in an order that it allows.

A statement depends on the statements of its block that it mentions and on the nearest barrier above it. A
component of more than one statement is a cycle; it is reported once and its names are poison. Conditions
of barriers are known below them, so statements below see narrowed types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import attrs

from flowlang.semantics import builtins, types
from flowlang.semantics.expressions import Expressions
from flowlang.semantics.facts import Local, Namespace, StepFacts
from flowlang.semantics.lookup import declared_here
from flowlang.semantics.mentions import Mentions, mentions
from flowlang.semantics.order import components, cycle_in, is_cycle, shortened
from flowlang.semantics.reach import NOWHERE, Outcome, Reach, join_reaches
from flowlang.semantics.scope import Env, Names, Value
from flowlang.semantics.steps import CheckedStep, Steps
from flowlang.semantics.suggest import way_out
from flowlang.semantics.tasks import BlockKind, Tasks
from flowlang.semantics.types import NEVER, NULL, STRING, UNKNOWN, Type
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Label

Barrier: TypeAlias = ast.Return | ast.Fail | ast.Require
RESULT_WORD: dict[BlockKind, str] = {
    "flow": "return",
    "loop": "yield",
    "do": "yield",
    "while": "next",
    "finally": "",
}


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
    declared: dict[str, int] = attrs.field(factory=dict)  # the statements by the names they declare
    doubtful: set[str] = attrs.field(factory=set)  # names that may mean one thing or another: poison
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
        self._declare(env)
        free = [mentions(statement) for statement in self.statements]
        self._placed()
        values: dict[str, Value] = {}
        self._depend(free, values)
        inner = attrs.evolve(env, names=Names(values, env.names))
        self._settle(self._order(free, values), inner, values)
        outcome = Outcome(self._result(), join_reaches(self.reaches))
        self._ensure(inner, outcome.type)
        return outcome

    # Names and places

    def _declare(self, env: Env) -> None:
        for index, statement in enumerate(self.statements):
            name = getattr(statement, "name", None)
            if not isinstance(name, ast.Ident):
                continue
            if name.name in self.declared:
                self._twice(name, self.statements[self.declared[name.name]])
                continue
            self.declared[name.name] = index
            if self._shadows(name, env):
                self.doubtful.add(name.name)

    def _twice(self, name: ast.Ident, first: ast.Statement) -> None:
        assert isinstance(first, ast.Step | ast.Let | ast.Broken) and first.name is not None
        label = Label(first.name.span, "the first one")
        message = f"`{name.name}` stands here twice"
        help = "a step is assigned once; give this one another name"
        self.expressions.problems.report(
            codes.DUPLICATE_NAME, name.span, message, related=(label,), help=help
        )
        self.doubtful.add(name.name)

    def _shadows(self, name: ast.Ident, env: Env) -> bool:
        """Report a name that is visible here already."""
        outer = env.names.find(name.name)
        alias = self.expressions.lookup.names.get(name.name)
        related: tuple[Label, ...]
        if outer is not None:
            related = (Label(outer.local.span, f"`{name.name}` is declared here"),)
        elif isinstance(alias, Namespace):
            related = (declared_here(alias),)
        elif name.name in builtins.AMBIENT:
            related = ()
        else:
            return False
        message = f"`{name.name}` is the name of something visible here already"
        help = (
            "give this one another name; only names that a loop, `=>`, `as` or a pattern binds may be reused"
        )
        self.expressions.problems.report(codes.SHADOWED_NAME, name.span, message, related=related, help=help)
        return True

    def _placed(self) -> None:
        """Report results that stand where they may not."""
        last = len(self.statements) - 1
        for index, statement in enumerate(self.statements):
            if isinstance(statement, ast.Return | ast.Yield | ast.Next):
                self._result_place(statement, index == last)
            elif isinstance(statement, ast.Fail) and statement.when is None and index < last:
                below = self.statements[index + 1]
                message = "nothing below an unconditional `fail` ever runs"
                related = (Label(statement.span, "the block ends here"),)
                help = "give the `fail` a condition, `fail … when …`, or drop what stands below"
                self.expressions.problems.report(
                    codes.UNREACHABLE_STATEMENT, below.span, message, help=help, related=related
                )

    def _result_place(self, statement: ast.Return | ast.Yield | ast.Next, is_last: bool) -> None:
        word, right = type(statement).__name__.lower(), RESULT_WORD[self.kind]
        report = self.expressions.problems.report
        if word != right:
            where = {
                "flow": "a flow",
                "loop": "`for each`",
                "do": "`do`",
                "while": "`while`",
                "finally": "`finally`",
            }
            message = f"`{word}` cannot stand directly in {where[self.kind]}"
            help = (
                f"a block of {where[self.kind]} gives its value with `{right}`"
                if right
                else "`finally` gives no value; drop this"
            )
            if word == "return":
                help += "; `return` stands directly in a flow"
            report(codes.MISPLACED_STATEMENT, statement.span, message, help=help)
        elif not is_last and getattr(statement, "when", None) is None:
            message = f"`{word}` must be the last statement of its block"
            help = "move it to the end"
            if word == "return":
                help = "give it a condition, `return … when …`, or move it to the end"
            report(codes.MISPLACED_STATEMENT, statement.span, message, help=help)

    # Order

    def _depend(self, free: list[Mentions], values: dict[str, Value]) -> None:
        barrier: int | None = None
        for index, statement in enumerate(self.statements):
            named = [self.declared[name] for name in free[index] if name in self.declared]
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
            if _is_barrier(statement):
                barrier = index

    def _is_doubtful(self, statement: ast.Statement) -> bool:
        name = getattr(statement, "name", None)
        return isinstance(name, ast.Ident) and name.name in self.doubtful

    def _above(self, index: int, named: list[int], free: Mentions, values: dict[str, Value]) -> list[int]:
        """In an ordered block a statement sees only what stands above it; a name from below is poisoned."""
        for name, at in free.items():
            if self.declared.get(name, -1) > index:
                message = f"`{name}` stands below, and this block is `in order`"
                help = "move it up, or drop `in order`"
                self.expressions.problems.report(codes.NAME_BELOW, at.span, message, help=help)
                below = self.statements[self.declared[name]]
                assert isinstance(below, ast.Step | ast.Let | ast.Broken) and below.name is not None
                values[name] = self.expressions.local(below.name, "step", UNKNOWN)
        return [i for i in named if i <= index]

    def _order(self, free: list[Mentions], values: dict[str, Value]) -> Iterator[int]:
        """Statement indices, each after those it depends on; cycles are reported and their names poisoned."""
        for component in components(self.depends):
            if is_cycle(component, self.depends):
                self._cycle(component, free)
                for index in component:
                    name = getattr(self.statements[index], "name", None)
                    if isinstance(name, ast.Ident):
                        values[name.name] = self.expressions.local(name, "step", UNKNOWN)
            yield from sorted(component)

    def _cycle(self, component: list[int], free: list[Mentions]) -> None:
        way = cycle_in(component, self.depends)
        names = [_title(self.statements[index]) for index in way]
        first = self.statements[way[0]]
        at = next((node for name, node in free[way[0]].items() if self.declared.get(name) == way[1]), first)
        message = f"these wait for each other: {shortened(names, ' needs ')}"
        help = "one of them must do without the other"
        if len(way) == 2:
            message = f"{names[0]} waits for itself"
            help = "a step's own name can be used only in its `undo`"
            if isinstance(first, ast.Let):
                help = "it has no value yet; did you mean another name?"
        elif any(_is_barrier(self.statements[i]) for i in way):
            help = "what stands below a barrier waits for it, so a barrier cannot mention it; move it above"
        self.expressions.problems.report(codes.CYCLE, at.span, message, help=help)

    # Statements

    def _settle(self, order: Iterable[int], env: Env, values: dict[str, Value]) -> None:
        """Check statements; below each barrier `env` has what it and those above it teach."""
        below: dict[int, Env] = {}
        for index in order:
            statement = self.statements[index]
            here = below.get(self.barriers.get(index, -1), env)
            self._wave(index)
            facts = self._statement(statement, here, values)
            if _is_barrier(statement):
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
                return self._returning(task, when, env)
            case ast.Yield(task=task) | ast.Next(task=task):
                return self._returning(task, None, env)
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
                    others = (n for n in self.declared if n != step.name.name)
                    help, fix = way_out(name.name, name.span, others, list_as="there is")
                    message = f"there is no step `{name.name}` in this block"
                    self.expressions.problems.report(
                        codes.UNKNOWN_NAME, name.span, message, help=help, fix=fix
                    )

    def _declaring(self, name: str) -> ast.Statement | None:
        return self.statements[self.declared[name]] if name in self.declared else None

    def _let(self, let: ast.Let, env: Env, values: dict[str, Value]) -> StepFacts:
        if let.annotation is None:
            found = self.expressions.infer(let.value, env)
        else:
            found = self.expressions.resolver.type(let.annotation)
            self.expressions.check(let.value, env, found, f"`{let.name.name}`")
        self.expressions.tables.types[let.id] = found
        why = self.expressions.why_missing(let.value) if types.is_optional(found) else None
        self._provide(let.name, self.expressions.local(let.name, "let", found, why), values)
        self.blocks.note_read(let.name, "let")
        return StepFacts((), 0, found, found, frozenset(), "pure", False)

    def _provide(self, name: ast.Ident, value: Value, values: dict[str, Value]) -> None:
        """Make a value known by its name, where nothing else may be meant by it."""
        doubtful = name.name in self.doubtful
        values[name.name] = Value(value.local, UNKNOWN) if doubtful else value

    def _returning(self, task: ast.Task, when: ast.Expr | None, env: Env) -> StepFacts:
        if when is not None:
            self.expressions.condition(when, env, "`when`")
            env = self.expressions.assuming(when, env)
        outcome = self.blocks.tasks.task(task, env, self.wanted)
        if self.wanted is not None and self.kind == "flow":
            self._promised(task, outcome.type, self.wanted)
        self.results.append(outcome.type)
        return self._reached(outcome, skips=when is not None)

    def _promised(self, task: ast.Task, found: Type, wanted: Type) -> None:
        """A flow's result must fit what its head says; without `->` that is null."""
        if wanted != NULL or types.fits(found, wanted):
            self.expressions.require(task, found, wanted, self.blocks.promised)
            return
        message = f"{self.blocks.promised} must be `null`, but this is `{types.show(found)}`"
        help = f"say so in its head: `flow …(…) -> {types.show(found)}`"
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
        if any(isinstance(s, ast.Broken) and s.kind in ("yield", "next") for s in self.statements):
            return UNKNOWN
        if self.kind == "while":
            message = "a round of `while` must give the next state"
            self.expressions.problems.report(
                codes.MISPLACED_STATEMENT, self.block.span, message, help="end the block with `next …`"
            )
            return UNKNOWN
        return NULL

    def _ensure(self, env: Env, result: Type) -> None:
        for statement in self.statements:
            if isinstance(statement, ast.Ensure):
                own = Value(Local("result", "result", statement.span, -1), result)
                self._demand(statement.condition, statement.message, env.with_values(own), "`ensure`")


def _is_barrier(statement: ast.Statement) -> bool:
    match statement:
        case ast.Return(when=when):
            return when is not None
        case ast.Fail() | ast.Require():
            return True
    return False


def _only_reads(step: ast.Step, checked: CheckedStep) -> bool:
    """Whether all that a step does is give a value, so that it is in vain where nothing mentions it."""
    reach = checked.reach
    cleans_up = any(isinstance(clause, ast.Undo | ast.Finally) for clause in step.clauses)
    acts = reach.effect not in ("pure", "read") or reach.waits or bool(reach.errors)
    return not (cleans_up or acts or checked.task == UNKNOWN)


def _title(statement: ast.Statement) -> str:
    name = getattr(statement, "name", None)
    if isinstance(name, ast.Ident):
        return f"`{name.name}`"
    word = type(statement).__name__.lower()
    return f"the `{word} … when`" if _is_barrier(statement) and word != "require" else f"the `{word}`"
