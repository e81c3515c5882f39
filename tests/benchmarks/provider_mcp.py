"""MCP: a little text from a server that is a program, the stub of the tests.

The bare client is the SDK's session over its own way to start a server, on trio like ours."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import trio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

from tests.benchmarks import Figure
from tests.benchmarks.bench_providers import CALLS, calls, prepared

STUB: Final = Path(__file__).parent.parent / "support" / "mcp_stub.py"


def figures() -> Iterator[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        started = Path(folder, "started")
        command = [sys.executable, str(STUB), "--pids", str(started)]
        table = f"[mcp.stub]\ncommand = {json.dumps(command)}\ncwd = {json.dumps(folder)}\n"
        entry = '[agents.echo]\nmcp = "stub:echo"\n'
        flow = prepared("agent echo(text: string) -> string\n", 'echo(text: "${n}")', table + entry)
        yield calls("mcp", flow, bare, "the SDK's session and transport, on trio too")
        started.write_text("")
        trio.run(flow.run, {"calls": CALLS})
        made = len(started.read_text().split())
        yield Figure(f"mcp: servers started in a run with {CALLS} calls", made, "servers", made, "1", 1)


async def bare(count: int) -> None:
    parameters = StdioServerParameters(command=sys.executable, args=[str(STUB)])
    async with stdio_client(parameters) as streams, ClientSession(*streams) as session:
        await session.initialize()
        for n in range(count):
            result = await session.call_tool("echo", {"text": f"{n}"})
            assert not result.is_error
