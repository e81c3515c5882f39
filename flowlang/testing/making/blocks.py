"""Steps with their clauses, the other statements, and blocks of them."""

from __future__ import annotations

from typing import Final

import attrs

from flowlang.plan import model as plan
from flowlang.testing.making.declarations import Callee
from flowlang.testing.making.kinds import BOOL, NULL, STRING, list_of, optional, written
from flowlang.testing.making.scope import Around, Finding
from flowlang.testing.making.tasks import Tasks

BUILT_IN: Final = ("Timeout", "AgentFailed", "Unavailable", "BadOutput", "EvaluationFailed", "BadValue")
BACKOFFS: Final = (
    "",
    " backoff 1s",
    " backoff constant 5s",
    " backoff linear 1s to 10s",
    " backoff 1s to 1m",
)


@attrs.define
class Statements:
    """The statements of a block so far; `movable` ones stand where order means nothing."""

    ending: str
    around: Around
    ordered: bool
    lines: list[str] = attrs.field(factory=list)
    movable: list[str] = attrs.field(factory=list)
    steps: list[str] = attrs.field(factory=list)


@attrs.define(eq=False)
class Blocks(Tasks):
    """`result` is what the flow that is being made gives."""

    result: plan.Type = NULL

    def block(self, ending: str, type: plan.Type, around: Around, *, ordered: bool = False) -> str:
        made = Statements(ending, around, ordered)
        self.several(0 if type != NULL else 1, 5, lambda: self.statement(made))
        self.settle(made)
        lines = made.lines
        if type != NULL:
            if self.maybe(6):
                lines.append(self.ensure(type, around))  # what is found out below a barrier is not known here
            lines.append(f"{ending} {self.task(type, made.around)}")
        return "{\n" + "\n".join(lines) + "\n}"

    def settle(self, made: Statements) -> None:
        """Write down what could stand in any order."""
        several = len(made.movable) > 1 and not made.ordered and self.maybe(4)
        made.lines += reversed(made.movable) if several else made.movable
        made.movable.clear()

    def statement(self, made: Statements) -> None:
        match self.one_of("step", "step", "step", "step", "let", "barrier"):
            case "step":
                self.step(made)
            case "let":
                self.let(made)
            case _:
                self.settle(made)
                self.barrier(made)

    def let(self, made: Statements) -> None:
        type = self.type()
        name = self.fresh("v")
        if self.maybe():
            made.movable.append(f"let {name} = {self.expression(type, made.around, 'exact')}")
        else:
            made.movable.append(f"let {name}: {written(type)} = {self.expression(type, made.around)}")
        made.around = made.around.knowing(name, type)

    def ensure(self, type: plan.Type, around: Around) -> str:
        known = around.knowing("result", type)
        return f"ensure {self.condition(known)}" + self.otherwise_said(known)

    def otherwise_said(self, around: Around) -> str:
        return f" else {self.expression(STRING, attrs.evolve(around, depth=1))}" if self.maybe() else ""

    # Barriers

    def barrier(self, made: Statements) -> None:
        found = self.finding(made.around)
        made.lines.append(self.leaving(made, found))
        made.around = found.holds

    def leaving(self, made: Statements, found: Finding) -> str:
        match self.one_of("require", "fail", "return"):
            case "return" if made.ending == "return":
                return f"return {self.task(self.result, found.fails)} when {found.contrary}"
            case "fail":
                return f"{self.failure(found.fails)} when {found.contrary}"
            case _:
                return f"require {found.condition}" + self.otherwise_said(found.fails)

    # Steps

    def step(self, made: Statements) -> None:
        around = made.around
        repeated, timed = self.maybe(5), self.maybe(5)
        guard = self.finding(around) if self.maybe(6) else None
        narrow = guard.holds if guard else around
        inner = attrs.evolve(narrow, repeated=around.repeated or repeated)
        name = self.fresh("a")
        type, task, exact = self.stepped(inner)
        clauses = [*self.order(made), *self.times(type if exact else NULL, inner, repeated, timed)]
        caught = self.catches(type, narrow)
        own = narrow.knowing(name, type) if exact else narrow
        clauses += [*caught, *self.endings(narrow, own)]
        seen = type
        if guard:
            seen, when = self.guarded(guard, type)
            clauses.append(when)
        annotation = "" if type == NULL or (exact and not caught) else f": {written(type)}"
        made.movable.append(f"{self.doc()}step {name}{annotation} = {task} {' '.join(clauses)}")
        made.steps.append(name)
        if type != NULL:
            made.around = around.knowing(name, seen)

    def guarded(self, guard: Finding, type: plan.Type) -> tuple[plan.Type, str]:
        """The type of a step with a guard, and the clause."""
        if type == NULL or not self.maybe():
            return optional(type), f"when {guard.condition}"
        other = self.expression(type, attrs.evolve(guard.fails, depth=1))
        return type, f"when {guard.condition} otherwise {other}"

    def stepped(self, around: Around) -> tuple[plan.Type, str, bool]:
        """What a step does: the type, the task (with the key it needs), and whether it gives just that."""
        match self.one_of("call", "task", "list", "null", "wait", "list", "task"):
            case "call":
                type = self.type()
                return type, self.keyed(self.callee(type), around), True
            case "null":
                return NULL, self.task(NULL, around), False
            case "list":
                item = self.type(1)
                type = list_of(optional(item) if self.maybe(3) else item)
                ways = (self.for_each, self.task, self.for_each, self.first_of)
                return type, self.piece(lambda: self.among(ways)(type, around)), False
            case "wait" if not around.clean:
                event = self.event()
                fields = self.events[event]
                return fields, self.wait(fields, around), True
            case _:
                type = self.type()
                return type, self.task(type, around), False

    def keyed(self, callee: Callee, around: Around) -> str:
        exposed = self.exposed
        call = self.called(callee, around)
        if (around.repeated and not callee.reusable) or self.maybe(6):
            self.exposed = exposed
            return f"{call} key {self.expression(STRING, attrs.evolve(around, depth=1))}"
        return call

    def order(self, made: Statements) -> list[str]:
        return [f"after {self.among(made.steps)}"] if made.steps and self.maybe(4) else []

    def times(self, type: plan.Type, around: Around, repeated: bool, timed: bool) -> list[str]:
        """Timeouts and the retry of a task; `type` is what it gives, if no more than that is known of it."""
        clauses = [f"timeout {self.duration(around)}"] if timed else []
        if self.maybe(8):
            clauses.append(f"timeout {self.duration(around)} per attempt")
        if repeated:
            clauses.append(self.retry(type, around))
        return clauses

    def retry(self, type: plan.Type, around: Around) -> str:
        words = [f"retry {self.number(1, 3)} times"]
        if self.maybe(4):
            words.append(f"on {', '.join(dict.fromkeys(self.several(1, 2, self.failure_name)))}")
        words.append(self.one_of(*BACKOFFS))
        if self.maybe(4):
            words.append(f"within {self.duration(around)}")
        if type != NULL and self.maybe(4):
            name = self.fresh("r")
            condition = self.expression(BOOL, attrs.evolve(around, depth=1).knowing(name, type))
            words.append(f"until {name} => {condition}")
        return " ".join(words)

    def failure_name(self) -> str:
        return self.among(BUILT_IN) if not self.maybe() or not self.errors else self.error()

    def catches(self, type: plan.Type, around: Around) -> list[str]:
        if not self.maybe(3):
            return []
        named = self.several(0, 2, lambda: self.catch(type, around))
        return [*named, *([self.catch(type, around, any=True)] if self.maybe() else [])]

    def catch(self, type: plan.Type, around: Around, *, any: bool = False) -> str:
        names = [] if any else [*dict.fromkeys(self.several(1, 2, self.failure_name))]
        shown, inner = "", around.inside()
        if self.maybe(3):
            failure = self.fresh("e")
            shown = f" as {failure}"
            inner = self.failure_known(failure, names, inner)
        handler = self.arm(type, inner)
        return f"catch{' ' if names else ''}{', '.join(names)}{shown} -> {handler}"

    def failure_known(self, failure: str, names: list[str], around: Around) -> Around:
        """What can be asked about a failure: its own fields, where it can only be one."""
        known = around.knowing(f"{failure}.error", STRING).knowing(f"{failure}.message", STRING)
        for field in self.errors.get(names[0], ()) if len(names) == 1 else ():
            known = known.knowing(f"{failure}.{field.name}", field.type)
        return known

    def endings(self, around: Around, own: Around) -> list[str]:
        """What comes at the end; `own` is what an `undo` sees."""
        clauses = []
        if self.maybe(6):
            clauses.append(f"undo {self.task(NULL, own.inside(clean=True))}")
        if self.maybe(10):
            clauses.append(f"finally {self.block('', NULL, around.inside(clean=True))}")
        return clauses
