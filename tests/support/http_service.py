"""A real HTTP service on loopback, and a server that breaks every rule of the protocol.

`service()` is Starlette behind uvicorn, in a thread: what it is asked, it notes (`Service.asked`), and from
which connections. `broken(reply)` takes a connection, reads a request and does with it what `reply` does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import (
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Route


@attrs.define(eq=False)
class Service:
    url: str
    asked: list[dict[str, Any]] = attrs.field(factory=list)
    connections: set[Any] = attrs.field(factory=set)
    replies: list[Response] = attrs.field(factory=list)
    """What `/next` answers, one after the other; then 200 and `{"tries": n}`."""

    @property
    def last(self) -> dict[str, Any]:
        return self.asked[-1]


@contextlib.contextmanager
def service(**options: Any) -> Iterator[Service]:
    """A service for as long as the block; `options` are uvicorn's, such as `ssl_keyfile`."""
    made = Service("")
    with served(_app(made), **options) as made.url:
        yield made


@contextlib.contextmanager
def served(app: Any, **options: Any) -> Iterator[str]:
    """The URL of an application, for as long as the block."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # inherited by each connection
    scheme = "https" if "ssl_certfile" in options else "http"
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=1, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.005)
    try:
        yield f"{scheme}://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


def _app(made: Service) -> Starlette:
    async def noted(request: Request) -> dict[str, Any]:
        """What came, as a caller would like to look at it."""
        made.connections.add(request.client)
        kind = request.headers.get("content-type", "").partition(";")[0]
        body: Any = None
        if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
            async with request.form() as form:
                body = [[name, await _part(part)] for name, part in form.multi_items()]
        elif content := await request.body():
            body = json.loads(content) if kind.endswith("json") else content.decode("latin-1")
        asked = {
            "method": request.method,
            "path": request.scope["raw_path"].decode(),
            "query": list(map(list, request.query_params.multi_items())),
            "headers": dict(request.headers),
            "body": body,
        }
        made.asked.append(asked)
        return asked

    async def echo(request: Request) -> Response:
        return JSONResponse(await noted(request), 201 if request.method == "POST" else 200)

    async def status(request: Request) -> Response:
        await noted(request)
        body = {"detail": "it is so", "code": 7, "retry-hint": "later"}
        headers = {k: v for k, v in request.query_params.items() if k != "body"}
        return JSONResponse(body, int(request.path_params["code"]), headers)

    async def next_one(request: Request) -> Response:
        await noted(request)
        return made.replies.pop(0) if made.replies else JSONResponse({"tries": len(made.asked)})

    async def large(request: Request) -> Response:
        size = int(request.path_params["size"])

        async def pieces() -> Any:
            yield b'"'
            for _ in range(size // 65_536):
                yield b"x" * 65_536
            yield b'"'

        return StreamingResponse(pieces(), media_type=request.query_params.get("type", "application/json"))

    async def content(request: Request) -> Response:
        await noted(request)
        return Response(b"\x89PNG\x00\xff", media_type="image/png")

    async def text(request: Request) -> Response:
        return PlainTextResponse("grüße".encode("latin-1"), media_type="text/plain; charset=latin-1")

    async def page(request: Request) -> Response:
        return Response("<!doctype html><title>Sign in</title>", media_type="text/html")

    async def empty(request: Request) -> Response:
        await noted(request)
        return Response(status_code=204)

    async def redirect(request: Request) -> Response:
        await noted(request)
        return RedirectResponse(request.query_params["to"], int(request.path_params["code"]))

    async def drip(request: Request) -> Response:
        made.connections.add(request.client)

        async def pieces() -> Any:
            while True:
                yield b" "
                await asyncio.sleep(0.05)

        return StreamingResponse(pieces(), media_type="application/json")

    async def document(request: Request) -> Response:
        await noted(request)
        return made.replies.pop(0)

    any_method = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
    return Starlette(
        routes=[
            Route("/echo{rest:path}", echo, methods=any_method),
            Route("/status/{code}", status, methods=any_method),
            Route("/next", next_one, methods=any_method),
            Route("/large/{size}", large),
            Route("/content", content),
            Route("/text", text),
            Route("/page", page),
            Route("/empty", empty, methods=any_method),
            Route("/redirect/{code}", redirect, methods=any_method),
            Route("/drip", drip),
            Route("/openapi.json", document),
        ]
    )


async def _part(part: Any) -> Any:
    if not isinstance(part, UploadFile):
        return part
    return {"type": part.content_type, "content": (await part.read()).decode("latin-1")}


@contextlib.contextmanager
def broken(reply: Callable[[socket.socket], None]) -> Iterator[str]:
    """The URL of a server that does with each connection what `reply` does, then closes it."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                connection.recv(65_536)
                reply(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)
