"""Files go by reference from agent to agent, wherever these live: a function, a command, a service, a server
of MCP. What each got and gave is the content itself, and the run keeps it."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

from flowlang.tools import cli
from tests.support.mcp_desk import STUB
from tests.support.small_server import Handler, serving

FLOW = """
use mcp stub = "stub"

agent upper(text: file) -> file
agent turned(text: file) -> file
agent stamped(text: file) -> file
agent said(text: file) -> string
agent size(of: file) -> int

flow main(letter: file) -> { whole: file, words: string, photo: file, bytes: int } {
  step loud = upper(text: letter)
  step backwards = turned(text: loud)
  step stamp = stamped(text: backwards)
  step words = said(text: stamp)
  step photo = stub.picture()
  step bytes = size(of: photo)
  return { whole: stamp, words: words, photo: photo, bytes: bytes }
}
"""

TOOLS = """
from flowlang import File

def upper(text: File) -> File:
    return File.from_bytes(text.read().decode().upper().encode(), "text/plain")
"""

SIZE = "import sys; print(len(open(sys.argv[1], 'rb').read()))"
TURN = "import sys; open(sys.argv[2], 'wb').write(open(sys.argv[1], 'rb').read()[::-1])"

CONFIG = """
[agents.upper]
python = "carried_tools:upper"

[agents.turned]
command = [{python}, "turn.py", "{{text}}", "{{output}}"]
output = "file"
media_type = "text/plain"

[agents.stamped]
http = "office:POST /stamp"
body = "{{text}}"

[agents.said]
mcp = "stub:echo"

[agents.size]
command = [{python}, "size.py", "{{of}}"]

[http.office]
base = "{url}"

[mcp.stub]
command = [{python}, {stub}]
results = {{ picture = "file" }}
"""


class Office(Handler):
    """Puts a stamp before what it is sent."""

    def do_POST(self) -> None:
        self.give(200, f"[{self.headers['Content-Type']}] ".encode() + self.sent(), "text/plain")


def test_a_file_goes_through_agents_of_every_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FLOW_STORE", str(tmp_path / "runs.db"))
    Path("main.flow").write_text(FLOW)
    Path("carried_tools.py").write_text(TOOLS)
    Path("turn.py").write_text(TURN)
    Path("size.py").write_text(SIZE)
    Path("letter.txt").write_text("abc é")
    with serving(Office) as url:
        python, stub = json.dumps(sys.executable), json.dumps(str(STUB))
        Path("flow.toml").write_text(CONFIG.format(python=python, stub=stub, url=url))
        assert cli.invoke(["lock"]) == 0
        capsys.readouterr()
        code = cli.invoke(["run", "main.flow", "letter=letter.txt", "--json"])
    out, err = capsys.readouterr()
    assert code == 0, err + out
    result = json.loads(out)
    data = result["data"]
    stamped = b"[text/plain] " + "abc é".upper().encode()[::-1]
    assert data["whole"]["hash"] == f"sha256:{hashlib.sha256(stamped).hexdigest()}"
    assert Path(data["words"]).read_bytes() == stamped  # a tool that takes a text is told the path
    assert data["photo"]["media_type"] == "image/png" and data["photo"]["size"] == data["bytes"]
    kept = {Path(artifact["path"]).read_bytes() for artifact in result["artifacts"]}
    assert {stamped, "ABC É".encode(), "ABC É".encode()[::-1], "abc é".encode()} <= kept
    assert cli.invoke(["artifacts", result["run_id"], "--out", "out"]) == 0
    assert stamped in {path.read_bytes() for path in Path("out").iterdir()}
