"""What came of a run that was thought up, in words: what went wrong around it, then what happened when."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import attrs

from flowlang.hosts.simulator.simulation import simulate
from flowlang.hosts.simulator.world import Answer
from flowlang.plan import tests
from flowlang.plan.secrets import secret_names
from flowlang.runtime.host import Question
from flowlang.testing.faults import ClockSet, Dies, Faults
from flowlang.testing.fuzzing.findings import Finding
from flowlang.testing.runs import Run
from flowlang.testing.worlds import world_of
from flowlang.tools.testing_run import Ran
from flowlang.tools.testing_script import Asked, shown
from flowlang.tools.testing_trace import trace
from flowlang.values.codec import decode

LONGEST = 300


def story(finding: Finding) -> list[str]:
    """The lines of a finding's story."""
    run = finding.run
    return [_begun(run), *_around(run.faults), *trace(told_again(run).ran, run.target.plan)]


def _begun(run: Run) -> str:
    """`brief(topic: "")`, without what is secret."""
    secret = secret_names(run.target.flow.parameters)
    given = [f"{name}: {'***' if name in secret else shown(value)}" for name, value in run.inputs.items()]
    return f"{run.target.name}({', '.join(given)})"[:LONGEST]


def _around(faults: Faults) -> Iterator[str]:
    """What happens that no step of the run shows."""
    for death in sorted(faults.deaths, key=lambda death: death.commit):
        yield _death(death)
    for clock in faults.clocks:
        yield _clock(clock)
    if faults.cancelled is not None:
        yield f"{faults.cancelled} after it began, somebody cancels the run"


def _death(death: Dies) -> str:
    when = "just before" if death.lost else "just after"
    away = "at once" if death.away == "0s" else f"{death.away} later"
    return f"the process dies {when} commit {death.commit} is written; the run is resumed {away}"


def _clock(clock: ClockSet) -> str:
    way = "back" if clock.by.startswith("-") else "forward"
    return f"{clock.after} after it began, the clock is set {way} by {clock.by.lstrip('-')}"


@attrs.frozen
class Told:
    """A run, and after how long (in microseconds) people answered what, by the address of the question."""

    ran: Ran
    delays: dict[str, int]


def told_again(run: Run) -> Told:
    """The run once more, with what its questions were answered."""
    target, asked, delays = run.target, list[Asked](), dict[str, int]()
    types = {parameter.name: parameter.type for parameter in target.flow.parameters}
    values = {name: decode(value, types[name]) for name, value in run.inputs.items()}
    world = world_of(run.faults, target.plan)

    def answer(path: str, question: Question, now: int) -> Answer | None:
        given = world.answer(path, question, now)
        if given is not None:
            asked.append(Asked(path, question.ask, question.arguments, now, given.outcome))
            delays[path] = given.delay
        return given

    noting = attrs.evolve(world, answer=answer)
    simulated = simulate(target.program, target.name, values, noting, order=Random(run.seed))
    begun = tests.Run("out", target.name, {}, None, target.flow.at)
    return Told(Ran(begun, simulated, tuple(asked)), delays)
