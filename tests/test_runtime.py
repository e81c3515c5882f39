"""Cases of running: each file of `cases/runtime` is a flow and, as comments, the transcript of its run.

A case named after a rule of `flowlang/runtime/RULES.md` is where that rule shows. `UPDATE_CASES=1` writes the
transcripts anew, for a person to read in the diff."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.cases import UPDATING
from support.durable import play_durably
from support.runs import outside_of, play, transcript

CASES = sorted((Path(__file__).parent / "cases" / "runtime").glob("*.flow"))


@pytest.mark.parametrize("play", [play, play_durably])
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_run_goes_as_its_case_says(path, play):
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    outside = outside_of(text)
    found = transcript(play(text, outside), outside)
    expected = [line.removeprefix("//= ") for line in lines if line.startswith("//=")]
    if play is play_durably:  # what happens at one instant has no order that both hosts share
        assert sorted(found) == sorted(expected) or UPDATING
        return
    if UPDATING:
        kept = [line for line in lines if not line.startswith("//=")]
        path.write_text("\n".join([*kept, *(f"//= {line}" for line in found), ""]), encoding="utf-8")
    assert found == expected or UPDATING
