"""What each request about a document is answered with.

An answer is a function of a `Question`, which is a document as it was when the request came, and of the
request's parameters. It runs on the analysis thread. Requests about a document that is neither open nor on
disk, or that is no text, are answered with nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import attrs
from lsprotocol import types as lsp

from flowlang.ide.folding import folds
from flowlang.ide.formatting import format_document, format_on_type, format_range
from flowlang.ide.last_run import LastRuns, values_of
from flowlang.ide.lenses import Lens, lenses
from flowlang.ide.links import links
from flowlang.ide.selection import selections
from flowlang.ide.snapshot import Snapshot
from flowlang.ide.symbols import document_symbols
from flowlang.ide.tokens import KINDS, MODIFIERS, tokens
from flowlang.tools.lsp.analysis import Files
from flowlang.tools.lsp.convert import Converter
from flowlang.tools.lsp.texts import Lines

LEGEND = lsp.SemanticTokensLegend(token_types=list(KINDS), token_modifiers=list(MODIFIERS))

COMMANDS = {"run": ("flow.run", "▶ run"), "test": ("flow.test", "▶ test")}
"""The command of each kind of lens, and what it says. Behind `flow.run` stands `flow.show`, with the run."""


@attrs.define
class Memory:
    """What answers draw on beside the text: tokens as they were told last, each with its number, the last
    good pictures of flows by path and name, and the last runs of a file's flows, all by path."""

    tokens: dict[str, tuple[int, list[int]]] = attrs.field(factory=dict)
    pictures: dict[tuple[str, str | None], Any] = attrs.field(factory=dict)
    runs: dict[str, LastRuns] = attrs.field(factory=dict)
    numbers: int = 0

    def keep(self, path: str, packed: list[int]) -> str:
        self.numbers += 1
        self.tokens[path] = self.numbers, packed
        return str(self.numbers)

    def forget(self, path: str) -> None:
        self.tokens.pop(path, None)
        self.runs.pop(path, None)
        for about in [about for about in self.pictures if about[0] == path]:
            del self.pictures[about]


@attrs.frozen
class Question:
    """A document, checked, and all that answers need beside it."""

    snapshot: Snapshot
    lines: Lines
    files: Files
    convert: Converter
    memory: Memory

    @property
    def path(self) -> str:
        return self.snapshot.path

    def offset(self, position: lsp.Position) -> int:
        return self.convert.offset(self.path, position)


Answer: TypeAlias = Callable[[Question, Any], object]


# Reading a file


def document_symbol(asked: Question, params: lsp.DocumentSymbolParams) -> object:
    found = document_symbols(asked.snapshot)
    if not asked.convert.client.nests_symbols:
        return list(asked.convert.flat_symbols(asked.path, found))
    return [asked.convert.document_symbol(asked.lines, symbol) for symbol in found]


def folding_range(asked: Question, params: lsp.FoldingRangeParams) -> object:
    return [asked.convert.fold(found) for found in folds(asked.snapshot)]


def selection_range(asked: Question, params: lsp.SelectionRangeParams) -> object:
    offsets = [asked.offset(position) for position in params.positions]
    return [asked.convert.selection(asked.lines, selections(asked.snapshot, offset)) for offset in offsets]


def document_link(asked: Question, params: lsp.DocumentLinkParams) -> object:
    return [
        lsp.DocumentLink(asked.convert.range_in(asked.lines, place.span), asked.convert.uri(target))
        for place, target in links(asked.snapshot)
    ]


def code_lens(asked: Question, params: lsp.CodeLensParams) -> object:
    """Lenses whose command the client carries out, and behind that of a flow how it fared last."""
    made: list[lsp.CodeLens] = []
    for lens in lenses(asked.snapshot):
        command, title = COMMANDS[lens.kind]
        if lens.ready:
            made += _lens(asked, lens, command, title, lens.name)
        run = asked.memory.runs.get(asked.path, {}).get(lens.name) if lens.kind == "run" else None
        if run is not None:
            made += _lens(asked, lens, "flow.show", run.summary, run.id)
    return made


def _lens(asked: Question, lens: Lens, command: str, title: str, name: str) -> Iterator[lsp.CodeLens]:
    if command in asked.convert.client.commands:
        about = {"uri": asked.convert.uri(asked.path), "path": asked.path, "name": name}
        place = asked.convert.range_in(asked.lines, lens.span)
        yield lsp.CodeLens(place, lsp.Command(title=title, command=command, arguments=[about]))


