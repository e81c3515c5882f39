"""The page about plans is true: its plans are sound, its program runs, and it names every field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.planning import AGENTS, check_plan, compiled

from flowlang.plan.canonical import plan_hash
from flowlang.planning.model import AgentStep, ExecutionPlan
from flowlang.tools import cli

PAGE = Path(__file__).resolve().parent.parent / "grammar/plans.md"
TEXT = PAGE.read_text(encoding="utf-8")
PLANS = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("plan", PLANS)
def test_its_plans_are_sound(plan: str):
    assert [d.message for d in check_plan(plan).diagnostics] == []


def test_its_program_makes_its_first_plan(tmp_path, monkeypatch):
    (program,) = re.findall(r"^```python\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
    (tmp_path / "agents.flow").write_text(Path(AGENTS).read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(compile(program, "plans.md", "exec"), names)
    assert plan_hash(names["compiled"]) == plan_hash(compiled(PLANS[0]))


@pytest.mark.parametrize("field", [*AgentStep.model_fields, *ExecutionPlan.model_fields])
def test_it_names_every_field(field: str):
    assert f"`{field}`" in TEXT


def test_its_links_lead_somewhere():
    headings = {
        re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.+)$", TEXT, re.M)
    }
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        path, _, anchor = target.partition("#")
        assert (PAGE.parent / path).exists() if path else anchor in headings, target


def test_the_plan_of_the_readme_runs_with_its_first_flow(tmp_path, monkeypatch, capfd):
    readme = (PAGE.parent.parent / "README.md").read_text(encoding="utf-8")
    (plan,) = re.findall(r"^```yaml\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    flow, *_ = re.findall(r"^```flow\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    (command,) = re.findall(r"^    flow (run plan.yaml .*)$", readme, re.MULTILINE)
    (tmp_path / "plan.yaml").write_text(plan)
    (tmp_path / "main.flow").write_text(flow)
    (tmp_path / "tools.py").write_text(
        "def weather(city): return {'sky': 'clear', 'degrees': 24.0}\n"
        "def greeting(name, mood): return f'{name}, {mood}'\n"
    )
    (tmp_path / "flow.toml").write_text(
        '[agents.weather]\npython = "tools:weather"\n[agents.greeting]\npython = "tools:greeting"\n'
    )
    monkeypatch.chdir(tmp_path)
    assert cli.invoke([*command.split(), "--quiet", "--ephemeral"]) == 0
    assert capfd.readouterr().out == "Ada, sunny\n"
