"""After an edit, checking again with what was known before says the same as checking from scratch.

Texts of several declarations, and of a module that they import, are edited at random: pieces of one are put
into another, lines leave, come twice or change places, words are swapped. Then diagnostics, interfaces and
facts must be equal, and only what an edit concerns may have been checked again."""

from __future__ import annotations

import attrs
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.checking import check_texts, describe

from flowlang.semantics.check import Checked, check
from flowlang.semantics.facts import Facts
from flowlang.semantics.providers import Description

MAIN = """\
import "trips.flow" as trips
use python tools = "tools.py"

/// A page that was found.
type Page = { url: string, score: float, trip: trips.Trip? }
type Outcome = Done(page: Page) | Failed(reason: string)
error NotFound(url: string)
event Paid(order: string)

/// Reads a page.
agent read(url: string) -> string raises NotFound effect read timeout 10s
agent store(page: Page) -> string effect write
ask approve(question: string) -> bool timeout 1d

flow inner(url: string) -> string {
  step text = read(url: url)
    retry 2 times on NotFound
  return text
}

flow outer(url: string, deep: bool) -> Outcome {
  step text = inner(url: url)
    catch NotFound as e -> e.url
  step trip = trips.book(city: text)
    when deep
    catch trips.SoldOut -> null
  step stored = store(page: { url, score: 1, trip })
    key "store"
  return Failed(reason: "no") when stored == ""
  return Done(page: { url, score: 0.5 })
}

test "it works" {
  given read -> "text" when url == "a"
  given trips.book fails trips.SoldOut(city: "x")
  given trips.tools.save -> "saved"
  run out = outer(url: "a", deep: true)
  expect out is Done and calls("store").size() == 1
  expect calls("trips.tools.save").is_empty()
}
"""
TRIPS = """\
use python tools = "tools.py"

/// Bookings.
type Trip = { id: string, nights: int }
error SoldOut(city: string)
agent book(city: string) -> Trip raises SoldOut effect idempotent

flow twice(city: string) -> Trip {
  step trip = book(city: city)
  step saved = tools.save(text: trip.id)
  return trip
}
"""

WORDS = ["Done", "NotFound", "Outcome", "Page", "SoldOut", "Trip", "deep", "inner", "read", "trips", "url"]
LINES = [line for line in (MAIN + TRIPS).split("\n") if line]


@st.composite
def edits(draw: st.DrawFn) -> tuple[bool, str, int, int, str]:
    """Whether it is the imported module, what is done, where, how far and with what."""
    kind = draw(st.sampled_from(["drop", "double", "swap", "insert", "word", "blank", "doc"]))
    place, length = draw(st.integers(0, 200)), draw(st.integers(1, 3))
    piece = draw(st.sampled_from(WORDS if kind == "word" else LINES))
    return draw(st.booleans()), kind, place, length, piece


def edited(text: str, kind: str, place: int, length: int, piece: str) -> str:
    lines = text.split("\n")
    at = place % len(lines)
    match kind:
        case "drop":
            lines[at : at + length] = []
        case "double":
            lines[at:at] = lines[at : at + length]
        case "swap":
            other = (at + length) % len(lines)
            lines[at], lines[other] = lines[other], lines[at]
        case "insert":
            lines[at:at] = [piece]
        case "word":
            found = next((word for word in WORDS if word in lines[at]), None)
            lines[at] = lines[at].replace(found, piece, 1) if found else piece
        case "blank":
            lines[at:at] = [""] * length
        case "doc":
            lines[at:at] = ["/// Something more."] * length
    return "\n".join(lines)


@settings(max_examples=60, deadline=None)
@given(st.lists(edits(), min_size=1, max_size=6))
@example([(False, "insert", 0, 1, '  expect out is Done and calls("store").size() == 1')])
def test_an_edit_gives_what_a_fresh_check_gives(changes):
    texts = {"main.flow": MAIN, "trips.flow": TRIPS}
    known = check_texts(texts)
    for in_import, *edit in changes:
        path = "trips.flow" if in_import else "main.flow"
        texts = texts | {path: edited(texts[path], *edit)}
        known = check_texts(texts, previous=known)
        assert_same(known, check_texts(texts))


