"""What MCP servers do wrong: they do not start, die, fall silent, gush, and leave things behind."""

from __future__ import annotations

import itertools
import json
import math
import os
import signal
import sys
from pathlib import Path

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from flowlang.agents.mcp import McpSettings, hearing, stdio
from flowlang.agents.mcp.lines import END_BYTES, Lines, TooLong, request_answered
from flowlang.agents.mcp.patience import DOUBT_SECONDS, Patience
from flowlang.runtime.agents import AgentError
from tests.support.mcp_desk import (
    JSON,
    Desk,
    at_a_desk,
    desk,
    failing,
    gone,
    stub,
)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stdio, "LEAVING_SECONDS", 0.3)
    monkeypatch.setattr(stdio, "GRACE_SECONDS", 0.3)
    monkeypatch.setattr(stdio, "ENDING_SECONDS", 0.3)


# Faults of a server


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            stub("--exit"),
            "the server did not start: it ended with exit code 3: loading / the key of the shop is missing",
        ),
        (stub("--silent", start_timeout=0.5), "the server was not ready after 0.5 s, its `start_timeout`"),
        (
            stub("--silent", "--chatty", start_timeout=1.5),
            '[1, 2] / on its standard output, this is no message of MCP: {"hello": 1}',
        ),
        (
            stub("--silent", "--chatty", "--on-and-on"),
            "does not seem to speak MCP; if it only takes long to start, set its `start_timeout`: on its",
        ),
        (stub("--old"), "Unsupported protocol version from the server: 1999-01-01"),
        (stub("--endless"), "its list of tools has no end: "),
        (stub(cwd="nowhere"), "nowhere, which is not a folder"),
        (McpSettings(command=("no-such-server",)), "the program `no-such-server` was not found"),
        (McpSettings(command=("/dev/null",)), "`/dev/null` may not be executed"),
        (McpSettings(command=(sys.executable, "-c", "print('hello')")), "it ended with exit code 0"),
        (stub(env={"A": "{secrets.NO_SUCH}"}), "flow.toml has no secret `NO_SUCH`"),
    ],
)
def test_a_server_that_does_not_start_is_unavailable(settings, message):
    async def work(opened: Desk) -> object:
        return await opened.declared("echo", text="x")

    error = failing(work, settings)
    assert error.error == "Unavailable" and message in str(error)
    assert str(error).startswith("mcp x: ")


@pytest.mark.parametrize(
    ("fixed", "said", "waited"),
    [
        (False, ["wondered"], DOUBT_SECONDS),
        (False, ["wondered"] * 200, 0),
        (False, ["wondered", "heard", "wondered"], 60),
        (False, ["heard", "wondered"], 60),
        (True, ["wondered"] * 200, 60),
        (False, ["end", "wondered"], math.inf),
    ],
)
def test_how_long_is_waited_for_a_server_that_prints_what_is_no_message(
    fixed: bool, said: list[str], waited: float
) -> None:
    async def main() -> float:
        patience, now = Patience(60, fixed), trio.current_time()
        for what in said:
            getattr(patience, what)()
        return patience.scope.deadline - now

    assert trio.run(main, clock=trio.testing.MockClock()) == waited


def test_a_server_that_breaks_off_when_it_is_asked_what_it_speaks(tmp_path):
    pids = tmp_path / "pids"

    async def work(opened: Desk) -> object:
        return await opened.declared("echo", text="x"), len(pids.read_text().split())

    assert at_a_desk(work, stub("--strict", "--pids", str(pids))) == ("x", 2)


def test_a_server_that_dies_fails_its_calls_and_the_next_starts_it_anew():
    async def work(opened: Desk) -> object:
        async with trio.open_nursery() as nursery:
            for tool in ("hang", "hang", "die"):
                nursery.start_soon(unavailable, opened, tool)
        assert await opened.declared("echo", text="again") == "again"
        return opened.connections.made

    async def unavailable(opened: Desk, tool: str) -> None:
        with pytest.raises(AgentError) as caught:
            await opened.declared(tool)
        assert caught.value.error == "Unavailable"
        assert str(caught.value) == "mcp x: the server is gone: it was ended by SIGKILL: out of memory"

    assert at_a_desk(work) == 2


def test_a_server_that_is_killed_between_calls_is_started_anew_for_the_next(tmp_path):
    pids = tmp_path / "pids"

    async def work(opened: Desk) -> object:
        await opened.declared("echo", text="x")
        os.kill(int(pids.read_text()), signal.SIGKILL)
        await trio.to_thread.run_sync(trio.run, gone, pids)
        return await opened.declared("echo", text="back"), opened.connections.made

    assert at_a_desk(work, stub("--pids", str(pids))) == ("back", 2)


def test_a_server_that_no_longer_listens_is_given_up():
    async def work(opened: Desk) -> object:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(opened.declared, "deaf")
            while not opened.said:
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        with pytest.raises(AgentError, match="the server is gone: its streams are closed"):
            await opened.declared("echo", text="x")
        return await opened.declared("echo", text="back")

    assert at_a_desk(work) == "back"


def test_a_server_that_no_longer_speaks_is_given_up():
    async def work(opened: Desk) -> object:
        with pytest.raises(AgentError, match="the server is gone: its streams are closed"):
            await opened.declared("mute")
        return await opened.declared("echo", text="back")

    assert at_a_desk(work) == "back"


