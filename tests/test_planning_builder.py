"""Plans written in Python: they say what the same plan says in YAML, and never change."""

from __future__ import annotations

from datetime import timedelta

import pytest
from support.planning import AGENTS, FOLDER, USING, compiled

from flowlang.plan.canonical import plan_hash
from flowlang.planning.builder import Plan
from flowlang.planning.document import plain
from flowlang.planning.yaml_text import read_yaml_text
from flowlang.tools.plan_files import surroundings_of

EVERYTHING = (
    Plan("research-it", "Find things out.")
    .input("topic", "string")
    .input("depth", "int", default=3, description="How deep.")
    .metadata(owner="Ada", limits={"most": 5})
    .step("find", agent="search", query="about ${inputs.topic} for ${metadata.owner}")
    .with_parameters({"limit": "${metadata.limits.most * inputs.depth}"})
    .retry(3, delay="1s", most="10s", on=["RateLimited"])
    .breaker(5, 30)
    .otherwise([])
    .step("read-all", agent="read", url="${page.url}")
    .for_each("results.find.filter(p => p.score > 0.5)", item="page", at_once=4)
    .retry(2)
    .otherwise("", on=["NotFound"])
    .step("draft", agent="improve", text="${results.read_all.join(', ')}", within="1h")
    .with_parameters(
        {"last": {"a": [1, "x", None], "b": "${inputs.topic} x"}, "tags": {"a": "b", "c-d": "e"}}
    )
    .when('not results["read-all"].is_empty()')
    .repeat("results.draft == null or results.draft.score < 0.9", at_most=4)
    .group(
        "keep",
        Plan("inside")
        .step("saved", agent="save", text="${results.draft.text}")
        .key("save-${run.id}")
        .retry(2, backoff="constant", delay=timedelta(milliseconds=500))
        .undo(agent="remove", id="${results.saved}")
        .step("verdict", agent="judge", text="${results.draft.text}")
        .after("saved"),
    )
    .when("results.draft != null")
    .timeout("5m")
    .output("${if results.keep != null and results.keep.verdict is Good then results.keep.saved else 'none'}")
)


def test_it_says_what_yaml_says():
    yaml = (FOLDER / "everything.yaml").read_text(encoding="utf-8")
    built = compiled(EVERYTHING.json(), "plan.json")
    assert plan_hash(built) == plan_hash(compiled(yaml))
    assert plan_hash(compiled(EVERYTHING.yaml())) == plan_hash(built)
    assert plain(read_yaml_text(EVERYTHING.yaml())) == EVERYTHING.value()


def test_it_fits_the_model():
    assert EVERYTHING.model().steps[0].step_id == "find"
    with pytest.raises(ValueError, match="steps"):
        Plan("empty").model()


def test_plans_never_change():
    base = Plan("p").step("a", agent="read", url="x")
    assert base.when("true") != base and "condition" not in base.steps[0]
    assert base.step("b", agent="read", url="y").steps[0] is base.steps[0]
    assert base.input("a", "int").metadata(b=1).fields.keys() == {"inputs", "metadata"} and not base.fields


def test_its_tree_has_its_mistakes_in_its_own_text():
    plan = Plan("p").step("a", agent="read", url="${results.b}")
    module = plan.module(surroundings_of(str(FOLDER / "p.json"), USING).agents)
    (found,) = module.items[-1].parsed.diagnostics
    assert found.code.slug == "unknown-name"
    assert module.source.text[slice(*found.primary.span)] == "b"


def test_a_clause_needs_a_step():
    with pytest.raises(ValueError, match="add a step first"):
        Plan("p").when("true")


def test_each_clause_has_its_field():
    plan = (
        Plan("p")
        .sequential()
        .within(timedelta(hours=1))
        .step("a", agent="read", description="first", url="x")
        .fallback(agent="read", on=["Timeout"], url="y")
    )
    assert plan.value() == {
        "plan_id": "p",
        "strategy": "sequential",
        "timeout": "3600000ms",
        "steps": [
            {
                "step_id": "a",
                "agent_id": "read",
                "description": "first",
                "parameters": {"url": "x"},
                "fallback": {"agent_id": "read", "parameters": {"url": "y"}, "on": ["Timeout"]},
            }
        ],
    }
    assert compiled(plan.json(), "plan.json").main == "p" and AGENTS
