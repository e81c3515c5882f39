"""Secrets: where they are found, and that nothing which a run leaves behind holds one.

The agents of `test_nothing_that_a_run_leaves_behind_holds_a_secret` do what they can to give theirs away:
they give them back, in several writings, say them in errors, and tell of them while they work."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import attrs
import pytest
import trio
import trio.testing

import flowlang
from flowlang.agents.providers import Target
from flowlang.agents.secrets import NoSecret, Secrets, secrets_in
from flowlang.hosts.connections import open_connections
from flowlang.runtime.hiding import hidden_in, hidden_in_text, writings
from tests.support import desks
from tests.support.small_server import Handler, serving

ROOT = Path(__file__).parent.parent
STUB = Path(__file__).parent / "support" / "mcp_stub.py"


# Where they are found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"env": "PLACE"}, "from outside"),
        ({"file": "secret.txt"}, "two\nlines"),
        ({"dotenv": ".env", "name": "PLAIN"}, "a=b"),
        ({"dotenv": ".env", "name": "QUOTED"}, 'with "quotes" # and all'),
        ({"dotenv": ".env", "name": "EXPORTED"}, "${PLAIN}"),
        ({"command": ("printf", "first\nsecond\n")}, "first"),
        ({"command": ("cat", "secret.txt")}, "two"),
    ],
)
def test_a_secret_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: dict[str, Any], expected: str
) -> None:
    monkeypatch.setenv("PLACE", "from outside")
    (tmp_path / "secret.txt").write_text("two\nlines\n")
    lines = ("# a comment", "PLAIN=a=b", "QUOTED='with \"quotes\" # and all'", "export EXPORTED=${PLAIN}")
    (tmp_path / ".env").write_text("\n".join(lines))
    found = Secrets({"S": source}, tmp_path)
    assert found.fill("<{secrets.S}>") == f"<{expected}>"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"env": "NOT_SET"}, "the environment variable NOT_SET is not set"),
        ({"env": "EMPTY"}, "the environment variable EMPTY is empty"),
        ({"file": "nowhere"}, "nowhere cannot be read: No such file or directory"),
        ({"file": "empty"}, "empty is empty"),
        ({"file": "binary"}, "binary is not UTF-8"),
        ({"file": "huge"}, "huge is larger than 64 KiB"),
        ({"dotenv": "empty", "name": "X"}, "empty has no line `X=…`"),
        ({"dotenv": "nowhere", "name": "X"}, "nowhere cannot be read"),
        ({"command": ("no-such-program-here",)}, "`no-such-program-here` cannot be started"),
        ({"command": ("false",)}, "`false` ended with exit code 1"),
        ({"command": ("sh", "-c", "echo locked >&2; exit 3")}, "`sh` ended with exit code 3: locked"),
        ({"command": ("true",)}, "`true` printed nothing in its first line"),
    ],
)
def test_a_secret_that_is_not_there_is_told_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: dict[str, Any], said: str
) -> None:
    monkeypatch.setenv("EMPTY", "")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "huge").write_bytes(b"x" * 70_000)
    with pytest.raises(NoSecret) as raised:
        Secrets({"S": source}, tmp_path).get("S")
    assert str(raised.value).startswith("the secret `S` is not there: ")
    assert said in str(raised.value)


def test_a_program_that_waits_for_somebody_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowlang.agents.secret_sources.COMMAND_SECONDS", 0.2)
    with pytest.raises(NoSecret, match="does it wait for somebody"):
        Secrets({"S": {"command": ("sleep", "60")}}).get("S")


def test_nothing_else_waits_for_a_program_that_is_asked_on_connecting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowlang.agents.secret_sources.COMMAND_SECONDS", 5)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "desk.json").write_text("{}")
    token = desks.DeskSettings(file="desk.json", token="{secrets.S}")
    known = Secrets({"S": {"command": ("cat", str(pipe))}})
    target = Target("desk", "front", tmp_path, token, known, desks.provider)

    async def main() -> None:
        async with open_connections() as connections, trio.open_nursery() as nursery:
            nursery.start_soon(connections.to, target)
            await trio.testing.wait_all_tasks_blocked()
            pipe.write_text("swordfish")
        assert known.get("S") == "swordfish"

    trio.run(main)


def test_a_secret_that_nobody_declared() -> None:
    with pytest.raises(NoSecret, match=r"flow.toml has no secret `S`: say below `\[secrets\]`"):
        Secrets().fill("{secrets.S}")
    assert [*secrets_in({"a": ["{secrets.A}{secrets.B}"], "b": 3, "c": ("x{secrets.C}",)})] == ["A", "B", "C"]


SECRET = 'p@ss/"w\\ord é+1'


@pytest.mark.parametrize(
    "written",
    [
        SECRET,
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        repr(SECRET),
        quote(SECRET, safe=""),
        b64encode(SECRET.encode()).decode(),
        f"{SECRET}{SECRET}",
    ],
)
def test_a_secret_is_hidden_in_every_writing(written: str) -> None:
    assert "ss" not in hidden_in_text(f"<{written}>", writings([SECRET]))


def test_what_is_hidden_where() -> None:
    looked_for = writings(["swordfish", "sword", "abc", "   "])
    value = {"swordfish": ["a swordfish", 3, None, True, {"x": "swords"}], "abc": "abc"}
    assert hidden_in(value, looked_for) == {"***": ["a ***", 3, None, True, {"x": "***s"}], "abc": "abc"}
    assert hidden_in(value, ()) is value


# What a run leaves behind

FLOW = """
use mcp stub = "stub"

