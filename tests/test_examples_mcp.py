"""The examples with MCP servers: their READMEs, and that their `flow.lock` is what the servers offer."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from support.examples import EXAMPLES, Example, alike, copied
from support.mcp_servers import path

from flowlang.tools import cli


@pytest.fixture(autouse=True)
def servers_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{path()}:{os.environ['PATH']}")


@pytest.fixture
def git_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Example:
    """The example, two folders below the root of a repository."""

    def git(*arguments: str) -> None:
        author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"]
        subprocess.run(["git", "-C", str(tmp_path), *author, *arguments], check=True, capture_output=True)

    git("init", "-b", "main")
    for words in ("one\n", "one\ntwo\n", "one\nthree\n"):
        (tmp_path / "words.txt").write_text(words)
        git("add", "words.txt")
        git("commit", "-m", f"now {len(words)} letters")
    return copied("git_digest", tmp_path / "examples", monkeypatch, capfd)


@pytest.fixture
def research_desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Example]:
    """The example, with its site and a memory that knows nothing yet."""
    monkeypatch.setenv("MEMORY_FILE_PATH", str(tmp_path / "memory.jsonl"))
    handler = partial(_Quiet, directory=str(EXAMPLES / "research_desk" / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 8322), handler) as site:
        thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield copied("research_desk", tmp_path, monkeypatch, capfd)
        site.shutdown()
        thread.join()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def told_truly(example: Example) -> None:
    seen = list(example.session())
    assert seen
    for command, shown, printed in seen:
        assert alike(shown, printed), f"$ {command}\n{printed}"
    (flow,) = example.folder.glob("*.flow")
    assert cli.invoke(["lock", "--check", flow.name]) == 0, example.capture.readouterr()
    assert cli.invoke(["test", flow.name]) == 0, example.capture.readouterr()


def test_git_digest(git_digest: Example) -> None:
    told_truly(git_digest)
    digest = git_digest.run(repo="../..", commits=2).data
    first, second, _, last = digest.splitlines()
    assert first.endswith("  +1 -1  now 10 letters") and second.endswith("  +1 -0  now 8 letters")
    assert last == "by Ada; most often: words.txt (2)"


def test_research_desk(research_desk: Example) -> None:
    told_truly(research_desk)
    assert (research_desk.folder / "out" / "report.md").read_text().count("# ") == 2
