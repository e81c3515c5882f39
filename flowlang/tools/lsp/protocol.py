"""pygls, hardened: whatever a client sends is answered as the protocol says, and never ends the server.

What pygls leaves open is filled in: a request that cannot be read, that comes before its time or after the
shutdown has an answer too. Documents are kept by the server itself, so pygls is kept from keeping its own."""

from __future__ import annotations

from typing import Any

import attrs
from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.protocol import LanguageServerProtocol

PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS, NOT_INITIALIZED = -32700, -32600, -32602, -32002

OWN_DOCUMENTS = (lsp.TEXT_DOCUMENT_DID_OPEN, lsp.TEXT_DOCUMENT_DID_CHANGE, lsp.TEXT_DOCUMENT_DID_CLOSE)


@attrs.frozen
class Unreadable:
    """A message whose parameters make no sense; `id` where somebody waits for an answer to it."""

    id: str | int | None
    method: str
    jsonrpc: object


class Protocol(LanguageServerProtocol):
    """Looks at each message before pygls does."""

    is_initialized = False

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        for method in OWN_DOCUMENTS:
            del self.fm.builtin_features[method]

    @property
    def is_shut_down(self) -> bool:
        return self._shutdown

    def structure_message(self, data: dict[str, Any]) -> Any:
        if "jsonrpc" not in data:
            return data
        try:
            return super().structure_message(data)
        except JsonRpcException:
            id, version = data.get("id"), data["jsonrpc"] if "method" in data else None
            return Unreadable(id if isinstance(id, str | int) else None, str(data.get("method")), version)

    def handle_message(self, message: Any) -> None:
        method, id = getattr(message, "method", None), getattr(message, "id", None)
        if getattr(message, "jsonrpc", None) != self.VERSION:
            self.answer_with_error(None, INVALID_REQUEST, "this is no message of JSON-RPC 2.0")
        elif method is not None and not self.is_initialized and method not in (lsp.INITIALIZE, lsp.EXIT):
            self.refuse(id, NOT_INITIALIZED, "the server is not initialized")
        elif method == lsp.INITIALIZE and self.is_initialized:
            self.refuse(id, INVALID_REQUEST, "the server is initialized already")
        elif method not in (None, lsp.EXIT) and self.is_shut_down:
            self.refuse(id, INVALID_REQUEST, "the server is shutting down")
        elif isinstance(message, Unreadable):
            self.refuse(id, INVALID_PARAMS, f"the parameters of {method} make no sense")
        else:
            self.is_initialized |= method == lsp.INITIALIZE
            super().handle_message(message)

    def refuse(self, id: str | int | None, code: int, reason: str) -> None:
        """Say no to a request; a notification, which has no id, is passed over."""
        if id is not None:
            self.answer_with_error(id, code, reason)

    def answer_with_error(self, id: str | int | None, code: int, reason: str) -> None:
        self._send_data(lsp.ResponseErrorMessage(id=id, error=lsp.ResponseError(code, reason)))
