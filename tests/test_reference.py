"""The reference is true: its flows check as it says, its expressions give what it says."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support.checking import check_text
from support.expressions import Refused, evaluate

from flowlang.plan.model import ATTEMPT_TIMEOUT
from flowlang.semantics import types
from flowlang.semantics.builtins import ERRORS
from flowlang.semantics.check import MOST_ERRORS
from flowlang.semantics.functions import catalogue
from flowlang.semantics.types import show
from flowlang.syntax.nodes.base import MAX_DEPTH
from flowlang.syntax.order import CLAUSES, POLICIES
from flowlang.syntax.print_expressions import BINARY_LEVELS, CONDITIONAL, NOT, POSTFIX, UNARY
from flowlang.syntax.printer import format_source
from flowlang.syntax.sizes import MAX_EXPRESSION, MAX_NESTING
from flowlang.syntax.words import RESERVED
from flowlang.text.reading import MAX_SOURCE_BYTES
from flowlang.text.source import Source
from flowlang.values.evaluation import BUDGET
from flowlang.values.times import MAX_DURATION, SECOND
from flowlang.values.value import MAX_BOUNDARY, MAX_ITEMS, MAX_TEXT

PAGE = Path(__file__).resolve().parent.parent / "grammar" / "reference.md"
TEXT = PAGE.read_text(encoding="utf-8")
YEAR = 31_557_600  # seconds
PARAMETERS = {
    "topic": "string",
    "depth": "int",
    "urgent": "bool",
    "pages": "list<Page>",
    "order": "string",
}


class Example(NamedTuple):
    line: int
    heading: str  # what stands behind the fence: "flow", "flow steps error[cycle]", …
    text: str

    def __str__(self) -> str:
        return f"line {self.line}"


def examples() -> Iterator[Example]:
    for found in re.finditer(r"^```(\S[^\n]*)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE):
        yield Example(TEXT.count("\n", 0, found.start()) + 1, found[1], found[2])


FLOWS = [example for example in examples() if example.heading.split()[0] == "flow"]
PRELUDE = next(example.text for example in FLOWS if example.heading == "flow prelude")
EXPRESSIONS = [
    (example, line)
    for example in examples()
    if example.heading.startswith("flow-expr")
    for line in example.text.splitlines()
]


@pytest.mark.parametrize("example", FLOWS, ids=str)
def test_flows_check_as_they_say(example: Example) -> None:
    """Steps are the body of a flow; that nothing uses them is no wonder there."""
    _, *marks = example.heading.split()
    is_whole = "steps" not in marks
    found = check_text(example.text if is_whole else flow_of(example.text)).diagnostics
    slugs = [d.code.slug for d in found if is_whole or d.code.slug != "unused"]
    assert slugs == re.findall(r"(?:error|warning)\[(\S+)\]", example.heading), found


def flow_of(steps: str) -> str:
    mentioned = [f"{name}: {type}" for name, type in PARAMETERS.items() if re.search(rf"\b{name}\b", steps)]
    return f"{PRELUDE}\nflow example({', '.join(mentioned)}) {{\n{steps}}}\n"


@pytest.mark.parametrize("example", FLOWS, ids=str)
def test_flows_are_formatted(example: Example) -> None:
    steps = "steps" in example.heading.split()
    text = f"flow f() {{\n{indented(example.text)}}}\n" if steps else example.text
    assert format_source(Source("a.flow", text)) == text


def indented(text: str) -> str:
    return "".join(f"  {line}" if line.strip() else line for line in text.splitlines(keepends=True))


@pytest.mark.parametrize(("example", "line"), EXPRESSIONS, ids=[line for _, line in EXPRESSIONS])
def test_expressions_give_what_stands_behind_them(example: Example, line: str) -> None:
    text, _, expected = line.partition("  // ")
    before = example.heading.partition(" with ")[2]
    try:
        outcome = evaluate(text, before=before)
        found = f"fails {outcome.error}" if outcome.error else f"-> {json.dumps(outcome.value)}"
    except Refused as refused:
        found = " ".join(f"error[{slug}]" for slug in refused.found)
    assert found == expected


# Tables


def test_the_functions_are_those_of_the_catalogue() -> None:
    """UPDATE_CASES=1 writes the tables anew."""
    start, end = "<!-- functions: written by the tests from the catalogue -->\n", "<!-- end of functions -->"
    before, _, rest = TEXT.partition(start)
    written, _, after = rest.partition(end)
    tables = function_tables()
    if os.environ.get("UPDATE_CASES"):
        PAGE.write_text(before + start + tables + end + after, encoding="utf-8")
    else:
        assert written == tables


def function_tables() -> str:
    tables: dict[str, list[str]] = {}
    for found in catalogue():
        receiver = show(found.receiver)
        kind = receiver.partition("<")[0]
        of = "" if receiver in GENERAL else f" of `{receiver}`"
        tables.setdefault(kind, []).append(f"| `{found.text}`{of} | {found.doc} |\n")
    return "".join(
        f"\n#### {TITLES[kind]}\n\n| function | |\n|---|---|\n{''.join(rows)}"
        for kind, rows in tables.items()
    )


TITLES = {
    "T": "All values",
    "list": "Lists",
    "map": "Maps",
    "string": "Strings",
    "int": "Ints",
    "float": "Floats",
    "duration": "Durations",
    "datetime": "Datetimes",
}
GENERAL = {*TITLES, "list<T>", "map<T>"}


def table_under(heading: str) -> list[str]:
    """The first cells of the first table under a heading."""
    section = re.split(rf"^#+ {heading}$", TEXT, flags=re.MULTILINE)[1]
    rows = section[section.index("|---") :].partition("\n\n")[0].splitlines()[1:]
    return [re.split(r"(?<!\\) \| ", row)[0].strip("| ") for row in rows]


def test_the_clauses_stand_in_the_order_of_the_formatter() -> None:
    words = [re.findall(r"\w+", cell)[0] for cell in table_under("Clauses")]
    assert words == [kind.__name__.lower() for kind in CLAUSES]


def test_the_policies_stand_in_the_order_of_the_formatter() -> None:
    words = [re.findall(r"\w+", cell)[0] for cell in table_under("Policies")]
    assert words == [kind.__name__.lower() for kind in POLICIES]


def test_operators_bind_as_listed() -> None:
    listed = re.search(r"^    (\. .* if)$", TEXT, re.MULTILINE)
    assert listed
    groups = [group.split() for group in listed[1].split("  ·  ")]
    levels = {operator: POSTFIX - level for level, group in enumerate(groups) for operator in group}
    assert levels.items() >= BINARY_LEVELS.items()
    assert (levels["-a"], levels["not"], levels["if"]) == (UNARY, NOT, CONDITIONAL)


def test_every_built_in_error_is_listed() -> None:
    listed = {re.findall(r"\w+", cell)[0]: re.findall(r"\w+", cell)[1:] for cell in table_under("Errors")}
    assert listed == {name: [field.name for field in fields] for name, fields in ERRORS.items()}


def test_the_limits_are_those_of_the_code() -> None:
    section = TEXT.partition("\n## Limits\n")[2].partition("\n## ")[0]
    limits = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE))
    assert limits["a `.flow` file"] == f"{MAX_SOURCE_BYTES >> 20} MiB"
    assert limits["an expression"] == f"{MAX_EXPRESSION >> 10} KiB"
    assert limits["brackets and blocks inside each other"] == str(MAX_NESTING)
    assert limits["levels of one expression"] == str(MAX_DEPTH)
    assert limits["a type"] == f"{types.MAX_DEPTH} levels, {types.MAX_PARTS:,} parts"
    assert limits["errors that a module declares"] == str(MOST_ERRORS)
    assert limits["a string that an expression makes"] == f"{MAX_TEXT:,} characters"
    assert limits["a list or map that an expression makes"] == f"{MAX_ITEMS:,} items"
    assert limits["a value that crosses a boundary"] == f"{MAX_BOUNDARY >> 20} MiB of JSON"
    assert limits["the work of one evaluation"].startswith(f"{BUDGET:,} units")
    assert limits["a duration"] == f"{MAX_DURATION // (SECOND * YEAR):,} years"
    assert limits["a call of an agent without a timeout"] == f"{ATTEMPT_TIMEOUT // (60 * SECOND)} minutes"


def test_the_reserved_words_are_listed() -> None:
    words = re.search(r"These words may not name a value: `([^`]+)`", TEXT)
    assert words and set(words[1].split()) == RESERVED


def test_links_lead_to_headings() -> None:
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", TEXT, flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", TEXT)) <= anchors
