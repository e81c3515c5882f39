"""What a machine is told of a plan: where each mistake is, and the change that mends it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.planning import AGENTS, FOLDER, USING, plan_of

from flowlang.planning.document import below, find, plain
from flowlang.planning.json_text import read_json_text
from flowlang.planning.pointers import patch, pointer, pointer_at
from flowlang.planning.yaml_text import read_yaml_text
from flowlang.tools import cli
from flowlang.tools.plan_repairs import problems
from flowlang.tools.schemas import DIAGNOSTICS


def resolved(value: Any, place: str) -> tuple[Any, Any]:
    """What holds the value at a pointer, and under which key."""
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in place.split("/")[1:]]
    for part in way:
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value, int(last) if isinstance(value, list) else last


def patched(value: Any, operations: list[dict[str, Any]]) -> Any:
    """A value with a JSON Patch made."""
    value = copy.deepcopy(value)
    for operation in operations:
        if operation["path"] == "":
            value = operation["value"]
            continue
        holder, key = resolved(value, operation["path"])
        if operation["op"] == "remove":
            del holder[key]
        elif operation["op"] == "move":
            old, old_key = resolved(value, operation["from"])
            holder[key] = old.pop(old_key)
        else:
            holder[key] = operation["value"]
    return value


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("a/~ ", max_size=3),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(VALUES, VALUES)
def test_a_patch_makes_one_value_the_other(before, after):
    assert patched(before, patch(before, after)) == after


@given(VALUES, st.sampled_from([None, 2]))
def test_a_pointer_leads_to_the_value_at_a_place(value, indent):
    text = json.dumps(value, indent=indent)

    def look(node, path):
        assert pointer_at(read_json_text(text), node.span) == pointer(path)
        for part, inner in below(node):
            look(inner, [*path, part])

    look(read_json_text(text), [])


READ = {"step_id": "text", "agent_id": "read", "parameters": {"url": "a"}}


@pytest.mark.parametrize(
    ("step", "pointer", "operations"),
    [
        (
            {**READ, "agent_id": "raed"},
            "/steps/0/agent_id",
            [{"op": "replace", "path": "/steps/0/agent_id", "value": "read"}],
        ),
        (
            {"step_id": "x", "agent": "read", "parameters": {"url": "a"}},
            "/steps/0/agent",
            [{"op": "move", "from": "/steps/0/agent", "path": "/steps/0/agent_id"}],
        ),
        (
            {**READ, "parameters": {"ulr": "a"}},
            "/steps/0/parameters/ulr",
            [{"op": "move", "from": "/steps/0/parameters/ulr", "path": "/steps/0/parameters/url"}],
        ),
        (
            {**READ, "parameters": {"url": 'a "\n${inputs.topik}'}},
            "/steps/0/parameters/url",
            [{"op": "replace", "path": "/steps/0/parameters/url", "value": 'a "\n${inputs.topic}'}],
        ),
        (
            {**READ, "condition": "topic == 'a'"},
            "/steps/0/condition",
            [{"op": "replace", "path": "/steps/0/condition", "value": "inputs.topic == 'a'"}],
        ),
        (
            {**READ, "retry_policy": {"max_retries": 2, "retry_on": ["Notfound"]}},
            "/steps/0/retry_policy/retry_on/0",
            [{"op": "replace", "path": "/steps/0/retry_policy/retry_on/0", "value": "NotFound"}],
        ),
        (
            {"step_id": "x", "agent_id": "search", "parameters": {"query": "a", "limit": "5"}},
            "/steps/0/parameters/limit",
            [{"op": "replace", "path": "/steps/0/parameters/limit", "value": 5}],
        ),
        (
            {"step_id": "x", "agent_id": "search", "parameters": {"query": "a", "limit": "05"}},
            "/steps/0/parameters/limit",
            None,
        ),
        (
            {**READ, "parameters": {"url": "all ${inputs.tags}"}},
            "/steps/0/parameters/url",
            [{"op": "replace", "path": "/steps/0/parameters/url", "value": "all ${inputs.tags.json()}"}],
        ),
        ({**READ, "timeout": "soon"}, "/steps/0/timeout", None),
        ({**READ, "retry_policy": {}}, "/steps/0/retry_policy", None),
    ],
)
def test_each_mistake_has_its_place_and_its_repair(step, pointer, operations):
    text = plan_of(step, inputs={"topic": "string", "tags": "list<string>"})
    (found,) = problems(text, str(FOLDER / "plan.json"), plans=USING)
    assert (found["pointer"], found["repair"]) == (pointer, operations)
    if operations is not None:
        mended = json.dumps(patched(json.loads(text), operations))
        assert problems(mended, str(FOLDER / "plan.json"), plans=USING) == []


def test_yaml_has_the_same_pointers():
    step = "- step_id: a\n  agent_id: raed\n  parameters:\n    url: |\n      x\n      ${inputs.y}\n"
    text = f"plan_id: p\nsteps:\n{step}"
    found = problems(text, str(FOLDER / "plan.yaml"), plans=USING)
    assert [each["pointer"] for each in found] == ["/steps/0/agent_id", "/steps/0/parameters/url"]
    assert plain(find(read_yaml_text(text), ("steps", 0, "parameters", "url"))) == "x\n${inputs.y}\n"


def test_a_document_that_cannot_be_read_has_neither():
    (found,) = problems("[", "plan.json")
    assert found["pointer"] is None and found["repair"] is None


def test_the_command_prints_them(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.json").write_text(plan_of({**READ, "agent_id": "raed"}))
    (tmp_path / "agents.flow").write_text(Path(AGENTS).read_text())
    assert cli.invoke(["check", "plan.json", "--use", "agents.flow", "--json"]) == 1
    (found,) = json.loads(capfd.readouterr().out)
    assert found["pointer"] == "/steps/0/agent_id" and found["repair"][0]["value"] == "read"
    properties = DIAGNOSTICS["items"]["properties"]
    assert set(found) == set(properties)
