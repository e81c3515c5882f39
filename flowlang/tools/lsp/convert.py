"""Offsets <-> positions, paths <-> URIs, and the protocol's types that several answers have in common.

Offsets become positions here and nowhere else, by the lines of the file that they are in. A result in a file
that cannot be read any more is left out. Paths in messages are shown from the workspace's folder on."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import attrs
from lsprotocol import types as lsp
from pygls.uris import from_fs_path, to_fs_path

from flowlang.ide.folding import Fold
from flowlang.ide.snapshot import Edit, Location
from flowlang.ide.symbols import Found, Symbol, SymbolKind
from flowlang.ide.tokens import KINDS, Token
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Span
from flowlang.tools.lsp.analysis import Files
from flowlang.tools.lsp.client import Client
from flowlang.tools.lsp.texts import Change, Document, Lines, Position

SOURCE = "flow"

MOST_DIAGNOSTICS = 1_000
"""Of a file; nobody reads more, and an editor that is told of many thousands stands still."""


def path_of(uri: str) -> str:
    """What the workspace calls a document: the path of a file, and anything else by its URI."""
    path = to_fs_path(uri) if uri.startswith("file:") else None
    return posixpath.normpath(path.replace(os.sep, "/")) if path else uri


def uri_of(path: str) -> str:
    if not os.path.isabs(path):
        return path
    single = re.sub("^//+", "/", path)  # two slashes would begin the name of a host
    return from_fs_path(single) or path


def position_of(position: lsp.Position) -> Position:
    return Position(position.line, position.character)


def changes_of(changes: Iterable[lsp.TextDocumentContentChangeEvent]) -> list[Change]:
    return [
        Change(each.text, position_of(each.range.start), position_of(each.range.end))
        if isinstance(each, lsp.TextDocumentContentChangePartial)
        else Change(each.text)
        for each in changes
    ]


@attrs.frozen
class Converter:
    """Works with the files on the analysis thread. `documents` are those that the client has open."""

    files: Files
    client: Client
    documents: Mapping[str, Document]

    # Places

    def uri(self, path: str) -> str:
        """The URI by which the client knows a file."""
        document = self.documents.get(path)
        return document.uri if document else uri_of(path)

    def offset(self, path: str, position: lsp.Position) -> int:
        lines = self.files.lines(path)
        return lines.offset(position_of(position)) if lines else 0

    def span(self, path: str, given: lsp.Range) -> Span:
        start, end = sorted((self.offset(path, given.start), self.offset(path, given.end)))
        return Span(start, end)

    def range(self, path: str, span: Span) -> lsp.Range | None:
        lines = self.files.lines(path)
        return self.range_in(lines, span) if lines else None

    def range_in(self, lines: Lines, span: Span) -> lsp.Range:
        return lsp.Range(self.position_in(lines, span.start), self.position_in(lines, span.end))

    def position_in(self, lines: Lines, offset: int) -> lsp.Position:
        return lsp.Position(*lines.position(offset))

    def location(self, place: Location) -> lsp.Location | None:
        found = self.range(place.path, place.span)
        return None if found is None else lsp.Location(self.uri(place.path), found)

    def locations(self, places: Iterable[Location]) -> list[lsp.Location]:
        return [found for found in map(self.location, places) if found is not None]

    # Diagnostics

    def diagnostics(self, path: str, found: Iterable[Diagnostic]) -> list[lsp.Diagnostic]:
        """The first diagnostics of a file. One that cannot be read has them at its start."""
        lines = self.files.lines(path) or Lines("", "utf-32")
        return [self.diagnostic(lines, each) for each in islice(found, MOST_DIAGNOSTICS)]

    def diagnostic(self, lines: Lines, found: Diagnostic) -> lsp.Diagnostic:
        message = self.shown(found.message) + (f"\n{self.shown(found.help)}" if found.help else "")
        return lsp.Diagnostic(
            range=self.range_in(lines, found.primary.span),
            message=message,
            severity=_SEVERITIES[found.severity],
            code=found.code.number,
            source=SOURCE,
            tags=[lsp.DiagnosticTag.Unnecessary] if found.code == codes.UNUSED else None,
            related_information=list(self.related(found)) or None,
        )

    def related(self, found: Diagnostic) -> Iterator[lsp.DiagnosticRelatedInformation]:
        for label in found.related:
            if (
                label.text
                and label.anchor
                and (place := self.location(Location(label.anchor.path, label.span)))
            ):
                yield lsp.DiagnosticRelatedInformation(place, self.shown(label.text))

    def shown(self, text: str) -> str:
        """A message with the paths of the workspace as a person would write them."""
        for folder in self.files.folders:
            text = text.replace(folder.rstrip("/") + "/", "")
        return text

    # Edits

    def text_edits(self, edits: Iterable[Edit]) -> list[lsp.TextEdit]:
        """Edits of one file."""
        made = ((edit, self.range(edit.path, edit.span)) for edit in edits)
        return [lsp.TextEdit(place, edit.text) for edit, place in made if place is not None]

    def workspace_edit(self, edits: Iterable[Edit]) -> lsp.WorkspaceEdit:
        by_path: dict[str, list[Edit]] = {}
        for edit in edits:
            by_path.setdefault(edit.path, []).append(edit)
        if not self.client.versions_edits:
            return lsp.WorkspaceEdit({self.uri(path): self.text_edits(own) for path, own in by_path.items()})
        return lsp.WorkspaceEdit(
            document_changes=[
                lsp.TextDocumentEdit(self.versioned(path), self.text_edits(own))
                for path, own in by_path.items()
            ]
        )

    def versioned(self, path: str) -> lsp.OptionalVersionedTextDocumentIdentifier:
        document = self.documents.get(path)
        version = document.version if document else None
        return lsp.OptionalVersionedTextDocumentIdentifier(self.uri(path), version)

    # Outline

    def document_symbol(self, lines: Lines, symbol: Symbol) -> lsp.DocumentSymbol:
        return lsp.DocumentSymbol(
            name=symbol.name or "?",
            kind=_SYMBOLS[symbol.kind],
            range=self.range_in(lines, symbol.span),
            selection_range=self.range_in(lines, symbol.name_span),
            detail=symbol.detail or None,
            children=[self.document_symbol(lines, inner) for inner in symbol.inner] or None,
        )

    def flat_symbols(
        self, path: str, symbols: Sequence[Symbol], around: str = ""
    ) -> Iterator[lsp.SymbolInformation]:
        for symbol in symbols:
            place = self.location(Location(path, symbol.span))
            if place is not None:
                yield lsp.SymbolInformation(
                    place, symbol.name or "?", _SYMBOLS[symbol.kind], container_name=around or None
                )
            yield from self.flat_symbols(path, symbol.inner, symbol.name)

    def found_symbols(self, found: Iterable[Found]) -> Iterator[lsp.WorkspaceSymbol]:
        for each in found:
            place = self.location(each.location)
            if place is not None:
                yield lsp.WorkspaceSymbol(
                    place, each.name, _SYMBOLS[each.kind], container_name=each.container or None
                )

    def fold(self, found: Fold) -> lsp.FoldingRange:
        return lsp.FoldingRange(found.first - 1, found.last - 1, kind=_FOLDS[found.kind])

    def selection(self, lines: Lines, spans: Sequence[Span]) -> lsp.SelectionRange:
        """The smallest of some spans, with those around it as its parents."""
        made: lsp.SelectionRange | None = None
        for span in reversed(spans):
            made = lsp.SelectionRange(self.range_in(lines, span), made)
        assert made is not None, "the whole file is always one of them"
        return made

    def tokens(self, lines: Lines, found: Iterable[Token]) -> list[int]:
        """Five numbers a token, as the protocol packs them; places count from the token before."""
        packed: list[int] = []
        line = character = 0
        for token in found:
            start, end = lines.position(token.start), lines.position(token.end)
            same = start.line == line
            ahead = start.character - character if same else start.character
            packed += (
                start.line - line,
                ahead,
                end.character - start.character,
                _KIND_NUMBERS[token.kind],
                token.modifiers,
            )
            line, character = start
        return packed


_SEVERITIES = {"error": lsp.DiagnosticSeverity.Error, "warning": lsp.DiagnosticSeverity.Warning}

_KIND_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}

_FOLDS = {"region": None, "comment": lsp.FoldingRangeKind.Comment, "imports": lsp.FoldingRangeKind.Imports}

_SYMBOLS: dict[SymbolKind, lsp.SymbolKind] = {
    "import": lsp.SymbolKind.Module,
    "use": lsp.SymbolKind.Module,
    "type": lsp.SymbolKind.Struct,
    "case": lsp.SymbolKind.EnumMember,
    "field": lsp.SymbolKind.Field,
    "error": lsp.SymbolKind.Class,
    "event": lsp.SymbolKind.Event,
    "agent": lsp.SymbolKind.Interface,
    "ask": lsp.SymbolKind.Interface,
    "flow": lsp.SymbolKind.Function,
    "test": lsp.SymbolKind.Method,
    "parameter": lsp.SymbolKind.Variable,
    "step": lsp.SymbolKind.Variable,
    "let": lsp.SymbolKind.Constant,
    "run": lsp.SymbolKind.Variable,
    "broken": lsp.SymbolKind.Null,
}
