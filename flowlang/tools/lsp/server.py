"""The server: what it can do, how it lives, and how a request finds its answer.

Notifications change the documents at once, in their order. Requests are coroutines that wait for the analysis
thread, so a client can cancel them, and what is asked of a text that has changed since is answered with
`ContentModified`. A bug of ours is a line in the log and an error to whoever asked; it never ends the server,
and it opens no window in anybody's editor.

The server ends when it is told to, when its client hangs up, and when the client's process is gone."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from lsprotocol import types as lsp
from pygls.exceptions import (
    JsonRpcContentModified,
    JsonRpcException,
    JsonRpcInternalError,
    JsonRpcInvalidParams,
)
from pygls.lsp.server import LanguageServer

from flowlang.ide.symbols import workspace_symbols
from flowlang.text.version import __version__
from flowlang.tools.lsp.analysis import Analysis, Files, Outdated
from flowlang.tools.lsp.answers import ANSWERS, Answer, Memory, Question
from flowlang.tools.lsp.client import Client
from flowlang.tools.lsp.convert import Converter, changes_of, path_of
from flowlang.tools.lsp.disk import Stamp, stamp_of
from flowlang.tools.lsp.meanings import MEANINGS
from flowlang.tools.lsp.protocol import PARSE_ERROR, Protocol
from flowlang.tools.lsp.publish import Publisher
from flowlang.tools.lsp.texts import Document
from flowlang.tools.plan_settings import is_plan

LOOK_EVERY_SECONDS = 2.0
"""How often files are looked at for a client that does not watch them, and whether the client still lives."""

WATCHED = ("**/*.flow", "**/*.py", "**/flow.toml", "**/flow.lock", "**/*.{json,yaml,yml}")

log = logging.getLogger("flowlang.lsp")


class FlowServer(LanguageServer):
    """One client's server."""

    protocol: Protocol

    def __init__(self) -> None:
        super().__init__("flow", __version__, protocol_cls=Protocol, max_workers=2)
        self.analysis = Analysis()
        self.memory = Memory()
        self.client = Client()
        self.publisher = Publisher(self.analysis, self.client, self)
        self.is_near = True  # the client is a process of this machine
        self.watching: asyncio.Task[None] | None = None  # is kept here, since the loop does not keep it
        self.store_stamps: tuple[Stamp, ...] = ()
        for method, handler in NOTIFIED.items():
            self.feature(method)(_guarded(self, handler))
        for method, (answer, options) in {**ANSWERS, **MEANINGS}.items():
            self.feature(method, options)(_answering(self, method, answer))
        for method, handle in ASKED.items():
            self.feature(method, OPTIONS.get(method))(_handling(self, method, handle))

    @property
    def exit_code(self) -> int:
        """0 where the client took leave as the protocol wants it, else 1."""
        return 0 if self.protocol.is_shut_down else 1

    def refresh(self, method: str) -> None:
        """Ask the client to ask again."""
        self.protocol.send_request(method)

    def shutdown(self) -> None:
        self.analysis.stop()
        super().shutdown()  # type: ignore[no-untyped-call]

    def report_server_error(self, error: Exception, source: object) -> None:
        """What could not be read as a message at all; whose it was nobody knows.

        What a handler raised comes by here too, but that has been answered."""
        if source is not JsonRpcException:
            return
        log.debug("a message cannot be read: %s", error)
        self.protocol.answer_with_error(None, PARSE_ERROR, "this message cannot be read")

    def question(self, files: Files, path: str) -> Question | None:
        """A document as the analysis thread has it; None where it has no text, and for a plan in YAML or
        JSON, of which there are only diagnostics."""
        if is_plan(path):
            return None
        snapshot, lines = files.snapshot(path), files.lines(path)
        if snapshot is None or lines is None:
            return None
        return Question(snapshot, lines, files, self.converter(files), self.memory)

    def converter(self, files: Files) -> Converter:
        return Converter(files, self.client, self.analysis.documents)


# Notifications


