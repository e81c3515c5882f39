"""Files that flows pass on by reference: made and read by functions and commands, kept beside the store."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import trio

import flowlang
from flowlang.hosts.sqlite.artifacts import Artifacts, artifacts_of
from flowlang.tools import cli

FLOW = """
use python tools = "tools.py"

agent upper(text: file, prefix: string) -> file effect read
agent counted(parts: list<file>) -> int effect read
agent stamped(text: file) -> file effect read

flow main(letter: file) -> { whole: file, size: int, note: string } {
  step loud = upper(text: letter, prefix: ">")
  step stamp = stamped(text: loud)
  step whole = tools.join(parts: [letter, loud, stamp])
  step size = counted(parts: [letter, loud])
  step note = tools.first(text: whole)
  return { whole: whole, size: size, note: note }
}

flow many(letters: list<file>, other: file?) -> int {
  step size = counted(parts: letters)
  return size
}
"""

TOOLS = '''
from flowlang import File
from flowlang.agents import effect


@effect("read")
def join(parts: list[File]) -> File:
    """Put texts together."""
    return File.from_bytes(b"|".join(part.read() for part in parts), "text/plain")


@effect("read")
async def first(text: File) -> str:
    assert text.path.stat().st_size == text.size and text.media_type == "text/plain"
    return text.path.read_text().partition("|")[0]
'''

TOML = """
[agents.upper]
command = ["python3", "-c", "import sys; print(sys.argv[1] + open(sys.argv[2]).read().upper(), end='')", "{prefix}", "{text}"]
media_type = "text/plain"

[agents.stamped]
command = ["python3", "-c", "import sys; open(sys.argv[2], 'w').write(open(sys.argv[1]).read() + '!')", "{text}", "{output}"]
media_type = "text/x-stamped"

