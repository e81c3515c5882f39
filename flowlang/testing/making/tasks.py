"""Tasks: everything that a step may do, by the type that it is to give."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Final

import attrs

from flowlang.plan import model as plan
from flowlang.plan.text import duration_text
from flowlang.testing.making.declarations import Callee
from flowlang.testing.making.expressions import Expressions, closed
from flowlang.testing.making.kinds import BOOL, DURATION, INT, NULL, STRING, list_of, map_of, written
from flowlang.testing.making.scope import Around

PACES: Final = ("", ", in order", ", 2 at once", ", 1 at once")


@attrs.define(eq=False)
class Tasks(Expressions):
    """`exposed`: the flow that is being made has written something without a key. `waited`: it waits for
    an answer, an event or time."""

    exposed: bool = False
    waited: bool = False

    @abstractmethod
    def block(self, ending: str, type: plan.Type, around: Around, *, ordered: bool = False) -> str:
        """Statements that give a value by `ending`, with the braces around them."""

    @abstractmethod
    def flow_for(self, result: plan.Type, around: Around) -> Callee:
        """A flow that gives a type and may be called here."""

    def task(self, type: plan.Type, around: Around) -> str:
        """A task whose value fits a type; of `null` it does not matter what it gives."""
        if around.depth <= 0 or self.enough:
            return self.call(type, around) if self.maybe() or type == NULL else self.value(type, around)
        return self.piece(lambda: self.among(self._ways(type, around))(type, around))

    def _ways(self, type: plan.Type, around: Around) -> list[Callable[[plan.Type, Around], str]]:
        ways: list[Callable[[plan.Type, Around], str]] = [] if type == NULL else [self.value, self.while_]
        ways += [
            self.call,
            self.call,
            self.do,
            self.choose,
            self.match_,
            self.if_task,
            self.race,
            self.call_flow,
        ]
        if isinstance(type, plan.ListType):
            ways += [self.for_each, self.for_each, self.first_of, self.first_of_each]
        if not around.clean:
            ways += [self.ask] if type != NULL else [self.sleep, self.sleep]
            ways += [self.wait] * (type in self.events.values())
        return ways

    def value(self, type: plan.Type, around: Around) -> str:
        return self.expression(type, around)

    # Calls

    def call(self, type: plan.Type, around: Around) -> str:
        """A call that must be harmless where it may be repeated, since a task has no key."""
        return self.called(self.callee(type, harmless=around.repeated), around)

    def called(self, callee: Callee, around: Around) -> str:
        self.exposed |= not callee.reusable
        self.waited |= callee.waits
        given = [p for p in callee.parameters if p.required or self.maybe()]
        inner = attrs.evolve(around, depth=min(around.depth, 2))
        return f"{callee.name}({', '.join(f'{p.name}: {self.expression(p.type, inner)}' for p in given)})"

    def ask(self, type: plan.Type, around: Around) -> str:
        known = [c for c in self.callees if c.kind == "ask" and written(c.result) == written(type)]
        return self.called(self.among(known) if known else self.question(type), around)

    def call_flow(self, type: plan.Type, around: Around) -> str:
        return self.called(self.flow_for(type, around), around)

    # One of several

    def choose(self, type: plan.Type, around: Around) -> str:
        inner = around.inside()
        arms = self.several(1, 2, lambda: f"when {self.condition(inner)} -> {self.task(type, inner)}")
        if type.kind != "optional" or self.maybe():
            arms.append(f"else -> {self.arm(type, inner)}")
        return f"choose {{ {' '.join(arms)} }}"

    def if_task(self, type: plan.Type, around: Around) -> str:
        found = self.finding(around.inside())
        return f"if {found.condition} then {self.task(type, found.holds)} else {self.arm(type, found.fails)}"

    def match_(self, type: plan.Type, around: Around) -> str:
        subject, arms = self.arms(around.inside())
        return f"match {subject} {{ {' '.join(f'{head} -> {self.task(type, arm)}' for head, arm in arms)} }}"

    def arm(self, type: plan.Type, around: Around) -> str:
        """A last arm, which may be a failure."""
        return self.failure(around) if self.maybe(5) else self.task(type, around)

    def failure(self, around: Around) -> str:
        error = self.error()
        inner = attrs.evolve(around, depth=1)
        return f"fail {error}({', '.join(self.fields_given(self.errors[error], inner, 'fit'))})"

    def race(self, type: plan.Type, around: Around) -> str:
        if self.maybe(3):
            return f"race {self.loop(type, around, repeated=True)}"
        return f"race {{ {self.branches(type, around, 1)} }}"

    def first_of(self, type: plan.Type, around: Around) -> str:
        assert isinstance(type, plan.ListType)
        count = self.number(1, 2)
        return f"first {count} of {{ {self.branches(type.item, around, count)} }}"

    def first_of_each(self, type: plan.Type, around: Around) -> str:
        assert isinstance(type, plan.ListType)
        return f"first {self.number(1, 2)} of {self.loop(type.item, around, repeated=True)}"

    def branches(self, type: plan.Type, around: Around, least: int) -> str:
        inner = around.inside(repeated=True)
        return ", ".join(self.several(max(least, 1), 3, lambda: self.task(type, inner)))

    # Blocks

    def do(self, type: plan.Type, around: Around) -> str:
        ordered = self.maybe()
        body = self.block("yield", type, around.inside(), ordered=ordered)
        return f"do{' in order' if ordered else ''} {body}"

    def for_each(self, type: plan.Type, around: Around) -> str:
        assert isinstance(type, plan.ListType)
        item = type.item
        if isinstance(item, plan.OptionalType) and self.maybe():
            return self.loop(item.inner, around, tolerating=self.number(1, 2))
        return self.loop(item, around)

    def loop(
        self, type: plan.Type, around: Around, *, repeated: bool = False, tolerating: int | None = None
    ) -> str:
        """A `for each` whose blocks yield a type."""
        inner = around.inside(repeated=around.repeated or repeated)
        names, source, inner = self.source(inner)
        where, inner = self.where(names[-1], inner)
        tolerant = "" if tolerating is None else f", tolerating {tolerating} failures"
        head = f"for each {', '.join(names)} in {source}{where}{self.one_of(*PACES)}{tolerant}"
        return f"{head} {self.block('yield', type, inner)}"

    def source(self, around: Around) -> tuple[list[str], str, Around]:
        """What a loop goes over, never much; the names that it binds; and where its block stands."""
        item = self.type(1)
        first, second = self.binding("x", around), self.fresh("y")
        if self.maybe(4):
            around_source = self.operand(map_of(item), around, "exact")
            return [first, second], around_source, around.knowing(first, STRING).knowing(second, item)
        source = f"{self.operand(list_of(item), around, 'exact')}.take({self.number(1, 4)})"
        if self.maybe(3):
            return [first, second], source, around.knowing(first, item).knowing(second, INT)
        return [first], source, around.knowing(first, item)

    def where(self, name: str, around: Around) -> tuple[str, Around]:
        (known,) = [one for one in around.names if one.text == name]
        if isinstance(known.type, plan.OptionalType) and self.maybe():
            return f" where {name} != null", around.seeing(name, known.type.inner)
        return (
            (f" where {self.condition(attrs.evolve(around, depth=1))}", around)
            if self.maybe(3)
            else ("", around)
        )

    def while_(self, type: plan.Type, around: Around) -> str:
        state = self.fresh("s")
        inner = around.inside()
        known = inner.knowing(state, type)
        most = f"at most {self.number(1, 3)} times{self.one_of('', ' or fail')}"
        every = f", every {self.duration(inner)}" if self.maybe(4) else ""
        head = f"while {self.condition(known)}, {most}{every}, from {state}: {written(type)}"
        return f"{head} = {self.expression(type, inner)} {self.block('next', type, known)}"

    # Waiting

    def wait(self, type: plan.Type, around: Around) -> str:
        event = next(name for name, fields in self.events.items() if fields == type)
        self.waited = True
        if not self.maybe():
            return f"wait for {event}"
        name = self.fresh("e")
        condition = self.expression(BOOL, around.inside().knowing(name, type), "operand")
        return f"wait for {event} where {name} => {condition}"

    def sleep(self, type: plan.Type, around: Around) -> str:
        self.waited = True
        time = self.duration(around)
        return f"sleep {closed(time)}" if not self.maybe(3) else f"sleep until run.started + {closed(time)}"

    def duration(self, around: Around) -> str:
        """Mostly one that is written out."""
        written_out = duration_text(self.one_of(1_000, 10_000, 60_000, 5, 86_400_000) * 1_000)
        if not self.maybe(8):
            return written_out
        known = around.of(DURATION)
        return f"{written_out} * attempt" if not known or self.maybe() else self.among(known)