error Refused(message: string)

agent shout(password: secret<string>) -> string
agent scream(password: secret<string>, pin: secret<int>) -> string raises Refused
agent whisper() -> string
agent program(password: secret<string>) -> string
agent broken(password: secret<string>) -> string
agent fetch(password: secret<string>) -> json
agent refused(password: secret<string>) -> json
ask go_on(question: string) -> bool

flow main(password: secret<string>, pin: secret<int>, fails: bool = false) -> json in order {
  step said = shout(password: password)
  step screamed = scream(password: password, pin: pin)
    catch Refused as e -> e.message
  step whispered = whisper()
  step answer = go_on(question: "what ${said}?")
    timeout 2d
  step printed = program(password: password)
  step failed = broken(password: password)
    catch AgentFailed as e -> e.message
  step fetched = fetch(password: password)
  step turned_down = refused(password: password)
    catch AgentFailed as e -> e.message as json
  step seen = stub.environment()
  step told = stub.say()
  step last = broken(password: password)
    when fails
  return { said, screamed, whispered, printed, failed, fetched, turned_down, seen } as json
}
"""

TOOLS = """
import base64, json, urllib.parse

kept = []

class Refused(Exception):
    def __init__(self, message):
        super().__init__(message)
        self.message = message

def shout(password: str) -> str:
    kept.append(password)
    ways = (password, json.dumps(password), repr(password), urllib.parse.quote(password, safe=""),
            base64.b64encode(password.encode()).decode())
    return " ".join(ways)

def scream(password: str, pin: int) -> str:
    raise Refused(f"not {password} and not {pin}")

def whisper() -> str:
    return "I still know " + "".join(kept)
"""

PROGRAM = """
import os, sys
secret, token = os.environ["PASSWORD"], os.environ["TOKEN"]
print("got", secret, token)
if len(sys.argv) > 1:
    sys.exit("cannot work with " + secret + " and " + token)
"""

CONFIG = """
[secrets]
password = {{ file = "outside/password.txt" }}
TOKEN = {{ env = "THE_TOKEN" }}

[agents]
shout.python = "leaky_tools:shout"
scream.python = "leaky_tools:scream"
whisper.python = "leaky_tools:whisper"

[agents.program]
command = [{python}, "program.py"]
env = {{ PASSWORD = "{{password}}", TOKEN = "{{secrets.TOKEN}}" }}

[agents.broken]
command = [{python}, "program.py", "fails"]
env = {{ PASSWORD = "{{password}}", TOKEN = "{{secrets.TOKEN}}" }}

[http.echo]
base = "{url}"
auth = {{ bearer = "{{secrets.TOKEN}}" }}

[agents.fetch]
http = "echo:POST /echo"

[agents.refused]
http = "echo:POST /refused"
headers = {{ X-Password = "{{password}}" }}

