"""The workflow control-flow patterns of van der Aalst and others, each as a flow that runs in virtual time.

The files of `cases/patterns` begin with the number that their pattern has in
`conformance/control_flow_patterns.json`. They are cases of running (`support.runs`), and say besides, in
lines that no update writes anew, what the pattern asks of their calls, which are known by their names (those
of `tell` are left out):

    //? A < B < C, A < D           each ends before the next starts
    //? A | B                      they run at the same time
    //? one at a time A, B, C      no two of them do
    //? A 2 times, never B         so many calls; none
    //? A cancelled                so it ended

A case whose pattern the language refuses says beside the line how. What users read of all this stands in
`grammar/patterns.md`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations, pairwise, product
from pathlib import Path
from textwrap import indent

import pytest
import trio
import trio.testing
from support.cases import UPDATING, differences, expected_in, found_in
from support.checking import check_text
from support.runs import PRELUDE, Called, Outside, compile_text, play, transcript

import flowlang
from flowlang.syntax.printer import format_source
from flowlang.text.source import Source

HERE = Path(__file__).parent
CASES = sorted((HERE / "cases" / "patterns").glob("*.flow"))
REFUSED = [path for path in CASES if expected_in(path.read_text(encoding="utf-8"))]
PATTERNS = json.loads((HERE / "conformance" / "control_flow_patterns.json").read_text(encoding="utf-8"))
DOCUMENT = (HERE.parent / "grammar" / "patterns.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (\d+) \| ([^|]+?) \| (yes|partly|no) \| (.+) \|$", DOCUMENT, re.MULTILINE)


@pytest.mark.parametrize("path", [p for p in CASES if p not in REFUSED], ids=lambda path: path.stem)
def test_a_pattern_runs_as_it_should(path):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    outside = Outside()
    for line in lines:
        if line.startswith("//! "):
            outside.read(line.removeprefix("//! "))
    played = play(text, outside)
    found = transcript(played, outside)
    assert [claim for claim in claims_in(text) if not holds(claim, played.calls)] == [], found
    if UPDATING:
        kept = [line for line in lines if not line.startswith("//=")]
        path.write_text("\n".join([*kept, *(f"//= {line}" for line in found), ""]), encoding="utf-8")
    assert found == [line.removeprefix("//= ") for line in lines if line.startswith("//=")] or UPDATING


@pytest.mark.parametrize("path", REFUSED, ids=lambda path: path.stem)
def test_what_is_refused_is_refused(path):
    text = path.read_text(encoding="utf-8")
    checked = check_text(text + PRELUDE)
    errors = [d for d in checked.diagnostics if d.severity == "error"]
    assert differences(text, found_in(checked.project.modules["main.flow"].source, errors)) == []


def claims_in(text: str) -> Iterator[str]:
    for line in re.findall(r"^//\? (.+)$", text, re.MULTILINE):
        yield from [line] if line.startswith("one at a time ") else line.split(", ")


def holds(claim: str, calls: list[Called]) -> bool:
    """Whether what a case claims of its calls is so. A name that nothing was called by is a mistake."""

    def named(name: str) -> list[Called]:
        found = [called for called in calls if called.name == name and called.call.agent != "tell"]
        assert found, f"nothing was called {name}"
        return found

    if claim.startswith("one at a time "):
        these = [c for name in claim.removeprefix("one at a time ").split(", ") for c in named(name)]
        return not any(together(a, b) for a, b in combinations(these, 2))
    if claim.startswith("never "):
        return all(called.name != claim.removeprefix("never ") for called in calls)
    if found := re.fullmatch(r"(.+) (\d+) times", claim):
        return len(named(found[1])) == int(found[2])
    if claim.endswith(" cancelled"):
        return all(called.outcome == "cancelled" for called in named(claim.removesuffix(" cancelled")))
    if " | " in claim:
        sides = combinations(map(named, claim.split(" | ")), 2)
        return all(together(a, b) for one, other in sides for a, b in product(one, other))
    order = pairwise(map(named, claim.split(" < ")))
    return all(
        a.ended <= b.started and calls.index(a) < calls.index(b)
        for one, other in order
        for a, b in product(one, other)
    )


def together(one: Called, other: Called) -> bool:
    return one.started < other.ended and other.started < one.ended


# What users read


def test_the_document_says_of_every_pattern_how_it_is_written():
    names = {int(number): name for number, name, *_ in ROWS}
    assert names == {pattern["n"]: pattern["name"] for pattern in PATTERNS}
    assert len(ROWS) == len(PATTERNS) == 43


@pytest.mark.parametrize(("number", "fits"), [(row[0], row[2]) for row in ROWS])
def test_every_pattern_has_a_case_and_only_what_does_not_fit_is_refused(number, fits):
    cases = [path for path in CASES if path.name.startswith(f"{int(number):02}_")]
    assert [path for path in cases if path not in REFUSED]
    assert fits == "no" or not [path for path in cases if path in REFUSED]


def test_the_document_counts_right():
    counts = [sum(row[2] == fits for row in ROWS) for fits in ("yes", "partly", "no")]
    assert "{} as they\nare, {} in part or in another shape, {} not at all".format(*counts) in DOCUMENT


EXAMPLES = re.findall(r"^```flow(| \w+)\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
DECLARED = next(text for kind, text in EXAMPLES if kind == " prelude")


@pytest.mark.parametrize(("kind", "text"), EXAMPLES)
def test_the_examples_check_and_are_formatted(kind, text):
    steps = f"flow f() {{\n{indent(text, '  ')}}}\n"
    whole = steps if kind == " steps" else text
    assert format_source(Source("a.flow", whole)) == whole
    found = check_text(DECLARED + steps if kind == " steps" else text).diagnostics
    assert [d.message for d in found if not (kind and d.code.slug == "unused")] == []


def test_an_agent_reports_to_its_own_run_as_the_document_says():
    steps = next(text for _, text in EXAMPLES if "report(" in text and "agent" not in text)
    program = re.findall(r"^```python\n(.*?)^```$", DOCUMENT, re.DOTALL | re.MULTILINE)
    done = []

    async def work(name: str) -> str:
        await trio.sleep(5 if name == "slow" else 1)
        done.append(name)
        return name

    compiled = compile_text(f"{DECLARED}\nflow main() {{\n{steps}}}\n")
    names = {"flowlang": flowlang, "plan": compiled, "work": work}
    exec(f"async def main():\n{indent(program[0], '    ')}    return result", names)
    result = trio.run(names["main"], clock=trio.testing.MockClock(autojump_threshold=0))
    assert (result.status, done) == ("done", ["fast", "next after fast", "slow"])


def test_the_links_lead_somewhere():
    headings = re.findall(r"^#+ (.+)$", DOCUMENT, re.MULTILINE)
    known = {"#" + heading.lower().replace(" ", "-") for heading in headings}
    for target in re.findall(r"\]\(([^)]+)\)", DOCUMENT):
        assert target in known or (HERE.parent / "grammar" / target).exists(), target
