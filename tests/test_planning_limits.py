"""Plans that nobody trusts: which agents they may call, how often and for how long.

A plan cannot allow itself anything; what it may do is said by whoever checks or runs it."""

from __future__ import annotations

import json

import pytest
from support.planning import AGENTS, FOLDER, found_in, plan_of

from flowlang.tools.plan_settings import PlanSettings

READ = {"step_id": "text", "agent_id": "read", "parameters": {"url": "a"}}


def allowing(*agents: str) -> PlanSettings:
    return PlanSettings(use=(AGENTS,), allow=agents)


@pytest.mark.parametrize(
    ("allowed", "found"),
    [
        (("read",), []),
        (("agents.read",), []),
        (("search", "read"), []),
        (("search",), [("not-allowed", '"read"')]),
        ((), [("not-allowed", '"read"')]),
    ],
)
def test_a_plan_calls_only_agents_that_are_allowed(allowed, found):
    assert found_in(plan_of(READ), "plan.json", allowing(*allowed)) == found


def test_a_call_that_is_refused_may_raise_what_the_step_handles():
    retry = {"max_retries": 2, "retry_on": ["RateLimited"]}
    step = {**READ, "retry_policy": retry, "fallback": {"value": "", "on": ["NotFound"]}}
    assert found_in(plan_of(step), "plan.json", allowing()) == [("not-allowed", '"read"')]


@pytest.mark.parametrize("place", ["fallback", "undo"])
def test_every_call_has_to_be_allowed(place):
    step = {**READ, place: {"agent_id": "remove", "parameters": {"id": "a"}}}
    assert found_in(plan_of(step), "plan.json", allowing("read")) == [("not-allowed", '"remove"')]


def test_a_step_inside_of_a_loop_has_to_be_allowed():
    loop = {"type": "for_each", "items": [1]}
    step = {"step_id": "all", "loop": loop, "steps": [{**READ, "agent_id": "save"}]}
    assert ("not-allowed", '"save"') in found_in(plan_of(step), "plan.json", allowing("read"))


def test_what_is_allowed_is_in_the_message():
    from support.planning import check_plan

    (found,) = check_plan(plan_of(READ), "plan.json", allowing("search", "judge")).diagnostics
    assert found.help == "it may call `search`, `judge`"


def test_limits_only_get_tighter():
    lower = PlanSettings(("a.flow",), ("read", "save"), 10, 1_000)
    assert PlanSettings(max_calls=20).over(lower) == lower
    assert PlanSettings(("b.flow",), ("save", "remove"), 5).over(lower) == (("b.flow",), ("save",), 5, 1_000)
    assert PlanSettings().over(PlanSettings()) == PlanSettings()


def test_the_project_says_what_its_plans_may_do(tmp_path, monkeypatch):
    from flowlang.tools.frontend import check_file

    (tmp_path / "agents.flow").write_text((FOLDER / "agents.flow").read_text())
    (tmp_path / "plan.json").write_text(plan_of(READ))
    (tmp_path / "flow.toml").write_text('[plans]\nuse = ["agents.flow"]\nallow = ["read"]\n')
    monkeypatch.chdir(tmp_path)
    assert not check_file("plan.json").diagnostics
    (found,) = check_file("plan.json", plans=PlanSettings(allow=("search",))).diagnostics
    assert found.code.slug == "not-allowed"


@pytest.mark.parametrize(
    "line", ["use = 3", "allow = [1]", "max_calls = -1", "max_calls = true", 'max_time = "soon"', "limit = 3"]
)
def test_a_mistake_in_flow_toml_is_said_there(line, tmp_path, monkeypatch):
    from flowlang.tools.frontend import check_file

    (tmp_path / "plan.json").write_text(plan_of(READ))
    (tmp_path / "flow.toml").write_text(f"[plans]\n{line}\n")
    monkeypatch.chdir(tmp_path)
    slugs = {(d.path, d.code.slug) for d in check_file("plan.json").diagnostics}
    assert ("flow.toml", "bad-config") in slugs


# Calls and time

TOOLS = """
import asyncio
import time

from flowlang.agents import effect


@effect("read")
def items() -> list[str]:
    return ["a", "b", "c", "d", "e"]


@effect("read")
def use(item: str) -> str:
    return item.upper()


@effect("read")
def slow() -> str:
    time.sleep(0.01)
    return "slow"
"""

LOOP = {
    "step_id": "all",
    "agent_id": "use",
    "loop": {"type": "for_each", "items": "results.items"},
    "parameters": {"item": "${item}"},
    "fallback": {"value": "not called"},
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "tools.py").write_text(TOOLS)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def ran(capfd, *arguments: str) -> tuple[int, dict]:
    from flowlang.tools import cli

    capfd.readouterr()
    code = cli.invoke(
        ["run", "plan.json", "--use", "tools.py", "--json", "--quiet", "--ephemeral", *arguments]
    )
    return code, json.loads(capfd.readouterr().out)


def test_a_bound_that_is_a_number_is_judged_before_the_run(project, capfd):
    step = {"step_id": "a", "agent_id": "items", "retry_policy": {"max_retries": 5}}
    (project / "plan.json").write_text(plan_of(step))
    code, told = ran(capfd, "--max-calls", "4")
    assert code == 1 and told["errors"][0]["code"] == "E804"
    assert ran(capfd, "--max-calls", "5")[0] == 0


