"""Plans as text: written, read back, and refused where they are no plans."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.plans import plan_of, plan_of_file
from support.runs import PRELUDE

from flowlang.plan import model as plan
from flowlang.plan.canonical import canonical_json, plan_hash
from flowlang.plan.load import MAX_NESTING, dump_plan, load_plan
from flowlang.plan.schema import plan_schema

CASES = sorted((Path(__file__).parent / "cases" / "plan").rglob("*.flow"))
HERE = plan.Place(0, 1, 1, 1, 2)
TEXT = """
agent read(url: string) -> string effect read
flow main(urls: list<string>, limit: float = 1.0) -> list<string> {
  step pages = for each url in urls { yield read(url: url) }
  step more = helper(n: 3) when limit > 0.5
  return pages
}
flow helper(n: int) -> int { return n }
"""
COMPILED = plan_of(TEXT)
WRITTEN = dump_plan(COMPILED)


def broken(old: str, new: str) -> list[str]:
    """What is said of a plan in which a piece of JSON stands for another."""
    assert old in WRITTEN
    found = load_plan(WRITTEN.replace(old, new, 1))
    assert isinstance(found, tuple)
    return [str(problem) for problem in found]


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_plan_comes_back_as_it_was(path: Path):
    compiled = plan_of_file(path)
    text = dump_plan(compiled)
    loaded = load_plan(text)
    assert loaded == compiled
    assert isinstance(loaded, plan.Plan)
    assert dump_plan(loaded) == text
    assert load_plan(dump_plan(compiled, indent=2)) == compiled
    assert plan_hash(loaded) == plan_hash(compiled)
    assert plan.Plan.model_validate_json(compiled.model_dump_json(by_alias=True)) == compiled


RUNS = sorted((Path(__file__).parent / "cases" / "runtime").glob("*.flow"))


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.stem)
def test_what_runs_has_a_closed_plan(path: Path):
    compiled = plan_of(path.read_text(encoding="utf-8") + PRELUDE)
    assert load_plan(dump_plan(compiled)) == compiled


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=6)
values = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False, allow_infinity=False),
        names,
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
types = st.sampled_from([
    plan.ScalarType(kind="int"),
    plan.OptionalType(inner=plan.ListType(item=plan.ScalarType(kind="float"))),
    plan.EnumType(values=("a", "b"), name=None),
    plan.RecordType(fields=(plan.FieldType(name="x", type=plan.ScalarType(kind="json"), doc="x"),), name="R"),
    plan.UnionType(name="U", cases=(plan.CaseType(name="A"),)),
])  # fmt: skip
expressions = st.recursive(
    st.builds(plan.Constant, value=values) | st.builds(plan.Variable, name=names),
    lambda inner: st.one_of(
        st.builds(plan.Member, target=inner, field=names, safe=st.booleans(), at=st.just(HERE)),
        st.builds(
            plan.Operate,
            operator=st.sampled_from(["int.add", "eq", "range"]),
            operands=st.tuples(inner, inner),
            at=st.just(HERE),
        ),
        st.builds(plan.If, condition=inner, then=inner, otherwise=inner),
        st.builds(plan.Template, parts=st.tuples(names, inner), at=st.just(HERE)),
        st.builds(plan.Cast, value=inner, type=types, at=st.just(HERE)),
        st.builds(
            plan.MakeObject,
            map=st.booleans(),
            pairs=st.tuples(st.builds(plan.Pair, key=st.none() | inner, value=inner)),
            at=st.just(HERE),
        ),
        st.builds(
            plan.Match,
            subject=inner,
            arms=st.tuples(
                st.builds(
                    plan.MatchArm,
                    pattern=st.builds(
                        plan.ValuePattern,
                        value=st.none() | st.booleans() | st.integers(-9, 9) | names,
                    ),
                    value=inner,
                )
            ),
        ),
    ),
    max_leaves=8,
)


@given(expressions)
@settings(max_examples=80, deadline=None)
def test_whatever_a_plan_holds_comes_back_with_ints_and_floats_apart(expr: plan.Expr):
    body = plan.Block(
        strategy="sequential",
        statements=(plan.Let(name="x", value=expr, type=plan.ScalarType(kind="json"), at=HERE),),
        type=plan.ScalarType(kind="null"),
    )
    flow = plan.Flow(parameters=(), result=plan.ScalarType(kind="null"), body=body, at=HERE)
    made = plan.Plan(main="main", flows={"main": flow}, sources=(plan.SourceFile(path="x", sha256=""),))
    text = dump_plan(made)
    for loaded in (
        plan.Plan.model_validate(json.loads(text)),
        plan.Plan.model_validate_json(text),
        plan.Plan.model_validate_json(made.model_dump_json(by_alias=True)),
    ):
        assert dump_plan(loaded) == text
        assert plan_hash(loaded) == plan_hash(made)


@given(st.integers(0, len(WRITTEN)), st.integers(0, 30), st.text('{}[]",:0aé\\\n', max_size=6))
@settings(max_examples=150, deadline=None)
def test_a_damaged_plan_is_refused_without_a_traceback(start: int, length: int, middle: str):
    found = load_plan(WRITTEN[:start] + middle + WRITTEN[start + length :])
    assert isinstance(found, plan.Plan) or found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: this is no JSON: Expecting value"),
        ("{", "line 1, column 2: this is no JSON: Expecting property name enclosed in double quotes"),
        ("[1, NaN]", "this is no JSON: NaN is no number"),
        ("[]", 'this is no plan: a plan is an object with `"format": "flowlang.plan"`'),
        ('{"format": "else"}', 'this is no plan: a plan is an object with `"format": "flowlang.plan"`'),
        ('{"format": "flowlang.plan"}', "version: a plan's version is 1, not null"),
        (
            '{"format": "flowlang.plan", "version": 2}',
            "version: the plan has version 2, this flowlang reads 1: a newer flowlang made it; "
            "update flowlang, or compile the flow again",
        ),
        ('{"format": "flowlang.plan", "version": true}', "version: a plan's version is 1, not true"),
        ("[" * 100_000, f"the plan nests more than {MAX_NESTING} brackets deep"),
        ('{"a": ' * 100_000, f"the plan nests more than {MAX_NESTING} brackets deep"),
        (" " * (16 * 2**20 + 1), "the plan has 16,777,217 characters; 16,777,216 is the most"),
        ('"' + "[" * 1000, "line 1, column 1: this is no JSON: Unterminated string starting at"),
        ("1" * 5000, "this is no JSON: a number with 5000 digits"),
        ("[1e999]", "this is no JSON: 1e999 is too large for a number"),
    ],
    ids=lambda text: text[:24],
)  # fmt: skip
def test_what_is_no_plan(text: str, message: str):
    found = load_plan(text)
    assert isinstance(found, tuple)
    assert [str(problem) for problem in found] == [message]


class TestTheFormat:
    def test_missing_and_unknown_fields(self):
        path = "flows.main.body.statements.0.step.task.for_each"
        assert broken('"over":"list",', "") == [f"{path}.over: Field required"]
        assert broken('"over":"list",', '"over":"list","odd":1,') == [
            f"{path}.odd: Extra inputs are not permitted"
        ]

    def test_unknown_kinds(self):
        (problem,) = broken('"kind":"for_each"', '"kind":"goto"')
        assert problem.startswith("flows.main.body.statements.0.step.task: Input tag 'goto' found")

    def test_many_mistakes_are_cut_off(self):
        found = load_plan(WRITTEN.replace('"kind":"', '"knd":"'))
        assert isinstance(found, tuple) and 1 <= len(found) <= 20


class TestOpenEnds:
    """A plan that is well formed and still cannot run."""

    def test_names_that_lead_nowhere(self):
        assert broken('"agent":"read"', '"agent":"rea"') == ["flows.main: there is no agent `rea`"]
        assert broken('"flow":"helper"', '"flow":"help"') == ["flows.main: there is no flow `help`"]
        assert broken('"main":"main"', '"main":"mains"') == ["main: the plan has no flow `mains`"]

    def test_arguments(self):
        found = broken('"arguments":{"url":', '"arguments":{"uri":')
        assert found == [
            "flows.main: the agent `read` has no parameter `uri`",
            "flows.main: the agent `read` is called without its `url`",
        ]

    def test_values(self):
        found = broken(
            '"source":{"kind":"variable","name":"urls"}', '"source":{"kind":"variable","name":"url"}'
        )
        assert "there is no value `url`" not in found  # `free` still says `urls`
        assert found == ["flows.main: `pages` mentions url, and its `free` says something else"]

    def test_dependencies(self):
        assert broken('"depends":["pages"]', '"depends":["page"]') == [
            "flows.main: `!return` depends on `page`, which its block does not have",
            "flows.main: `!return` mentions `pages` and does not depend on it",
        ]
        assert broken('"depends":["pages"]', '"depends":["pages","!return"]') == [
            "flows.main: `!return` waits for itself"
        ]

    def test_flows_that_call_each_other(self):
        text = WRITTEN.replace('"flow":"helper"', '"flow":"main"').replace('"n":', '"urls":')
        found = load_plan(text)
        assert isinstance(found, tuple)
        assert str(found[0]) == "flows.main: this flow calls itself, directly or through others"

    def test_two_statements_of_one_name(self):
        assert "flows.main: a block has two statements `pages`" in broken('"name":"more"', '"name":"pages"')


def test_canonical_json():
    value = {"b": [1, 1.0, -0.5, 1e300], "a": None, "\ue000": True, "\U0001f600": "é\n", "": {}}
    # U+1F600 stands before U+E000, since its first UTF-16 code unit is smaller.
    assert (
        canonical_json(value) == '{"":{},"a":null,"b":[1,1.0,-0.5,1e+300],"\U0001f600":"é\\n","\ue000":true}'
    )
    with pytest.raises(ValueError):
        canonical_json(float("inf"))


def test_the_hash_is_of_what_a_plan_means():
    assert plan_hash(COMPILED) == plan_hash(plan_of("// moved\n\n" + TEXT))
    assert plan_hash(COMPILED) != plan_hash(plan_of(TEXT.replace("limit > 0.5", "limit > 0.6")))


def test_blocks_as_deep_as_the_language_allows_come_back():
    body = 'step s = read(url: "x")'
    for _ in range(30):
        body = f"step s = do {{\n{body}\n}}\n  catch -> null"
    compiled = plan_of(f"agent read(url: string) -> string effect read\nflow main() {{\n{body}\n}}\n")
    assert load_plan(dump_plan(compiled)) is not None
    assert dump_plan(load_plan(dump_plan(compiled))) == dump_plan(compiled)  # type: ignore[arg-type]


def test_the_schema_describes_what_is_written():
    schema = plan_schema()
    assert schema["title"] == "flowlang plan, version 1"
    assert schema["additionalProperties"] is False
    described = {name: part for name, part in schema["$defs"].items() if name != "JsonValue"}
    kinds = [name for name, part in described.items() if "kind" in part.get("properties", {})]
    assert {"Step", "CallAgent", "Constant", "UnionType"} <= set(kinds)
    undocumented = [name for name in ("Step", "CallAgent", "Block", "Flow", "Plan") if not _doc(schema, name)]
    assert not undocumented


def _doc(schema: dict, name: str) -> str:
    return schema["description"] if name == "Plan" else schema["$defs"][name].get("description", "")