def inline_value(asked: Question, params: lsp.InlineValueParams) -> object:
    """What the steps of a stretch gave in the last run of their flow."""
    within = asked.convert.span(asked.path, params.range)
    return [
        lsp.InlineValueText(asked.convert.range_in(asked.lines, shown.name), f"= {shown.text}")
        for shown in values_of(asked.snapshot, asked.memory.runs.get(asked.path, {}), within)
    ]


# Colours


def semantic_tokens(asked: Question, params: lsp.SemanticTokensParams) -> object:
    packed = _packed(asked)
    return lsp.SemanticTokens(packed, asked.memory.keep(asked.path, packed))


def semantic_tokens_delta(asked: Question, params: lsp.SemanticTokensDeltaParams) -> object:
    """What differs from the tokens that the client has; all of them where it has others than we know."""
    before = asked.memory.tokens.get(asked.path)
    packed = _packed(asked)
    result_id = asked.memory.keep(asked.path, packed)
    if before is None or str(before[0]) != params.previous_result_id:
        return lsp.SemanticTokens(packed, result_id)
    return lsp.SemanticTokensDelta(_token_edits(before[1], packed), result_id)


def semantic_tokens_range(asked: Question, params: lsp.SemanticTokensRangeParams) -> object:
    within = asked.convert.span(asked.path, params.range)
    literals = not asked.convert.client.augments_syntax
    found = tokens(asked.snapshot, within=within, literals=literals)
    inside = (token for token in found if token.start < within.end and token.end > within.start)
    return lsp.SemanticTokens(asked.convert.tokens(asked.lines, inside))


def _packed(asked: Question) -> list[int]:
    found = tokens(asked.snapshot, literals=not asked.convert.client.augments_syntax)
    return asked.convert.tokens(asked.lines, found)


def _token_edits(before: list[int], after: list[int]) -> list[lsp.SemanticTokensEdit]:
    """At most one edit: all between the first and the last number that differ."""
    most = min(len(before), len(after))
    head = _common(most, lambda n: before[:n] == after[:n])
    tail = _common(most - head, lambda n: before[len(before) - n :] == after[len(after) - n :])
    if head == len(before) == len(after):
        return []
    return [lsp.SemanticTokensEdit(head, len(before) - head - tail, after[head : len(after) - tail])]


def _common(most: int, same: Callable[[int], bool]) -> int:
    """The largest number up to `most` for which two lists are the same, found by halving."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if same(middle) else (low, middle - 1)
    return low


# Layout


def formatting(asked: Question, params: lsp.DocumentFormattingParams) -> object:
    return asked.convert.text_edits(format_document(asked.snapshot))


def range_formatting(asked: Question, params: lsp.DocumentRangeFormattingParams) -> object:
    span = asked.convert.span(asked.path, params.range)
    return asked.convert.text_edits(format_range(asked.snapshot, span))


def on_type_formatting(asked: Question, params: lsp.DocumentOnTypeFormattingParams) -> object:
    offset = asked.offset(params.position)
    return asked.convert.text_edits(format_on_type(asked.snapshot, offset, params.ch))


ANSWERS: dict[str, tuple[Answer, object]] = {
    lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL: (document_symbol, lsp.DocumentSymbolOptions(label="flow")),
    lsp.TEXT_DOCUMENT_FOLDING_RANGE: (folding_range, None),
    lsp.TEXT_DOCUMENT_SELECTION_RANGE: (selection_range, None),
    lsp.TEXT_DOCUMENT_DOCUMENT_LINK: (document_link, None),
    lsp.TEXT_DOCUMENT_CODE_LENS: (code_lens, None),
    lsp.TEXT_DOCUMENT_INLINE_VALUE: (inline_value, None),
    lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL: (semantic_tokens, LEGEND),
    lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_FULL_DELTA: (semantic_tokens_delta, LEGEND),
    lsp.TEXT_DOCUMENT_SEMANTIC_TOKENS_RANGE: (semantic_tokens_range, LEGEND),
    lsp.TEXT_DOCUMENT_FORMATTING: (formatting, None),
    lsp.TEXT_DOCUMENT_RANGE_FORMATTING: (range_formatting, None),
    lsp.TEXT_DOCUMENT_ON_TYPE_FORMATTING: (
        on_type_formatting,
        lsp.DocumentOnTypeFormattingOptions(first_trigger_character="}", more_trigger_character=["\n"]),
    ),
}
"""The answer of each request about a document, and the options that the server's capabilities name."""
