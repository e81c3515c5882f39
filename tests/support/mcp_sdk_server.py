"""A server of MCP made with its SDK, over HTTP: `python mcp_sdk_server.py` prints the port that it has."""

from __future__ import annotations

import socket
from pathlib import Path

import anyio
import uvicorn
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel

server = MCPServer("sdk", log_level="CRITICAL")


class Book(BaseModel):
    title: str
    pages: int


@server.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@server.tool()
def book(title: str) -> Book:
    return Book(title=title, pages=len(title))


@server.tool()
async def work(steps: int, context: Context) -> str:
    for step in range(steps):
        await context.report_progress(step + 1, steps, f"step {step + 1}")
    return "done"


@server.tool()
async def wait() -> str:
    await anyio.sleep(60)
    return "late"


@server.tool()
def fail(reason: str) -> str:
    raise ToolError(reason)


@server.tool()
def picture() -> Image:
    return Image(data=Path(__file__).read_bytes(), format="png")


if __name__ == "__main__":
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        free.listen()
        print(free.getsockname()[1], flush=True)
        config = uvicorn.Config(server.streamable_http_app(), log_level="error")
        uvicorn.Server(config).run(sockets=[free])
