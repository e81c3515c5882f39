"""What every built-in function and operator gives, through the whole front end and both evaluators."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.cases import UPDATING
from support.expressions import Refused, evaluate

from flowlang.plan import model as plan
from flowlang.semantics.functions import Bindings, LambdaPattern, catalogue, names, receivers, signature
from flowlang.semantics.types import (
    BOOL,
    FLOAT,
    INT,
    JSON,
    NEVER,
    STRING,
    ListOf,
    Optional,
    Secret,
    Type,
    show,
)
from flowlang.values import functions

FOLDER = Path(__file__).parent / "cases" / "values"
CASES = [
    pytest.param(path, number, id=f"{path.stem}:{number + 1}")
    for path in sorted(FOLDER.glob("*.cases"))
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"))
    if line and not line.startswith("//")
]


@pytest.mark.parametrize(("path", "number"), CASES)
def test_expressions(path, number):
    line = path.read_text(encoding="utf-8").split("\n")[number]
    text, _, expected = line.partition("  //")
    found = observed(text)
    if UPDATING:
        lines = path.read_text(encoding="utf-8").split("\n")
        lines[number] = f"{text}  //{found}"
        path.write_text("\n".join(lines), encoding="utf-8")
    else:
        assert found == expected


def observed(text: str) -> str:
    """What an expression comes to, as the cases write it."""
    try:
        outcome = evaluate(text)
    except Refused as refused:
        return "? " + ", ".join(refused.found)
    if outcome.error:
        return f"! {outcome.message}"
    return "= " + json.dumps(outcome.value, ensure_ascii=False)


def test_every_function_has_a_case():
    cases = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("*.cases"))
    assert not [s.function for s in catalogue() if f".{s.name}(" not in cases]


# The catalogue, which the checker reads


def test_the_catalogue_and_the_values_floor_agree():
    known = {*functions.FUNCTIONS, *functions.KEYED, *(f"list.{name}" for name in functions.LOOPS)}
    assert {s.function for s in catalogue()} - {"any.json"} == known
    assert len({s.function for s in catalogue()}) == len(list(catalogue()))


def test_every_operator_of_the_plan_is_defined():
    operators = set(plan.Operator.__args__)
    assert operators == {*functions.OPERATORS, *functions.CHARGING}


@pytest.mark.parametrize("found", list(catalogue()), ids=lambda s: s.function)
def test_signatures_read_back_as_they_are_written(found):
    shown = ", ".join(parameter_text(p) for p in found.parameters)
    written = found.text.replace("regex", "string")
    for default in (' = ""', ' = " "', " = size", ' = "%Y-%m-%dT%H:%M:%SZ"'):
        written = written.replace(default, "")
    assert f"{found.name}({shown}) -> {show(found.result)}" == written
    assert found.doc.endswith(".") and len(found.doc) <= 110


def parameter_text(parameter) -> str:
    if isinstance(parameter.pattern, LambdaPattern):
        taken = ", ".join(show(p) for p in parameter.pattern.parameters)
        return f"{parameter.name}: ({taken}) => {show(parameter.pattern.result)}"
    return f"{parameter.name}: {show(parameter.pattern)}"


@pytest.mark.parametrize(
    ("receiver", "name", "function"),
    [
        (ListOf(INT), "sum", "list.sum.int"),
        (ListOf(FLOAT), "sum", "list.sum.float"),
        (ListOf(NEVER), "sum", "list.sum.int"),
        (ListOf(STRING), "sum", None),
        (ListOf(STRING), "join", "list.join"),
        (ListOf(INT), "join", None),
        (ListOf(BOOL), "sort", None),
        (JSON, "json", "any.json"),
        (JSON, "hash", None),
        (Optional(INT), "json", "any.json"),
        (Optional(INT), "abs", None),
        (Secret(STRING), "size", None),
        (INT, "abs", "int.abs"),
        (FLOAT, "abs", "float.abs"),
        (INT, "round", None),
    ],
)
def test_the_receiver_chooses_the_function(receiver: Type, name, function):
    found = signature(receiver, name)
    assert (found and found.function) == function
    assert (name in names(receiver)) == (found is not None)


def test_what_a_function_would_need_is_known():
    assert [show(r) for r in receivers(ListOf(INT), "join")] == ["list<string>"]
    assert [show(r) for r in receivers(ListOf(STRING), "sum")] == [
        "list<int>",
        "list<float>",
        "list<duration>",
    ]


@pytest.mark.parametrize(
    ("receiver", "name", "argument", "result"),
    [
        (ListOf(INT), "concat", ListOf(FLOAT), "list<float>"),
        (ListOf(INT), "concat", ListOf(STRING), None),
        (ListOf(NEVER), "concat", ListOf(STRING), "list<string>"),
        (ListOf(INT), "contains", STRING, None),
        (ListOf(INT), "contains", FLOAT, "bool"),
        (ListOf(INT), "zip", ListOf(STRING), "list<{ first: int, second: string }>"),
    ],
)
def test_variables_join(receiver, name, argument, result):
    found = signature(receiver, name)
    assert found is not None
    bindings = Bindings()
    assert bindings.bind(found.receiver, receiver)
    fits = bindings.bind(found.parameters[0].pattern, argument)
    assert (show(bindings.substitute(found.result)) if fits else None) == result


def test_an_item_that_may_be_null_stays_so_once():
    found = signature(ListOf(Optional(INT)), "first")
    assert found is not None
    bindings = Bindings()
    assert bindings.bind(found.receiver, ListOf(Optional(INT)))
    assert show(bindings.substitute(found.result)) == "int?"
