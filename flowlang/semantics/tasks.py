"""Check tasks: what a step runs, what it gives and what may come of it.

Tasks hold blocks and blocks hold tasks; the block checker hands itself in as `block`, so that each file
tells one half of the story."""

from __future__ import annotations

from collections.abc import Callable as Function
from typing import Literal, TypeAlias

import attrs

from flowlang.semantics.constants import fold
from flowlang.semantics.declare import report_too_large
from flowlang.semantics.expressions import Expressions
from flowlang.semantics.facts import Callable, ErrorName, EventName, Namespace, fields_as_parameters
from flowlang.semantics.mismatch import written
from flowlang.semantics.reach import Outcome, Reach, join_reaches, reach_of_call
from flowlang.semantics.scope import Env, Value
from flowlang.semantics.types import (
    BOOL,
    DATETIME,
    DURATION,
    INT,
    NEVER,
    NULL,
    STRING,
    UNKNOWN,
    ListOf,
    MapOf,
    Record,
    Type,
    apart,
    brief,
    is_optional,
    is_poison,
    is_text,
    is_too_large,
    join,
    optional,
    present,
)
from flowlang.syntax import ast
from flowlang.syntax.sizes import is_too_long
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Fix
from flowlang.text.source import Span

BlockKind: TypeAlias = Literal["flow", "loop", "do", "while", "finally"]
MOST_TRIALS = 6  # nested `while` bodies that may each be typed twice


