"""Three small models, each out of a wheel, as agents. Each is loaded when it is first asked."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from flowlang import File
from flowlang.agents import effect


@effect("pure")
def language(text: str) -> str:
    """The language of a text, by its two letters: a naive Bayes over bytes (py3langid)."""
    import py3langid

    return str(py3langid.classify(text)[0])


@effect("pure")
def mood(text: str) -> Literal["happy", "neutral", "unhappy"]:
    """How an English text sounds: a lexicon with rules (VADER)."""
    score = _moods().polarity_scores(text)["compound"]
    return "happy" if score > 0.3 else "unhappy" if score < -0.3 else "neutral"


@effect("pure")
def lines_of(scan: File) -> list[str]:
    """What stands on an image, line by line: two networks that find lines and read them (PaddleOCR)."""
    found, _ = _reader()(str(scan.path))
    return [text for _, text, _ in found or []]


@cache
def _moods() -> Any:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

    return SentimentIntensityAnalyzer()


@cache
def _reader() -> Any:
    from rapidocr_onnxruntime import RapidOCR

    return RapidOCR()