def initialize(server: FlowServer, params: lsp.InitializeParams) -> None:
    server.client = Client.of(params)
    server.publisher = Publisher(server.analysis, server.client, server)
    folders = [folder.uri for folder in params.workspace_folders or ()]
    if not folders and params.root_uri:
        folders = [params.root_uri]
    encoding = lsp.PositionEncodingKind(server.workspace.position_encoding)
    paths = [path_of(uri) for uri in folders]
    server.analysis.start(paths, encoding.value, server.client.environment)


def initialized(server: FlowServer, params: lsp.InitializedParams) -> None:
    if server.client.watches_files:
        watchers = [lsp.FileSystemWatcher(pattern) for pattern in WATCHED]
        options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
        wanted = lsp.Registration("watch", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)
        server.client_register_capability(lsp.RegistrationParams([wanted]))
    server.watching = asyncio.ensure_future(_watch(server))
    server.publisher.something_changed()


def did_open(server: FlowServer, params: lsp.DidOpenTextDocumentParams) -> None:
    opened = params.text_document
    path = path_of(opened.uri)
    server.analysis.open(Document(opened.uri, path, opened.version, opened.text))
    server.publisher.document_changed(path)


def did_change(server: FlowServer, params: lsp.DidChangeTextDocumentParams) -> None:
    path = path_of(params.text_document.uri)
    if path in server.analysis.documents:
        server.analysis.change(path, params.text_document.version, changes_of(params.content_changes))
        server.publisher.document_changed(path)


def did_close(server: FlowServer, params: lsp.DidCloseTextDocumentParams) -> None:
    path = path_of(params.text_document.uri)
    server.analysis.close(path)
    server.memory.forget(path)
    server.publisher.document_closed(path)


def did_save(server: FlowServer, params: lsp.DidSaveTextDocumentParams) -> None:
    if not server.client.watches_files:
        server.analysis.forget()
        server.publisher.something_changed()


def files_changed(server: FlowServer, params: lsp.DidChangeWatchedFilesParams) -> None:
    server.analysis.forget([path_of(change.uri) for change in params.changes])
    server.publisher.something_changed()


def folders_changed(server: FlowServer, params: lsp.DidChangeWorkspaceFoldersParams) -> None:
    added, removed = ([path_of(f.uri) for f in each] for each in (params.event.added, params.event.removed))
    server.analysis.refold(added, removed)
    server.publisher.something_changed()


NOTIFIED: dict[str, Callable[[FlowServer, Any], None]] = {
    lsp.INITIALIZE: initialize,
    lsp.INITIALIZED: initialized,
    lsp.TEXT_DOCUMENT_DID_OPEN: did_open,
    lsp.TEXT_DOCUMENT_DID_CHANGE: did_change,
    lsp.TEXT_DOCUMENT_DID_CLOSE: did_close,
    lsp.TEXT_DOCUMENT_DID_SAVE: did_save,
    lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES: files_changed,
    lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS: folders_changed,
}


async def _watch(server: FlowServer) -> None:
    """Look after what nobody tells: files of a client that does not watch them, and its process."""
    while True:
        await asyncio.sleep(LOOK_EVERY_SECONDS)
        if server.is_near and server.client.process_id and not _lives(server.client.process_id):
            os._exit(1)  # a thread waits for its input, which a child of the client may hold open for ever
        try:
            await _look(server)
        except Exception:
            log.exception("looking at files failed")


async def _look(server: FlowServer) -> None:
    if not server.client.watches_files and await server.analysis.ask(_forget_changed):
        server.publisher.something_changed()
    if server.client.wants_runs:
        await _look_at_runs(server)


