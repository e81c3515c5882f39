"""A server of MCP over HTTP for tests, on loopback; its path says how it misbehaves.

/json, /events      replies as JSON, or as a stream of events      /page       answers with a page
/status/401         refuses everybody with this status             /cut        breaks off in a reply
/calls/503          refuses calls with this status                 /away       redirects to another host
/huge, /gushing     gives a reply, or an event, of 100,000 bytes   /silent     never answers a call"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.small_server import Handler, serving

ECHO = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}


@contextmanager
def http_stub() -> Iterator[str]:
    """The URL of a stub; a path is to be put behind it."""
    with serving(_Stub) as url:
        yield url


class _Stub(Handler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answered(405, b"", "text/plain")

    do_DELETE = do_GET

    def do_POST(self) -> None:
        message = json.loads(self.sent())
        way, _, status = self.path.strip("/").partition("/")
        is_call = message["method"] == "tools/call"
        if way == "status" or (way == "calls" and is_call):
            self.answered(int(status), b"<p>not\n now</p>", "text/html")
        elif way == "lost" and is_call:
            error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32000, "message": "who?"}}
            self.answered(int(status), json.dumps(error).encode(), "application/json")
        elif way == "page":
            self.answered(200, b"<p>welcome</p>", "text/html")
        elif way == "away":
            self.send_response(307)
            self.send_header("location", "http://elsewhere.invalid/mcp")
            self.send_header("content-length", "0")
            self.end_headers()
        elif "id" not in message:
            self.answered(202, b"", "text/plain")
        elif is_call and way == "silent":
            threading.Event().wait(30)
        else:
            self.reply(way, message, is_call)

    def reply(self, way: str, message: dict, is_call: bool) -> None:
        large = is_call and way in ("huge", "gushing")
        content = json.dumps(self.answer(message, "x" * 100_000 if large else None)).encode()
        if way in ("events", "gushing"):
            self.answered(200, b"event: message\ndata: " + content + b"\n\n", "text/event-stream")
        elif way == "cut" and is_call:
            self.answered(200, content, "application/json", missing=10)
        else:
            self.answered(200, content, "application/json")

    def answer(self, message: dict, text: str | None) -> dict:
        params = message.get("params", {})
        match message["method"]:
            case "initialize":
                info = {"name": "stub", "version": "1"}
                version, capabilities = params["protocolVersion"], {"tools": {}}
                result = {"protocolVersion": version, "capabilities": capabilities, "serverInfo": info}
            case "tools/list":
                result = {"tools": [{"name": "echo", "inputSchema": ECHO}]}
            case "tools/call":
                said = self.headers.get("authorization", "") + params["arguments"]["text"]
                result = {"content": [{"type": "text", "text": text or said}]}
            case _:
                error = {"code": -32601, "message": "no such method"}
                return {"jsonrpc": "2.0", "id": message["id"], "error": error}
        return {"jsonrpc": "2.0", "id": message["id"], "result": result}

    def answered(self, status: int, content: bytes, type: str, missing: int = 0) -> None:
        length = str(len(content) + missing)
        self.give(status, content, type, {"Content-Length": length, "mcp-session-id": "session-1"})
        if missing:
            self.close_connection = True
