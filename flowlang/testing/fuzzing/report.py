"""What `flow fuzz` tells: for people each finding with its story, for programs one object."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from flowlang.agents.places import Places
from flowlang.plan.model import Place
from flowlang.plan.paths import step_at
from flowlang.testing.fuzzing.findings import Finding, Kind
from flowlang.testing.fuzzing.search import Searched
from flowlang.testing.fuzzing.story import story
from flowlang.text.display import clean
from flowlang.text.render import Report, Style, render_report
from flowlang.tools.testing_report import JsonObject, place_json

HELP: dict[Kind, str] = {
    "internal error": "this is a mistake in flowlang: please report it, with the flow and the seed",
    "hang": "give loops and waits an end",
    "ensure": "the flow promises more than it keeps: change the `ensure`, or what leads there",
    "evaluation": "handle the value for which the expression has none, with a guard, `if` or `catch`",
    "overflow": "keep the numbers within bounds, with a guard or `clamp`",
    "calls": "this is a mistake in flowlang: please report it, with the flow and the seed",
    "shared key": "make the step's `key` tell the calls apart, by an item or a round",
    "undo": "this is a mistake in flowlang: please report it, with the flow and the seed",
    "crash": "this is a mistake in flowlang: please report it, with the flow and the seed",
}


@attrs.frozen
class Told:
    """A finding, and the test that tells it, where one can."""

    finding: Finding
    test: str | None


def finding_text(told: Told, places: Places, style: Style) -> str:
    """A finding at its place, its story, and the test to paste."""
    finding = told.finding
    title = finding.kind.replace(" ", "-")
    label = places.label(place_of(finding), "here")
    head = render_report(
        Report("error", title, finding.message, label, help=HELP[finding.kind]), places.read, style
    )
    return head + "".join(f"{clean(line)}\n" for line in _below(told))


def _below(told: Told) -> Iterator[str]:
    yield "  the smallest story:"
    yield from (f"    {line}" for line in story(told.finding))
    if told.test is None:
        yield "  no `test` can tell this story; the same seed finds it again"
        return
    yield "  the test that tells it:"
    yield from (f"    {line}".rstrip() for line in told.test.rstrip().splitlines())


def place_of(finding: Finding) -> Place:
    """The place of a failure, else of the step that it is about, else of the flow."""
    target = finding.run.target
    if finding.failure is not None and finding.failure.at is not None:
        return finding.failure.at
    step = step_at(target.plan, target.name, finding.path) if finding.path else None
    return step.at if step else target.flow.at


def summary(searched: Searched, seed: int) -> str:
    """`412 runs in 3.2s, 2 findings (seed 17)`."""
    count = len(searched.findings)
    found = "nothing found" if not count else f"{count} {'finding' if count == 1 else 'findings'}"
    runs = f"{searched.runs:,} {'run' if searched.runs == 1 else 'runs'}"
    return f"{runs} in {searched.seconds:.1f}s, {found} (seed {seed})"


def waits_text(searched: Searched) -> Iterator[str]:
    """The waits that may never end, for the author to know."""
    for step, awaited in searched.unbounded:
        yield f"the step `{step}` waits for `{awaited}` without a deadline"


def findings_json(told: list[Told], searched: Searched, seed: int, places: Places) -> JsonObject:
    return {
        "seed": seed,
        "runs": searched.runs,
        "seconds": round(searched.seconds, 3),
        "waits_without_deadline": [{"step": step, "awaited": what} for step, what in searched.unbounded],
        "findings": [_finding_json(each, places) for each in told],
    }


def _finding_json(told: Told, places: Places) -> JsonObject:
    finding = told.finding
    return {
        "kind": finding.kind,
        "message": finding.message,
        "step": finding.path,
        **place_json(place_of(finding), places),
        "help": HELP[finding.kind],
        "failure": finding.failure and finding.failure.to_json(),
        "story": story(finding),
        "test": told.test,
    }