[agents.counted]
command = ["python3", "-c", "import sys; print(sum(len(open(p).read()) for p in sys.argv[1:]))", "{parts}"]
"""  # noqa: E501


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLOW_STORE", str(tmp_path / "runs.db"))
    for name, text in {"main.flow": FLOW, "tools.py": TOOLS, "flow.toml": TOML, "a.txt": "ada"}.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def flow(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any, str]:
    """A command: its exit code, what it printed, as JSON if it is, and what it said."""
    code = cli.invoke(arguments)
    out, err = capfd.readouterr()
    return code, json.loads(out) if out[:1] in "[{" and out else out, err


def test_content_goes_through_functions_and_commands(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    code, result, err = flow(capfd, "run", "main.flow", "main", "letter=a.txt", "--json", "--quiet")
    assert code == 0, err
    assert result["data"]["note"] == "ada" and result["data"]["size"] == 7
    whole, *others = result["artifacts"]
    assert (whole["step"], whole["in_result"], whole["media_type"]) == ("whole", True, "text/plain")
    assert Path(whole["path"]).read_text() == "ada|>ADA|>ADA!"
    assert [(each["step"], each["media_type"], each["in_result"]) for each in others] == [
        (None, "text/plain", False),
        ("loud", "text/plain", False),
        ("stamp", "text/x-stamped", False),
    ]
    run = result["run_id"]
    assert flow(capfd, "result", run, "--json")[1] == result
    assert flow(capfd, "artifacts", run, "--json")[1] == result["artifacts"]
    code, listed, err = flow(capfd, "artifacts", run, "--out", "out")
    assert code == 0 and "whole (result)  text/plain" in listed and "an input" in listed
    assert (project / "out" / "whole.txt").read_text() == "ada|>ADA|>ADA!"
    assert sorted(path.name for path in (project / "out").iterdir())[1:] == ["loud.txt", "stamp", "whole.txt"]


def test_a_run_without_a_store_keeps_nothing(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = ("run", "main.flow", "main", "letter=@a.txt", "--json", "--quiet", "--ephemeral")
    code, result, err = flow(capfd, *arguments)
    assert code == 0, err
    assert result["data"]["note"] == "ada"
    assert {artifact["path"] for artifact in result["artifacts"]} == {None}
    assert not artifacts_of(project / "runs.db").exists()


@pytest.mark.parametrize(
    ("arguments", "data"),
    [
        (['letters=["a.txt", "@a.txt"]', "other=null"], 6),
        (["letters=[]", "other=a.txt"], 0),
        (["letters=[]", "other=null"], 0),
    ],
)
def test_paths_in_inputs(
    project: Path, capfd: pytest.CaptureFixture[str], arguments: list[str], data: int
) -> None:
    code, result, err = flow(capfd, "run", "main.flow", "many", *arguments, "--json", "--quiet")
    assert (code, result["data"]) == (0, data), err


@pytest.mark.parametrize(
    ("argument", "said"),
    [
        ("letter=gone.txt", "`gone.txt` cannot be read: No such file or directory"),
        ("letter=.", "`.` cannot be read: Is a directory"),
        ('letter={"hash": "x"}', 'the field "size" is missing'),
    ],
)
def test_an_input_that_is_no_file(
    project: Path, capfd: pytest.CaptureFixture[str], argument: str, said: str
) -> None:
    code, _, err = flow(capfd, "run", "main.flow", "main", argument)
    assert code == 1 and said in " ".join(err.split())


def test_json_names_no_paths(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "inputs.json").write_text('{"letter": "a.txt"}')
    code, _, err = flow(capfd, "run", "main.flow", "main", "--input", "inputs.json")
    assert code == 1 and 'expected file, found a string ("a.txt")' in err


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda path: path.unlink(), "cannot be read: No such file or directory"),
        (lambda path: (path.chmod(0o600), path.write_text("longer")), "is damaged: it has 6 bytes and"),
    ],
)
def test_a_content_that_is_gone_or_damaged_fails_the_call(project: Path, harm: Any, said: str) -> None:
    def spoiled(text: flowlang.File, prefix: str) -> flowlang.File:
        harm(text.path)
        return flowlang.File.from_bytes(b"x", "text/plain")

    result = run_in_store(project, {"upper": spoiled})
    assert result.failure is not None and result.failure.error == "AgentFailed"
    assert said in result.failure.message


@pytest.mark.parametrize("hash", ["sha256:../../../etc/passwd", "sha256:" + "A" * 64, "", "md5:00"])
def test_a_reference_leads_nowhere_else(project: Path, hash: str) -> None:
    def forged(text: flowlang.File, prefix: str) -> Any:
        return {"hash": hash, "size": 1, "media_type": "text/plain"}

    result = run_in_store(project, {"upper": forged})
    assert result.failure is not None and "a file refers to what is no hash" in result.failure.message


def test_a_file_that_changes_while_it_is_kept_fails_the_call(project: Path) -> None:
    def changing(text: flowlang.File, prefix: str) -> flowlang.File:
        made = project / "made"
        made.write_text("one")
        file = flowlang.File.from_path(made)
        made.write_text("two")
        return file

    result = run_in_store(project, {"upper": changing})
    assert result.failure is not None and "changed while it was read" in result.failure.message


def test_a_command_that_writes_no_file_is_told(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    config = project / "flow.toml"
    config.write_text(config.read_text().replace("sys.argv[2], 'w'", "'/dev/null', 'w'"))
    code, _, err = flow(capfd, "run", "main.flow", "main", "letter=a.txt")
    assert code == 1 and "error[BadOutput]" in err
    assert "`python3` wrote no file to `{output}`: No such file or directory" in err


def test_a_disk_that_cannot_be_written_to_fails_the_call(project: Path) -> None:
    def blocking(text: flowlang.File, prefix: str) -> flowlang.File:
        folder = artifacts_of(project / "runs.db") / "new"
        folder.rmdir()
        folder.write_text("in the way")
        return flowlang.File.from_bytes(b"x", "text/plain")

    result = run_in_store(project, {"upper": blocking})
    assert result.failure is not None and "a file cannot be kept in" in result.failure.message


def test_a_content_that_has_lost_its_size_is_put_anew(tmp_path: Path) -> None:
    contents = Artifacts(tmp_path / "contents")
    file = flowlang.File.from_bytes(b"whole")
    contents.put(file.hash, b"whole", "owner.1")
    path = contents.find(file.reference())
    path.chmod(0o600)
    path.write_bytes(b"wh")
    contents.put(file.hash, b"whole", "owner.1")
    contents.check(file.hash)


def test_what_was_put_has_no_leftovers(project: Path) -> None:
    run_in_store(project, {})
    contents = Artifacts(artifacts_of(project / "runs.db"))
    assert len([*contents.hashes()]) == 4
    for hash in contents.hashes():
        contents.check(hash)
        assert not os.access(contents.path(hash), os.W_OK) or os.geteuid() == 0
    assert not [*(contents.folder / "new").iterdir(), *(contents.folder / "pins").iterdir()]


def run_in_store(project: Path, agents: dict[str, Any]) -> flowlang.Result:
    prepared = flowlang.prepare(flowlang.compile("main.flow"), flow="main", agents=agents)

    async def carry_out() -> flowlang.Result:
        async with (
            flowlang.Engine.open(project / "runs.db", durability="none") as engine,
            engine.start(prepared, {"letter": flowlang.File.from_path("a.txt")}) as run,
        ):
            return await run.result()

    return trio.run(carry_out)
