"""Frames: where in a run a piece of the plan is carried out.

A frame is what a node of the plan needs to know of what stands around it: the values in scope, its path, the
scope that its undos go to, and what its step asks of calls. Frames are only ever passed down, and none is
changed once the method that makes it has returned; the two things in them that change, the values of a block
and the undos of a scope, belong to whoever made them. (Several are made for each step, so the class is not
one that attrs freezes, which makes them four times as dear.)

All statements of a block share one dict of values. Whatever binds a name of its own (a loop, a pattern, a
handler) or outlives the block's progress (an undo) gets a dict of its own, which holds only what the
statement mentions: so the cost of a nested block depends on its text, not on how much is in scope."""

from __future__ import annotations

import json
from collections.abc import Mapping

import attrs

from flowlang.plan import model as plan
from flowlang.values.value import Value


@attrs.frozen
class Clauses:
    """What a step asks of the call that it makes, itself or in an arm: its `key`, to be tried again by the
    step instead of by the agent's policy, to bound each attempt, to be awaited because it has an undo.
    `waits`: something in its task may wait for somebody outside, or for a time."""

    at: plan.Place
    key: plan.Expr | None
    retried: bool
    attempt_timeout: plan.Expr | None
    undone: bool
    waits: bool


@attrs.define
class Counts:
    """Of steps that were begun or skipped, of further attempts, and of what calls have used: by agent, and by
    what is counted."""

    executed: int = 0
    skipped: int = 0
    retries: int = 0
    usage: dict[str, dict[str, int]] = attrs.field(factory=dict)

    def add(self, others: Counts) -> None:
        self.executed += others.executed
        self.skipped += others.skipped
        self.retries += others.retries
        for agent, amounts in others.usage.items():
            self.use(agent, amounts)

    def use(self, agent: str, amounts: Mapping[str, int]) -> None:
        """A call of an agent has used so much."""
        total = self.usage.setdefault(agent, {})
        for name, amount in amounts.items():
            total[name] = total.get(name, 0) + amount

    def to_json(self) -> list[Value]:
        counts: list[Value] = [self.executed, self.skipped, self.retries]
        return [*counts, self.usage] if self.usage else counts


@attrs.frozen
class Undo:
    """What compensates a step that has succeeded. `order` counts completions in the run."""

    order: int
    task: plan.Task
    frame: Frame
    at: plan.Place


@attrs.define(eq=False)
class Frame:
    """`names` holds the values in scope; `shared` says that they are those of the whole block, of which the
    statement mentions `free`. `path` is where in the run this is, `key` the same without the numbers of
    attempts. `counts` is where steps are counted. `again` says that it may be carried out again there after
    it gave a value. `depth` counts the blocks on the stack."""

    names: dict[str, Value]
    path: str
    key: str
    undos: list[Undo]
    counts: Counts
    depth: int = 0
    again: bool = False
    shared: bool = False
    free: tuple[str, ...] = ()
    clauses: Clauses | None = None
    attempt: int = 1

    def body(self, undos: list[Undo], depth: int) -> Frame:
        """For a block, whose names these now are."""
        return Frame(self.names, self.path, self.key, undos, self.counts, depth, self.again)

    def of(self, statement: plan.AnyStatement, clauses: Clauses | None = None) -> Frame:
        """For a statement of the block that this frame is for, and for its task, which answers to these
        clauses."""
        name = statement.name
        path = f"{self.path}/{name}" if self.path else name
        key = path if self.path == self.key else f"{self.key}/{name}"
        return Frame(
            self.names,
            path,
            key,
            self.undos,
            self.counts,
            self.depth,
            self.again,
            True,
            statement.free,
            clauses,
        )

    def call(self, names: dict[str, Value]) -> Frame:
        """For the body of a flow that is called here, which sees nothing but `names`."""
        return Frame(names, self.path, self.key, self.undos, self.counts, self.depth, self.again)

    def inside(self, suffix: str, names: Mapping[str, Value]) -> Frame:
        """For an item, round, branch or clause with names of its own. It does not answer to the clauses."""
        path = self.path + suffix
        key = path if self.path == self.key else self.key + suffix
        return Frame(self._bound(names), path, key, self.undos, self.counts, self.depth, self.again)

    def arm(self, suffix: str, names: Mapping[str, Value]) -> Frame:
        """For an arm that stands for the task itself, and so answers to its clauses."""
        frame = self.inside(suffix, names)
        frame.clauses, frame.attempt = self.clauses, self.attempt
        return frame

    def own(self) -> Frame:
        """The same with a dict of its own, from which many others can be made fast."""
        return self.binding({})

    def binding(self, names: Mapping[str, Value]) -> Frame:
        """For an expression that sees further names."""
        frame = self._copy()
        frame.names, frame.shared = self._bound(names), False
        return frame

    def trial(self, attempt: int, *, again: bool) -> Frame:
        """For an attempt, which counts from 1. The first is mostly no other than the step itself."""
        again = self.again or again
        mentioned = not self.shared or "attempt" in self.free
        if attempt == self.attempt and again == self.again and not mentioned:
            return self
        frame = self.binding({"attempt": attempt}) if mentioned else self._copy()
        frame.path = f"{self.path}@{attempt - 1}" if attempt > 1 else self.path
        frame.attempt = attempt
        frame.again = again
        return frame

    def scope(self, undos: list[Undo]) -> Frame:
        """The same with another scope for undos."""
        frame = self._copy()
        frame.undos = undos
        return frame

    def counting(self, counts: Counts) -> Frame:
        """The same, with what is counted in it kept apart."""
        frame = self._copy()
        frame.counts = counts
        return frame

    def _copy(self) -> Frame:
        return Frame(
            self.names,
            self.path,
            self.key,
            self.undos,
            self.counts,
            self.depth,
            self.again,
            self.shared,
            self.free,
            self.clauses,
            self.attempt,
        )

    def _bound(self, names: Mapping[str, Value]) -> dict[str, Value]:
        """A dict of its own: what is mentioned, and further names."""
        known = self.names
        if not self.shared:
            return {**known, **names}
        return {**{name: known[name] for name in self.free if name in known}, **names}


def item_suffix(key: int | str) -> str:
    """`[3]` or `["key"]`, the end of an item's path."""
    return f"[{key}]" if isinstance(key, int) else f"[{json.dumps(key, ensure_ascii=False)}]"
