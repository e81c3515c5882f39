"""A simulated run -> what is wrong with it, if anything is.

Some things must never happen, whatever a flow says: a mistake of the runtime, a run that neither ends nor
waits for anything, more calls than the plan allows, one idempotency key for two different calls, an undo that
was due and did not run, a crash that changes the result. Some are the flow's own: an `ensure` that does not
hold, an expression that has no value. A run that fails because its agents failed is as it should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, Literal, TypeAlias

import attrs

from flowlang.hosts.simulator.simulated import Made
from flowlang.hosts.simulator.simulation import EPOCH
from flowlang.plan.paths import step_at
from flowlang.runtime import events
from flowlang.runtime.failures import ENSURE_FAILED, EVALUATION_FAILED, INTERNAL, TIMEOUT, Failure
from flowlang.runtime.host import Question
from flowlang.testing.faults import Faults
from flowlang.testing.runs import Run, again
from flowlang.values.codec import write_json

Kind: TypeAlias = Literal[
    "internal error", "hang", "ensure", "evaluation", "overflow", "calls", "shared key", "undo", "crash"
]
KINDS: Final[tuple[Kind, ...]] = (
    "internal error", "hang", "ensure", "evaluation", "overflow", "calls", "shared key", "undo", "crash",
)  # fmt: skip

LOOKED_FOR: Final = tuple(kind for kind in KINDS if kind != "overflow")
"""What is looked for if nobody says otherwise: where numbers are as large as they can be, any sum is too
large."""

TOO_LARGE: Final = (
    "overflows", "does not fit a 64-bit int", "too large for a float", "longer than 10,000 years",
    "outside the years",
)  # fmt: skip
"""What is said of numbers and times that have no place in their types."""

ORDERS: Final = 50
"""In so many orders a run without its crashes is tried, to know what it can give."""


@attrs.frozen
class Finding:
    """`path` is that of the step that it is about, "" for the whole run. Findings of one `key` are one."""

    kind: Kind
    path: str
    message: str
    run: Run = attrs.field(repr=False)
    failure: Failure | None = attrs.field(default=None, repr=False)

    @property
    def key(self) -> tuple[str, str]:
        """The kind and the place in the flow's text."""
        if self.failure is not None and self.failure.at is not None:
            return self.kind, repr(self.failure.at)
        step = step_at(self.run.target.plan, self.run.target.name, self.path) if self.path else None
        return self.kind, step.name if step else ""


def findings(run: Run) -> Iterator[Finding]:
    """All that is wrong with a run."""
    for check in CHECKS:
        yield from check(run)


def _fails(run: Run) -> Iterator[Finding]:
    kinds: dict[str, Kind] = {
        INTERNAL: "internal error",
        ENSURE_FAILED: "ensure",
        EVALUATION_FAILED: "evaluation",
    }
    failure = run.failure
    if failure is not None and failure.error in kinds:
        too_large = any(words in failure.message for words in TOO_LARGE)
        kind = "overflow" if too_large else kinds[failure.error]
        yield Finding(kind, failure.path, failure.message, run, failure)


def _hangs(run: Run) -> Iterator[Finding]:
    """A run that waits for somebody or something without a deadline is not stuck: see `unbounded_waits`."""
    simulated = run.simulated
    if simulated.problem == "too long":
        yield Finding("hang", "", "the run goes on and on", run)
    elif simulated.problem == "no progress" and not simulated.waiting:
        yield Finding("hang", "", "nothing is under way, nothing is due, and the run has not ended", run)


def _calls_too_often(run: Run) -> Iterator[Finding]:
    """A call that is made again after a crash is the same call. What an undo calls comes on top."""
    paths = {made.path: made.call.agent for made in run.made() if "!undo" not in made.path}
    bounds = run.target.flow.bounds
    for agent, count in Counter(paths.values()).items():
        bound = bounds[agent].calls if agent in bounds else 0
        if bound is not None and count > bound:
            yield Finding(
                "calls", "", f"{agent} is called {count} times, and at most {bound} are allowed", run
            )


def _keys_are_shared(run: Run) -> Iterator[Finding]:
    """An agent that heeds keys carries the first of two calls with one key out, and drops the other."""
    first: dict[tuple[str, str], Made] = {}
    for made in run.made():
        known = first.setdefault((made.call.agent, made.call.idempotency_key), made)
        if known.call.arguments != made.call.arguments:
            message = (
                f"two different calls of {made.call.agent} have the key {made.call.idempotency_key!r}; "
                "of an agent that heeds keys only the first has an effect"
            )
            yield Finding("shared key", made.path, message, run)


def _undos_are_missing(run: Run) -> Iterator[Finding]:
    """What a run that did not succeed has done is undone, or could not be."""
    result = run.simulated.result
    if result is None or result.status == "done":
        return
    undone = {event.path for event in run.events if isinstance(event, events.Undone)}
    for path in _with_undo(run):
        if f"{path}/!undo" not in undone and path not in undone:
            yield Finding("undo", path, f"the run has {result.status}, and `{path}` was not undone", run)


def _with_undo(run: Run) -> Iterator[str]:
    """The paths of the steps whose own task gave a value, and that have an undo."""
    caught = {event.path for event in run.events if isinstance(event, events.Caught)}
    for event in run.events:
        if isinstance(event, events.StepDone) and event.path not in caught and "!" not in event.path:
            step = step_at(run.target.plan, run.target.name, event.path)
            if step is not None and step.undo is not None:
                yield event.path


def _crashes_show(run: Run) -> Iterator[Finding]:
    """Where nothing takes any time, a run that crashes gives what one gives that does not, in some order."""
    faults = run.faults
    if not faults.deaths or run.simulated.ended != EPOCH or faults.cancelled is not None or _has_timeout(run):
        return
    without = attrs.evolve(faults, deaths=())
    given = _outcome(run)
    others = [_outcome(again(run, without, seed)) for seed in _orders(run, given, without)]
    if given not in others:
        shown = " or ".join(dict.fromkeys(others))
        yield Finding("crash", "", f"without the crash it gives {shown}; with it {given}", run)


def _has_timeout(run: Run) -> bool:
    """Whether a deadline was of no time at all: what is made again after a crash comes too late for it."""
    failures = [getattr(event, "failure", None) for event in run.events]
    return any(failure is not None and failure.error == TIMEOUT for failure in failures)


def _orders(run: Run, given: str, without: Faults) -> range:
    """The orders that have to be tried: where the run's own gives the same, no other."""
    same = _outcome(again(run, without, run.seed)) == given
    return range(run.seed, run.seed + (1 if same else ORDERS))


def _outcome(run: Run) -> str:
    return run.error or f"{run.status}: {write_json(run.result)}"


CHECKS: Final[tuple[Callable[[Run], Iterator[Finding]], ...]] = (
    _fails,
    _hangs,
    _calls_too_often,
    _keys_are_shared,
    _undos_are_missing,
    _crashes_show,
)


def unbounded_waits(run: Run) -> Iterator[tuple[str, str]]:
    """Waits that no deadline ends: the name of the step, and what it waits for."""
    for wait in run.simulated.unbounded:
        step = step_at(run.target.plan, run.target.name, wait.path)
        awaited = wait.awaited.ask if isinstance(wait.awaited, Question) else wait.awaited.event
        yield step.name if step else wait.path, awaited