[mcp.stub]
command = [{python}, {stub}]
env = {{ STUB_SECRET = "{{secrets.TOKEN}}" }}
"""


class Echo(Handler):
    """Gives back all that it is sent, and refuses on demand."""

    def do_POST(self) -> None:
        content = json.dumps({"headers": dict(self.headers), "sent": self.sent().decode()}).encode()
        self.give(403 if self.path == "/refused" else 200, content, "application/json")


@attrs.frozen
class Project:
    folder: Path
    token: str
    heard: list[str] = attrs.field(factory=list)

    def flow(self, *arguments: str, expected: int = 0, **env: str) -> str:
        """What a command prints; all that it says is kept."""
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "PYTHONPATH": str(ROOT),
            "FLOW_STORE": str(self.folder / "runs.db"),
            "THE_TOKEN": self.token,
            **env,
        }
        ended = subprocess.run(
            [sys.executable, "-m", "flowlang", *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        self.heard.extend([ended.stdout, ended.stderr])
        assert ended.returncode == expected, ended.stdout + ended.stderr
        return ended.stdout


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with serving(Echo) as url:
        python, stub = json.dumps(sys.executable), json.dumps(str(STUB))
        (tmp_path / "main.flow").write_text(FLOW)
        (tmp_path / "leaky_tools.py").write_text(TOOLS)
        (tmp_path / "program.py").write_text(PROGRAM)
        (tmp_path / "flow.toml").write_text(CONFIG.format(python=python, stub=stub, url=url))
        (tmp_path / "outside").mkdir()
        yield Project(tmp_path, f"tok-{secrets.token_hex(8)}")


def test_nothing_that_a_run_leaves_behind_holds_a_secret(project: Project) -> None:
    password, pin = (
        f'{secrets.token_hex(6)}/"x\\é {secrets.token_hex(6)}',
        str(10**8 + secrets.randbelow(10**8)),
    )
    (project.folder / "outside" / "password.txt").write_text(password + "\n")
    (project.folder / "outside" / "pin.txt").write_text(pin)
    source = ("--secret", f"pin=file:{project.folder / 'outside' / 'pin.txt'}")

    project.flow("lock")
    project.flow("check")
    first = project.flow("run", "main.flow", "--no-wait", "--json", *source, expected=3)
    run = json.loads(first)["run_id"]
    project.flow("answer", run, "true")
    result = json.loads(project.flow("resume", run, "--json"))
    assert result["status"] == "done"
    data = result["data"]
    assert data["said"] == "*** \"***\" '***' *** ***" and data["whispered"] == "I still know ***"
    assert data["screamed"] == "not *** and not ***"
    assert data["printed"] == "got *** ***" and "cannot work with *** and ***" in data["failed"]
    assert data["fetched"]["headers"]["Authorization"] == "Bearer ***"
    assert json.loads(data["fetched"]["sent"]) == {"password": "***"}
    assert '"STUB_SECRET": "***"' in data["seen"]

    # A fork finds them in the same way, and one that fails says no more than the others.
    forked = project.flow("fork", run, "--from", "last", "fails=true", "--json", expected=1)
    other = json.loads(forked)["run_id"]
    for each in (run, other):
        project.flow("show", each)
        project.flow("show", each, "--json")
        project.flow("show", each, "failed")
        project.flow("logs", each)
        project.flow("result", each, "--json", expected=int(each == other))
        project.flow("store", "export", each, f"{each}.jsonl")
    project.flow("replay", run)
    project.flow("runs", "--json")
    project.flow("agents", "--json")
    project.flow("questions", "--json")

    found = {"what was said": "".join(project.heard).encode()}
    for path in project.folder.rglob("*"):
        if path.is_file() and path.parent.name != "outside":
            found[str(path)] = path.read_bytes()
    assert any(name.endswith("runs.db") for name in found)
    looked_for = [text.encode() for text in writings([password, pin, project.token])]
    assert not [(name, text) for name, content in found.items() for text in looked_for if text in content]


def test_secret_inputs_are_found_and_what_is_missing_is_named(project: Project) -> None:
    (project.folder / "outside" / "password.txt").write_text("")
    project.flow("lock")
    project.flow("run", "main.flow", expected=1)
    said = project.heard[-1]
    assert "error[E608 missing-secret]: the secret `password` is not there" in said
    assert "error[E701 missing-input]: the flow `main` needs `pin`" in said
    assert "by its name below `[secrets]` in flow.toml, or by `--secret`" in said

    for wrong in ("pin", "pin=123456", "pin=elsewhere:x", "pin=command:'", "pin=env:"):
        project.flow("run", "main.flow", "--secret", wrong, expected=2)
        assert "--secret pin" in project.heard[-1] or "--secret …" in project.heard[-1]
        assert "123456" not in project.heard[-1]

    project.flow("run", "main.flow", "password=x", "--secret", "pin=command:echo not-a-number", expected=1)
    assert "error[E703 bad-input]: the input `pin` does not fit\n" in project.heard[-1]
    assert "not-a-number" not in project.heard[-1]


def test_a_program_finds_secret_inputs_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN_HERE", "swordfish")
    Path("flow.toml").write_text('[secrets]\ntoken = { env = "TOKEN_HERE" }\n')
    text = """
agent login(token: secret<string>) -> string
flow main(token: secret<string>) -> string {
  step said = login(token: token)
  return said
}
"""
    compiled = flowlang.compile("main.flow", text=text)
    result = flowlang.run_sync(compiled, agents={"login": lambda token: f"{token[::-1]} {token}"})
    assert result.failure is None, result.failure
    assert result.data == "hsifdrows ***"
    monkeypatch.delenv("TOKEN_HERE")
    with pytest.raises(flowlang.NotRunnable, match="TOKEN_HERE"):
        flowlang.run_sync(compiled, agents={"login": lambda token: token})
    assert flowlang.run_sync(compiled, {"token": "given"}, agents={"login": lambda token: ""}).data == ""
