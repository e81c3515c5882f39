"""A small HTTP server for tests: a handler of the standard library, in a thread, on loopback."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Says nothing on the terminal; `sent` is the body of a request."""

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def sent(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def give(
        self, status: int, content: bytes, media_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        own = {"Content-Type": media_type, "Content-Length": str(len(content))}
        for name, value in {**own, **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The URL of a server, for as long as the block."""
    server = _Quiet(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are no news."""
