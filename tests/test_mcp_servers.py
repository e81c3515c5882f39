"""Real MCP servers, of npm and of PyPI, of the protocol's two kinds; see `tests/mcp_servers/install`."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trio

from flowlang.agents.mcp import McpSettings
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentError, Said
from tests.support.mcp_desk import FILE, JSON, STRING, Desk, desk, gone
from tests.support.mcp_servers import FOLDER, server

Work = Callable[[Desk], Awaitable[object]]


def at_a_desk(work: Work, name: str, *arguments: str, **settings: Any) -> object:
    """What some work at a server gives."""
    return with_settings(work, McpSettings(command=(server(name), *arguments), **settings))


def with_settings(work: Work, settings: McpSettings) -> object:
    async def main() -> object:
        with trio.fail_after(60):
            async with desk(settings) as opened:
                return await work(opened)

    return trio.run(main)


async def failing(opened: Desk, tool: str, **arguments: Any) -> AgentError:
    with pytest.raises(AgentError) as caught:
        await opened.use(tool, **arguments)
    return caught.value


# Everything


def test_everything(tmp_path):
    async def work(opened: Desk) -> None:
        opened.files.folder = tmp_path
        assert await opened.use("echo", message="hé") == "Echo: hé"
        assert await opened.declared("get-sum", a=1, b=2) == "The sum of 1 and 2 is 3."
        weather = await opened.use("get-structured-content", JSON, location="Chicago")
        assert weather.keys() == {"temperature", "conditions", "humidity"}
        logo = await opened.declared("get-tiny-image", FILE)
        assert logo["media_type"] == "image/png"
        assert opened.files.content(logo).startswith(b"\x89PNG")
        links = await opened.declared("get-resource-links", plan.ListType(item=FILE), count=2)
        assert len(links) == 2 and all(opened.files.content(link) for link in links)
        text = await opened.declared("get-resource-reference", FILE, resourceType="Text", resourceId=1)
        assert opened.files.content(text).startswith(b"Resource 1")
        assert opened.connections.made == 1

    at_a_desk(work, "everything")


def test_everything_refuses_what_does_not_fit():
    async def work(opened: Desk) -> None:
        error = await failing(opened, "get-sum", a="x")
        assert error.error == "AgentFailed" and "expected number" in str(error)
        assert await opened.use("echo", message="still there") == "Echo: still there"

    at_a_desk(work, "everything")


def test_a_long_call_tells_how_far_it_is_and_others_pass_it():
    async def work(opened: Desk) -> None:
        ended: list[str] = []

        async def call(name: str, tool: str, **arguments: Any) -> None:
            await opened.use(tool, **arguments)
            ended.append(name)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(call, "long", "trigger-long-running-operation", duration=0.6, steps=3))
            await trio.sleep(0.05)
            nursery.start_soon(partial(call, "short", "echo", message="x"))
        assert ended == ["short", "long"]
        assert opened.said == [Said("", "info", float(step), 3.0) for step in (1, 2, 3)]
        assert opened.connections.made == 1

    at_a_desk(work, "everything")


@contextmanager
def everything_over_http(port: int) -> Iterator[None]:
    command = [server("everything"), "streamableHttp"]
    with subprocess.Popen(
        command, env={**os.environ, "PORT": str(port)}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as running:
        try:
            assert running.stderr is not None
            while b"listening" not in running.stderr.readline():
                assert running.poll() is None
            yield
        finally:
            running.kill()


def test_everything_over_http_also_when_it_is_started_anew():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def work(opened: Desk) -> None:
        with everything_over_http(port):
            assert await opened.use("echo", message="x") == "Echo: x"
            await opened.use("trigger-long-running-operation", duration=0.1, steps=2)
            assert [said.done for said in opened.said] == [1.0, 2.0]
        assert (await failing_call(opened)).error == "Unavailable"
        with everything_over_http(port):
            assert await opened.declared("echo", message="y") == "Echo: y"
            assert opened.connections.made == 2

    async def failing_call(opened: Desk) -> AgentError:
        with pytest.raises(AgentError) as caught:
            await opened.declared("echo", message="x")
        return caught.value

    with_settings(work, McpSettings(url=f"http://127.0.0.1:{port}/mcp"))


def test_a_server_that_npx_starts_is_ended_with_npx(tmp_path):
    """npx starts a shell that starts the server."""
    pids, others = tmp_path / "pids", children_of(os.getpid())

    async def work(opened: Desk) -> None:
        assert await opened.use("echo", message="x") == "Echo: x"
        pids.write_text("\n".join(children_of(os.getpid(), others)))
        assert len(pids.read_text().split()) >= 2

    with_settings(work, McpSettings(command=("npx", "mcp-server-everything"), cwd=str(FOLDER)))
    assert trio.run(gone, pids)


def test_of_npx_that_is_killed_nothing_is_left_either(tmp_path):
    pids, others = tmp_path / "pids", children_of(os.getpid())

    async def work(opened: Desk) -> None:
        await opened.use("echo", message="x")
        pids.write_text("\n".join(children_of(os.getpid(), others)))
        os.kill(int(pids.read_text().split()[0]), signal.SIGKILL)
        with pytest.raises(AgentError, match="the server is gone") as caught:
            await opened.use("trigger-long-running-operation", duration=10, steps=2)
        assert caught.value.error == "Unavailable"
        assert await trio.to_thread.run_sync(trio.run, gone, pids)
        assert await opened.use("echo", message="x") == "Echo: x"

    with_settings(work, McpSettings(command=("npx", "mcp-server-everything"), cwd=str(FOLDER)))


def children_of(pid: int, others: Sequence[str] = ()) -> list[str]:
    """The processes below a process, nearest first, without `others` that earlier tests have left there."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has just ended
            parents[stat.parent.name] = stat.read_text().rpartition(")")[2].split()[1]
    below = [child for child, parent in parents.items() if parent == str(pid) and child not in others]
    return [*below, *(further for child in below for further in children_of(int(child)))]


