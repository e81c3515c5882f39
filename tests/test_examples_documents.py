"""The example that reads the post: by stand-ins everywhere, and by its models where they are installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from support.examples import Example, alike, copied

MODELS = ("py3langid", "vaderSentiment", "rapidocr_onnxruntime")
INSTALLED = all(find_spec(name) for name in MODELS)
HOW = "pip install py3langid vaderSentiment rapidocr-onnxruntime"

STAND_INS = """
import json
from pathlib import Path

from flowlang import File


def language(text: str) -> str:
    return "en" if "the" in text.split() else "fr"


def mood(text: str) -> str:
    return "happy" if "happy" in text else "unhappy"


def lines_of(scan: File) -> list[str]:
    return scan.read().decode().splitlines()
"""


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Example:
    return copied("documents", tmp_path, monkeypatch, capfd)


def post(documents: Example, **papers: str) -> list[dict[str, Any]]:
    """What becomes of papers, read by stand-ins; a scan is one whose name begins so."""
    inbox = documents.folder / "papers"
    inbox.mkdir()
    for name, text in papers.items():
        (inbox / f"{name}{'.png' if name.startswith('scan') else '.txt'}").write_text(text)
    (documents.folder / "models.py").write_text(STAND_INS)
    outcomes: list[dict[str, Any]] = documents.run(inbox="papers", ask_above=100.0).data
    return outcomes


def test_letters_are_told_apart_by_language_and_only_english_ones_have_a_mood(documents: Example) -> None:
    assert post(documents, a="I am happy with the desk", b="Bonjour", c="the end") == [
        {"case": "Letter", "name": "a.txt", "language": "en", "mood": "happy"},
        {"case": "Letter", "name": "b.txt", "language": "fr", "mood": None},
        {"case": "Letter", "name": "c.txt", "language": "en", "mood": "unhappy"},
    ]


@pytest.mark.parametrize(
    ("scan", "outcome"),
    [
        ("Invoice No. 7\nTotal: EUR 99.50", {"case": "ToPay", "number": "7", "euros": 99.5}),
        ("InvoiceNo.A7\nTOTAL:EUR100.00", {"case": "ToPay", "number": "A7", "euros": 100.0}),
        ("Invoice No. 7\nTotal: EUR ten", {"case": "Unreadable", "lines": 2}),
        ("Total: EUR 5.00", {"case": "Unreadable", "lines": 1}),
        ("", {"case": "Unreadable", "lines": 0}),
    ],
)
def test_an_invoice_is_paid_if_it_can_be_read(documents: Example, scan: str, outcome: dict[str, Any]) -> None:
    assert post(documents, scan=scan) == [{"name": "scan.png", **outcome}]


@pytest.mark.skipif(not INSTALLED, reason=HOW)
def test_the_readme_tells_the_truth_of_the_models(documents: Example) -> None:
    for command, shown, printed in documents.session():
        assert alike(shown, printed), f"$ {command}\n{printed}"


def test_the_readme_says_how_to_install_the_models(documents: Example) -> None:
    assert HOW in (documents.folder / "README.md").read_text()
