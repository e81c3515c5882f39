"""What commands load before they do anything: nothing that the flow at hand does not need.

A start is some hundred milliseconds of imports, so what is loaded decides how long it takes. Each command
is carried out in a process of its own, and the modules that this has loaded are looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.bench_startup import SMALL

ROOT = Path(__file__).resolve().parent.parent

PROBE = """\
import atexit, sys
before = set(sys.modules)
from flowlang.tools.cli import main
atexit.register(lambda: print(*sorted(set(sys.modules) - before), file=open({report!r}, "w")))
main({arguments!r})
"""

FOR_MISTAKES = {"flowlang.syntax.brackets", "flowlang.syntax.recovery", "flowlang.syntax.mistakes.diagnosis"}
HEAVY = {"pydantic", "trio", "rich", "lark", "re2", "httpx", "interegular", "platformdirs", "sqlite3"}
OF_THE_LIBRARY = {"asyncio", "hashlib", "http", "mimetypes", "multiprocessing", "pathlib", "subprocess"}


@pytest.fixture
def loaded(tmp_path):
    """The modules that a command has loaded when it ends."""

    def load(*arguments: str) -> set[str]:
        probe = PROBE.format(report=str(tmp_path / "modules"), arguments=arguments)
        subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, check=True)
        return set((tmp_path / "modules").read_text().split())

    return load


@pytest.fixture
def small(tmp_path):
    file = tmp_path / "small.flow"
    file.write_text(SMALL)
    return str(file)


def test_checking_a_sound_flow_loads_the_checker_alone(loaded, small):
    assert not loaded("check", small) & (HEAVY | OF_THE_LIBRARY | FOR_MISTAKES)


FOR_AGENTS = {f"flowlang.agents.{name}" for name in ("binding", "command", "config", "providers", "python")}
FOR_PLANS_AS_TEXT = {"flowlang.planning.translation", "flowlang.tools.plan_files"}
NOT_TO_RUN = {"rich", "lark", "re2", "httpx", "interegular", "dotenv", "email", "http", "importlib.metadata"}


@pytest.mark.parametrize("kept", ["--store", "--ephemeral"])
def test_running_a_flow_that_calls_no_agents_loads_nothing_for_agents(loaded, small, kept, tmp_path):
    where = [kept, str(tmp_path / "runs.db")] if kept == "--store" else [kept]
    found = loaded("run", small, *where)
    assert {"trio", "flowlang.runtime.run"} <= found
    assert not found & (NOT_TO_RUN | FOR_AGENTS | FOR_PLANS_AS_TEXT | FOR_MISTAKES)


def test_planning_a_flow_loads_nothing_to_run_it(loaded, small):
    found = loaded("plan", small)
    assert "flowlang.plan.lower" in found
    assert not found & ({"trio", "sqlite3", "flowlang.runtime.run", *NOT_TO_RUN, *FOR_PLANS_AS_TEXT})
