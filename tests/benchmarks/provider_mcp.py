"""MCP: a little text from a server that is a program, the stub of the tests.

The bare client is the SDK's session over its own way to start a server, on trio like ours. To start a server
takes as long as hundreds of calls, and never twice the same, so both are open and take turns call by call;
what the flow itself costs is not part of this figure."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

import trio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from flowlang.agents.mcp import McpEntry
from flowlang.agents.provided import ProvidedAgent
from flowlang.agents.providers import Member
from flowlang.runtime.agents import AgentCall
from tests.benchmarks import Figure
from tests.benchmarks.bench_providers import BOUND, CALLS, prepared
from tests.support.mcp_desk import STRING, STUB, agent, desk, stub

TURNS: Final = 1_000


def figures() -> Iterator[Figure]:
    ours, bare = trio.run(medians)
    against = "the SDK's session and transport, on trio too"
    yield Figure("mcp: a call", ours * 1e3, "ms", ours / bare, against, BOUND)
    made = servers_started()
    yield Figure(f"mcp: servers started in a run with {CALLS} calls", made, "servers", made, "1", 1)


async def medians() -> tuple[float, float]:
    """The time in seconds that a call takes, ours and the SDK's."""
    member = Member("echo", "echo", agent(("text",), STRING), {}, None, McpEntry(mcp="x:echo"))
    arguments = {"text": "7"}
    parameters = StdioServerParameters(command=sys.executable, args=[str(STUB)])
    async with (
        desk(stub()) as host,
        stdio_client(parameters) as streams,
        ClientSession(*streams) as session,
    ):
        await session.initialize()
        call = AgentCall("echo", arguments, idempotency_key="key", connections=host.connections)
        provided = ProvidedAgent(host.target, member)
        ways: tuple[Callable[[], Awaitable[object]], ...] = (
            lambda: provided.call(call),
            lambda: session.call_tool("echo", arguments),
        )
        took: list[list[float]] = [[], []]
        for _ in range(TURNS):
            for way, times in zip(ways, took, strict=True):
                started = time.perf_counter()
                await way()
                times.append(time.perf_counter() - started)
    ours, bare = map(statistics.median, took)
    return ours, bare


def servers_started() -> int:
    with tempfile.TemporaryDirectory() as folder:
        started = Path(folder, "started")
        command = [sys.executable, str(STUB), "--pids", str(started)]
        table = f"[mcp.stub]\ncommand = {json.dumps(command)}\ncwd = {json.dumps(folder)}\n"
        entry = '[agents.echo]\nmcp = "stub:echo"\n'
        flow = prepared("agent echo(text: string) -> string\n", 'echo(text: "${n}")', table + entry)
        trio.run(flow.run, {"calls": CALLS})
        return len(started.read_text().split())
