"""Measuring, criticising and revising English prose, by rules.

The ease of a text is after Rudolf Flesch, A new readability yardstick (1948); syllables are estimated from
the spelling. The plain words stand in `words.tsv`, next to this file."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from flowlang.agents import effect

WORDS = Path(__file__).with_name("words.tsv")
LONG = 20  # words, from which on a sentence is better two
JOINT = re.compile(r"(\S+)(?:;|,(?= (?:and|but) (?:i|we|you|he|she|it|they|this|the)\b)) (?:and )?(\w+)")


@dataclass
class Marks:
    words: int
    sentences: int
    ease: float


@dataclass
class Note:
    instead_of: str
    write: str
    gain: int


@dataclass
class Round:
    ease: float
    changes: list[Note]


@dataclass
class Draft:
    text: str
    marks: Marks
    rounds: list[Round]
    stuck: bool


class NoSuchFile(Exception):
    def __init__(self, path: str) -> None:
        super().__init__(f"there is no file {path}")
        self.path = path


class NotText(Exception):
    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is not text")
        self.path = path


@effect("read")
def read(path: str) -> str:
    """The text of a file, a paragraph a line."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        raise NoSuchFile(str(Path(path).absolute())) from None
    except UnicodeDecodeError:
        raise NotText(path) from None
    paragraphs = (" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text))
    return "\n\n".join(paragraph for paragraph in paragraphs if paragraph)


@effect("pure")
def measure(text: str) -> Marks:
    """How hard a text is."""
    words, sentences = _words(text), len(_sentences(text))
    if not words:
        return Marks(0, 0, 0.0)
    syllables = sum(map(_syllables, words))
    ease = 206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / len(words)
    return Marks(len(words), sentences, round(ease, 1))


@effect("pure")
def critique(text: str, lens: Literal["phrases", "sentences"]) -> list[Note]:
    """What makes a text hard, seen through one lens."""
    notes = _phrases(text) if lens == "phrases" else _long_sentences(text)
    return list({note.instead_of: note for note in notes}.values())


@effect("pure")
def revise(text: str, notes: list[Note]) -> str:
    """The text with what the notes say."""
    for note in notes:
        text = text.replace(note.instead_of, note.write)
    return text


@effect("pure")
def report(before: Marks, after: Draft) -> str:
    """The text as it is now, and how it came about."""
    lines = [textwrap.fill(paragraph, 80) + "\n" for paragraph in after.text.split("\n\n")]
    lines += ["---", _marks("before", before), _marks("after", after.marks), ""]
    for number, round in enumerate(after.rounds, 1):
        lines.append(f"round {number}: ease {round.ease:.1f}")
        lines += [f"  {note.instead_of} -> {note.write}" for note in round.changes]
    return "\n".join(lines)


def _marks(when: str, marks: Marks) -> str:
    per = marks.words / marks.sentences
    return f"{when:7} ease {marks.ease:5.1f}, {marks.words} words, {per:.1f} a sentence"


# Critique


def _phrases(text: str) -> Iterator[Note]:
    """Phrases that have a plainer form. One that says nothing goes, and what follows takes its place."""
    for line in WORDS.read_text(encoding="utf-8").splitlines():
        phrase, _, plain = line.partition("\t")
        after = "" if plain else r",? +\w+"
        for match in re.finditer(rf"\b{phrase}\b{after}", text, re.IGNORECASE):
            write = plain or match[0].split()[-1]
            write = write[:1].upper() + write[1:] if match[0][0].isupper() else write
            yield Note(match[0], write, _weight(match[0]) - _weight(write))


def _long_sentences(text: str) -> Iterator[Note]:
    """Long sentences that have a joint where they can become two."""
    for sentence in _sentences(text):
        length = len(_words(sentence))
        if length > LONG:
            for match in JOINT.finditer(sentence):
                yield Note(match[0], f"{match[1]}. {match[2].capitalize()}", length // 2)


def _weight(text: str) -> int:
    return sum(map(_syllables, _words(text)))


# Words


def _sentences(text: str) -> list[str]:
    return [part for part in re.split(r"(?<=[.!?])\s+|\n\n", text) if _words(part)]


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", text)


def _syllables(word: str) -> int:
    """Groups of vowels, but for a silent e at the end; every word has one at least."""
    word = word.lower()
    groups = len(re.findall(r"[aeiouy]+", word))
    silent = re.search(r"[^aeiouyl]e$|[^aeiouytd]ed$", word)
    return max(1, groups - (silent is not None))