@attrs.define(eq=False, repr=False)
class Tasks:
    expressions: Expressions
    block: Function[[ast.Block, Env, BlockKind, Type | None], Outcome]
    trials: int = 0

    def task(
        self,
        task: ast.Task,
        env: Env,
        wanted: Type | None = None,
        *,
        keyed: bool = False,
        retried: bool = False,
    ) -> Outcome:
        """Check a task. `wanted` is a hint; `keyed` and `retried` say that the step has an idempotency key,
        and a `retry` in place of the agent's own."""
        outcome = self._task(task, env, wanted, keyed, retried)
        if is_too_large(outcome.type):
            report_too_large(self.expressions.problems, task, outcome.type)
            outcome = attrs.evolve(outcome, type=UNKNOWN)
        self.expressions.tables.types[task.id] = outcome.type
        return outcome

    def _task(self, task: ast.Task, env: Env, wanted: Type | None, keyed: bool, retried: bool) -> Outcome:
        match task:
            case ast.Call():
                return self._call(task, env, wanted, keyed, retried)
            case ast.ForEach():
                return self._for_each(task, env)
            case ast.While():
                return self._while(task, env)
            case ast.Choose():
                return self._choose(task, env, wanted)
            case ast.Do(body=body):
                return self.block(body, env, "do", wanted)
            case ast.Race():
                return self._race(task, env, wanted)
            case ast.If() | ast.Match():
                return self._arms(task, env, wanted)
            case ast.WaitFor():
                return self._wait(task, env)
            case ast.Sleep(duration=duration):
                return self._sleep(task, duration, env, DURATION)
            case ast.SleepUntil(instant=instant):
                return self._sleep(task, instant, env, DATETIME)
            case ast.FailWith(error=error):
                return self.fail(error, env)
            case _:
                return Outcome(self.expressions.infer(task, env, wanted))

    # Calls

    def _call(self, call: ast.Call, env: Env, wanted: Type | None, keyed: bool, retried: bool) -> Outcome:
        target = self.called(call, env)
        if target is None:
            return Outcome(self.expressions.infer(call, env, wanted))
        tables = self.expressions.tables
        tables.symbols[call.callee.id] = target
        name = f"`{written(call.callee)}`"
        self.expressions.arguments(call, env, target.parameters, name)
        if target.waits and env.cleanup:
            self._no_wait(call, env, f"{name} waits")
        if target.kind == "ask" and not env.deadline and not target.bounded:
            self._no_deadline(call, f"nobody may ever answer {name}")
        reach = reach_of_call(target, keyed=keyed)
        if target.retries and not retried:
            reach = self.repeated(call, "the agent's own `retry` may repeat what `{}` does", reach)
        return Outcome(target.result, reach)

    def called(self, call: ast.Call, env: Env) -> Callable | None:
        """The agent or flow that a call calls, without reporting anything."""
        lookup = self.expressions.lookup
        match call.callee:
            case ast.Name(name=name):
                found = lookup.names.get(name)
                if isinstance(found, Callable):
                    lookup.find(name)
                    return found
            case ast.Member(target=ast.Name(name=alias) as target, name=member):
                namespace = self.expressions.namespace(target, env)
                if isinstance(namespace, Namespace):
                    found = namespace.members.get(member.name)
                    if isinstance(found, Callable):
                        lookup.member(alias, namespace, member.name)
                        return found
        return None

    def repeated(self, at: ast.Node, how: str, reach: Reach) -> Reach:
        """Report calls that are repeated or dropped although that does harm; `how` says it of an agent's
        name. Returns what is left to report further out."""
        for exposed in sorted(reach.exposed, key=lambda e: (e.effect is None, e.name)):
            message = how.format(exposed.name)
            if exposed.effect == "write":
                message += ", and that is `effect write`"
                help = "give the step that calls it a `key`, by which the agent knows a repetition"
                self.expressions.problems.report(codes.KEY_REQUIRED, at.span, message, help=help)
            else:
                message += ", and it declares no effect"
                help = f"declare it: `agent {exposed.name}(…) … effect read`, idempotent or write"
                if "." in exposed.name:
                    help = (
                        f'mark the function `{exposed.name}` with `@effect("read")`, idempotent or write; '
                        "of a tool of an MCP server, `effects` in its table of flow.toml says it"
                    )
                self.expressions.problems.report(codes.EFFECT_UNDECLARED, at.span, message, help=help)
        return attrs.evolve(reach, exposed=frozenset())

    def fail(self, error: ast.Expr, env: Env) -> Outcome:
        """`fail E(…)`: the error and its fields."""
        expressions = self.expressions
        if isinstance(error, ast.BrokenExpr):
            return Outcome(NEVER)
        name = _error_name(error)
        if name is None:
            expressions.infer(error, env)
            message, help = (
                "`fail` takes a declared error",
                "declare it, `error Broken(reason: string)`, and write ",
            )
            help += '`fail Broken(reason: "…")`'
            expressions.problems.report(codes.NOT_AN_ERROR, error.span, message, help=help)
            return Outcome(NEVER)
        found = expressions.lookup.error(name)
        if found is None:
            return Outcome(NEVER)
        ref, fields = found
        if isinstance(error, ast.Call):
            symbol = expressions.tables.symbols.get(name.id)
            if isinstance(symbol, ErrorName):
                expressions.tables.symbols[error.callee.id] = symbol
            expressions.arguments(error, env, fields_as_parameters(fields), f"`{name.text}`")
        else:
            dots = "…" if fields else ""
            fix = None if fields else Fix("add them", (Edit(Span(error.span.end, error.span.end), "()"),))
            message = "an error is made with parentheses" + (
                "" if fields else ", also where it has no fields"
            )
            help = f"write `fail {name.text}({dots})`"
            expressions.problems.report(codes.NOT_AN_ERROR, error.span, message, help=help, fix=fix)
        return Outcome(NEVER, Reach(frozenset({ref}) if ref.module else frozenset()))

    # Loops

    def _for_each(self, task: ast.ForEach, env: Env) -> Outcome:
        item, reach = self.for_each(task, env)
        return Outcome(ListOf(item), reach)

    def for_each(self, task: ast.ForEach, env: Env) -> tuple[Type, Reach]:
        """The type of one item's value, and the reach of the loop."""
        expressions = self.expressions
        source = expressions.infer(task.source, env)
        inner = env.with_values(*self._loop_values(task, source))
        if task.where is not None:
            expressions.condition(task.where, inner, "`where`")
            inner = expressions.assuming(task.where, inner)
        if task.at_once is not None:
            expressions.count(task.at_once, env, "the number at once")
        if task.tolerating is not None:
            expressions.count(task.tolerating, env, "the number of tolerated failures")
        body = self.block(task.body, inner, "loop", None)
        return optional(body.type) if task.tolerating is not None else body.type, body.reach

    def _loop_values(self, task: ast.ForEach, source: Type) -> list[Value]:
        local = self.expressions.local
        first, second = self._loop_types(task, source)
        values = [local(task.first, "loop", first)]
        if task.second is not None:
            values.append(local(task.second, "loop", second))
        return values

    def _loop_types(self, task: ast.ForEach, source: Type) -> tuple[Type, Type]:
        report = self.expressions.problems.report
        match source:
            case ListOf(item=item):
                return item, INT
            case MapOf(value=value):
                if task.second is None:
                    help = f"write `for each key, {task.first.name} in …`"
                    message = "a loop over a map names the key and the value"
                    report(codes.TYPE_MISMATCH, task.first.span, message, help=help)
                return STRING, value
            case _ if is_poison(source):
                return UNKNOWN, UNKNOWN
            case _ if is_optional(source) and source != NULL:
                self.expressions.report_missing(task.source, source)
                return self._loop_types(task, present(source))
        message = f"`for each` goes through a list or a map, not `{brief(source)}`"
        report(codes.TYPE_MISMATCH, task.source.span, message, help=_as_list(task.source, source))
        return UNKNOWN, UNKNOWN

    def _while(self, task: ast.While, env: Env) -> Outcome:
        expressions = self.expressions
        expressions.count(task.limit, env, "the number of rounds")
        if task.every is not None:
            expressions.duration(task.every, env, "the time of `every`")
        annotation = None if task.annotation is None else expressions.resolver.type(task.annotation)
        if annotation is not None:
            expressions.check(task.initial, env, annotation, "the first state")
            return self._rounds(task, env, annotation, settled=True)
        initial = expressions.infer(task.initial, env)
        outcome = self._rounds(task, env, initial, settled=False)
        expressions.coerce(task.initial, initial, outcome.type)
        return outcome

    def _rounds(self, task: ast.While, env: Env, state: Type, *, settled: bool) -> Outcome:
        """Type the body with a state; where its next state is wider, once more with the join of both."""
        problems = self.expressions.problems.found
        mark = len(problems)
        body = self._round(task, env, state, wanted=state if settled else None)
        if settled:
            self._fits_state(task, body.type, state)
            return Outcome(state, body.reach)
        joined = join(state, body.type)
        if joined in (state, UNKNOWN):  # it is settled, or wrong already
            return Outcome(joined or UNKNOWN, body.reach)
        if joined is not None and self.trials < MOST_TRIALS:
            del problems[mark:]
            self.trials += 1
            again = self._round(task, env, joined, wanted=None)
            self.trials -= 1
            if join(joined, again.type) == joined:
                return Outcome(joined, again.reach)
            body = again
        if not any(problem.severity == "error" for problem in problems[mark:]):
            self._wants_annotation(task, state, body.type)
        return Outcome(UNKNOWN, body.reach)

    def _round(self, task: ast.While, env: Env, state: Type, wanted: Type | None) -> Outcome:
        inner = env.with_values(self.expressions.local(task.state, "state", state))
        self.expressions.check(task.condition, inner, BOOL, "the condition of `while`")
        body = self.expressions.assuming(task.condition, inner)
        return self.block(task.body, body, "while", wanted)

    def _fits_state(self, task: ast.While, found: Type, state: Type) -> None:
        at = task.body.statements[-1] if task.body.statements else task.body
        if isinstance(at, ast.Next):
            self.expressions.require(at.task, found, state, f"the next `{task.state.name}`")

    def _wants_annotation(self, task: ast.While, state: Type, found: Type) -> None:
        first, later = apart(state, found)
        message = f"`{task.state.name}` starts as `{first}`, but a round makes it `{later}`"
        help = f"say what it is: `from {task.state.name}: … = …`"
        if join(state, found) is None:
            help = "no type holds both; make the first state and the next one alike"
        self.expressions.problems.report(codes.NEEDS_ANNOTATION, task.state.span, message, help=help)

    # Choices

    def _arms(self, task: ast.If | ast.Match, env: Env, wanted: Type | None) -> Outcome:
        if is_too_long(task):
            return Outcome(UNKNOWN)
        reaches: list[Reach] = []

        def arm(inside: ast.Task, inner: Env, hint: Type | None) -> Type:
            outcome = self.task(inside, inner, hint)
            reaches.append(outcome.reach)
            return outcome.type

        infer = self.expressions.if_ if isinstance(task, ast.If) else self.expressions.match
        found = infer(task, env, wanted, arm)  # type: ignore[arg-type]
        return Outcome(found, join_reaches(reaches))

    def _choose(self, task: ast.Choose, env: Env, wanted: Type | None) -> Outcome:
        outcomes: list[tuple[ast.Node, Outcome]] = []
        covered = task.otherwise is not None
        for arm in task.arms:
            last = arm is task.arms[-1] and task.otherwise is None
            covered |= self._arm_condition(arm.condition, env, last=last)
            inner = self.expressions.assuming(arm.condition, env)
            outcomes.append((arm.task, self.task(arm.task, inner, wanted)))
            env = self.expressions.assuming(arm.condition, env, False)
        if task.otherwise is not None:
            outcomes.append((task.otherwise, self.task(task.otherwise, env, wanted)))
        found = self.expressions.join_arms([(at, o.type) for at, o in outcomes])
        return Outcome(found if covered else optional(found), join_reaches(o.reach for _, o in outcomes))

    def _arm_condition(self, condition: ast.Expr, env: Env, *, last: bool) -> bool:
        """Check an arm's condition; True where it is the last arm and holds whenever it is asked."""
        decided = self.expressions.asked(condition, env, "`when`")
        if last and decided:
            return True
        if decided is not None:
            self.expressions.condition_decided(condition, decided, "`when`")
        return False

    # Races

    def _race(self, task: ast.Race, env: Env, wanted: Type | None) -> Outcome:
        if task.count is not None:
            self.expressions.count(task.count, env, "how many are wanted")
        if isinstance(task.branches, ast.ForEach):
            found, reach = self.for_each(task.branches, env)
            self.expressions.tables.types[task.branches.id] = ListOf(found)
        else:
            hint = wanted if task.count is None else None
            if task.count is None and any(isinstance(b, ast.Sleep | ast.SleepUntil) for b in task.branches):
                env = attrs.evolve(env, deadline=True)  # a sleep ends the race
            outcomes = [(branch, self.task(branch, env, hint)) for branch in task.branches]
            types = [(at, outcome.type) for at, outcome in outcomes]
            found = self.expressions.join_arms(types, "the branches before it are")
            reach = join_reaches(o.reach for _, o in outcomes)
            self._enough(task)
        reach = self.repeated(task, "this race may throw away what `{}` did", reach)
        return Outcome(found if task.count is None else ListOf(found), reach)

    def _enough(self, task: ast.Race) -> None:
        wanted = fold(task.count) if task.count is not None else None
        if wanted is not None and isinstance(task.branches, tuple) and wanted.value > len(task.branches):
            assert task.count is not None
            message = f"there are only {len(task.branches)} branches, so {wanted.value} can never succeed"
            help = f"ask for fewer than {len(task.branches)}, or add branches"
            self.expressions.problems.report(codes.BAD_BOUND, task.count.span, message, help=help)

    # Waiting

    def _wait(self, task: ast.WaitFor, env: Env) -> Outcome:
        expressions = self.expressions
        found = expressions.lookup.qualified(task.event, "event")
        event: Type = UNKNOWN
        if isinstance(found, EventName):
            event = Record(found.fields, found.declared.name)
        elif found is not None:
            expressions.lookup.wrong_kind(task.event, found, codes.WRONG_KIND, "an event is wanted here")
        if task.where is not None:
            self._event_filter(task.where, env, event)
        if env.cleanup:
            self._no_wait(task, env, f"`wait for {task.event.text}` waits")
        if not env.deadline:
            self._no_deadline(task, f"`{task.event.text}` may never come")
        return Outcome(event, Reach(waits=True))

    def _event_filter(self, where: ast.Lambda, env: Env, event: Type) -> None:
        if len(where.params) == 1:
            found = self.expressions.lambda_body(where, env, [event])
            self.expressions.require(where.body, found, BOOL, "`where`")
            return
        message = "`where` takes a function of the event"
        self.expressions.problems.report(
            codes.TYPE_MISMATCH, where.span, message, help="write `where e => …`"
        )

    def _sleep(self, task: ast.Task, time: ast.Expr, env: Env, wanted: Type) -> Outcome:
        what = "the time of `sleep`" if wanted == DURATION else "the instant of `sleep until`"
        self.expressions.check(time, env, wanted, what)
        if env.cleanup:
            self._no_wait(task, env, "`sleep` waits")
        return Outcome(NULL, Reach(waits=True))

    def _no_wait(self, at: ast.Node, env: Env, what: str) -> None:
        message = f"{what}, and `{env.cleanup}` must end by itself"
        help = f"do it in a step of its own, outside of `{env.cleanup}`"
        self.expressions.problems.report(codes.WAIT_IN_CLEANUP, at.span, message, help=help)

    def _no_deadline(self, at: ast.Node, why: str) -> None:
        message = f"{why}, and nothing ends this wait"
        help = "give the step a `timeout 2d`, say, and a `catch Timeout -> …`"
        self.expressions.problems.report(codes.NO_DEADLINE, at.span, message, help=help)


def _as_list(expr: ast.Expr, type: Type) -> str | None:
    """How to make a list of something else that could be gone through."""
    if type == INT:
        return f"a number of rounds is a range: `0..{written(expr) or '…'}`"
    if is_text(type):
        return 'make a list of it first, like `….lines()` or `….split(",")`'
    return None


def _error_name(error: ast.Expr) -> ast.QualifiedName | None:
    """The name in `E`, `E(…)`, `m.E` or `m.E(…)`."""
    callee = error.callee if isinstance(error, ast.Call) else error
    match callee:
        case ast.Name(id=id, span=span, name=name):
            return ast.QualifiedName(id, span, None, ast.Ident(id, span, name))
        case ast.Member(id=id, span=span, target=ast.Name(name=alias) as target, name=name):
            return ast.QualifiedName(id, span, ast.Ident(target.id, target.span, alias), name)
        case _:
            return None