def test_a_bound_that_is_known_in_the_run_is_held_there(project, capfd):
    (project / "plan.json").write_text(plan_of({"step_id": "items", "agent_id": "items"}, LOOP))
    code, told = ran(capfd, "--max-calls", "3")
    assert code == 0
    assert sorted(told["data"]["all"]) == ["A", "B", "not called", "not called", "not called"]


def test_flow_toml_bounds_a_run_too(project, capfd):
    (project / "plan.json").write_text(plan_of({"step_id": "items", "agent_id": "items"}, LOOP))
    (project / "flow.toml").write_text("[plans]\nmax_calls = 1\n")
    assert ran(capfd)[1]["data"]["all"] == ["not called"] * 5


def test_a_plan_ends_with_its_time(project, capfd):
    rounds = {"type": "while", "condition": "true", "max_iterations": 100_000}
    step = {"step_id": "forever", "agent_id": "slow", "loop": rounds}
    (project / "plan.json").write_text(plan_of(step, timeout="1d"))
    code, told = ran(capfd, "--max-time", "50ms")
    assert code == 1 and told["errors"][0]["error"] == "Timeout"


def test_loops_that_call_nothing_end_with_the_time_as_well(project, capfd):
    step: dict = {"step_id": "call", "agent_id": "slow", "condition": "false"}
    for depth in range(4):
        rounds = {"type": "while", "condition": "true", "max_iterations": 100_000}
        step = {"step_id": f"loop{depth}", "loop": rounds, "steps": [step]}
    (project / "plan.json").write_text(plan_of(step))
    code, told = ran(capfd, "--max-time", "50ms")
    assert code == 1 and told["errors"][0]["error"] == "Timeout"


def test_limits_are_about_plans(project, capfd):
    from flowlang.tools import cli

    (project / "main.flow").write_text("flow main() -> int { return 1 }\n")
    assert cli.invoke(["run", "main.flow", "--max-calls", "3"]) == 2
    assert cli.invoke(["check", "main.flow", "--allow", "x"]) == 2
    assert cli.invoke(["check", "plan.yaml", "--max-time", "soon"]) == 2


# Files with agents that cannot be read


@pytest.mark.parametrize(
    ("tools", "slug", "message"),
    [
        ("def a(:", "bad-signature", "tools.py:1: "),
        ("", "bad-signature", "no public functions"),
        ("def items(x) -> int:\n    return 1\n", "bad-signature", "`tools.items` cannot be called"),
        (None, "bad-signature", "no such file"),
    ],
)
def test_python_that_cannot_be_read_says_so(tools, slug, message, tmp_path, monkeypatch):
    from flowlang.tools.frontend import check_file

    if tools is not None:
        (tmp_path / "tools.py").write_text(tools)
    (tmp_path / "plan.json").write_text(
        plan_of({"step_id": "a", "agent_id": "items", "parameters": {"x": 1}})
    )
    monkeypatch.chdir(tmp_path)
    found = check_file("plan.json", plans=PlanSettings(use=("tools.py",))).diagnostics
    assert any(d.code.slug == slug and message in d.message for d in found), found


def test_a_flow_with_mistakes_is_told_as_well(tmp_path, monkeypatch):
    from flowlang.tools.frontend import check_file

    (tmp_path / "agents.flow").write_text("agent read(url: strin) -> string effect read\n")
    (tmp_path / "plan.json").write_text(plan_of(READ))
    monkeypatch.chdir(tmp_path)
    found = check_file("plan.json", plans=PlanSettings(use=("agents.flow",))).diagnostics
    assert [(d.path, d.code.slug) for d in found] == [("agents.flow", "unknown-type")]
    found = check_file("plan.json", plans=PlanSettings(use=("nowhere.flow",))).diagnostics
    assert ("nowhere.flow", "unreadable-file") in [(d.path, d.code.slug) for d in found]


def test_agents_that_flow_toml_binds_have_the_types_of_their_functions(project, capfd):
    (project / "flow.toml").write_text(
        '[agents.list_all]\npython = "tools:items"\n[agents.shell]\ncommand = ["ls"]\n'
    )
    loop = {**LOOP, "agent_id": "use_it", "loop": {"type": "for_each", "items": "results.items"}}
    steps = [{"step_id": "items", "agent_id": "list_all"}, {**READ, "agent_id": "shell"}, loop]
    (project / "plan.json").write_text(plan_of(*steps))
    from flowlang.tools.frontend import check_file

    told = [(d.code.slug, d.help) for d in check_file("plan.json").diagnostics]
    assert told[0][0] == "unknown-name" and "a .flow must say what it takes" in told[0][1]
    assert told[1] == ("unknown-name", "there are `list_all`")
    (project / "plan.json").write_text(plan_of(steps[0]))
    from flowlang.tools import cli

    assert cli.invoke(["run", "plan.json", "--quiet", "--ephemeral"]) == 0
    assert json.loads(capfd.readouterr().out)["items"] == ["a", "b", "c", "d", "e"]
