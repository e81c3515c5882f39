"""Cases of plans: a flow, and beside it what `flow plan` shows of it. `UPDATE_CASES=1` writes that anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.plans import plan_of_file

from flowlang.plan.show import render_plan

FOLDER = Path(__file__).parent / "cases" / "plan"
CASES = [path for path in sorted(FOLDER.glob("*.flow")) if path.stem != "expressions"]
CASES += [FOLDER / "modules" / "main.flow"]


@pytest.mark.parametrize("path", CASES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_a_plan_reads_as_its_case_says(path: Path):
    found = render_plan(plan_of_file(path), None)
    snapshot = path.with_suffix(".plan.txt")
    if os.environ.get("UPDATE_CASES") == "1":
        snapshot.write_text(found, encoding="utf-8")
    assert found == snapshot.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", CASES, ids=lambda path: str(path.relative_to(FOLDER)))
@pytest.mark.parametrize("width", [60, 72, 100])
def test_no_line_is_wider_than_asked_for(path: Path, width: int):
    lines = render_plan(plan_of_file(path), None, width=width).splitlines()
    assert max(len(line) for line in lines) <= width


def test_colours_change_nothing_but_the_look():
    compiled = plan_of_file(FOLDER / "policies.flow")
    plain, coloured = render_plan(compiled, None), render_plan(compiled, None, colour=True)
    assert "\x1b[" in coloured
    parts = coloured.split("\x1b[")
    assert parts[0] + "".join(part.partition("m")[2] for part in parts[1:]) == plain
