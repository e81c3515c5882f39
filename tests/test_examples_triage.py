"""The triage of letters: who classifies them, where they end, and what nobody understands."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.examples import Example, copied


@pytest.fixture
def triage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Example:
    return copied("triage", tmp_path, monkeypatch, capfd)


def inbox(triage: Example, **letters: str | bytes) -> str:
    folder = triage.folder / "letters"
    folder.mkdir()
    for name, content in letters.items():
        (folder / f"{name}.txt").write_bytes(content.encode() if isinstance(content, str) else content)
    return "letters"


def piles(triage: Example) -> dict[str, str]:
    """The pile that each letter was put on."""
    return {path.name: path.parent.name for path in (triage.folder / "out").rglob("*.txt")}


def test_every_letter_is_on_one_pile(triage: Example) -> None:
    assert triage.run().data
    assert piles(triage) == {
        "brown.txt": "invoices to pay",
        "castle.txt": "invoices to approve",
        "dent.txt": "complaints for today",
        "answer to dent.txt": "complaints for today",
        "evans.txt": "complaints",
        "answer to evans.txt": "complaints",
        "fox.txt": "applications",
        "green.txt": "applications",
        "hall.txt": "complaints",
        "answer to hall.txt": "complaints",
        "jansen.txt": "for a person",
        "king.txt": "for a person",
        "scan.txt": "for a person",
    }


def test_the_second_opinion_is_asked_where_the_first_is_not_sure(triage: Example) -> None:
    report = triage.run().data
    assert "hall.txt    names no order  [examples: " in report
    assert "fox.txt     night watchman  [rules: " in report
    assert "[rules:" not in triage.run(sure=1.1).data  # never sure


def test_without_examples_the_first_opinion_has_to_do(triage: Example) -> None:
    report = triage.run(training="nowhere").data
    assert "[examples:" not in report
    assert "hall.txt    perhaps: invoice  [rules: invoice]" in report
    assert piles(triage)["dent.txt"] == "complaints for today"


def test_letters_that_are_empty_or_odd(triage: Example) -> None:
    folder = inbox(
        triage,
        empty="",
        zeros=b"\0\0\0",
        long="invoice " * 100_000,
        both="I apply for the position of cook, by invoice number 7, and complain of a broken cup.",
    )
    report = triage.run(inbox=folder).data
    assert "empty.txt   neither rules nor examples know what it is" in report
    assert "zeros.txt   neither rules nor examples know what it is" in report
    assert "long.txt    an invoice without a number" in report
    assert "both.txt" in report


def test_what_matters_is_read_off_a_letter(triage: Example) -> None:
    folder = inbox(
        triage,
        one="Invoice no. 17, payable at once. VAT 2.00. Amount due: EUR 1,000.01",
        two="I complain: order #A7 came broken. It is unacceptable.",
    )
    report = triage.run(inbox=folder).data
    assert "invoices to approve:\n  one.txt     no. 17 over 1000.01 euros" in report
    assert "complaints:\n  two.txt     order A7" in report
    answer = (triage.folder / "out/complaints/answer to two.txt").read_text()
    assert "your order A7" in answer and "within a week" in answer


def test_no_folder_no_letters_no_place_for_piles(triage: Example) -> None:
    assert triage.run(inbox="nowhere").error == "NoSuchFolder"
    assert triage.run(inbox=inbox(triage)).error == "RequirementFailed"
    # Absolute, since a call that is not awaited may still be writing when the test has left the folder.
    assert triage.run(out=str(triage.folder / "triage.flow")).error == "AgentFailed"