def test_many_calls_share_a_connection():
    async def work(opened: Desk) -> None:
        async def call(number: int) -> None:
            assert await opened.declared("echo", text=f"{number}") == f"{number}"

        async with trio.open_nursery() as nursery:
            for number in range(300):
                nursery.start_soon(call, number)
        assert opened.connections.made == 1

    at_a_desk(work)


def test_a_reply_that_is_cut_off_is_an_error_of_its_call():
    async def work(opened: Desk) -> object:
        with pytest.raises(AgentError, match="this is no message of MCP") as caught:
            await opened.declared("half")
        assert caught.value.error == "BadOutput"
        return await opened.declared("echo", text="x"), opened.connections.made

    assert at_a_desk(work) == ("x", 1)


def test_a_reply_that_is_too_large_is_an_error_of_its_call():
    async def work(opened: Desk) -> object:
        with pytest.raises(AgentError, match="larger than 100,000 bytes, its `max_reply_bytes`") as caught:
            await opened.declared("huge", number=1_000_000)
        assert caught.value.error == "BadOutput"
        return len(await opened.declared("huge", number=90_000)), opened.connections.made

    assert at_a_desk(work, stub(max_reply_bytes=100_000)) == (90_000, 1)


def test_a_call_that_is_given_up_is_cancelled_there_and_others_go_on():
    async def work(opened: Desk) -> object:
        await opened.declared("echo", text="x")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(opened.declared, "hang")
            await trio.testing.wait_all_tasks_blocked(0.05)
            nursery.cancel_scope.cancel()
        return len(await opened.declared("cancelled", JSON)), opened.connections.made

    assert at_a_desk(work) == (1, 1)


@pytest.mark.parametrize("ways", [(), ("--family",), ("--stubborn",), ("--stubborn", "--family")])
def test_nothing_of_a_server_is_left(ways, tmp_path):
    pids = tmp_path / "pids"

    async def work(opened: Desk) -> object:
        return await opened.declared("echo", text="x")

    at_a_desk(work, stub(*ways, "--pids", str(pids)))
    assert trio.run(gone, pids)


@pytest.mark.parametrize("when", ["starting", "calling"])
def test_nothing_is_left_when_a_host_is_cancelled(when, tmp_path):
    pids = tmp_path / "pids"
    ways = ("--silent",) if when == "starting" else ()

    async def main() -> None:
        with trio.fail_after(10), trio.move_on_after(1):
            async with desk(stub(*ways, "--stubborn", "--family", "--pids", str(pids))) as opened:
                await opened.declared("hang")

    trio.run(main)
    assert trio.run(gone, pids)


# Lines

MESSAGES = st.one_of(
    st.binary(max_size=50),
    st.text(max_size=50).map(str.encode),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error"]), inner
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.integers(1, 2_000).map(lambda depth: b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * depth),
)


async def patient() -> Patience:
    return Patience(60, fixed=True)


PATIENT = trio.run(patient)


@given(MESSAGES)
def test_whatever_a_server_writes_is_a_message_or_told(line):
    heard = hearing.Hearing(str)
    program = stdio.Program(["x"], Path(), {}, (), heard, PATIENT, 1_000)
    message = program._message(line)
    assert message is not None or heard.last_words() or not line.strip()


@given(
    st.lists(st.binary(max_size=30).map(lambda line: line.replace(b"\n", b"_"))),
    st.lists(st.integers(0, 200)),
    st.integers(1, 20),
)
def test_lines_come_out_as_they_were_however_they_came_in(lines, cuts, limit):
    whole = b"".join(line + b"\n" for line in lines)
    places = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
    reader = Lines(limit)
    pieces = [whole[a:b] for a, b in itertools.pairwise(places)]
    found = [line for piece in pieces for line in reader.add(piece)]
    assert [isinstance(line, TooLong) for line in found] == [len(line) > limit for line in lines]
    for line, expected in zip(found, lines, strict=True):
        if isinstance(line, TooLong):
            assert expected.startswith(line.head) and expected.endswith(line.tail)
        else:
            assert line == expected


def test_of_a_line_that_is_too_long_its_ends_are_kept():
    reader = Lines(1_000)
    line = b'{"jsonrpc":"2.0","id":7,"result":"' + b"x" * 5_000 + b'"}'
    found = [part for start in range(0, len(line), 100) for part in reader.add(line[start : start + 100])]
    assert found == []
    (found,) = reader.add(b"\n")
    assert found == TooLong(line[:END_BYTES], line[-END_BYTES:]) and found.answers == 7
    assert [*reader.add(b"next\n")] == [b"next"]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ('{"jsonrpc":"2.0","id":12,"result":{', 12),
        ('{ "jsonrpc": "2.0", "id": 12, "error": {', 12),
        ('{"id":12,"jsonrpc":"2.0","result":{}}', 12),
        ('ext"}]},"jsonrpc":"2.0","id":12}', 12),
        ('ext"}]},"id":12,"jsonrpc":"2.0"}\n', 12),
        ('{"result":{"id":5}}', None),
        ('{"result":"\\"id\\":5}', None),
        ("Listening on port 80", None),
        ("", None),
    ],
)
def test_which_request_a_broken_message_answers(text, number):
    assert request_answered(text.encode()) == number
