"""Flows that call MCP servers, through the front door: locked, checked, run, interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
import trio

import flowlang
from flowlang import events
from tests.support.mcp_desk import STUB, gone

ROOT = Path(__file__).parent.parent

FLOW = """
use mcp stub = "stub"

error Closed(message: string)
error NotFound(what: string)

type Total = { total: int }

agent shop() -> string raises Closed
agent book() -> Total raises NotFound

flow all(words: list<string>) -> list<string> {
  step said = for each word in words {
    step one = stub.echo(text: word)
    yield one
  }
  return said
}

flow add(a: int, b: int) -> int {
  step sum = stub.sum(a: a, b: b)
  return sum.total
}

flow picture() -> file {
  step photo = stub.picture()
  return photo
}

flow survives() -> string {
  step died = stub.die()
    catch Unavailable as e -> e.message
  step said = stub.echo(text: died)
  return said
}

flow retried() -> string {
  step said = stub.die()
    retry 1 times
  return said
}

flow wrong() -> int {
  step sum = stub.wrong()
  return sum.total
}

flow too_late() -> string {
  step ready = stub.echo(text: "x")
  step said = stub.hang()
    after ready
    timeout 500ms
    catch Timeout -> "too late"
  step heard = stub.cancelled() after said
  return "${said} ${heard}"
}

flow closed() -> string {
  step found = shop()
    catch Closed as e -> e.message
  step missing = book()
    catch NotFound as e -> { total: e.what.size() }
  return "${found} ${missing.total}"
}

flow hangs() -> string {
  step said = stub.hang()
  return said
}

flow resumed() -> string {
  step said = stub.second()
  return said
}

flow environment() -> string {
  step seen = stub.environment()
  step told = stub.say()
  return seen
}
"""

TOML = """
[secrets]
KEY = {{ env = "STUB_KEY" }}

[mcp.stub]
command = {command}
env = {{ STUB_SECRET = "{{secrets.KEY}}" }}
results = {{ picture = "file" }}
effects = {{ die = "read" }}

[agents.shop]
mcp = "stub:fail"
errors = {{ "is closed" = "Closed" }}

[agents.book]
mcp = "stub:not_found"
"""


@attrs.frozen
class Project:
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "main.flow"

    def server(self, *ways: str) -> None:
        """Say how the server is started."""
        command = json.dumps([sys.executable, str(STUB), "--pids", str(self.folder / "pids"), *ways])
        (self.folder / "flow.toml").write_text(TOML.format(command=command))

    def flow(self, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        ran = subprocess.run(
            [sys.executable, "-m", "flowlang", *arguments],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
        )
        assert ran.returncode == code, ran.stderr
        return ran

    def environment(self) -> dict[str, str]:
        store = str(self.folder / "runs.db")
        return {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "FLOW_STORE": store,
            "STUB_KEY": "k3y-of-stub",
            "NO_COLOR": "1",
        }

    def run(self, flow: str, **inputs: object) -> flowlang.Result:
        return flowlang.run_sync(flowlang.compile(self.file), flow=flow, inputs=inputs)


@pytest.fixture(scope="module")
def lock(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What `flow lock` says of the stub."""
    project = Project(tmp_path_factory.mktemp("locked"))
    project.file.write_text(FLOW)
    project.server()
    ran = project.flow("lock", "main.flow")
    assert "mcp stub" in ran.stderr + ran.stdout
    return (project.folder / "flow.lock").read_text()


