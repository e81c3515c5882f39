"""Frames: where in a run a piece of the plan is carried out.

A frame is what a node of the plan needs to know of what stands around it: the values in scope, its path, the
scope that its undos go to, and what its step asks of calls. Frames are immutable and only ever passed down;
the two things in them that change, the values of a block and the undos of a scope, belong to whoever made
them.

All statements of a block share one dict of values. Whatever binds a name of its own (a loop, a pattern, a
handler) or outlives the block's progress (an undo) gets a dict of its own, which holds only what the
statement mentions: so the cost of a nested block depends on its text, not on how much is in scope."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import attrs

from flowlang.plan import model as plan
from flowlang.values.value import Value


@attrs.frozen
class Clauses:
    """What a step asks of the call that it makes, itself or in an arm: its `key`, to `retry` it instead of
    by the agent's policy, to bound each attempt, to await it because it has to be undone."""

    key: plan.Expr | None = None
    retried: bool = False
    attempt_timeout: plan.Expr | None = None
    undone: bool = False


NO_CLAUSES: Final = Clauses()


@attrs.frozen
class Undo:
    """What compensates a step that has succeeded. `order` counts completions in the run."""

    order: int
    task: plan.Task
    frame: Frame
    at: plan.Place


@attrs.frozen
class Frame:
    """`names` holds the values in scope; `shared` says that they are those of the whole block, of which the
    statement mentions `free`. `path` is where in the run this is, `key` the same without the numbers of
    attempts. `again` says that it may be carried out again there after it gave a value. `depth` counts the
    blocks on the stack."""

    names: dict[str, Value]
    path: str
    key: str
    undos: list[Undo]
    shared: bool = False
    free: tuple[str, ...] = ()
    clauses: Clauses | None = None
    attempt: int = 1
    again: bool = False
    depth: int = 0

    def of(self, statement: plan.AnyStatement) -> Frame:
        """For a statement of the block that this frame is for."""
        path = f"{self.path}/{statement.name}" if self.path else statement.name
        key = path if self.path == self.key else f"{self.key}/{statement.name}"
        return Frame(
            self.names, path, key, self.undos, True, statement.free, again=self.again, depth=self.depth
        )

    def call(self, names: dict[str, Value]) -> Frame:
        """For the body of a flow that is called here, which sees nothing but `names`."""
        return Frame(names, self.path, self.key, self.undos, again=self.again, depth=self.depth)

    def inside(self, suffix: str, names: Mapping[str, Value]) -> Frame:
        """For an item, round, branch or clause with names of its own. It does not answer to the clauses."""
        path, key, bound = self.path + suffix, self.key + suffix, self._bound(names)
        return Frame(bound, path, key, self.undos, again=self.again, depth=self.depth)

    def arm(self, suffix: str, names: Mapping[str, Value]) -> Frame:
        """For an arm that stands for the task itself, and so answers to its clauses."""
        path, key, bound = self.path + suffix, self.key + suffix, self._bound(names)
        return attrs.evolve(self, names=bound, shared=False, path=path, key=key)

    def answering(self, clauses: Clauses | None) -> Frame:
        """For the task of a step that has these clauses."""
        return attrs.evolve(self, clauses=clauses) if clauses else self

    def binding(self, names: Mapping[str, Value]) -> Frame:
        """For an expression that sees further names."""
        return attrs.evolve(self, names=self._bound(names), shared=False)

    def trial(self, attempt: int, *, again: bool) -> Frame:
        """For an attempt, which counts from 1."""
        path = f"{self.path}@{attempt - 1}" if attempt > 1 else self.path
        bound = self._bound({"attempt": attempt})
        return attrs.evolve(
            self, names=bound, shared=False, path=path, attempt=attempt, again=self.again or again
        )

    def scope(self, undos: list[Undo]) -> Frame:
        """The same with another scope for undos."""
        return attrs.evolve(self, undos=undos)

    def deeper(self, depth: int) -> Frame:
        """The same at another depth."""
        return attrs.evolve(self, depth=depth)

    def _bound(self, names: Mapping[str, Value]) -> dict[str, Value]:
        """A dict of its own: what is mentioned, and further names."""
        known = self.names
        if not self.shared:
            return {**known, **names}
        return {**{name: known[name] for name in self.free if name in known}, **names}


def item_suffix(key: int | str) -> str:
    """`[3]` or `["key"]`, the end of an item's path."""
    return f"[{key}]" if isinstance(key, int) else f"[{json.dumps(key, ensure_ascii=False)}]"
