"""Coverage: which steps, arms, catches and undos of flows no test has reached.

What a run tells says which steps began, which catches took a failure and what was undone. Of arms it tells
nothing; so the tests of a suite run on a program that notes those that it takes (`testing_arms.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, TypeAlias

import attrs

from flowlang.agents.places import Places
from flowlang.plan import model as plan
from flowlang.plan.paths import step_at
from flowlang.plan.walk import all_blocks
from flowlang.runtime import events
from flowlang.runtime.program import Program
from flowlang.tools.testing_arms import Taken, arms_of, noting
from flowlang.tools.testing_run import Ran
from flowlang.values.value import Value

Kind: TypeAlias = Literal["step", "arm", "catch", "undo"]
KINDS: Final[tuple[Kind, ...]] = ("step", "arm", "catch", "undo")


@attrs.frozen
class Point:
    """Something that a test can reach. `text` says what it is, in words, which depend on who imports it.
    `number` tells arms apart that have no place of their own."""

    path: str
    line: int
    column: int
    kind: Kind
    text: str = attrs.field(eq=False)
    number: int = 0


@attrs.frozen
class Coverage:
    """Points in the order of files and lines, each with whether it was reached."""

    points: Mapping[Point, bool]

    def of(self, path: str) -> Coverage:
        return Coverage({point: reached for point, reached in self.points.items() if point.path == path})

    def counts(self) -> dict[Kind, tuple[int, int]]:
        """How many points were reached, of how many, by kind."""
        found: dict[Kind, tuple[int, int]] = {}
        for kind in KINDS:
            of_kind = [reached for point, reached in self.points.items() if point.kind == kind]
            if of_kind:
                found[kind] = (sum(of_kind), len(of_kind))
        return found

    @property
    def missed(self) -> list[Point]:
        return [point for point, reached in self.points.items() if not reached]


def merged(found: Iterable[Coverage]) -> Coverage:
    """Coverage by several suites: a flow that is imported can be reached from each."""
    points: dict[Point, bool] = {}
    for coverage in found:
        for point, reached in coverage.points.items():
            points[point] = points.get(point, False) or reached
    return Coverage({point: points[point] for point in sorted(points, key=_place)})


def _place(point: Point) -> tuple[str, int, int, int, int]:
    return point.path, point.line, point.column, KINDS.index(point.kind), point.number


@attrs.define(eq=False)
class Watched:
    """A program that is watched: `program` is carried out in the place of the one it was made of."""

    program: Program
    _taken: Taken
    _started: dict[int, None] = attrs.field(factory=dict)
    _caught: dict[int, None] = attrs.field(factory=dict)
    _undone: dict[int, None] = attrs.field(factory=dict)
    _steps: dict[tuple[str, str], plan.Step | None] = attrs.field(factory=dict)

    @classmethod
    def of(cls, program: Program) -> Watched:
        taken: Taken = {}
        return cls(noting(program, taken), taken)

    def see(self, ran: Ran) -> None:
        """Take up what a run told."""
        for event in ran.simulated.events:
            match event:
                case events.StepStarted():
                    self._note(self._started, self._step(ran, event.path))
                case events.Undone():
                    self._note(self._undone, self._step(ran, event.path))
                case events.Caught(path=path, failure=failure) if not path.endswith("]"):
                    step = self._step(ran, path)
                    catches = step.catches if step else ()
                    self._note(
                        self._caught,
                        next((c for c in catches if not c.errors or failure.error in c.errors), None),
                    )

    def _note(self, noted: dict[int, None], part: plan.Step | plan.Catch | None) -> None:
        if part is not None:
            noted[id(part)] = None

    def _step(self, ran: Ran, path: str) -> plan.Step | None:
        key = (ran.run.flow, path)
        if key not in self._steps:
            self._steps[key] = step_at(self.program.plan, *key)
        return self._steps[key]

    def coverage(self, places: Places) -> Coverage:
        """What was reached of all flows of the plan."""
        points: dict[Point, bool] = {}
        for flow in self.program.plan.flows.values():
            for at, kind, text, reached in self._of_steps(flow):
                points[_point(places, at, kind, text)] = reached
            for number, arm in enumerate(arms_of(flow)):
                points[_point(places, arm.at, "arm", arm.text, number)] = arm.key in self._taken
        return Coverage(points)

    def _of_steps(self, flow: plan.Flow) -> Iterator[tuple[plan.Place, Kind, str, bool]]:
        for block in all_blocks(flow.body):
            for statement in block.statements:
                if isinstance(statement, plan.Step):
                    yield from self._of_step(statement)

    def _of_step(self, step: plan.Step) -> Iterator[tuple[plan.Place, Kind, str, bool]]:
        yield step.at, "step", f"the step `{step.name}`", id(step) in self._started
        for catch in step.catches:
            names = ", ".join(error.rpartition(".")[2] for error in catch.errors)
            what = f"`catch {names}`" if names else "`catch`"
            yield catch.at, "catch", f"the {what} of `{step.name}`", id(catch) in self._caught
        if step.undo is not None:
            undone = id(step) in self._undone
            yield getattr(step.undo, "at", step.at), "undo", f"the `undo` of `{step.name}`", undone


def _point(places: Places, at: plan.Place, kind: Kind, text: str, number: int = 0) -> Point:
    return Point(places.plan.sources[at.source].path, at.line, at.column, kind, text, number)


def coverage_text(coverage: Coverage) -> str:
    """A line a file, and below it a line for each point that was missed."""
    lines: list[str] = []
    for path in dict.fromkeys(point.path for point in coverage.points):
        of_file = coverage.of(path)
        counts = [
            f"{reached} of {total} {kind if total == 1 else kind + ('es' if kind == 'catch' else 's')}"
            for kind, (reached, total) in of_file.counts().items()
        ]
        lines.append(f"{path}: {', '.join(counts)}")
        lines += [f"  {path}:{p.line}:{p.column}  no test reaches {p.text}" for p in of_file.missed]
    return "".join(f"{line}\n" for line in lines)


def coverage_json(coverage: Coverage) -> dict[str, Value]:
    return {
        "counts": {kind: list(counts) for kind, counts in coverage.counts().items()},
        "missed": [
            attrs.asdict(point, filter=lambda field, _: field.name != "number") for point in coverage.missed
        ],
    }
