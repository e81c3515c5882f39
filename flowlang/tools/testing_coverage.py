"""Coverage: which steps, arms, catches and undos of flows no test has reached.

What a run tells says which steps began, which catches took a failure and what was undone. That an arm was
taken shows in nothing but that something of it was looked up to be carried out; so the tests of a suite run
on a program that remembers what was looked up in it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Final, Literal, TypeAlias, TypeVar

import attrs

from flowlang.agents.places import Places
from flowlang.plan import model as plan
from flowlang.plan.paths import step_at
from flowlang.plan.walk import all_blocks, all_tasks, branches_of
from flowlang.runtime import events
from flowlang.runtime.program import Program
from flowlang.tools.testing_run import Ran
from flowlang.values.value import Value

T = TypeVar("T")

Kind: TypeAlias = Literal["step", "arm", "catch", "undo"]
KINDS: Final[tuple[Kind, ...]] = ("step", "arm", "catch", "undo")


@attrs.frozen
class Point:
    """Something that a test can reach. `text` says what it is, in words, which depend on who imports it."""

    path: str
    line: int
    column: int
    kind: Kind
    text: str = attrs.field(eq=False)


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


def _place(point: Point) -> tuple[str, int, int, int]:
    return point.path, point.line, point.column, KINDS.index(point.kind)


class _Noted(dict[int, T]):
    """Parts of a program by `id`, which notes those that are looked up."""

    def __init__(self, known: Mapping[int, T], seen: dict[int, None]) -> None:
        super().__init__(known)
        self.seen = seen

    def __getitem__(self, key: int) -> T:
        self.seen[key] = None
        return super().__getitem__(key)


@attrs.define(eq=False)
class Watched:
    """A program that is watched: `program` is carried out in the place of the one it was made of."""

    program: Program
    _seen: dict[int, None]
    _started: dict[int, None] = attrs.field(factory=dict)
    _caught: dict[int, None] = attrs.field(factory=dict)
    _undone: dict[int, None] = attrs.field(factory=dict)
    _steps: dict[tuple[str, str], plan.Step | None] = attrs.field(factory=dict)

    @classmethod
    def of(cls, program: Program) -> Watched:
        seen: dict[int, None] = {}
        watched = attrs.evolve(
            program,
            code=_Noted(program.code, seen),
            schedules=_Noted(program.schedules, seen),
            calls=_Noted(program.calls, seen),
        )
        return cls(watched, seen)

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
        sources = places.plan.sources
        points: dict[Point, bool] = {}
        for flow in self.program.plan.flows.values():
            for at, kind, text, reached in self._of_flow(flow):
                points[Point(sources[at.source].path, at.line, at.column, kind, text)] = reached
        return Coverage(points)

    def _of_flow(self, flow: plan.Flow) -> Iterator[tuple[plan.Place, Kind, str, bool]]:
        for block in all_blocks(flow.body):
            for statement in block.statements:
                if isinstance(statement, plan.Step):
                    yield from self._of_step(statement)
        for task in all_tasks(flow.body):
            if isinstance(task, plan.Choose | plan.MatchTask):
                yield from self._of_arms(task)

    def _of_step(self, step: plan.Step) -> Iterator[tuple[plan.Place, Kind, str, bool]]:
        yield step.at, "step", f"the step `{step.name}`", id(step) in self._started
        for catch in step.catches:
            names = ", ".join(error.rpartition(".")[2] for error in catch.errors)
            what = f"`catch {names}`" if names else "`catch`"
            yield catch.at, "catch", f"the {what} of `{step.name}`", id(catch) in self._caught
        if step.undo is not None:
            undone = id(step) in self._undone
            yield getattr(step.undo, "at", step.at), "undo", f"the `undo` of `{step.name}`", undone

    def _of_arms(self, task: plan.Choose | plan.MatchTask) -> Iterator[tuple[plan.Place, Kind, str, bool]]:
        arms = branches_of(task)
        conditions = [arm.condition for arm in task.arms] if isinstance(task, plan.Choose) else []
        for number, (arm, condition) in enumerate(zip_longest(arms, conditions), 1):
            at = getattr(condition, "at", None) or _place_of(arm) or task.at
            yield at, "arm", f"the arm {number} of {len(arms)} of a `{task.kind}`", self._reached(arm)

    def _reached(self, task: plan.Task) -> bool:
        """Whether something of a task was looked up that nothing but the task looks up."""
        return any(id(part) in self._seen for part in self._own_parts(task))

    def _own_parts(self, task: plan.Task) -> Iterator[object]:
        """What a task looks up first, whichever way it goes."""
        match task:
            case plan.Evaluate(value=value) | plan.Sleep(time=value):
                yield value
            case plan.CallAgent():
                yield task
            case plan.CallFlow(arguments=fields, flow=flow):
                yield from fields.values() if fields else (self.program.plan.flows[flow].body,)
            case plan.Fail(fields=fields):
                yield from fields.values()
            case plan.ForEach(source=value) | plan.While(initial=value) | plan.MatchTask(subject=value):
                yield value
            case plan.Choose(arms=arms):
                yield arms[0].condition
            case plan.Do(body=body):
                yield body
            case plan.Race(branches=branches, each=each):
                for branch in (each,) if each else branches:
                    yield from self._own_parts(branch)
            case plan.Wait(where=where):
                yield where


def _place_of(task: plan.Task) -> plan.Place | None:
    """Where a task stands; None for a constant or a name."""
    inner: object = task.value if isinstance(task, plan.Evaluate) else task
    return getattr(inner, "at", None)


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
        "missed": [attrs.asdict(point) for point in coverage.missed],
    }
