"""What the checker reads from Python files, as cases: the expectation stands in a comment beside the line.

    def f(x: int) -> str: ...      # agent: f(x: int) -> string
    def g(x: set[int]) -> str: ... # mistake: the parameter `x`: …

UPDATE_CASES=1 writes the comments anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowlang.agents.describe import describe
from flowlang.agents.python_signatures import describe as describe_python
from flowlang.semantics.facts import Parameter
from flowlang.semantics.providers import DescribedAgent, Mistake
from flowlang.semantics.types import show

CASES = Path(__file__).parent / "cases" / "run" / "signatures"
FILES = sorted(path for path in CASES.rglob("*.py") if path.stem.endswith("_case"))
COMMENT = re.compile(r"\s*# (agent|mistake): .*")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_signatures(path: Path) -> None:
    found = notes(path)
    lines = path.read_text(encoding="utf-8").split("\n")
    if os.environ.get("UPDATE_CASES"):
        path.write_text("\n".join(blessed(lines, found)), encoding="utf-8")
        return
    assert {number: " # ".join(said) for number, said in found.items()} == expected(lines)


def expected(lines: list[str]) -> dict[int, str]:
    comments = ((number, COMMENT.search(line)) for number, line in enumerate(lines, 1))
    return {number: comment[0].strip().removeprefix("# ") for number, comment in comments if comment}


def notes(path: Path) -> dict[int, list[str]]:
    """What was found, by line, as the comments say it."""
    description = describe("python", path.name, str(path.parent / "main.flow"))
    found: dict[int, list[str]] = {}
    for agent in description.agents:
        found.setdefault(agent.line or 0, []).append(f"agent: {agent_text(agent)}")
    for mistake in description.mistakes:
        found.setdefault(mistake.line or 1, []).append(f"mistake: {mistake_text(mistake)}")
    return found


def agent_text(agent: DescribedAgent) -> str:
    parameters = ", ".join(map(parameter_text, agent.parameters))
    effect = f" effect {agent.effect}" if agent.effect else ""
    doc = f' "{agent.doc}"' if agent.doc else ""
    return f"{agent.name}({parameters}) -> {show(agent.result)}{effect}{doc}"


def parameter_text(parameter: Parameter) -> str:
    return f"{parameter.name}{'' if parameter.required else '?'}: {show(parameter.type)}"


def mistake_text(mistake: Mistake) -> str:
    return mistake.message + (f" ({mistake.help})" if mistake.help else "")


def blessed(lines: list[str], found: dict[int, list[str]]) -> list[str]:
    bare = [COMMENT.sub("", line) for line in lines]
    return [
        f"{line}  # {' # '.join(found[number])}" if number in found else line
        for number, line in enumerate(bare, 1)
    ]


def test_docs_and_lines_are_kept(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(
        "from dataclasses import dataclass\n"
        "@dataclass\n"
        "class Page:\n"
        "    url: str\n"
        '    """Where it is."""\n'
        "\n"
        "def read(url: str) -> Page:\n"
        '    """Fetches a page\n'
        "    and parses it.\n"
        "\n"
        "    Slowly.\n"
        '    """\n'
    )
    (agent,) = describe_python("tools.py", str(tmp_path / "main.flow")).agents
    assert (agent.doc, agent.line) == ("Fetches a page and parses it.", 7)
    assert agent.result.fields[0].doc == "Where it is."


def only_mistake(target: str, folder: Path) -> str:
    description = describe("python", target, str(folder / "main.flow"))
    assert description.agents == ()
    (mistake,) = description.mistakes
    return mistake.message


def test_a_file_that_cannot_be_read_is_one_mistake(tmp_path: Path) -> None:
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "large.py").write_bytes(b"#" * (1024 * 1024 + 1))
    (tmp_path / "broken.py").write_text("def f(:\n")
    (tmp_path / "binary.py").write_bytes(bytes(range(256)))
    (tmp_path / "nul.py").write_bytes(b"x = 1\0")
    (tmp_path / "deep.py").write_text("x = " + "(" * 100_000)
    (tmp_path / "chain.py").write_text("x = " + "-" * 200_000 + "1")
    (tmp_path / "empty.py").write_text("")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "loop.py").symlink_to("loop.py")
    assert only_mistake("missing.py", tmp_path) == "there is no such file"
    assert only_mistake("a\0b.py", tmp_path).startswith("it cannot be read")
    assert only_mistake("folder.py", tmp_path) == "it is not a file"
    assert only_mistake("pipe.py", tmp_path) == "it is not a file"
    assert only_mistake("loop.py", tmp_path).startswith("it cannot be read")
    assert only_mistake("large.py", tmp_path) == "it is larger than 1 MiB"
    assert only_mistake("empty.py", tmp_path) == "it has no public functions"
    assert only_mistake("tools", tmp_path) == '"tools" is not a Python file'
    for name in ("broken", "binary", "nul", "deep", "chain"):
        assert only_mistake(f"{name}.py", tmp_path).startswith("it is not Python: ")


def test_nothing_outside_the_project_is_read(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    (tmp_path / "outside.py").write_text("def f() -> None: ...\n")
    (project / "link.py").symlink_to(tmp_path / "outside.py")
    (project / "models.py").symlink_to(tmp_path / "outside.py")
    (project / "tools.py").write_text("from models import f\ndef g(x: f) -> None: ...\n")
    assert only_mistake("../outside.py", project) == "it lies outside the project"
    assert only_mistake("link.py", project) == "it lies outside the project"
    assert "it lies outside the project" in only_mistake("tools.py", project)
    (tmp_path / "flow.toml").touch()
    assert describe("python", "link.py", str(project / "main.flow")).agents


def test_an_unknown_provider_says_so(tmp_path: Path) -> None:
    assert not describe("carrier-pigeon", "tools.py", str(tmp_path / "main.flow")).known


def test_reading_runs_nothing(tmp_path: Path) -> None:
    (tmp_path / "tools.py").write_text(
        "import a_module_that_is_not_installed\n"
        "raise SystemExit('executed')\n"
        "def f(x: int = print('executed')) -> str: ...\n"
    )
    (agent,) = describe("python", "tools.py", str(tmp_path / "main.flow")).agents
    assert agent.name == "f"
    assert "a_module_that_is_not_installed" not in sys.modules


def test_reading_needs_no_heavy_package() -> None:
    probe = (
        "import sys, flowlang.agents, flowlang.agents.python_signatures\n"
        "print([name for name in ('pydantic', 'trio', 'rich', 'lark') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


HEAD = """
from typing import Literal, NamedTuple, Optional, TypedDict
from enum import Enum
from dataclasses import dataclass
A = 'B'
B = 'A | None'
"""
FRAGMENTS = (
    "int str list dict Literal Optional None A B T.X | [ ] ( ) , : -> def class f x = 'A' \"'A'\" @dataclass "
    "Enum TypedDict NamedTuple BaseModel from import typing . ... ~ ~ ~    ~"
)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS.split(" ")), max_size=60))
def test_any_text_is_described(pieces: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tools.py").write_text(HEAD + " ".join(pieces).replace("~", "\n"))
        description = describe("python", "tools.py", f"{folder}/main.flow")
    assert description.known and (description.agents or description.mistakes)
