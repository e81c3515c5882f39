"""The ways to reach the server: standard input and output, as editors start it, and TCP for one client.

It ends with its client; a connection that breaks off is a client that has gone."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading

from pygls.io_ import run_async

from flowlang.tools.lsp.server import FlowServer, log


def serve_stdio() -> int:
    """Serve the client at the other end of this process's input and output; gives the exit code.

    What anything in this process prints goes to where errors go, so that it cannot break into a message."""
    server = FlowServer()
    stdin, stdout = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    server.start_io(stdin, stdout)
    return server.exit_code


def serve_tcp(host: str, port: int) -> int:
    """Wait for one client at an address and serve it. Raises OSError where the address cannot be had."""
    server = FlowServer()
    server.is_near = False
    with contextlib.suppress(SystemExit, KeyboardInterrupt):
        asyncio.run(_serve_one(server, host, port))
    server.shutdown()
    return server.exit_code


async def _serve_one(server: FlowServer, host: str, port: int) -> None:
    met: asyncio.Future[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Future()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if met.done():
            writer.close()
        else:
            met.set_result((reader, writer))

    listener = await asyncio.start_server(connected, host, port)
    address = listener.sockets[0].getsockname()
    print(f"flow lsp: waiting at {address[0]}:{address[1]}", file=sys.stderr, flush=True)
    reader, writer = await met
    listener.close()
    server.protocol.set_writer(writer)
    with contextlib.suppress(ConnectionError):
        await run_async(
            threading.Event(), _Connection(reader), server.protocol, log, server.report_server_error
        )


class _Connection:
    """A connection that ends where it breaks off."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.reader = reader

    async def readline(self) -> bytes:
        await asyncio.sleep(0)  # what the last message has started begins before the next one is read
        return await self.reader.readline()

    async def readexactly(self, size: int) -> bytes:
        try:
            return await self.reader.readexactly(size)
        except asyncio.IncompleteReadError:
            return b""
