"""Runs of a flow, simulated: inputs, faults and an order of what arrives at once -> what came of it.

    @given(ft.runs("orders.flow"))
    def test_nobody_pays_twice(run: ft.Run) -> None:
        assert len(run.calls("charge")) <= 1

No test waits: time is virtual. An example that fails shows what was thought up, and how the run went."""

from __future__ import annotations

from collections.abc import Collection
from random import Random

import attrs
from hypothesis import strategies as st
from hypothesis.vendor.pretty import RepresentationPrinter

from flowlang.hosts.simulator.simulated import Made, Simulated
from flowlang.hosts.simulator.simulation import EPOCH, simulate
from flowlang.plan.text import duration_text
from flowlang.runtime.events import Event
from flowlang.runtime.failures import Failure
from flowlang.runtime.inputs import Outcome, Raised, Replied
from flowlang.testing.faults import KINDS, Comes, Faults, Kind, faults, insist_on_names
from flowlang.testing.inputs import Inputs, inputs, insist_on_inputs
from flowlang.testing.recorded import Recorded
from flowlang.testing.target import FlowLike, Target, target_of
from flowlang.testing.worlds import world_of
from flowlang.values.codec import decode, encode, write_json
from flowlang.values.value import Value


@attrs.frozen(repr=False)
class Run:
    """A simulated run. `inputs`, `faults` and `seed` are what it was made of, and make it again (`run_of`).

    `status` is "done", "failed" or "cancelled", or why it has no result: "no progress", where nothing that it
    waits for will ever come, or "too long". `result` is what the flow gave, in JSON form."""

    target: Target
    inputs: Inputs
    faults: Faults
    seed: int
    simulated: Simulated

    @property
    def status(self) -> str:
        result = self.simulated.result
        return result.status if result else str(self.simulated.problem)

    @property
    def result(self) -> Value:
        result = self.simulated.result
        done = result is not None and result.status == "done"
        return encode(result.value, self.target.flow.result) if result and done else None

    @property
    def failure(self) -> Failure | None:
        return self.simulated.result.failure if self.simulated.result else None

    @property
    def error(self) -> str | None:
        """The name of the error that it failed with."""
        return self.failure.error if self.failure else None

    @property
    def events(self) -> tuple[Event, ...]:
        """What was told of the run, as if it had never crashed."""
        return self.simulated.events

    def calls(self, agent: str | None = None) -> list[Made]:
        """The calls of an agent, or all: each once, however often it was made.

        Calls with one idempotency key are one, as they are for an agent that heeds keys. What an agent is
        asked for in two attempts, or again after a crash, is asked for once that way. The last one stands."""
        return [*{made.call.idempotency_key: made for made in self.made(agent)}.values()]

    def made(self, agent: str | None = None) -> list[Made]:
        """Every call of an agent, or of any, that was really made, in order."""
        return [made for made in self.simulated.calls if agent in (None, made.call.agent)]

    def __repr__(self) -> str:
        lines = [
            f"inputs = {self.inputs!r}, faults = {self.faults!r}, seed = {self.seed}",
            *map(_call_line, self.simulated.calls),
            self._ending(),
        ]
        return f"Run of {self.target.name}:\n  " + "\n  ".join(lines)

    def _repr_pretty_(self, printer: RepresentationPrinter, cycle: bool) -> None:
        printer.text(repr(self))  # as Hypothesis shows an example; else it would take the whole run apart

    def _ending(self) -> str:
        if self.failure:
            return f"{self.status}: {self.failure.error} in {self.failure.path}: {self.failure.message}"
        return f"done: {write_json(self.result)}" if self.status == "done" else self.status


def runs(
    flow: FlowLike,
    name: str | None = None,
    *,
    kinds: Collection[Kind] = KINDS,
    like: Recorded | None = None,
) -> st.SearchStrategy[Run]:
    """Simulated runs of a flow: the one of this name, or the main one. Of the faults only `kinds` happen.
    Those `like` a stored run have its inputs, and its agents do as they did then, but for some.

    Raises NotRunnable where the file of a flow has mistakes, ValueError where it has no such flow."""
    target = target_of(flow, name)
    past = None if like is None else like.faults
    made_of = st.tuples(
        inputs(target.flow) if like is None else st.just(like.inputs),
        faults(target.plan, target.name, kinds=kinds, like=past),
        st.integers(0, 1 << 16),
    )
    return _runs(target, made_of)


@st.composite
def _runs(draw: st.DrawFn, target: Target, made_of: st.SearchStrategy[tuple[Inputs, Faults, int]]) -> Run:
    given, faults, seed = draw(made_of)
    return _run(target, given, faults if seed % 2 else _meant(target, given, faults), seed)


def _meant(target: Target, given: Inputs, faults: Faults) -> Faults:
    """Faults whose events are meant for the run: a field that is called as an input is, and has its type, has
    its value. By luck a wait for the payment of an order would hardly ever come across its own."""
    types = {parameter.name: parameter.type for parameter in target.flow.parameters}

    def meant(came: Comes) -> Comes:
        declared = target.plan.events[came.event].fields
        same = {f.name: given[f.name] for f in declared if f.name in given and f.type == types[f.name]}
        return attrs.evolve(came, fields=came.fields | same)

    return attrs.evolve(faults, events=tuple(map(meant, faults.events)))


def run_of(
    flow: FlowLike, name: str | None = None, *, inputs: Inputs, faults: Faults | None = None, seed: int = 0
) -> Run:
    """One simulated run, as an example that failed has shown it.

    An agent that `faults` does not mention answers at once, with the smallest value that fits. Raises Misfit
    where inputs do not fit, ValueError where faults are of agents that are not there, and what `runs`
    raises."""
    target = target_of(flow, name)
    insist_on_inputs(target.flow, inputs)
    insist_on_names(target.plan, faults or Faults())
    return _run(target, inputs, faults or Faults(), seed)


def again(run: Run, faults: Faults, seed: int) -> Run:
    """A run with the same inputs, but with other faults or in another order."""
    return _run(run.target, run.inputs, faults, seed)


def _run(target: Target, given: Inputs, faults: Faults, seed: int) -> Run:
    types = {parameter.name: parameter.type for parameter in target.flow.parameters}
    values = {name: decode(value, types[name]) for name, value in given.items()}
    world = world_of(faults, target.plan)
    simulated = simulate(target.program, target.name, values, world, order=Random(seed))
    return Run(target, given, faults, seed, simulated)


# How it went, in words


def _call_line(made: Made) -> str:
    took = "…" if made.ended is None else duration_text(made.ended - EPOCH)
    arguments = {
        name: "***" if name in made.call.secrets else value for name, value in made.call.arguments.items()
    }
    again = f", attempt {made.call.attempt}" if made.call.attempt > 1 else ""
    shown = _outcome(made.outcome) + ("" if made.recorded else ", of which the run never heard")
    call = f"{made.call.agent}({_named(arguments)}){again}"
    return f"{duration_text(made.started - EPOCH)}..{took} {made.path} {call}: {shown}"


def _named(arguments: dict[str, Value]) -> str:
    return ", ".join(f"{name}: {write_json(value)}" for name, value in arguments.items())


def _outcome(outcome: Outcome | None) -> str:
    match outcome:
        case Replied(value=value):
            return write_json(value)
        case Raised(error=error, message=message):
            return f"{error} {message}".rstrip()
        case None:
            return "no end"
        case _:
            return "stopped"
