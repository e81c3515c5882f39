"""Plans in an editor: the language server says what is wrong with them, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.planning import AGENTS

from flowlang.ide.snapshot import Snapshot
from flowlang.tools.lsp.disk import Stamps, workspace_on_disk

PLAN = 'plan_id: p\nsteps:\n  - {step_id: a, agent_id: raed, parameters: {url: "${results.b}"}}\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "agents.flow").write_text(Path(AGENTS).read_text(encoding="utf-8"))
    (tmp_path / "flow.toml").write_text('[plans]\nuse = ["agents.flow"]\n')
    return tmp_path


def seen(workspace, path: Path) -> list[str]:
    snapshot = workspace.snapshot(str(path))
    assert isinstance(snapshot, Snapshot)
    return [d.message for d in snapshot.diagnostics]


def test_unsaved_plans_are_checked(folder):
    workspace, path = workspace_on_disk(Stamps()), folder / "plan.yaml"
    workspace.open(str(path), PLAN)
    assert seen(workspace, path) == ["there is no agent `raed`", "there is no step `b` in sight"]
    workspace.open(str(path), PLAN.replace("raed", "read").replace("${results.b}", "x"))
    assert seen(workspace, path) == []


def test_other_yaml_is_left_alone(folder):
    workspace = workspace_on_disk(Stamps())
    for name, text in (
        ("compose.yaml", "services: {}\n"),
        ("package.json", '{"name": "x"}'),
        ("x.yml", "a: ["),
    ):
        workspace.open(str(folder / name), text)
        assert seen(workspace, folder / name) == []


def test_flows_beside_them_are_checked_as_before(folder):
    workspace = workspace_on_disk(Stamps())
    workspace.open(str(folder / "plan.yaml"), PLAN)
    seen(workspace, folder / "plan.yaml")
    assert seen(workspace, folder / "agents.flow") == []
