"""MCP servers over HTTP: a stub that refuses, breaks off and gushes, and a server of the SDK."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import trio

from flowlang.agents.mcp import McpSettings
from flowlang.agents.secrets import Secrets
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentError, Said
from tests.support.mcp_desk import FILE, INT, JSON, STRING, Desk, desk
from tests.support.mcp_http import http_stub

SDK_SERVER = Path(__file__).parent / "support" / "mcp_sdk_server.py"
SMALL = {"max_reply_bytes": 50_000}


@pytest.fixture(scope="module")
def stub_url() -> Iterator[str]:
    with http_stub() as url:
        yield url


@pytest.fixture(scope="module")
def sdk_url() -> Iterator[str]:
    with subprocess.Popen([sys.executable, str(SDK_SERVER)], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        yield f"http://127.0.0.1:{int(server.stdout.readline())}/mcp"
        server.terminate()


def at_a_desk(
    work: Callable[[Desk], Awaitable[object]], url: str, secrets: Secrets | None = None, **settings: object
) -> object:
    async def main() -> object:
        with trio.fail_after(20):
            async with desk(McpSettings(url=url, **settings), secrets=secrets or Secrets()) as opened:
                return await work(opened)

    return trio.run(main)


async def echo(opened: Desk) -> object:
    return await opened.declared("echo", text="hi")


async def echo_twice(opened: Desk) -> tuple[AgentError, int]:
    """The error of a second call, and how many connections that took."""
    for _ in range(2):
        with pytest.raises(AgentError) as caught:
            await echo(opened)
    return caught.value, opened.connections.made


@pytest.mark.parametrize("way", ["json", "events"])
def test_a_reply_comes_as_json_or_as_an_event(stub_url, way, monkeypatch):
    monkeypatch.setenv("OUR_KEY", "k3y-of-ours")
    secrets = Secrets({"KEY": {"env": "OUR_KEY"}})
    assert at_a_desk(echo, f"{stub_url}/{way}") == "hi"
    headers = {"Authorization": "Bearer {secrets.KEY} "[:-1]}
    assert at_a_desk(echo, f"{stub_url}/{way}", secrets, headers=headers) == "Bearer ***hi"


@pytest.mark.parametrize(
    ("way", "message"),
    [
        ("status/401", "it lets nobody in without other `headers`: HTTP 401 Unauthorized: <p>not now</p>"),
        ("status/404", "HTTP 404 Not Found: <p>not now</p>"),
        ("status/500", "HTTP 500 Internal Server Error: <p>not now</p>"),
        ("page", "Unexpected content type: text/html"),
        ("away", "Redirect to http://elsewhere.invalid/mcp not followed"),
    ],
)
def test_a_server_that_refuses_everybody_is_unavailable(stub_url, way, message):
    error, made = at_a_desk(echo_twice, f"{stub_url}/{way}")
    assert (error.error, made) == ("Unavailable", 2)
    assert str(error).startswith(f"mcp x: there is no connection: {message}")


@pytest.mark.parametrize(
    ("way", "name", "message", "connections"),
    [
        ("calls/401", "AgentFailed", "it lets nobody in without other `headers`: HTTP 401", 1),
        ("calls/400", "AgentFailed", "HTTP 400 Bad Request: <p>not now</p>", 1),
        ("calls/429", "Unavailable", "HTTP 429 Too Many Requests: <p>not now</p>", 1),
        ("calls/503", "Unavailable", "HTTP 503 Service Unavailable: <p>not now</p>", 1),
        ("calls/404", "Unavailable", "the server is gone: HTTP 404 Not Found: <p>not now</p>", 4),
        ("lost/404", "Unavailable", "the server is gone: HTTP 404 Not Found: who?", 4),
        ("lost/400", "Unavailable", "the server is gone: HTTP 400 Bad Request: who?", 4),
        ("huge", "BadOutput", "the reply is larger than 50,000 bytes, its `max_reply_bytes`", 1),
        ("gushing", "BadOutput", "SSE stream failed: Server-sent event exceeded the 50000 byte limit.", 1),
        ("cut", "Unavailable", "the server is gone: 127.0.0.1 cannot be reached: peer closed connection", 2),
    ],
)
def test_a_call_that_is_refused_or_breaks_off(stub_url, way, name, message, connections):
    error, made = at_a_desk(echo_twice, f"{stub_url}/{way}", **SMALL)
    assert (error.error, made) == (name, connections)
    assert str(error).startswith(f"mcp x: {message}")


def test_a_host_or_name_that_nobody_has(stub_url):
    for url, message in {
        "http://127.0.0.1:9/mcp": "127.0.0.1 cannot be reached: [Errno 111]",
        "http://no-such.invalid/mcp": "no-such.invalid cannot be reached: [Errno ",
        stub_url.replace("http:", "https:"): "127.0.0.1 cannot be reached: [SSL: WRONG_VERSION_NUMBER]",
    }.items():
        error, _ = at_a_desk(echo_twice, url)
        assert error.error == "Unavailable"
        assert str(error).startswith(f"mcp x: there is no connection: {message}")


def test_a_header_that_cannot_be_sent(stub_url):
    error, _ = at_a_desk(echo_twice, f"{stub_url}/json", headers={"X-Key": "two\nlines"})
    assert "the request cannot be sent: Illegal header value" in str(error)


def test_a_call_that_is_given_up_is_no_longer_waited_for(stub_url):
    async def work(opened: Desk) -> int:
        for _ in range(2):
            with trio.move_on_after(0.3) as waiting:
                await echo(opened)
            assert waiting.cancelled_caught
        return opened.connections.made

    assert at_a_desk(work, f"{stub_url}/silent") == 1


def test_a_server_of_the_sdk(sdk_url, tmp_path):
    async def work(opened: Desk) -> None:
        offers = await opened.offers()
        assert offers["add"].doc == "Add two numbers." and offers["add"].output is not None
        assert await opened.use("add", JSON, a=2, b=3) == {"result": 5}
        assert await opened.declared("add", INT, a=2, b=3) == 5
        assert await opened.use("book", JSON, title="Emma") == {"title": "Emma", "pages": 4}
        opened.files.folder = tmp_path
        photo = await opened.declared("picture", FILE)
        assert (photo["media_type"], opened.files.content(photo)) == ("image/png", SDK_SERVER.read_bytes())
        await opened.declared("work", STRING, steps=2)
        assert opened.said == [Said("step 1", "info", 1.0, 2.0), Said("step 2", "info", 2.0, 2.0)]
        assert opened.connections.made == 1

    at_a_desk(work, sdk_url)


def test_calls_of_a_server_of_the_sdk_that_fail(sdk_url):
    async def work(opened: Desk) -> None:
        with pytest.raises(AgentError, match="out of paper") as caught:
            await opened.declared("fail", STRING, reason="out of paper")
        assert caught.value.error == "AgentFailed"
        with pytest.raises(AgentError, match="Input should be a valid integer") as caught:
            await opened.declared("add", INT, a="x", b=3)
        assert caught.value.error == "AgentFailed"
        with trio.move_on_after(0.2) as waiting:
            await opened.declared("wait")
        assert waiting.cancelled_caught and opened.connections.made == 1
        assert await opened.declared("book", plan.OptionalType(inner=JSON), title="x")

    at_a_desk(work, sdk_url)
