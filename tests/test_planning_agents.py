"""Which agents a plan may call, and how they are told apart."""

from __future__ import annotations

import pytest
from support.planning import plan_of

from flowlang.tools.frontend import check_file, compile_plan
from flowlang.tools.plan_settings import PlanSettings

ONE = "agent get(key: string) -> string effect read\nagent one() effect read\n"
TWO = """
error Gone
agent get(key: int) -> int raises Gone effect read breaker 2 failures within 5s reset 5s
agent limited() effect read
agent two() effect read
flow both(key: int) -> int { return key }
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "one.flow").write_text(ONE)
    (tmp_path / "two.flow").write_text(TWO)
    (tmp_path / "tools.py").write_text("def two() -> None: ...\ndef three() -> None: ...\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(project, *steps: dict, use: tuple[str, ...] = ("one.flow", "two.flow", "tools.py")) -> list[str]:
    (project / "plan.json").write_text(plan_of(*steps))
    return [d.message for d in check_file("plan.json", plans=PlanSettings(use=use)).diagnostics]


def test_agents_of_one_name_are_told_apart_by_their_file(project):
    left = {"step_id": "a", "agent_id": "one.get", "parameters": {"key": "x"}}
    right = {"step_id": "b", "agent_id": "two.get", "parameters": {"key": 1}}
    assert found(project, left, right) == []
    plan = compile_plan("plan.json", plans=PlanSettings(use=("one.flow", "two.flow")))
    assert set(plan.agents) == {"get", "two.get"}
    assert found(project, {**left, "agent_id": "get"}) == ["several files have an agent `get`"]
    assert found(project, {"step_id": "a", "agent_id": "two"}) == ["several files have an agent `two`"]
    assert found(project, {"step_id": "a", "agent_id": "tools.two"}) == []


def test_a_flow_is_called_like_an_agent(project):
    assert found(project, {"step_id": "a", "agent_id": "both", "parameters": {"key": 1}}) == []


def test_files_of_one_name_have_names_of_their_own(project):
    (project / "more").mkdir()
    (project / "more/one.flow").write_text("agent deep() effect read\nagent one_2() effect read\n")
    (project / "flow.toml").touch()
    steps = {"step_id": "a", "agent_id": "deep"}, {"step_id": "b", "agent_id": "one"}
    assert found(project, *steps, use=("one.flow", "more/one.flow")) == []


BREAKER = {"failure_threshold": 2, "reset_timeout": "5s"}


@pytest.mark.parametrize(
    ("agent", "breaker", "message"),
    [
        ("limited", BREAKER, None),
        ("two.get", BREAKER, None),
        ("two.get", {**BREAKER, "failure_threshold": 3}, "cannot be given a circuit breaker here"),
        ("three", BREAKER, "cannot be given a circuit breaker here"),
        ("both", BREAKER, "cannot be given a circuit breaker here"),
    ],
)
def test_a_breaker_is_the_agents(project, agent, breaker, message):
    step = {"step_id": "a", "agent_id": agent, "circuit_breaker": breaker}
    if agent in ("two.get", "both"):
        step["parameters"] = {"key": 1}
    told = found(project, step)
    assert told == [] if message is None else len(told) == 1 and message in told[0]


def test_one_agent_has_one_breaker(project):
    left = {"step_id": "a", "agent_id": "limited", "circuit_breaker": BREAKER}
    right = {**left, "step_id": "b", "circuit_breaker": {**BREAKER, "reset_timeout": 6}}
    assert found(project, left, {**left, "step_id": "b"}) == []
    assert found(project, left, right) == ["another step gives the agent `limited` another circuit breaker"]
