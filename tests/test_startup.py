"""What commands load before they do anything: nothing that the flow at hand does not need.

A start is some hundred milliseconds of imports, so what is loaded decides how long it takes. Each command
is carried out in a process of its own, and the modules that this has loaded are looked at."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

SMALL = """\
agent search(query: string) -> list<string> effect read

flow find(topic: string) -> int {
  step found = search(query: topic)
    retry 2 times backoff 1s
  return found.size()
}

flow main(name: string = "you") -> string {
  return "hello ${name}"
}
"""

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
