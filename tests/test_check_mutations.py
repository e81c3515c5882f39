"""One mistake is one message: good files, with one token or one line of each changed at a time.

Every change is a slip that people make: a letter too many, a name from elsewhere, a literal of another type,
an argument or a clause left out. Many change nothing that matters (a step that nothing mentions may have any
name), so no number of messages is asked for; but never more than two, and mostly one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import attrs
import pytest
from support.checking import check_texts

from flowlang.agents.describe import describe as describe_really
from flowlang.semantics.check import Checked, check
from flowlang.semantics.modules import load
from flowlang.text.source import Source

VALID = Path(__file__).parent / "cases/valid"
EXAMPLE = Path(__file__).parent.parent / "examples/repo_review/repo_review.flow"

TOKEN = re.compile(
    r'''"""(?:.|\n)*?"""|"(?:\\.|\$\{[^}]*\}|[^"\\\n])*"|'[^'\n]*'|//[^\n]*|\d[\d_.]*(?:ms|s|m|h|d)?\b|\w+|\S'''
)
KEYWORD = re.compile(
    r"import|as|use|python|type|error|event|agent|ask|flow|test|effect|timeout|retry|times|on|"
    r"backoff|to|limit|at|once|per|breaker|failures|within|reset|raises|require|else|step|return|"
    r"when|for|each|in|where|catch|null|yield|let|while|most|from|next|choose|wait|undo|do|after|"
    r"key|finally|race|ensure|given|fails|run|expect|true|false|not|and|or|is|match|if|then|"
    r"cache|otherwise|order|fail|tolerating"
)
CLAUSE = re.compile(r"^\s+(when|after|key|timeout|retry|catch|undo|effect|limit|breaker|cache)\b.*$")
ARGUMENT = re.compile(r"(?<=[(,])\s*\w+: [^,(){}\n]+(?:,|(?=\)))")


@attrs.frozen
class Mutant:
    line: int
    change: str
    text: str


def misspelt(text: str) -> Iterator[Mutant]:
    """Each mention of a name with a letter too many, and with another name in its place."""
    for token in names(text):
        yield replaced(text, token, token[0] + "x")
        yield replaced(text, token, "elsewhere")


def of_another_type(text: str) -> Iterator[Mutant]:
    """Each literal as one of another type."""
    for token in tokens(text):
        if token[0].startswith('"') and not token[0].startswith('"""'):
            yield replaced(text, token, "5")
        elif token[0][0].isdigit():
            yield replaced(text, token, '"x"')
            yield replaced(text, token, "true")


def without_an_argument(text: str) -> Iterator[Mutant]:
    for argument in ARGUMENT.finditer(text):
        yield replaced(text, argument, "")


def without_a_clause(text: str) -> Iterator[Mutant]:
    for line in re.finditer(r"^.*\n", text, re.MULTILINE):
        if CLAUSE.match(line[0].rstrip("\n")) and not line[0].rstrip().endswith("{"):
            yield replaced(text, line, "")


def without_a_keyword(text: str) -> Iterator[Mutant]:
    for token in tokens(text):
        if KEYWORD.fullmatch(token[0]):
            yield replaced(text, token, "")


def tokens(text: str) -> Iterator[re.Match[str]]:
    return (token for token in TOKEN.finditer(text) if not token[0].startswith("//"))


def names(text: str) -> Iterator[re.Match[str]]:
    return (t for t in tokens(text) if re.match(r"[A-Za-z_]", t[0]) and not KEYWORD.fullmatch(t[0]))


def replaced(text: str, place: re.Match[str], new: str) -> Mutant:
    start, end = place.span()
    line = text.count("\n", 0, start) + 1
    return Mutant(line, f"{place[0].strip()!r} -> {new!r}", text[:start] + new + text[end:])


MEANING = [misspelt, of_another_type, without_an_argument, without_a_clause]


def desk(text: str | None = None, previous: Checked | None = None) -> Checked:
    texts = {path.name: path.read_text(encoding="utf-8") for path in VALID.glob("*.flow")}
    return check_texts(texts | ({"desk.flow": text} if text else {}), "desk.flow", previous=previous)


def trips(text: str | None = None, previous: Checked | None = None) -> Checked:
    written = (VALID / "trips.flow").read_text(encoding="utf-8")
    return check_texts({"trips.flow": text or written}, "trips.flow", previous=previous)


def example(text: str | None = None, previous: Checked | None = None) -> Checked:
    path = str(EXAMPLE)
    source = Source(path, text or EXAMPLE.read_text(encoding="utf-8"))
    before = previous.project if previous else None
    project = load(path, read=lambda wanted: source, describe=describe_really, previous=before)
    return check(project, previous=previous)


@pytest.mark.parametrize("checked", [desk, trips, example])
def test_the_files_are_good(checked):
    assert not [d.message for d in checked().diagnostics if d.severity == "error"]


STRIDE = {example: 7}  # it is one large flow, checked anew for each of a thousand changes
TESTED = [
    *((checked, kind) for checked in (desk, trips, example) for kind in MEANING),
    *((checked, without_a_keyword) for checked in (desk, trips)),
]


@pytest.mark.parametrize(("checked", "mutants"), TESTED)
def test_one_slip_is_one_message(checked, mutants):
    good = checked()
    text = good.project.modules[good.project.entry].source.text
    counts: Counter[int] = Counter()
    worse = []
    for mutant in islice(mutants(text), 0, None, STRIDE.get(checked, 1)):
        found = errors_of(checked(mutant.text, previous=good))
        counts[len(found)] += 1
        if len(found) > 2:
            worse.append(f"line {mutant.line}: {mutant.change}:\n  " + "\n  ".join(found))
    assert not worse, "\n".join(worse)
    assert counts[2] <= max(2, counts.total() // 12), counts


def errors_of(checked: Checked) -> list[str]:
    return [f"{d.code.slug}: {d.message}" for d in checked.diagnostics if d.severity == "error"]
