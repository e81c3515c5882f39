"""The steps of a run that has not ended -> which of them are to be undone, and which only if it fails.

A journal holds what has been undone, and the call of an undo that is under way; what comes next is known from
the scopes (R24). A scope that fails undoes all that it holds: so once one of its undos has begun, the others
are due. A step belongs to the innermost scope around it that was still open then, since those inside of it
have handed their undos up."""

from __future__ import annotations

import math

import attrs

from flowlang.plan import model as plan
from flowlang.plan.paths import step_at
from flowlang.tools.run_history import History, Step, around, without_items


def mark_undos(history: History, compiled: plan.Plan, flow: str) -> None:
    """Say of each step of a settled history whether it is to be undone."""
    if history.ended:
        return
    undos = _Undos(compiled, flow)
    steps = history.steps
    for step in steps.values():
        done = step.state == "done" and step.caught is None and step.undone is None
        step.undoable = done and undos.stand_at(step.path)
    failing = {_scope(steps, step.path, at) for step in steps.values() if (at := _undone_at(step))}
    for step in steps.values() if failing else ():
        step.undo_due = step.undoable and _scope(steps, step.path, math.inf) in failing


def _undone_at(step: Step) -> float | None:
    """When a step was undone, at the end of time where that is under way; None where it was not begun."""
    if step.undone is not None:
        return step.undone.at
    return math.inf if step.being_undone else None


def _scope(steps: dict[str, Step], path: str, at: float) -> str:
    """The path of the scope that holds the undo of a step at an instant: a block's, an item's, an arm's, an
    attempt's; "" is the flow's."""
    scope = path
    while scope:
        outer = around(scope)
        step = steps.get(outer)
        if step is not None and not (step.state == "done" and step.ended is not None and step.ended < at):
            return outer if scope in steps else scope
        scope = outer
    return scope


@attrs.define(eq=False, repr=False)
class _Undos:
    """Which steps of a flow have an undo; items, rounds and attempts of a step are alike."""

    compiled: plan.Plan
    flow: str
    known: dict[str, bool] = attrs.field(factory=dict)

    def stand_at(self, path: str) -> bool:
        alike = without_items(path)
        if alike not in self.known:
            found = step_at(self.compiled, self.flow, alike)
            self.known[alike] = found is not None and found.undo is not None
        return self.known[alike]
