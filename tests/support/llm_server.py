"""A chat endpoint on loopback, in a thread of its own: it parses what it is sent, and answers by a script.

    with LlmServer(says("Hello"), error(429, "slow down", {"Retry-After": "1"}), ...) as server:
        server.base                  # http://127.0.0.1:PORT/v1
        server.requests              # the bodies that came, parsed

Each request takes the next entry of the script, and the last one is there for ever. An entry is a `Reply`, or
makes one of the request's body. What is wrong with a request is answered as real endpoints do it, with 400,
401 and 404. `raw` sends bytes that need not be HTTP."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import attrs
import h11
import trio

Piece = bytes | float
"""What is sent, or how long to wait, in seconds; a negative number: for ever."""

EVENTS = "text/event-stream"
KEY = "sk-loopback-3141"


@attrs.frozen
class Reply:
    """`whole` None: sent in chunks, and `breaks` off without the last one."""

    pieces: tuple[Piece, ...]
    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    kind: str = "application/json"
    breaks: bool = False
    raw: bool = False


Entry = Reply | Callable[[dict[str, Any]], Reply]


def says(
    text: str | None,
    *,
    finish: str | None = "stop",
    used: tuple[int, int] | None = (12, 3),
    refusal: str | None = None,
    pause: float = 0.0,
) -> Entry:
    """A reply as the protocol has it, streamed where that is asked for."""
    usage = None if used is None else {"prompt_tokens": used[0], "completion_tokens": used[1]}

    def reply(body: dict[str, Any]) -> Reply:
        if body.get("stream"):
            told = body.get("stream_options", {}).get("include_usage", False)
            return streamed(events_of(text, finish, usage if told else None, refusal), pause=pause)
        message = {"role": "assistant", "content": text, "refusal": refusal}
        choice = {"index": 0, "message": message, "finish_reason": finish}
        return whole({"object": "chat.completion", "choices": [choice], "usage": usage})

    return reply


def whole(content: Any, **more: Any) -> Reply:
    return Reply((json.dumps(content).encode(),), **more)


def streamed(events: Sequence[Any], *, pause: float = 0.0, done: bool = True, **more: Any) -> Reply:
    """Events, each a piece; texts stand for themselves."""
    pieces: list[Piece] = []
    for event in [*events, *(["[DONE]"] if done else [])]:
        text = event if isinstance(event, str) else json.dumps(event)
        pieces += [f"data: {text}\n\n".encode(), *([pause] if pause else [])]
    return Reply(tuple(pieces), kind=EVENTS, **more)


def events_of(
    text: str | None, finish: str | None = "stop", usage: Any = None, refusal: str | None = None
) -> list[Any]:
    """The events of a streamed reply, a few letters each."""
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
    deltas += [{"content": (text or "")[at : at + 5]} for at in range(0, len(text or ""), 5)]
    deltas += [{"refusal": refusal}] if refusal else []
    events: list[Any] = [{"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    events += [{"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]}] if finish else []
    return [*events, *([{"choices": [], "usage": usage}] if usage else [])]


def error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    return whole({"error": {"message": message, "type": "error"}}, status=status, headers=headers or {})


def raw(*pieces: Piece) -> Reply:
    """Bytes as they are, after which the connection is closed."""
    return Reply(pieces, raw=True)


def hangs() -> Reply:
    return raw(-1.0)


class LlmServer:
    """See the module. `key` None: none is wanted. `models` are those that there are."""

    def __init__(
        self, *script: Entry, key: str | None = None, models: Sequence[str] = ("small",), paths: str = "/v1"
    ) -> None:
        self.script, self.key, self.models, self._path = list(script), key, models, paths
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.connections = 0
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: trio.run(self._serve), daemon=True)

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}{self._path}"

    def __enter__(self) -> LlmServer:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._token.run_sync_soon(self._scope.cancel)
        self._thread.join(10)
        assert not self._thread.is_alive()

    async def _serve(self) -> None:
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, host="127.0.0.1"), self._connected, 0)
            self.port = listeners[0].socket.getsockname()[1]
            self._token, self._scope = trio.lowlevel.current_trio_token(), nursery.cancel_scope
            self._ready.set()

    async def _connected(self, stream: trio.SocketStream) -> None:
        self.connections += 1
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError):
            await self._conversation(stream)

    async def _conversation(self, stream: trio.SocketStream) -> None:
        http = h11.Connection(h11.SERVER)
        while True:
            request, content = await _received(http, stream)
            if request is None:
                return
            reply = self._answer(request, content)
            if reply.raw:
                await _send_pieces(stream, reply.pieces)
                return
            headers = [("Content-Type", reply.kind), *reply.headers.items()]
            if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
                headers.append(("Transfer-Encoding", "chunked"))
            await stream.send_all(http.send(h11.Response(status_code=reply.status, headers=headers)))
            for piece in reply.pieces:
                if isinstance(piece, bytes):
                    await stream.send_all(http.send(h11.Data(data=piece)))
                else:
                    await trio.sleep_forever() if piece < 0 else await trio.sleep(piece)
            if reply.breaks:
                return
            await stream.send_all(http.send(h11.EndOfMessage()))
            if http.our_state is h11.MUST_CLOSE:
                return
            http.start_next_cycle()

    def _answer(self, request: h11.Request, content: bytes) -> Reply:
        headers = {name.decode(): value.decode() for name, value in request.headers}
        if self.key is not None and headers.get("authorization") != f"Bearer {self.key}":
            return error(401, f"Incorrect API key provided: {headers.get('authorization', 'none')}")
        path = request.target.decode()
        if request.method == b"GET" and path == f"{self._path}/models":
            return whole({"object": "list", "data": [{"id": model} for model in self.models]})
        if request.method != b"POST" or path != f"{self._path}/chat/completions":
            return error(404, f"there is nothing at {path}")
        problem, body = _body(content)
        if problem:
            return error(400, problem)
        if body["model"] not in self.models:
            return error(404, f"The model `{body['model']}` does not exist")
        self.requests.append(body)
        self.headers.append(headers)
        entry = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return entry if isinstance(entry, Reply) else entry(body)


async def _received(http: h11.Connection, stream: trio.SocketStream) -> tuple[h11.Request | None, bytes]:
    request, content = None, b""
    while True:
        event = http.next_event()
        match event:
            case h11.NEED_DATA:
                received = await stream.receive_some(65536)
                http.receive_data(received)
            case h11.Request():
                request = event
            case h11.Data():
                content += event.data
            case h11.EndOfMessage():
                return request, content
            case _:
                return None, b""


async def _send_pieces(stream: trio.SocketStream, pieces: Sequence[Piece]) -> None:
    for piece in pieces:
        if isinstance(piece, bytes):
            await stream.send_all(piece)
        else:
            await trio.sleep_forever() if piece < 0 else await trio.sleep(piece)


KNOWN = {
    "model", "messages", "temperature", "max_tokens", "max_completion_tokens", "seed", "response_format",
    "stream", "stream_options",
}  # fmt: skip


def _body(content: bytes) -> tuple[str | None, dict[str, Any]]:
    """What is wrong with a request, if anything, and what it says."""
    try:
        body = json.loads(content)
    except ValueError as problem:
        return f"We could not parse the JSON body of your request: {problem}", {}
    if unknown := body.keys() - KNOWN:
        return f"Unrecognized request argument supplied: {sorted(unknown)[0]}", {}
    if "stream_options" in body and not body.get("stream"):
        return "The 'stream_options' parameter is only allowed when 'stream' is enabled.", {}
    return _wrong_messages(body.get("messages")) or _wrong_form(body.get("response_format")), body


def _wrong_messages(messages: Any) -> str | None:
    if not (isinstance(messages, list) and messages):
        return "'messages' must be a list that is not empty"
    for message in messages:
        content = message.get("content")
        if message.keys() != {"role", "content"} or message["role"] not in ("system", "user", "assistant"):
            return f"Invalid message: {message}"
        if isinstance(content, list):
            if not content or any(part.get("type") not in ("text", "image_url") for part in content):
                return f"Invalid content: {content}"
        elif not isinstance(content, str) or not content:
            return f"Invalid content: {content!r}"
    return None


def _wrong_form(form: Any) -> str | None:
    """What a strict endpoint has against a `response_format`."""
    if form is None or form == {"type": "json_object"}:
        return None
    asked = form["json_schema"]
    if form.keys() != {"type", "json_schema"} or asked["schema"].get("type") != "object":
        return "Invalid schema for response_format: schema must be of type object"
    return _not_strict(asked["schema"]) if asked["strict"] else None


def _not_strict(schema: dict[str, Any]) -> str | None:
    """What keeps a schema from being one that OpenAI calls strict."""
    if unknown := schema.keys() & {"oneOf", "allOf", "pattern", "patternProperties", "writeOnly"}:
        return f"Invalid schema for response_format: '{sorted(unknown)[0]}' is not permitted"
    if schema.get("type") == "object":
        if schema.get("additionalProperties") is not False:
            return "Invalid schema for response_format: 'additionalProperties' must be false"
        if sorted(schema["required"]) != sorted(schema["properties"]):
            return "Invalid schema for response_format: 'required' must list every property"
    parts = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    parts += [schema["items"]] if "items" in schema else []
    return next((problem for part in parts if (problem := _not_strict(part))), None)
