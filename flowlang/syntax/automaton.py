"""Tokens -> a tree: the LALR automaton that walks Lark's tables.

Lark has such a driver too. This one hands each rule's children and exact span straight to the tree
builder, with no tree in between; it passes the chain of rules between an atom and a whole expression,
which make no node, in one look-up; it measures how deep the tree gets; and whoever mends a broken text
can ask it what it would accept, and put a finished block where one does not parse.

A rule ends where the last shifted token ends, since it is the next token that decides to reduce; so of
positions only the starts of symbols are kept."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple, TypeAlias

import attrs

from flowlang.syntax.nodes import DEEPENING, MAX_DEPTH, RESETTING, Builder
from flowlang.syntax.nodes.base import Nodes
from flowlang.syntax.tables import END, Children, Rule, Tables, load
from flowlang.text.source import Span

Maker: TypeAlias = Callable[..., Any]  # (builder, span, *children) -> node


class Action(NamedTuple):
    """What a rule does: the builder's method for its node, None where it passes its children on."""

    origin: str
    length: int
    children: Children
    make: Maker | None
    is_list: bool
    deepens: bool
    resets: bool
    is_unit: bool
    name: str


@attrs.frozen(eq=False, repr=False)
class Machine:
    """The tables with the actions of a builder class bound to their rules."""

    tables: Tables
    rules: list[Action]
    leaps: dict[tuple[int, int, str], int] = attrs.field(factory=dict)  # see Automaton.leap


@cache
def machine() -> Machine:
    """The automaton of the language; a rule's action is the builder's method of that name."""
    tables = load()
    return Machine(tables, [bound(rule) for rule in tables.rules])


def bound(rule: Rule) -> Action:
    name = rule.action or ""
    return Action(
        rule.origin,
        rule.length,
        rule.children,
        make=getattr(Builder, name) if name else None,
        is_list=rule.action is None,
        deepens=name in DEEPENING,
        resets=name in RESETTING,
        is_unit=rule.action == "" and rule.length == 1,
        name=name,
    )


@attrs.define(eq=False, repr=False)
class Automaton:
    """A parse under way: parallel stacks of the states and of the symbols that led to them."""

    machine: Machine
    builder: Nodes
    start: str
    states: list[int] = attrs.field(init=False)
    last: int = attrs.field(init=False)  # the state in which the start rule is complete
    values: list[Any] = attrs.field(init=False, factory=list)
    starts: list[int] = attrs.field(init=False, factory=list)
    depths: list[int] = attrs.field(init=False, factory=list)
    end: int = attrs.field(init=False, default=0)  # where the last symbol ends

    def __attrs_post_init__(self) -> None:
        first, self.last = self.machine.tables.starts[self.start]
        self.states = [first]

    def feed(self, terminal: str, value: str, start: int, end: int) -> bool:
        """Take a token; False where it does not fit, and then this parse cannot go on."""
        states, actions, rules = self.states, self.machine.tables.actions, self.machine.rules
        while True:
            action = actions[states[-1]].get(terminal)
            if action is None:
                return False
            if action >= 0:
                self.push(action, value, start, end)
                return True
            rule = rules[~action]
            if rule.is_unit:
                self.leap(terminal)
            else:
                self.reduce(rule)

    def finish(self) -> Any:
        """The value of the start rule; None where the text may not end here."""
        while self.states[-1] != self.last:
            action = self.machine.tables.actions[self.states[-1]].get(END)
            if action is None:
                return None
            self.reduce(self.machine.rules[~action])
        return self.values[-1]

    def before(self, terminal: str) -> list[int] | None:
        """The states in which a token would be shifted; None where it does not fit. Nothing changes."""
        states, tables = self.states.copy(), self.machine.tables
        while terminal != END or states[-1] != self.last:
            action = tables.actions[states[-1]].get(terminal)
            if action is None:
                return None
            if action >= 0:
                break
            rule = self.machine.rules[~action]
            del states[len(states) - rule.length :]
            states.append(tables.gotos[states[-1]][rule.origin])
        return states

    def accepts(self, terminal: str) -> bool:
        return self.before(terminal) is not None

    def expected(self) -> set[str]:
        """The terminals that may come next."""
        return {
            terminal for terminal in self.machine.tables.actions[self.states[-1]] if self.accepts(terminal)
        }

    def awaits(self, origin: str, terminal: str) -> bool:
        """Whether a whole symbol that begins with the terminal could stand here."""
        states = self.before(terminal)
        return states is not None and origin in self.machine.tables.gotos[states[-1]]

    def place(self, origin: str, terminal: str, value: Any, start: int, end: int) -> None:
        """Put a finished symbol where one that begins with the terminal is awaited."""
        tables = self.machine.tables
        while (action := tables.actions[self.states[-1]][terminal]) < 0:
            self.reduce(self.machine.rules[~action])
        self.push(tables.gotos[self.states[-1]][origin], value, start, end)

    def push(self, state: int, value: Any, start: int, end: int) -> None:
        self.states.append(state)
        self.values.append(value)
        self.starts.append(start)
        self.depths.append(0)
        self.end = end

    def reduce(self, rule: Action) -> None:
        """Replace the symbols of a rule by the one it makes of them."""
        origin, length, children, make, is_list, deepens, resets = rule[:7]
        states, values, starts, depths = self.states, self.values, self.starts, self.depths
        if not length:
            self.push(0, None, self.end, self.end)
            length = 1
        first = len(values) - length
        picked = children(values[first:])
        depth = max(depths[first:])
        if make is None:
            value = picked if is_list else picked[0]
        else:
            span = Span(starts[first], self.end)
            value = make(self.builder, span, *picked)
            depth = 0 if resets else depth + deepens
            if depth > MAX_DEPTH:
                value, depth = self.builder.too_deep(span, rule.name), 0
        if length > 1:
            del states[first + 2 :], values[first + 1 :], starts[first + 1 :], depths[first + 1 :]
        values[first], depths[first] = value, depth
        states[first + 1] = self.machine.tables.gotos[states[first]][origin]

    def leap(self, terminal: str) -> None:
        """Reduce by unit rules as far as that goes. They make no node, so only the state changes."""
        under, state = self.states[-2:]
        known = self.machine.leaps.get((under, state, terminal))
        if known is None:
            known = self.machine.leaps[under, state, terminal] = self.landing(under, state, terminal)
        self.states[-1] = known

    def landing(self, under: int, state: int, terminal: str) -> int:
        tables = self.machine.tables
        while (action := tables.actions[state].get(terminal, 0)) < 0 and self.machine.rules[~action].is_unit:
            state = tables.gotos[under][self.machine.rules[~action].origin]
        return state
