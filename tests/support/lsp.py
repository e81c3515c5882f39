"""A client of the language server for tests: JSON-RPC over the pipes of a real `flow lsp` process.

It does what it is told and knows nothing of the protocol but its framing, so a test may send nonsense.
Messages of the server are read by a thread; what is waited for has a time limit, so nothing hangs."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import attrs

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 30.0

PUSHED: dict[str, Any] = {"textDocument": {"publishDiagnostics": {"versionSupport": True}}}
PULLED: dict[str, Any] = {"textDocument": {"diagnostic": {}}}


@attrs.define
class Response:
    result: Any = None
    error: Mapping[str, Any] | None = None


@attrs.define(eq=False, slots=False)
class Client:
    process: subprocess.Popen[bytes]
    responses: dict[object, Queue[Response]] = attrs.field(factory=dict)
    notes: Queue[Mapping[str, Any]] = attrs.field(factory=Queue)
    requests: Queue[Mapping[str, Any]] = attrs.field(factory=Queue)
    versions: dict[str, int] = attrs.field(factory=dict)
    ids: Iterator[int] = attrs.field(factory=lambda: itertools.count(1))

    def __attrs_post_init__(self) -> None:
        threading.Thread(target=self._read, daemon=True).start()

    # Messages

    def send(self, message: object) -> None:
        self.send_bytes(json.dumps(message).encode())

    def send_bytes(self, body: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def notify(self, method: str, **params: object) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params})

    def ask(self, method: str, params: object) -> int:
        """Send a request and do not wait for its answer, which `answer` gives."""
        id = next(self.ids)
        self.responses[id] = Queue()
        self.send({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        return id

    def answer(self, id: object) -> Response:
        return self.responses.setdefault(id, Queue()).get(timeout=PATIENCE_SECONDS)

    def request(self, method: str, **params: object) -> Any:
        """The result of a request that succeeds."""
        response = self.answer(self.ask(method, params))
        assert response.error is None, response.error
        return response.result

    def failing(self, method: str, **params: object) -> int:
        """The code of the error that a request is answered with."""
        response = self.answer(self.ask(method, params))
        assert response.error is not None, response.result
        return int(response.error["code"])

    def note(self, method: str, wanted: Callable[[Mapping[str, Any]], bool] = lambda params: True) -> Any:
        """The parameters of the next notification that is wanted; others are passed over."""
        while True:
            found = self.notes.get(timeout=PATIENCE_SECONDS)
            if found["method"] == method and wanted(found["params"]):
                return found["params"]

    def wait_for_request(self, method: str) -> None:
        """Wait until the server asks for something; whatever that is, it is answered with nothing."""
        while self.requests.get(timeout=PATIENCE_SECONDS)["method"] != method:
            pass

    def _read(self) -> None:
        assert self.process.stdout is not None
        while header := self.process.stdout.readline():
            size = 0
            while header.strip():
                name, _, value = header.partition(b":")
                size = int(value) if name.lower() == b"content-length" else size
                header = self.process.stdout.readline()
            message = json.loads(self.process.stdout.read(size))
            if "method" not in message:
                response = Response(message.get("result"), message.get("error"))
                self.responses.setdefault(message.get("id"), Queue()).put(response)
            elif "id" in message:
                self.requests.put(message)
                self.send({"jsonrpc": "2.0", "id": message["id"], "result": None})
            else:
                self.notes.put(message)

    # Documents

    def initialize(
        self, folder: Path | None = None, capabilities: Mapping[str, Any] = PUSHED, **params: object
    ) -> Any:
        folders = [{"uri": folder.as_uri(), "name": folder.name}] if folder else None
        known = {
            "processId": os.getpid(),
            "workspaceFolders": folders,
            "capabilities": capabilities,
            "rootUri": None,
        }
        result = self.request("initialize", **{**known, **params})
        self.notify("initialized")
        return result

    def open(self, uri: str, text: str) -> None:
        self.versions[uri] = 1
        document = {"uri": uri, "languageId": "flow", "version": 1, "text": text}
        self.notify("textDocument/didOpen", textDocument=document)

    def change(self, uri: str, *changes: Mapping[str, object]) -> int:
        """Change a document; gives its new version. `{"text": …}` alone is all of its text."""
        self.versions[uri] = self.versions.get(uri, 0) + 1
        document = {"uri": uri, "version": self.versions[uri]}
        self.notify("textDocument/didChange", textDocument=document, contentChanges=changes)
        return self.versions[uri]

    def close(self, uri: str) -> None:
        self.notify("textDocument/didClose", textDocument={"uri": uri})

    def diagnostics(self, uri: str, version: int | None = None) -> list[dict[str, Any]]:
        """The next diagnostics that are pushed for a document, of a version if one is given."""
        found = self.note(
            "textDocument/publishDiagnostics",
            lambda params: params["uri"] == uri and version in (None, params.get("version")),
        )
        return list(found["diagnostics"])

    def at(self, method: str, uri: str, line: int, character: int, **params: object) -> Any:
        """The result of a request about a position."""
        position = {"line": line, "character": character}
        return self.request(method, textDocument={"uri": uri}, position=position, **params)

    def about(self, method: str, uri: str, **params: object) -> Any:
        """The result of a request about a document."""
        return self.request(method, textDocument={"uri": uri}, **params)

    def stop(self) -> int:
        """Take leave as the protocol wants it; gives the exit code of the server."""
        self.request("shutdown")
        self.notify("exit")
        return self.process.wait(PATIENCE_SECONDS)


@contextmanager
def server(*arguments: str, **environment: str) -> Iterator[Client]:
    """A server that has just been started. What it logs must be nothing."""
    command = [sys.executable, "-m", "flowlang", "lsp", *arguments]
    pipe = subprocess.PIPE
    known = {**os.environ, **environment}
    process = subprocess.Popen(command, cwd=ROOT, env=known, stdin=pipe, stdout=pipe, stderr=pipe)
    logged: list[bytes] = []
    assert process.stderr is not None
    reader = threading.Thread(target=lambda: logged.append(process.stderr.read()), daemon=True)  # type: ignore[union-attr]
    reader.start()
    try:
        yield Client(process)
    except BaseException as problem:
        end(process, reader)
        problem.add_note(b"".join(logged).decode())
        raise
    end(process, reader)
    assert logged in ([], [b""]), b"".join(logged).decode()


def end(process: subprocess.Popen[bytes], reader: threading.Thread) -> None:
    """Hang up, and leave no process behind."""
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()
    try:
        process.wait(PATIENCE_SECONDS)
    finally:
        process.kill()
    reader.join(PATIENCE_SECONDS)