async def _look_at_runs(server: FlowServer) -> None:
    """Read the last runs of the open documents' flows, if the store has changed or a document has come."""
    from flowlang.tools.last_runs import last_runs, store_path

    store = store_path()
    stamps = tuple(stamp_of(f"{store}{suffix}") for suffix in ("", "-wal"))
    stirred = False
    for path in list(server.analysis.documents):
        if stamps != server.store_stamps or path not in server.memory.runs:
            found = await asyncio.to_thread(last_runs, path, store, time.time_ns() // 1_000)
            stirred |= found != server.memory.runs.get(path, {})
            server.memory.runs[path] = found
    server.store_stamps = stamps
    for method in RUNS_ARE_SHOWN_IN if stirred else ():
        if method in server.client.refreshes:
            server.refresh(method)


RUNS_ARE_SHOWN_IN = (
    lsp.WORKSPACE_CODE_LENS_REFRESH, lsp.WORKSPACE_INLAY_HINT_REFRESH, lsp.WORKSPACE_INLINE_VALUE_REFRESH,
)  # fmt: skip


def _forget_changed(files: Files) -> bool:
    changed = files.stamps.changed()
    if changed:
        files.forget(changed)
    return bool(changed)


def _lives(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


# Requests that are not about one document, or not about its text alone


async def diagnostic(server: FlowServer, params: lsp.DocumentDiagnosticParams) -> object:
    return await server.publisher.report(path_of(params.text_document.uri), params.previous_result_id)


async def workspace_diagnostic(server: FlowServer, params: lsp.WorkspaceDiagnosticParams) -> object:
    return lsp.WorkspaceDiagnosticReport(await server.publisher.reports(params.previous_result_ids))


async def symbols(server: FlowServer, params: lsp.WorkspaceSymbolParams) -> object:
    def job(files: Files) -> object:
        found = workspace_symbols(files.snapshots(), params.query)
        return list(server.converter(files).found_symbols(found))

    return await server.analysis.ask(job)


async def graph(server: FlowServer, params: Any) -> object:
    from flowlang.tools.lsp.pictures import graph as drawn

    uri = getattr(getattr(params, "textDocument", None), "uri", None)
    if not isinstance(uri, str):
        raise JsonRpcInvalidParams("the picture of which document?")
    return await _asked(server, uri, drawn, params)


ASKED: dict[str, Callable[[FlowServer, Any], Awaitable[object]]] = {
    lsp.TEXT_DOCUMENT_DIAGNOSTIC: diagnostic,
    lsp.WORKSPACE_DIAGNOSTIC: workspace_diagnostic,
    lsp.WORKSPACE_SYMBOL: symbols,
    "flow/graph": graph,
}

OPTIONS = {
    lsp.TEXT_DOCUMENT_DIAGNOSTIC: lsp.DiagnosticOptions(
        inter_file_dependencies=True, workspace_diagnostics=True, identifier="flow"
    )
}


# How handlers are called


def _guarded(server: FlowServer, handler: Callable[[FlowServer, Any], None]) -> Callable[[Any], None]:
    def handle(params: Any) -> None:
        try:
            handler(server, params)
        except Exception:
            log.exception("%s failed", handler.__name__)

    return handle


def _answering(server: FlowServer, method: str, answer: Answer) -> Callable[[Any], Awaitable[object]]:
    """A handler that finds the document a request is about, and answers for it on the analysis thread."""

    async def ask(server: FlowServer, params: Any) -> object:
        return await _asked(server, _uri(params), answer, params)

    return _handling(server, method, ask)


async def _asked(server: FlowServer, uri: str, answer: Answer, params: Any) -> object:
    path = path_of(uri)

    def job(files: Files) -> object:
        asked = server.question(files, path)
        return None if asked is None else answer(asked, params)

    return await server.analysis.ask(job, about=path)


def _uri(params: Any) -> str:
    """Of the document that a request is about; a call hierarchy goes on from an item of one."""
    about = params.item if hasattr(params, "item") else params.text_document
    return str(about.uri)


def _handling(
    server: FlowServer, method: str, handle: Callable[[FlowServer, Any], Awaitable[object]]
) -> Callable[[Any], Awaitable[object]]:
    async def guarded(params: Any) -> object:
        try:
            return await handle(server, params)
        except Outdated:
            raise JsonRpcContentModified from None
        except JsonRpcException:
            raise
        except Exception as bug:
            log.exception("%s failed", method)
            raise JsonRpcInternalError(f"{method} failed: {type(bug).__name__}") from None

    return guarded