def assert_same(known: Checked, fresh: Checked) -> None:
    assert known.diagnostics == fresh.diagnostics
    assert list(known.modules) == list(fresh.modules)
    for path, module in known.modules.items():
        other = fresh.modules[path]
        assert module.namespace == other.namespace
        assert list(module.entries) == list(other.entries)
        for key, facts in module.facts.items():
            assert contents(facts) == contents(other.facts[key]), key


def contents(facts: Facts) -> dict[str, object]:
    """The tables of facts; what they know of others may have moved or got another doc since."""
    return attrs.asdict(facts, recurse=False) | {"diagnostics": len(facts.diagnostics)}


def test_a_moved_declaration_is_not_checked_again():
    texts = {"main.flow": MAIN, "trips.flow": TRIPS}
    before = check_texts(texts)
    after = check_texts(texts | {"main.flow": "// moved\n\n" + MAIN}, previous=before)
    assert {*entries(before)} - reused(before, after) == {"trips", "tools"}


def test_a_body_concerns_no_other_declaration():
    texts = {"main.flow": MAIN, "trips.flow": TRIPS}
    before = check_texts(texts)
    changed = MAIN.replace("retry 2 times", "retry 3 times")
    after = check_texts(texts | {"main.flow": changed}, previous=before)
    assert {*entries(before)} - reused(before, after) == {"trips", "tools", "inner"}


def test_an_interface_concerns_those_that_use_it():
    texts = {"main.flow": MAIN, "trips.flow": TRIPS}
    before = check_texts(texts)
    changed = TRIPS.replace("nights: int", "nights: float")
    after = check_texts(texts | {"trips.flow": changed}, previous=before)
    kept = reused(before, after)
    assert {"NotFound", "Paid", "read", "approve", "inner"} <= kept
    assert not {"Page", "outer"} & kept


def reused(before: Checked, after: Checked, path: str = "main.flow") -> set[str]:
    """The declarations of a module whose facts were kept."""
    known = before.modules[path].entries
    return {key for key, entry in after.modules[path].entries.items() if entry is known.get(key)}


def entries(checked: Checked) -> list[str]:
    return list(checked.modules["main.flow"].entries)


def test_what_becomes_unknown_inside_of_a_union_concerns_those_that_use_it():
    text = """\
type Inner = A(id: string) | B(id: string)
type Outer = C(inner: Inner) | D
error Lost
error Broken
agent ask(outer: Outer) -> Outer raises Lost effect read
flow main(outer: Outer) -> int {
  step a = ask(outer: outer) retry 1 times on Broken
  return 1
}
"""
    before = check_texts({"main.flow": text})
    after = check_texts({"main.flow": "{" + text}, previous=before)
    assert [d.code.slug for d in before.diagnostics] == ["useless-catch"]
    assert [d.code.slug for d in after.diagnostics] == ["syntax"]


def test_a_module_that_sees_the_same_as_before_is_not_looked_at_again():
    before = check_texts({"main.flow": 'import "trips.flow" as trips\n', "trips.flow": TRIPS})
    again = check(before.project, previous=before)
    assert all(again.modules[path] is module for path, module in before.modules.items())


def test_a_module_is_looked_at_again_when_what_it_uses_has_changed():
    before = check_texts({"main.flow": MAIN, "trips.flow": TRIPS})
    again = check(attrs.evolve(before.project, describe=nothing), previous=before)
    assert again.modules["trips.flow"] is before.modules["trips.flow"]
    assert [found.code.slug for found in again.diagnostics] == ["unknown-provider"]


def nothing(provider: str, target: str, path: str) -> Description:
    return describe(provider, target, path) if path == "trips.flow" else Description(target, known=False)
