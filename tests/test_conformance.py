"""Expressions against the conformance cases of another expression language; see conformance/README.md."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conformance.differences import DIFFERENCES
from conformance.unparse import context_of, parameters, unparse, value_of
from support.expressions import Refused, evaluate

CASES = json.loads((Path(__file__).parent / "conformance" / "cel_cases.json").read_text(encoding="utf-8"))[
    "cases"
]
WORDS = ("true", "false", "null")  # names that CEL lets a binding have, to show that it means nothing

REFUSED, FAILED = "refused", "failed"


@pytest.mark.parametrize("case", [pytest.param(case, id=case["id"]) for case in CASES])
def test_case(case):
    bindings = {name: value for name, value in case.get("bindings", {}).items() if name not in WORDS}
    text = unparse(case["ast"], bindings)
    found = observed(text, bindings)
    if case["static"] == "mixed":
        agrees = found == (REFUSED, None)
    elif "error" in case["expect"]:
        agrees = found[0] in (REFUSED, FAILED)
    else:
        agrees = repr(found) == repr(("value", in_order(value_of(case["expect"]["value"]))))
    assert agrees == (case["id"] not in DIFFERENCES), f"{text} gave {found}"


def observed(text: str, bindings) -> tuple[str, object]:
    try:
        outcome = evaluate(text, params=parameters(bindings), context=context_of(bindings))
    except Refused:
        return REFUSED, None
    return (FAILED, None) if outcome.error else ("value", in_order(outcome.value))


def in_order(value):
    """Maps have no order in CEL."""
    return dict(sorted(value.items())) if isinstance(value, dict) else value


def test_every_difference_is_of_a_case():
    assert set(DIFFERENCES) <= {case["id"] for case in CASES}
