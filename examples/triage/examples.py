"""The slower opinion: a naive Bayes classifier, trained on letters that somebody sorted before.

After Manning, Raghavan and Schütze, Introduction to Information Retrieval, chapter 13: multinomial, with
add-one smoothing. The training folder has a file for each kind, with a letter a paragraph."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path
from typing import get_args

from rules import Kind, NoClue, Opinion

KINDS: tuple[Kind, ...] = get_args(Kind)


class NoSuchFolder(Exception):
    def __init__(self, path: str) -> None:
        super().__init__(f"there is no folder {path}")
        self.path = path


def by_examples(text: str, training: str) -> Opinion:
    """The most probable kind. Only words that the examples know count; without any there is no opinion."""
    counts = _counts(Path(training))
    known = {word for counter in counts.values() for word in counter}
    words = [word for word in _words(text) if word in known]
    if not words:
        raise NoClue("none of its words stands in the examples")

    def weight(kind: Kind, word: str) -> float:
        return math.log((counts[kind][word] + 1) / (counts[kind].total() + len(known)))

    scores = {kind: sum(weight(kind, word) for word in words) for kind in KINDS}
    best = max(KINDS, key=lambda kind: scores[kind])
    # Words are not independent, as the method pretends; the root keeps long letters from looking certain.
    confidence = 1 / sum(math.exp((scores[kind] - scores[best]) / math.sqrt(len(words))) for kind in KINDS)

    def says(word: str) -> float:
        return weight(best, word) - max(weight(kind, word) for kind in KINDS if kind != best)

    telling = sorted(set(words), key=lambda word: (-says(word), word))
    return Opinion("examples", best, round(confidence, 2), telling[:4])


def _counts(training: Path) -> dict[Kind, Counter[str]]:
    """How often each kind uses each word."""
    if not training.is_dir():
        raise NoSuchFolder(str(training.absolute()))
    return {kind: Counter(_words((training / f"{kind}.txt").read_text(encoding="utf-8"))) for kind in KINDS}


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[^\W\d_]+", text.lower()) if len(word) > 3]
