"""The workspace on a thread of its own, and what the server asks of it.

The server's loop owns the open documents and changes them at once, in the order of the client's messages. All
analysis happens on one worker thread, a job at a time, first come first served: `ask` hands it a function and
waits. Texts travel to the worker as notes that it reads before each job, so nothing is locked.

A job is about the text that was there when it was asked for. Where the client has typed on before the job
begins, it is not begun: `Outdated`. A job that goes over many files asks for one file at a time, so that it
never holds up somebody who waits for an answer longer than one file takes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import TypeVar

import attrs

from flowlang.ide.snapshot import Snapshot, Snapshots
from flowlang.ide.workspace import Workspace
from flowlang.text.source import Source
from flowlang.tools.lsp.disk import MOST_FILES, Stamps, find_flows, workspace_on_disk
from flowlang.tools.lsp.texts import Change, Document, Encoding, Lines

R = TypeVar("R")


class Outdated(Exception):
    """The text that was asked about is no longer the text."""


@attrs.define(eq=False, repr=False)
class Files:
    """What the worker works with; used on its thread only."""

    encoding: Encoding = "utf-16"
    folders: tuple[str, ...] = ()
    environment: str | None = None
    stamps: Stamps = attrs.field(factory=Stamps)
    workspace: Workspace = attrs.field(init=False)
    opened: dict[str, None] = attrs.field(init=False, factory=dict)
    _found: list[str] | None = attrs.field(init=False, default=None)
    _lines: dict[str, Lines] = attrs.field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.workspace = workspace_on_disk(self.stamps, lambda: self.environment)

    def open(self, path: str, text: str) -> None:
        if path not in self.opened:
            self._found = None  # a good time to look what else is new
        self.opened[path] = None
        self.workspace.open(path, text)

    def close(self, path: str) -> None:
        self.opened.pop(path, None)
        self.workspace.close(path)

    def forget(self, paths: Sequence[str] | None = None) -> None:
        """These files, or any, may have changed, come or gone."""
        self.workspace.forget(paths)
        self._found = None

    def snapshot(self, path: str) -> Snapshot | None:
        found = self.workspace.snapshot(path)
        return found if isinstance(found, Snapshot) else None

    def paths(self) -> list[str]:
        """The flow files of the workspace, those that are open first."""
        if self._found is None:
            self._found = find_flows(self.folders)
        return list(dict.fromkeys([*self.opened, *self._found]))[: MOST_FILES + len(self.opened)]

    def snapshots(self) -> Snapshots:
        """The files of the workspace, and all that they import."""
        found = self.workspace.snapshots(self.paths())
        beside = {path for each in found.values() for path in each.checked.modules} - found.keys()
        return {**found, **self.workspace.snapshots(sorted(beside))}

    def lines(self, path: str) -> Lines | None:
        """The lines of a file as it is now; None where it cannot be read."""
        source = self.workspace.text(path)
        if not isinstance(source, Source):
            return None
        known = self._lines.get(path)
        if known is None or known.text is not source.text or known.encoding != self.encoding:
            known = self._lines[path] = Lines(source.text, self.encoding)
        return known


@attrs.define(eq=False, repr=False)
class Analysis:
    """The loop's side: the open documents by path, and the way to the worker."""

    documents: dict[str, Document] = attrs.field(factory=dict)
    _files: Files = attrs.field(factory=Files)
    _notes: SimpleQueue[Callable[[], None]] = attrs.field(factory=SimpleQueue)
    _worker: ThreadPoolExecutor = attrs.field(
        factory=lambda: ThreadPoolExecutor(max_workers=1, thread_name_prefix="analysis")
    )

    def start(self, folders: Sequence[str], encoding: Encoding, environment: str | None = None) -> None:
        """Where flows are looked for, how positions are counted, and which tables of flow.toml hold."""
        self._files.folders, self._files.encoding = tuple(folders), encoding
        self._files.environment = environment

    def refold(self, added: Sequence[str], removed: Sequence[str]) -> None:
        """Folders have come to the workspace or left it."""

        def apply() -> None:
            kept = (folder for folder in (*self._files.folders, *added) if folder not in removed)
            self._files.folders = tuple(dict.fromkeys(kept))
            self._files.forget([])

        self._notes.put(apply)

    def open(self, document: Document) -> None:
        self.documents[document.path] = document
        self._notes.put(partial(self._files.open, document.path, document.text))

    def change(self, path: str, version: int, changes: Sequence[Change]) -> None:
        """Change a document; one that is not open is nothing that could be changed."""
        document = self.documents.get(path)
        if document is not None:
            document.change(version, changes, self._files.encoding)
            self._notes.put(partial(self._files.open, path, document.text))

    def close(self, path: str) -> None:
        self.documents.pop(path, None)
        self._notes.put(partial(self._files.close, path))

    def forget(self, paths: Sequence[str] | None = None) -> None:
        """Files may have changed on disk."""
        self._notes.put(partial(self._files.forget, paths))

    async def ask(self, work: Callable[[Files], R], *, about: str | None = None) -> R:
        """What a function finds. Raises Outdated where the document that it is `about` has changed since."""
        document = self.documents.get(about) if about else None
        version = document.version if document else None

        def job() -> R:
            if document is not None and document.version != version:
                raise Outdated
            while not self._notes.empty():
                self._notes.get()()
            return work(self._files)

        return await asyncio.get_running_loop().run_in_executor(self._worker, job)

    def stop(self) -> None:
        self._worker.shutdown(wait=False, cancel_futures=True)
