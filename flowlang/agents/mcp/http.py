"""A server that runs elsewhere, over streamable HTTP.

The SDK speaks the protocol, over a client of ours that tells it what it would not see: what a refusal says
(the SDK hands on neither status nor text), that nobody is there (which would end the session, with all calls
that are under way), and that a reply is larger than it may be. Each becomes a reply with an error of
JSON-RPC, which reaches the one call that it is about. Streams of events the SDK bounds itself."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs
import httpx2
from mcp.client.streamable_http import MCP_SESSION_ID, streamable_http_client
from mcp_types import CONNECTION_CLOSED, INVALID_REQUEST, PARSE_ERROR

from flowlang.agents.mcp.refusals import GONE
from flowlang.agents.providers import ConnectionLost
from flowlang.values.value import Value

CONNECT_SECONDS: Final = 30.0
SHOWN: Final = 200  # characters of a page that explains a refusal


@attrs.define(eq=False)
class Remote:
    """A server by its URL."""

    url: str
    headers: Mapping[str, str]
    max_reply_bytes: int

    absent = "there is no connection"
    modes = ("auto",)
    over = False  # who knows

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[Any, Any]]:
        """The streams that a session speaks over. A call may take its time: its timeout is the host's."""
        timeout = httpx2.Timeout(CONNECT_SECONDS, read=None)
        async with (
            _Client(headers=dict(self.headers), timeout=timeout, max_bytes=self.max_reply_bytes) as http,
            streamable_http_client(
                self.url, http_client=http, max_sse_event_size=self.max_reply_bytes
            ) as streams,
        ):
            yield streams

    async def ended(self, lost: ConnectionLost) -> str:
        return str(lost)


class _Client(httpx2.AsyncClient):
    """A client whose every reply but streams of events has been read."""

    def __init__(self, *, max_bytes: int, **options: Any) -> None:
        super().__init__(**options)
        self._max_bytes = max_bytes

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        try:
            response = await super().send(request, **{**options, "stream": True})
            is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
            if is_stream and response.is_success:
                return response
            return await self._read(request, response)
        except httpx2.LocalProtocolError as problem:
            return _error(request, 400, INVALID_REQUEST, f"the request cannot be sent: {problem}")
        except httpx2.TransportError as problem:
            message = f"{request.url.host} cannot be reached: {_reason(problem)}"
            return _error(request, 502, CONNECTION_CLOSED, message)

    async def _read(self, request: httpx2.Request, response: httpx2.Response) -> httpx2.Response:
        content = bytearray()
        try:
            async for piece in response.aiter_bytes():
                content += piece
                if len(content) > self._max_bytes:
                    message = f"the reply is larger than {self._max_bytes:,} bytes, its `max_reply_bytes`"
                    return _error(request, 502, PARSE_ERROR, message)
        finally:
            await response.aclose()
        if response.status_code >= 400:
            return self._refusal(request, response, bytes(content))
        headers = [(n, v) for n, v in response.headers.multi_items() if n.lower() != "content-encoding"]
        read = httpx2.Response(response.status_code, headers=headers, content=bytes(content), request=request)
        read.next_request = response.next_request
        return read

    def _refusal(self, request: httpx2.Request, response: httpx2.Response, content: bytes) -> httpx2.Response:
        """A reply that is none: its status is the error, unless an error of MCP says more. A session that
        the server has forgotten is told in several ways."""
        status, error = response.status_code, _error_of_mcp(content)
        forgotten = MCP_SESSION_ID in request.headers and (
            status in GONE or error.get("code") == CONNECTION_CLOSED
        )
        if error and not forgotten:
            return httpx2.Response(status, json=json.loads(content), request=request)
        said = " ".join(str(error.get("message") or content.decode(errors="replace")).split())[:SHOWN]
        message = f"HTTP {status} {response.reason_phrase}: {said}".rstrip(": ")
        return _error(request, status, GONE[0] if forgotten else status, message)


def _reason(problem: BaseException) -> str:
    """What the innermost exception says that says anything; of TLS the outer ones do not."""
    said = type(problem).__name__
    at: BaseException | None = problem
    while at is not None:
        said = str(at) or said
        at = at.exceptions[0] if isinstance(at, BaseExceptionGroup) else at.__cause__ or at.__context__
    return said


def _error_of_mcp(content: bytes) -> dict[str, Value]:
    """The error that a reply holds; empty where it holds none."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    error = found.get("error") if isinstance(found, dict) and "jsonrpc" in found else None
    return error if isinstance(error, dict) else {}


def _error(request: httpx2.Request, status: int, code: int, message: str) -> httpx2.Response:
    """A reply that refuses a request; the SDK knows which one."""
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}
    return httpx2.Response(status, json=error, request=request)
