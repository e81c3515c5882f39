"""HTTP: a GET of a little JSON from a service on loopback."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx
import trio

from tests.benchmarks import Figure
from tests.benchmarks.bench_providers import CALLS, calls, prepared

SERVER: Final = """
import json, socket, uvicorn

callers = set()

async def app(scope, receive, send):
    callers.add(scope["client"])
    body = json.dumps({"path": scope["path"], "callers": len(callers)}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})

listening = socket.create_server(("127.0.0.1", 0))
listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print(listening.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off")).run(sockets=[listening])
"""
FLOW: Final = "agent item(n: int) -> { path: string } effect read\n"


def figures() -> Iterator[Figure]:
    with _server() as url:
        flow = prepared(FLOW, "item(n: n)", f'[agents.item]\nhttp = "GET {url}/items/{{n}}"\n')

        async def bare(count: int) -> None:
            async with httpx.AsyncClient() as client:
                for n in range(count):
                    reply = await client.get(f"{url}/items/{n}")
                    assert reply.json()["path"]

        yield calls("http", flow, bare, "httpx alone")
        before = httpx.get(url).json()["callers"]
        trio.run(flow.run, {"calls": CALLS})
        made = httpx.get(url).json()["callers"] - before - 1
        yield Figure(f"http: connections of a run with {CALLS} calls", made, "connections", made, "1", 1)


@contextmanager
def _server() -> Iterator[str]:
    process = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{json.loads(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()