# Others of npm


def test_filesystem(tmp_path):
    note = tmp_path / "note.txt"
    errors = {"NoSuchFile": ("message",)}

    async def work(opened: Desk) -> None:
        written = await opened.use("write_file", JSON, path=str(note), content="one\ntwo\n")
        assert written["content"].startswith("Successfully wrote")
        read = await opened.use("read_text_file", JSON, path=str(note), head=1)
        assert read == {"content": "one"}
        assert await opened.declared("read_text_file", STRING, path=str(note)) == "one\ntwo\n"
        assert "[FILE] note.txt" in await opened.declared("list_directory", path=str(tmp_path))
        with pytest.raises(AgentError) as caught:
            entry = {"ENOENT": "NoSuchFile"}
            await opened.declared("read_text_file", errors=errors, entry=entry, path=str(tmp_path / "no"))
        assert caught.value.error == "NoSuchFile"
        assert caught.value.fields["message"].startswith("ENOENT: no such file")
        error = await failing(opened, "read_text_file", path="/etc/passwd")
        assert error.error == "AgentFailed" and "Access denied" in str(error)

    at_a_desk(work, "filesystem", str(tmp_path))
    assert note.read_text() == "one\ntwo\n"


def test_filesystem_takes_our_roots_and_gives_a_picture_as_a_file(tmp_path):
    (tmp_path / "dot.png").write_bytes(b"\x89PNG not really")

    async def work(opened: Desk) -> None:
        opened.files.folder = tmp_path
        offers = await opened.offers()
        assert offers["read_media_file"].file and offers["read_media_file"].output is None
        photo = await opened.use("read_media_file", FILE, path=str(tmp_path / "dot.png"))
        assert photo["media_type"] == "image/png"
        assert opened.files.content(photo) == b"\x89PNG not really"

    at_a_desk(work, "filesystem", roots=(str(tmp_path),), results={"read_media_file": "file"})


