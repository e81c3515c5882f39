"""The loop that judges its own work: it gets better, it keeps the facts, and it ends."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.examples import Example, copied

FIGURE = r"\d(?:[\d.,:/-]*\d)?"


@pytest.fixture
def plain_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Example:
    return copied("plain_words", tmp_path, monkeypatch, capfd)


def written(plain_words: Example, text: str | bytes) -> str:
    (plain_words.folder / "text.txt").write_bytes(text.encode() if isinstance(text, str) else text)
    return "text.txt"


def eases(report: str) -> list[float]:
    return [float(ease) for ease in re.findall(r"^round \d+: ease ([-\d.]+)", report, re.MULTILINE)]


def test_each_round_reads_easier_until_the_goal_is_reached(plain_words: Example) -> None:
    report = plain_words.run(goal=60).data
    assert eases(report) == sorted(eases(report)) and eases(report)[-1] >= 60 > eases(report)[-2]
    assert f"after   ease  {eases(report)[-1]}" in report


def test_the_figures_of_the_letter_are_all_there(plain_words: Example) -> None:
    report = plain_words.run(goal=100).data
    text = report.partition("---")[0]
    letter = (plain_words.folder / "letter.txt").read_text()
    assert re.findall(FIGURE, text) == re.findall(FIGURE, letter)


def test_a_goal_out_of_reach_ends_when_nothing_helps(plain_words: Example) -> None:
    report = plain_words.run(goal=1000, most_rounds=50).data
    assert len(eases(report)) < 20 and "subsequent" not in report.partition("---")[0].lower()


def test_no_more_rounds_than_wanted(plain_words: Example) -> None:
    assert len(eases(plain_words.run(goal=1000, most_rounds=2).data)) == 2
    assert eases(plain_words.run(most_rounds=0).data) == []


def test_a_revision_that_touches_a_figure_is_refused(plain_words: Example) -> None:
    (plain_words.folder / "words.tsv").write_text("not later than 12 o'clock\tsoon\n")
    file = written(plain_words, "The application must be received not later than 12 o'clock tomorrow.")
    report = plain_words.run(file=file).data
    assert eases(report) == [] and "12 o'clock" in report


def test_a_text_that_is_plain_already_stays_as_it_is(plain_words: Example) -> None:
    report = plain_words.run(file=written(plain_words, "The cat sat on the mat.\n\nIt slept.")).data
    assert report.startswith("The cat sat on the mat.\n\nIt slept.\n") and eases(report) == []


def test_no_file_no_words_no_text(plain_words: Example) -> None:
    assert plain_words.run(file="nowhere.txt").error == "NoSuchFile"
    assert plain_words.run(file=".").error == "NoSuchFile"
    assert plain_words.run(file=written(plain_words, " \n\n12\n")).error == "RequirementFailed"
    assert plain_words.run(file=written(plain_words, b"\xff\xfe")).error == "NotText"
