"""Diagnostics, pushed to clients that wait for them and handed to those that ask.

A keystroke is followed by a check as soon as nobody types for a moment, and its result is told with the
version that it is of; where the client has typed on meanwhile it is dropped. A while later all other files of
the workspace follow, one at a time, of which only those are checked that the change concerns, and only what
changed is told. A client that asks by itself is told to ask again, where that may find something new.

A report has the number of what was found, so that a client that knows it already hears nothing more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeAlias

import attrs
from lsprotocol import types as lsp

from flowlang.ide.snapshot import Snapshot
from flowlang.text.diagnostics import Diagnostic
from flowlang.tools.lsp.analysis import Analysis, Files, Outdated
from flowlang.tools.lsp.client import Client
from flowlang.tools.lsp.convert import Converter, path_of, uri_of

log = logging.getLogger("flowlang.lsp")

PAUSE_SECONDS = 0.02
"""Keys that follow each other faster are checked together."""

LATER_SECONDS = 0.3
"""When other files are looked at."""


class Teller(Protocol):
    """What the server can tell its client."""

    def text_document_publish_diagnostics(self, params: lsp.PublishDiagnosticsParams) -> None: ...

    def refresh(self, method: str) -> None: ...


@attrs.frozen
class Findings:
    """What is wrong with a file, the number of that, and, where it is not the number that the client has, the
    same as the protocol says it."""

    found: tuple[Diagnostic, ...]
    number: str
    items: Sequence[lsp.Diagnostic] | None


Report: TypeAlias = lsp.RelatedFullDocumentDiagnosticReport | lsp.RelatedUnchangedDocumentDiagnosticReport


@attrs.define(eq=False, repr=False)
class Publisher:
    analysis: Analysis
    client: Client
    teller: Teller
    _pushed: dict[str, str] = attrs.field(factory=dict)  # by path, the number of what was pushed last
    _numbered: dict[str, tuple[tuple[Diagnostic, ...], str]] = attrs.field(factory=dict)
    _numbers: int = 0
    _known: dict[str, Snapshot | Diagnostic] = attrs.field(factory=dict)  # by path, what was told of last
    _stirred: bool = False  # an open document may have other diagnostics than its client has asked for
    _soon: dict[str, asyncio.Task[None]] = attrs.field(factory=dict)
    _later: asyncio.Task[None] | None = None

    # Pushed

    def document_changed(self, path: str) -> None:
        """A document was opened or edited."""
        if not self.client.pulls_diagnostics:
            self._cancel(path)
            self._soon[path] = asyncio.ensure_future(self._push_soon(path))
        self.something_changed(but=path)

    def document_closed(self, path: str) -> None:
        self._cancel(path)
        self.something_changed()

    def something_changed(self, but: str | None = None) -> None:
        """Files other than one may have other diagnostics now."""
        if self._later is not None:
            self._later.cancel()
        self._later = asyncio.ensure_future(self._look_around(but))

    def _cancel(self, path: str) -> None:
        task = self._soon.pop(path, None)
        if task is not None:
            task.cancel()

    async def _push_soon(self, path: str) -> None:
        await asyncio.sleep(PAUSE_SECONDS)
        await self._push(path, even_if_same=True)

    async def _push(self, path: str, *, even_if_same: bool = False) -> None:
        """Tell what is wrong with a file now, unless it has changed by the time when that is known."""
        document = self.analysis.documents.get(path)
        version = document.version if document else None
        before = None if even_if_same else self._pushed.get(path, NOTHING)
        try:
            made = await self.analysis.ask(self._findings(path, before), about=path)
        except Outdated:
            return
        now = self.analysis.documents.get(path)
        if made.items is None or now is not document or (now and now.version != version):
            return
        self._pushed[path] = made.number
        uri = document.uri if document else uri_of(path)
        self.teller.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, made.items, version))

    async def _look_around(self, but: str | None) -> None:
        """Check the rest of the workspace, file by file."""
        await asyncio.sleep(LATER_SECONDS)
        for path in await self.analysis.ask(self._to_look_at):
            self._stirred |= path != but and path in self.analysis.documents
            if self.client.pulls_diagnostics:
                await self.analysis.ask(self._findings(path, None))
            else:
                await self._push(path)
        if self._stirred:
            self._stirred = False
            for method in sorted(self.client.refreshes):
                self.teller.refresh(method)

    def _to_look_at(self, files: Files) -> list[str]:
        """The files that are not as they were told of last, or that import something which is not; and those
        that are gone."""
        paths = files.paths()
        gone = [path for path, number in self._pushed.items() if number != NOTHING and path not in paths]
        changed = (p for p in paths if not files.workspace.is_still(p, self._known.get(p)))
        return [*changed, *gone]

    # Pulled

    async def report(self, path: str, before: str | None) -> Report:
        """What is wrong with a file; `before` is the number of what the client knows."""
        made = await self.analysis.ask(self._findings(path, before))
        if made.items is None:
            return lsp.RelatedUnchangedDocumentDiagnosticReport(made.number)
        return lsp.RelatedFullDocumentDiagnosticReport(made.items, result_id=made.number)

    async def reports(
        self, known: Iterable[lsp.PreviousResultId]
    ) -> list[lsp.WorkspaceDocumentDiagnosticReport]:
        """A report for each file of the workspace, made one by one, so that nobody waits for all of them."""
        before = {path_of(each.uri): each.value for each in known}
        paths = await self.analysis.ask(Files.paths)
        made: list[lsp.WorkspaceDocumentDiagnosticReport] = []
        for path in dict.fromkeys([*paths, *before]):
            report = await self.report(path, before.get(path))
            document = self.analysis.documents.get(path)
            uri, version = (document.uri, document.version) if document else (uri_of(path), None)
            if isinstance(report, lsp.RelatedUnchangedDocumentDiagnosticReport):
                same = lsp.WorkspaceUnchangedDocumentDiagnosticReport(uri, report.result_id, version)
                made.append(same)
            else:
                items, number = report.items, report.result_id
                full = lsp.WorkspaceFullDocumentDiagnosticReport(uri, items, version, result_id=number)
                made.append(full)
        return made

    # Both, on the analysis thread

    def _findings(self, path: str, before: str | None) -> Callable[[Files], Findings]:
        def job(files: Files) -> Findings:
            found = self._found(files, path)
            number = self._number(path, found)
            if number == before:
                return Findings(found, number, None)
            converter = Converter(files, self.client, self.analysis.documents)
            return Findings(found, number, converter.diagnostics(path, found))

        return job

    def _found(self, files: Files, path: str) -> tuple[Diagnostic, ...]:
        """What is wrong with a file: nothing, if it is closed and not of the workspace, or is gone. A bug of
        ours in one file does not keep others from being told of theirs."""
        if path not in files.paths():
            return ()
        try:
            found = self._known[path] = files.workspace.snapshot(path)
            return found.diagnostics if isinstance(found, Snapshot) else (found,)
        except Exception:
            log.exception("%s cannot be checked", path)
            return ()

    def _number(self, path: str, found: tuple[Diagnostic, ...]) -> str:
        known = self._numbered.get(path)
        if known is not None and known[0] == found:
            return known[1]
        self._numbers += 1
        number = str(self._numbers) if found else NOTHING
        self._numbered[path] = found, number
        return number


NOTHING = "0"
"""The number of no diagnostics at all."""