@pytest.fixture
def project(tmp_path: Path, lock: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.setenv("STUB_KEY", "k3y-of-stub")
    project = Project(tmp_path)
    project.file.write_text(FLOW)
    project.server()
    (tmp_path / "flow.lock").write_text(lock)
    yield project
    assert trio.run(gone, tmp_path / "pids") if (tmp_path / "pids").exists() else True


def test_a_flow_is_checked_without_its_server(project):
    (project.folder / "flow.toml").unlink()
    assert not flowlang.check(FLOW, str(project.file))
    wrong = FLOW.replace("stub.echo(text: word)", "stub.echo(texts: word)")
    assert "`texts`" in flowlang.check(wrong, str(project.file))[0].message


def test_calls_of_a_run_share_a_connection(project):
    words = [f"w{number}" for number in range(50)]
    assert project.run("all", words=words).data == words
    assert len((project.folder / "pids").read_text().split()) == 1


def test_replies_have_the_types_that_servers_say(project):
    assert project.run("add", a=2, b=3).data == 5
    assert project.run("picture").data["media_type"] == "image/png"
    failure = project.run("wrong").failure
    assert failure.error == "BadOutput" and "'many' is not of type 'integer'" in failure.message


def test_a_server_that_dies_is_started_anew(project):
    message = "the server is gone: it was ended by SIGKILL: out of memory"
    assert project.run("survives").data == message
    failure = project.run("retried").failure
    assert (failure.error, failure.message) == ("Unavailable", f"mcp stub: {message}")


def test_a_call_that_takes_too_long_is_cancelled_there(project):
    late, cancelled = project.run("too_late").data.split(" [")
    assert late == "too late" and cancelled != "]"


def test_errors_of_tools_are_declared_ones(project):
    assert project.run("closed").data == "the shop is closed 6"


def test_a_server_that_has_changed_since_it_was_locked(project):
    project.server("--other")
    failure = project.run("all", words=["x"]).failure
    assert failure.error == "AgentFailed" and failure.message.endswith(": run `flow lock --update`")
    assert "the tool `echo` is not what flow.lock says, it has no parameter `text`" in failure.message
    assert project.run("add", a=1, b=1).data == 2, "other tools are as they were"
    ran = project.flow("lock", "--check", "main.flow", code=1)
    assert "echo" in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ('["no-such-server"]', "the program `no-such-server` was not found"),
        ('"npx server"', "command"),
        ('["x"]\nurl = "http://x/"', "either a `command` that starts it, or the `url`"),
        ('["x"]\nstart = 3', "`start` is not an option here"),
    ],
)
def test_a_table_that_cannot_be_used_is_told_before_the_run(project, command, message):
    (project.folder / "flow.toml").write_text(TOML.format(command=command))
    ran = project.flow("run", "main.flow", "add", "a=1", "b=2", code=1)
    assert message in " ".join(ran.stderr.split())


def test_what_a_server_says_is_told_and_no_secret_is(project):
    seen: list[object] = []
    plan = flowlang.compile(project.file)
    ended = flowlang.run_sync(plan, flow="environment", on_event=seen.append)
    assert '"STUB_SECRET": "***"' in ended.data
    said = {event.text for event in seen if isinstance(event, events.AgentSaid)}
    assert {"a line", "of two", '{"hot": true}', "half way"} <= said
    ran = project.flow("run", "main.flow", "environment", "--json")
    assert "k3y-of-stub" not in ran.stdout + ran.stderr
    left = [path for path in project.folder.rglob("*") if path.is_file()]
    assert not [path for path in left if b"k3y-of-stub" in path.read_bytes()]


def test_servers_of_a_flow_that_is_killed_end_and_are_started_again_when_it_is_resumed(project):
    pids = project.folder / "pids"
    command = [sys.executable, "-m", "flowlang", "run", "main.flow", "resumed"]
    with subprocess.Popen(
        command, cwd=project.folder, env=project.environment(), stderr=subprocess.DEVNULL
    ) as running:
        while not pids.exists():
            assert running.poll() is None
            time.sleep(0.02)
        running.kill()
    assert trio.run(gone, pids)
    (run,) = json.loads(project.flow("runs", "--json").stdout)
    assert "the second time" in project.flow("resume", run["run_id"]).stdout


@pytest.mark.parametrize(
    ("options", "signals"),
    [
        (["--ephemeral"], [signal.SIGINT]),
        (["--ephemeral"], [signal.SIGTERM]),
        ([], [signal.SIGINT, signal.SIGINT]),  # the second of them ends flow at once
    ],
)
def test_nothing_is_left_of_a_server_when_flow_is_interrupted(project, options, signals):
    """The server heeds neither the end of its input nor SIGTERM, and has a child."""
    project.server("--stubborn", "--family")
    pids = project.folder / "pids"
    command = [sys.executable, "-m", "flowlang", "run", "main.flow", "hangs", *options]
    with subprocess.Popen(
        command,
        cwd=project.folder,
        env=project.environment(),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as running:
        while not pids.exists() or len(pids.read_text().split()) < 2:
            assert running.poll() is None
            time.sleep(0.02)
        assert running.stderr is not None
        for index, number in enumerate(signals, 1):
            running.send_signal(number)
            said = iter(running.stderr.readline, "")
            assert index == len(signals) or any("once more leaves at once" in line for line in said)
        running.communicate(timeout=30)
    assert running.returncode != 0


def test_nothing_heavy_is_imported_before_a_server_is_connected_to(project):
    loaded = "import sys; print(sorted({'mcp', 'httpx2', 'anyio', 'pydantic', 'trio'} & sys.modules.keys()))"
    check = "from flowlang.tools import cli; cli.invoke(['check', '--quiet', 'main.flow'])"
    for code, expected in {
        f"import flowlang.agents.mcp; {loaded}": "['pydantic', 'trio']",
        f"{check}; {loaded}": "[]",
    }.items():
        ran = subprocess.run(
            [sys.executable, "-c", code],
            cwd=project.folder,
            env=project.environment(),
            capture_output=True,
            text=True,
        )
        assert ran.stdout.splitlines()[-1:] == [expected], ran.stderr
