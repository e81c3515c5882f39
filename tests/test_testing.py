"""What `flowlang.testing` promises: values fit, programs check, runs can be made again, and all shrinks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

import flowlang.testing as ft
from flowlang.plan.model import Type
from flowlang.semantics.catalogue import CATALOGUE
from flowlang.syntax.printer import format_source
from flowlang.testing.making.forms import FORMS
from flowlang.testing.plans import well_typed
from flowlang.testing.types import type_of
from flowlang.testing.values import least
from flowlang.text.source import Source
from flowlang.tools.frontend import NotRunnable
from flowlang.values.codec import decode, encode
from flowlang.values.value import MAX_INT, MIN_INT

TYPES = (
    "string", "int", "float", "bool", "null", "duration", "datetime", "json", "file", "secret<list<string>>",
    '"a" | "b"', "list<int>", "map<float?>", "{}", "{ a: int, b: string? }", "list<list<{ at: duration }>>?",
)  # fmt: skip
SHOP = """
type Paid = Cash | Card(number: string, expires: datetime?)
error SoldOut(left: int)
event Delivered(order: string)
agent reserve(item: string) -> int raises SoldOut effect idempotent
agent charge(order: string, how: Paid) -> string effect write
ask approve(sum: int) -> bool

flow main(item: string, how: Paid, most: int = 10) -> string {
  step left = reserve(item: item)
    catch SoldOut -> 0
  step fine = approve(sum: left)
    timeout 1h
    catch -> left < most
  return "no" when not fine
  step receipt = charge(order: item, how: how)
  step came = wait for Delivered where e => e.order == receipt
    timeout 1d
    catch Timeout -> null
  return receipt
}
"""
quick = settings(max_examples=60, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "shop.flow"
    path.write_text(SHOP, encoding="utf-8")
    return path


types = st.sampled_from(TYPES).map(type_of)


@quick
@given(types.flatmap(lambda type: st.tuples(st.just(type), ft.values(type))))
def test_values_fit_and_are_in_their_json_form(drawn: tuple[Type, object]) -> None:
    type, value = drawn
    assert encode(decode(value, type), type) == value


@quick
@given(types.flatmap(lambda type: st.tuples(st.just(type), ft.misfits(type))))
def test_misfits_do_not_fit(drawn: tuple[Type, object]) -> None:
    type, value = drawn
    assert not ft.fits(value, type)


def found(strategy: st.SearchStrategy[object], wanted: object, *, shrunk: bool = False) -> object:
    """An example that was asked for, the first or the least."""
    phases = [Phase.generate, Phase.shrink] if shrunk else [Phase.generate]
    looking = settings(max_examples=2_000, database=None, deadline=None, phases=phases)
    return find(strategy, wanted, settings=looking)


@pytest.mark.parametrize("text", TYPES)
def test_values_shrink_to_the_least(text: str) -> None:
    assert found(ft.values(text), lambda value: True, shrunk=True) == least(type_of(text))


@pytest.mark.parametrize(
    ("text", "is_odd"),
    [
        ("int", lambda n: n == MAX_INT),
        ("int", lambda n: n == MIN_INT),
        ("float", lambda x: x > 1e300),
        ("string", lambda text: "\0" in text),
        ("string", lambda text: len(text) > 100),
        ("duration", lambda text: text.startswith("-")),
        ("datetime", lambda text: text.startswith("9999")),
        ("list<string?>", lambda items: None in items and len(items) > 2),
    ],
)
def test_the_odd_ones_are_among_them(text: str, is_odd: object) -> None:
    found(ft.values(text), is_odd)


def test_a_text_that_is_no_type_is_said_to_be_none() -> None:
    with pytest.raises(ValueError, match="`list<thing>` is no type: there is no type `thing`"):
        ft.values("list<thing>")


def test_a_flow_is_named_by_file_and_name(shop: Path) -> None:
    with pytest.raises(ValueError, match="there is no flow `mian`; it has main"):
        ft.inputs(shop, "mian")
    with pytest.raises(NotRunnable):
        ft.inputs(shop.parent / "missing.flow")


@quick
@given(st.data())
def test_inputs_fit_and_may_leave_out_what_has_a_default(shop: Path, data: st.DataObject) -> None:
    given = data.draw(ft.inputs(shop))
    assert {"item", "how"} <= set(given) <= {"item", "how", "most"}
    assert given["how"]["case"] in ("Cash", "Card")


@quick
@given(st.data())
def test_a_run_keeps_what_the_flow_says(shop: Path, data: st.DataObject) -> None:
    run = data.draw(ft.runs(shop))
    assert run.status in ("done", "failed", "cancelled")
    assert len(run.calls("charge")) <= 1
    assert run.result in (None, "no") or run.calls("charge")


@quick
@given(st.data())
def test_runs_like_another_have_its_inputs_and_what_came(shop: Path, data: st.DataObject) -> None:
    came = ft.Comes("Delivered", {"order": "tea"}, after="5s")
    then = ft.Recorded("r", {"item": "tea", "how": {"case": "Cash"}}, ft.Faults(events=(came,)))
    run = data.draw(ft.runs(shop, like=then))
    assert run.inputs == then.inputs
    assert run.faults.events[0] == came


@pytest.mark.parametrize(
    "is_wanted",
    [
        lambda run: run.status == "cancelled",
        lambda run: run.error == "Unavailable",
        lambda run: run.error == "BadOutput",
        lambda run: run.status == "done" and run.result == "no",
        lambda run: run.status == "done" and len(run.made("reserve")) > 1,  # made again after a crash
        lambda run: run.status == "done" and any("caught" in str(e).lower() for e in run.events),
    ],
)
def test_whatever_can_happen_does(shop: Path, is_wanted: object) -> None:
    run = found(ft.runs(shop), is_wanted)
    assert isinstance(run, ft.Run)
    again = ft.run_of(shop, inputs=run.inputs, faults=run.faults, seed=run.seed)
    assert again.simulated.result == run.simulated.result


CASH = {"item": "tea", "how": {"case": "Cash"}}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": {}}, "the flow needs the input `item`"),
        ({"inputs": CASH | {"itme": "x"}}, "the flow has no input `itme`; did you mean `item`?"),
        (
            {"inputs": CASH | {"item": 5}},
            "the input `item` does not fit: expected a string, found an int",
        ),
        ({"faults": ft.Faults({"reserv": ()})}, "there is no agent `reserv`; did you mean `reserve`?"),
        (
            {"faults": ft.Faults({"charge": (ft.Raises("SoldOut"),)})},
            "there is no error of `charge` `Sold",
        ),
        ({"faults": ft.Faults(events=(ft.Comes("Payd", {}),))}, "there is no event `Payd`"),
    ],
)
def test_a_run_of_what_is_not_there_says_so(shop: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ft.run_of(shop, **{"inputs": CASH} | options)


def test_a_kind_of_faults_that_is_none_is_told(shop: Path) -> None:
    with pytest.raises(ValueError, match="there is no kind of faults `crash`; there is slow, errors"):
        ft.runs(shop, kinds={"crash"})  # type: ignore[arg-type]


def test_a_run_is_shown_with_what_it_was_made_of(shop: Path) -> None:
    raises = ft.Raises("SoldOut", {"left": 0}, after="2s")
    faults = ft.Faults(
        {"reserve": (raises,), "approve": (ft.Replies(True),)}, deaths=(ft.Dies(3, lost=True),)
    )
    run = ft.run_of(shop, inputs={"item": "tea", "how": {"case": "Cash"}}, faults=faults)
    shown = repr(run).splitlines()
    assert shown == [
        "Run of main:",
        "  inputs = {'item': 'tea', 'how': {'case': 'Cash'}}, faults = Faults(agents={"
        "'reserve': (Raises(error='SoldOut', fields={'left': 0}, after='2s'),), "
        "'approve': (Replies(value=True),)}, deaths=(Dies(commit=3, lost=True),)), seed = 0",
        '  0s..2s left reserve(item: "tea"): SoldOut',
        '  2s..2s receipt charge(order: "tea", how: {"case":"Cash"}): ""',
        '  done: ""',
    ]


@quick
@given(ft.plans())
def test_made_up_plans_are_laid_out(made: ft.Written) -> None:
    assert format_source(Source("made.flow", made.text)) == made.text


CONSTRUCTS = (
    "type ", "error ", "event ", "ask ", "limit", "breaker", "cache", "retry", "backoff", "within",
    "until", "on Problem", "per attempt", "timeout", "catch", " as e", "undo", "finally", "key ",
    "after ", "when ", "require", "ensure", "fail ", "for each", "in order", "at once", "tolerating",
    "where", "while ", "every", "or fail", "choose", "match ", "race {", "race for", "first 2 of {",
    "of for each", "do {", "do in order", "otherwise", " is ", "?.", "raw", "two\n", "///", "...",
    "wait for", "sleep", "let ", "=> ", "??", " if ", "${", "as ", "flow flow1", "secret<", "file",
    "map<",
)  # fmt: skip


def test_every_function_has_a_form() -> None:
    patterns = " ".join(pattern for patterns in FORMS.values() for pattern in patterns)
    named = {signature.partition("(")[0] for functions in CATALOGUE.values() for signature in functions}
    assert {name for name in named if f".{name}(" not in patterns} == set()


def test_every_construct_is_made_up() -> None:
    missing = set(CONSTRUCTS)

    def completes(text: str) -> bool:
        missing.difference_update([construct for construct in missing if construct in text])
        return not missing

    assert found(well_typed(), completes)


def test_plans_shrink_to_what_matters() -> None:
    made = found(ft.plans(), lambda made: "undo" in made.text, shrunk=True)
    assert isinstance(made, ft.Written)
    assert len(made.text.splitlines()) <= 12, made.text
