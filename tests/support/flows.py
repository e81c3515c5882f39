"""Random flows, well typed by construction, over every construct that runs.

Every task gives a string, so any may stand anywhere. Every duration is a number of its own plus `salt`, an
int that tells items, rounds and calls of a flow apart; so hardly ever do two things happen at one instant.
Where one event makes several things ready, none of them ends at once: every block makes a call that takes
time, and what may fail at once stands behind a call, in order. So what a run does is a matter of its plan,
and not of whose turn it was.

A `steady` flow comes to the same whatever calls take: nothing in it is timed or raced, and of two things that
run side by side neither may fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from hypothesis import strategies as st

SIGNATURE = """(
  name: string, takes: duration = 0s, fails: string = "", times: int = 1000, cleanup: duration = 0s
) -> string raises Oops, Nope"""

AGENTS = f"""
agent pay{SIGNATURE} effect write
agent look{SIGNATURE} effect read
agent narrow{SIGNATURE} effect idempotent limit 2 at once
agent flaky{SIGNATURE} effect idempotent timeout 20s retry 2 times backoff constant 1s
agent touchy{SIGNATURE} effect idempotent breaker 2 failures within 1m reset 30s
"""

FAILS = ("Oops", "Nope", "Unavailable", "exit", "broken", "bad", "late", "stubborn")
ENDINGS = {"flow": "return", "do": "yield", "round": "next"}


@attrs.frozen
class Around:
    """Where something stands. `salt` names an int. `clean`: nothing may wait for the outside. `safe`: it may
    not fail. `lone`: nothing around it throws it away or makes it again, so it may be a write."""

    salt: str
    depth: int
    clean: bool = False
    safe: bool = False
    lone: bool = False

    def inside(self, **changes: Any) -> Around:
        return attrs.evolve(self, depth=self.depth - 1, **changes)


@attrs.define
class Maker:
    draw: Callable[[Any], Any]
    steady: bool
    names: int = 0
    times: int = 0
    flows: list[str] = attrs.field(factory=list)
    callable: dict[tuple[bool, bool], list[str]] = attrs.field(factory=dict)

    def number(self, least: int, most: int) -> int:
        return self.draw(st.integers(least, most))

    def one_of(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def maybe(self, of: int = 2) -> bool:
        return self.number(1, of) == of

    def fresh(self, letter: str) -> str:
        self.names += 1
        return f"{letter}{self.names}"

    def time(self, around: Around, least: int = 1, most: int = 60) -> str:
        self.times += 1
        return f"1ms * ({self.number(least, most)}{self.times * 37 % 1000:03} + {around.salt})"

    # Flows and blocks

    def flow(self, name: str, around: Around, parameters: str = "n: int") -> None:
        timeout = "" if self.steady or self.maybe() else f" timeout {self.time(around, 50, 999)}"
        ordered = self.maybe()
        body = self.block("flow", around, ordered)
        word = " in order" if ordered else ""
        self.flows.append(f"flow {name}({parameters}) -> string{timeout}{word} {{\n{body}\n}}")

    def block(self, kind: str, around: Around, ordered: bool, result: str | None = None) -> str:
        """Statements with their result. The first is a call, so that no block ends at once."""
        safe = around.safe or (self.steady and not ordered)
        inner = attrs.evolve(around, safe=safe)
        first = self.fresh("s")
        names, lines = [first], [self.step(first, self.call(inner), inner, [])]
        for _ in range(self.number(1, 3) if around.depth > 1 else self.number(0, 1)):
            if self.maybe(5):
                lines += self.barrier(kind, inner, ordered, names)
            name = self.fresh("s")
            lines.append(self.step(name, self.task(inner), inner, names))
            names.append(name)
        holes = "|".join(f"${{{name}}}" for name in names)
        return "\n".join([*lines, f"{ENDINGS[kind]} {result or chr(34) + holes + chr(34)}"])

    def barrier(self, kind: str, around: Around, ordered: bool, names: list[str]) -> list[str]:
        test = f"{around.salt} % {self.number(2, 5)} == {self.number(0, 1)}"
        if kind == "flow" and self.maybe():
            return [f'return "early" when {test}']
        if not ordered or around.safe:
            return [f"let {self.fresh('v')} = {around.salt}"]
        return [self.one_of(f"fail Oops(code: 1) when {test}", f'require {test} else "not so"')]

    def step(self, name: str, task: str, around: Around, above: list[str]) -> str:
        return f"step {name} = {task} {self.clauses(task, around, above)}"

    # Clauses

    def clauses(self, task: str, around: Around, above: list[str] = (), *, value: bool = True) -> str:
        """What may stand around a task, whose value is a string, or (not `value`) cannot be replaced."""
        clauses = []
        if above and self.maybe(3):
            clauses.append(f"after {self.one_of(*above)}")
        if above and value and self.maybe(6):
            clauses.append(f'when {around.salt} % 3 != {self.number(0, 2)} otherwise "skipped"')
        if not self.steady:
            clauses += self.timeouts(task, around)
        if self.maybe(4) and "pay(" not in task:
            clauses.append(self.retry(around, value))
        if value and (around.safe or self.maybe(4)):
            clauses += self.catches(around)
        if self.maybe(3):
            clauses.append(f"undo {self.undo(around)}")
        if self.maybe(6):
            inner = around.inside(clean=True, lone=False)
            clauses.append(f"finally {{ step {self.fresh('s')} = {self.task(inner)} }}")
        return " ".join(clauses)

    def timeouts(self, task: str, around: Around) -> list[str]:
        """A timeout alone would be that of an attempt too: of a call that is a tie."""
        whole, per_attempt = self.maybe(4), self.maybe(6)
        timeouts = [f"timeout {self.time(around, 20, 299)}"] if whole else []
        if per_attempt or (whole and not task.startswith(("do", "race", "for", "while", "first"))):
            timeouts.append(f"timeout {self.time(around, 20, 299)} per attempt")
        return timeouts

    def retry(self, around: Around, value: bool) -> str:
        words = [f"retry {self.number(1, 2)} times"]
        if not self.steady:
            words.append(self.one_of("", "", "on Oops, Timeout", "on Nope, AgentFailed"))
        if self.maybe():
            shape = self.one_of("constant", "linear", "exponential")
            words.append(f"backoff {shape} {self.time(around)}")
        if not self.steady and self.maybe(4):
            words.append(f"within {self.time(around, 20, 299)}")
        if value and not around.safe and self.maybe(6):
            words.append(f"until v => v.size() % 2 == {self.number(0, 1)}")
        return " ".join(words)

    def catches(self, around: Around) -> list[str]:
        catches = []
        if self.maybe(3):
            catches.append(f"catch {self.one_of('Oops', 'Timeout', 'AgentFailed')} -> {self.handler(around)}")
        if around.safe or self.maybe():
            catches.append(f"catch -> {self.handler(around)}")
        return catches

    def handler(self, around: Around) -> str:
        return self.one_of('"caught"', self.call(attrs.evolve(around, safe=True)), self.task(around.inside()))

    def undo(self, around: Around) -> str:
        if not around.safe and around.depth > 0 and self.maybe(4):
            return self.do(around.inside(clean=True, lone=False))
        fails = "" if around.safe else self.one_of("", "", "", "Oops")
        return self.made("undo", around, fails)

    # Tasks

    def task(self, around: Around) -> str:
        if around.depth <= 0:
            return self.call(around)
        kinds = ["call", "do", "for_each", "while_", "choose", "match", "flow_call", "wrapped"]
        if not around.clean:
            kinds += ["sleep", "ask"]
        if not self.steady:
            kinds += ["race", "first", "race_each"]
            kinds += [] if around.clean else ["wait"]
        return getattr(self, self.one_of(*kinds))(around)

    def call(self, around: Around) -> str:
        fails = "" if around.safe or not self.maybe(5) else self.one_of(*FAILS[: 6 if self.steady else 8])
        kind = "pay" if around.lone and self.maybe(4) else self.one_of("work", "look")
        return self.made(kind, around, fails)

    def made(self, agent: str, around: Around, fails: str) -> str:
        arguments = [f'name: "{self.fresh("w")} ${{{around.salt}}}"', f"takes: {self.time(around)}"]
        if fails:
            arguments.append(f'fails: "{fails}"')
            if self.maybe():
                arguments.append(f"times: {self.number(1, 2)}")
        if fails in ("late", "stubborn") or (agent not in ("undo", "narrow") and self.maybe(4)):
            arguments.append(f"cleanup: {self.time(around)}")
        return f"{agent}({', '.join(arguments)})"

    def do(self, around: Around) -> str:
        ordered = self.maybe()
        return f"do{' in order' if ordered else ''} {{\n{self.block('do', around.inside(), ordered)}\n}}"

    def after_a_call(self, task: str, around: Around, value: str | None = None, clauses: str = "") -> str:
        """A task that begins at an instant of its own."""
        first, second = self.fresh("s"), self.fresh("s")
        call = self.made("work", around, "")
        given = value or second
        return f"do in order {{\nstep {first} = {call}\nstep {second} = {task} {clauses}\nyield {given}\n}}"

    def wrapped(self, around: Around) -> str:
        agents = ["narrow"] if self.steady else ["narrow", "flaky", "touchy", "touchy"]
        fails = "" if around.safe or not self.maybe() else self.one_of(*FAILS[:6])
        return self.after_a_call(self.made(self.one_of(*agents), around, fails), around)

    def sleep(self, around: Around) -> str:
        return self.after_a_call(f"sleep {self.time(around)}", around, '"slept"')

    def ask(self, around: Around) -> str:
        return self.after_a_call('approve(question: "well?")', around, clauses=self.bound(around))

    def bound(self, around: Around) -> str:
        """What keeps a question from waiting for ever."""
        if self.steady:
            return ""
        per = self.one_of("", " per attempt", " per attempt retry 1 times")
        return f"timeout {self.time(around, 20, 199)}{per}" + self.one_of(' catch Timeout -> "nobody"', "")

    def wait(self, around: Around) -> str:
        where = self.one_of("", "", ' where e => e.id == "a"')
        return self.after_a_call(
            f"wait for Ping{where}", around, '"came"', f"timeout {self.time(around, 20, 299)}"
        )

    def salted(self, around: Around, more: str) -> tuple[str, Around]:
        """A salt of their own for an item or a round: what makes it, and where it is known."""
        name = self.fresh("n")
        line = f"let {name} = ({around.salt} * 31 + {more} * 7919 + {self.number(0, 99)}) % 30011\n"
        return line, around.inside(salt=name)

    def loop(self, around: Around, *, may_fail_alone: bool) -> str:
        """A `for each` from its words to its end. `may_fail_alone`: a failed item is no failed loop."""
        item, index = self.fresh("x"), self.fresh("i")
        items = ", ".join(str(n) for n in range(1, 1 + self.number(3 if may_fail_alone else 1, 4)))
        where = self.one_of("", "", f" where {item} != 2")
        pace = self.one_of("", ", in order", ", 2 at once")
        tolerant = self.one_of("", ", tolerating 1 failures") if not around.safe and not self.steady else ""
        let, inner = self.salted(around, index)
        inner = attrs.evolve(inner, lone=inner.lone and not may_fail_alone)
        body = self.block("do", inner, False)
        tolerant = "" if may_fail_alone else tolerant
        return f"for each {item}, {index} in [{items}]{where}{pace}{tolerant} {{\n{let}{body}\n}}"

    def for_each(self, around: Around) -> str:
        return self.shown(self.loop(around, may_fail_alone=False), around, "{}.json()")

    def shown(self, task: str, around: Around, value: str = "{}") -> str:
        """A task whose value is no string, as one."""
        name = self.fresh("l")
        clauses = "" if self.steady and around.safe else self.clauses(task, around, value=False)
        return f"do {{\nstep {name} = {task} {clauses}\nyield {value.format(name)}\n}}"

    def while_(self, around: Around) -> str:
        state = self.fresh("t")
        let, inner = self.salted(around, f"{state}.size()")
        most = f"at most {self.number(1, 3)} times" + ("" if around.safe else self.one_of("", " or fail"))
        every = self.one_of("", f", every {self.time(around)}")
        body = self.block("round", inner, False, f'"${{{state}}}x"')
        rounds = f'while {state}.size() < {self.number(1, 3)}, {most}{every}, from {state} = ""'
        return self.shown(f"{rounds} {{\n{let}{body}\n}}", around)

    def race(self, around: Around) -> str:
        return f"race {{ {self.branches(around)} }}"

    def branches(self, around: Around) -> str:
        return ",\n".join(self.task(around.inside(lone=False)) for _ in range(self.number(2, 3)))

    def first(self, around: Around) -> str:
        if self.maybe():
            return self.shown(f"first 2 of {self.loop(around, may_fail_alone=True)}", around, "{}.json()")
        return self.shown(f"first 2 of {{ {self.branches(around)} }}", around, "{}.json()")

    def race_each(self, around: Around) -> str:
        return f"race {self.loop(around, may_fail_alone=True)}"

    def choose(self, around: Around) -> str:
        arms = [f"when {around.salt} % {n} == 0 -> {self.task(around.inside())}" for n in (2, 3)]
        return f"choose {{ {' '.join(arms)} else -> {self.task(around.inside())} }}"

    def match(self, around: Around) -> str:
        arms = [f"{n} -> {self.task(around.inside())}" for n in (0, 1)]
        return f"match {around.salt} % 3 {{ {' '.join(arms)} else -> {self.task(around.inside())} }}"

    def flow_call(self, around: Around) -> str:
        kind = (around.clean, around.safe)
        known = self.callable.setdefault(kind, [])
        if not known or self.maybe():
            name = self.fresh("flow_")
            self.flow(name, attrs.evolve(around.inside(lone=False), salt="n"))
            known.append(name)
        return f"{self.one_of(*known)}(n: {around.salt} + {self.number(1, 999)})"


@st.composite
def flows(draw: Any, depth: int = 3, steady: bool = False) -> str:
    """The text of a project whose flow `main` takes nothing and gives a string."""
    maker = Maker(draw, steady)
    maker.flow("main", Around("n", depth, lone=True), "n: int = 1")
    return "\n".join([*maker.flows, AGENTS])
