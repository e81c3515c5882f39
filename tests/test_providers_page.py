"""grammar/providers.md: the provider on the page is installed, and its flow is run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import flowlang.agents
from tests.support import desks

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "grammar" / "providers.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return str(found)


def test_the_provider_of_the_page_does_what_the_page_says(tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "desk-1.0.dist-info").mkdir(parents=True)
    (site / "notes_provider.py").write_text(block("python"))
    _, _, entry_point = block("toml").partition("\n")
    with desks.installed(site, entry_point.replace('"', "").strip()):
        pass
    project = tmp_path / "project"
    (project / "diary").mkdir(parents=True)
    (project / "main.flow").write_text(block("flow"))

    def flow(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = {"PYTHONPATH": f"{site}:{ROOT}", "FLOW_STORE": str(tmp_path / "runs.db")}
        command = [sys.executable, "-m", "flowlang", *arguments]
        return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, timeout=60)

    assert flow("lock").stdout == "notes diary  2 agents\nflow.lock is written\n"
    ran = flow("run", "main.flow", "name=today", "text=rain")
    assert ran.stdout == "no today yet: rain\n", ran.stderr
    assert flow("run", "main.flow", "name=today", "text=sun").stdout == "rain: sun\n"
    (project / "diary" / "today").unlink()
    (project / "diary").rmdir()
    refused = flow("run", "main.flow", "name=today", "text=rain")
    assert refused.returncode == 1 and "there is no such folder" in refused.stderr


@pytest.mark.parametrize("name", [*re.findall(r"`(AgentError|ConnectionLost|Unfit|Said|Used)\b", PAGE)])
def test_what_the_page_names_is_there(name: str) -> None:
    assert hasattr(flowlang.agents, name)


def test_every_public_name_is_there() -> None:
    for name in flowlang.agents._HOMES:
        assert getattr(flowlang.agents, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute `nothing`"):
        _ = flowlang.agents.nothing  # type: ignore[attr-defined]