def test_memory(tmp_path):
    async def work(opened: Desk) -> None:
        entity = {"name": "Ada", "entityType": "person", "observations": ["writes programs"]}
        relation = {"from": "Ada", "to": "Engine", "relationType": "programs"}
        assert await opened.use("create_entities", JSON, entities=[entity]) == {"entities": [entity]}
        assert await opened.use("create_relations", JSON, relations=[relation]) == {"relations": [relation]}
        found = await opened.use("search_nodes", JSON, query="programs")
        assert [each["name"] for each in found["entities"]] == ["Ada"]

    memory = str(tmp_path / "memory.jsonl")
    at_a_desk(work, "memory", env={"MEMORY_FILE_PATH": memory})
    assert "Ada" in Path(memory).read_text()


def test_sequential_thinking():
    async def work(opened: Desk) -> object:
        thought = {"thought": "hm", "nextThoughtNeeded": False, "thoughtNumber": 1, "totalThoughts": 1}
        return await opened.use("sequentialthinking", JSON, **thought)

    found = at_a_desk(work, "sequential-thinking")
    assert (found["thoughtNumber"], found["nextThoughtNeeded"]) == (1, False)


# Of PyPI


def test_time():
    async def work(opened: Desk) -> None:
        times = {"source_timezone": "Asia/Tokyo", "target_timezone": "Asia/Kolkata", "time": "12:00"}
        converted = await opened.use("convert_time", JSON, **times)
        assert converted["time_difference"] == "-3.5h"
        error = await failing(opened, "get_current_time", timezone="Mars/X")
        assert error.error == "AgentFailed" and "No time zone found with key Mars/X" in str(error)

    at_a_desk(work, "time")


def test_git(tmp_path):
    def git(*arguments: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True)

    git("init", "-b", "main")
    git("-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "--allow-empty", "-m", "first words")

    async def work(opened: Desk) -> None:
        log = await opened.use("git_log", repo_path=str(tmp_path), max_count=3)
        assert "first words" in log
        effects = {name: offered.effect for name, offered in (await opened.offers()).items()}
        assert (effects["git_log"], effects["git_add"], effects["git_commit"]) == (
            "read",
            "idempotent",
            "write",
        )
        error = await failing(opened, "git_show", repo_path=str(tmp_path), revision="no-such")
        assert error.error == "AgentFailed"

    at_a_desk(work, "git", "--repository", str(tmp_path))


def test_sqlite_which_knows_the_old_protocol_only(tmp_path):
    async def work(opened: Desk) -> None:
        await opened.use("create_table", query="CREATE TABLE books (title TEXT, pages INT)")
        await opened.use("write_query", query="INSERT INTO books VALUES ('Emma', 474)")
        found = await opened.use("read_query", query="SELECT * FROM books")
        assert found == "[{'title': 'Emma', 'pages': 474}]"
        assert "no such table" in await opened.use("read_query", query="SELECT * FROM no")

    at_a_desk(work, "sqlite", "--db-path", str(tmp_path / "books.db"))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """A site on loopback."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    (tmp_path / "index.html").write_text("<html><body><h1>Tides</h1><p>Twice a day.</p></body></html>")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def test_fetch(site):
    async def work(opened: Desk) -> None:
        assert "Twice a day." in await opened.use("fetch", url=f"{site}/index.html")
        error = await failing(opened, "fetch", url=f"{site}/no-such.html")
        assert error.error == "AgentFailed" and "404" in str(error)

    at_a_desk(work, "fetch", "--allow-private-ips", "--ignore-robots-txt")


def test_fetch_keeps_away_from_private_addresses(site):
    async def work(opened: Desk) -> AgentError:
        return await failing(opened, "fetch", url=f"{site}/index.html")

    assert at_a_desk(work, "fetch").error == "AgentFailed"
