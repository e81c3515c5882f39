"""The answers that need names and types: completion, hover, navigation, renaming, actions, hints, calls.

Like those of `answers`, with the files of the whole workspace where they matter. What only offers (an import
that could be added) makes do with the files that were looked at already; what must be complete (references,
a rename) looks at all of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException

from flowlang.ide.actions import Action, actions, fix_all
from flowlang.ide.calls import Called, called_at, incoming, outgoing
from flowlang.ide.completion import complete
from flowlang.ide.hints import Hint, hints
from flowlang.ide.hover import hover
from flowlang.ide.last_run import Shown, values_of
from flowlang.ide.meaning import Variable, mention_at
from flowlang.ide.navigation import (
    Target,
    definition,
    highlights,
    implementations,
    references,
    type_definition,
)
from flowlang.ide.offers import Kind, Offer
from flowlang.ide.rename import Refusal, prepare_rename, rename
from flowlang.ide.signature import signature_help
from flowlang.text.source import Span
from flowlang.tools.lsp.answers import Answer, Question

REQUEST_FAILED = -32803

MOST_USABLE = 200
"""Python files beside a flow that a `use` is offered."""


# At a cursor


def completion(asked: Question, params: lsp.CompletionParams) -> object:
    others = asked.files.workspace.known(asked.files.paths())
    found = complete(asked.snapshot, asked.offset(params.position), others, _usable(asked.path))
    word = asked.convert.range_in(asked.lines, found.word)
    items = [_item(asked, word, number, offer) for number, offer in enumerate(found.offers)]
    # With one letter more, names of files that are not imported may be offered that were not before.
    is_incomplete = len(others) > 1 and found.word.end - found.word.start < 2
    return lsp.CompletionList(is_incomplete, items)


def _usable(path: str) -> list[str]:
    folder = os.path.dirname(path)
    try:
        names = sorted(os.listdir(folder)) if os.path.isabs(path) else []
    except OSError:
        return []
    return [os.path.join(folder, name) for name in names if name.endswith(".py")][:MOST_USABLE]


def _item(asked: Question, word: lsp.Range, number: int, offer: Offer) -> lsp.CompletionItem:
    snippet = offer.snippet if asked.convert.client.has_snippets else None
    return lsp.CompletionItem(
        label=offer.label,
        kind=_COMPLETIONS[offer.kind],
        detail=offer.detail or None,
        documentation=_markdown(offer.doc) if offer.doc else None,
        sort_text=f"{number:04}",
        filter_text=offer.label,  # the label, but Neovim takes an edit without it for one that fits
        insert_text_format=lsp.InsertTextFormat.Snippet if snippet else None,
        text_edit=lsp.TextEdit(word, snippet or offer.text),
        additional_text_edits=asked.convert.text_edits(offer.edits) if offer.edits else None,
    )


def _markdown(text: str) -> lsp.MarkupContent:
    return lsp.MarkupContent(lsp.MarkupKind.Markdown, text)


def hovering(asked: Question, params: lsp.HoverParams) -> object:
    found = hover(asked.snapshot, asked.offset(params.position))
    if found is None:
        return None
    place = asked.convert.range_in(asked.lines, found.span)
    if not asked.convert.client.shows_markdown:
        plain = "\n\n".join(part for part in (found.code, found.text) if part)
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.PlainText, plain), place)
    code = f"```flow\n{found.code}\n```" if found.code else ""
    return lsp.Hover(_markdown("\n\n".join(part for part in (code, found.text) if part)), place)


def signature(asked: Question, params: lsp.SignatureHelpParams) -> object:
    found = signature_help(asked.snapshot, asked.offset(params.position))
    if found is None:
        return None
    parameters = [
        lsp.ParameterInformation(found.label[slice(*span)], _markdown(doc) if doc else None)
        for span, doc in found.parameters
    ]
    # No parameter is active where the index lies behind the last one.
    active = len(parameters) if found.active is None else found.active
    made = lsp.SignatureInformation(
        found.label, _markdown(found.doc) if found.doc else None, parameters, active
    )
    return lsp.SignatureHelp([made], active_signature=0, active_parameter=active)


# To other places


def defined(asked: Question, params: lsp.DefinitionParams) -> object:
    found = list(_targets(asked, definition(asked.snapshot, asked.offset(params.position))))
    if asked.convert.client.links_definitions:
        return found
    return [lsp.Location(each.target_uri, each.target_selection_range) for each in found]


def type_defined(asked: Question, params: lsp.TypeDefinitionParams) -> object:
    found = _targets(asked, type_definition(asked.snapshot, asked.offset(params.position)))
    return [lsp.Location(each.target_uri, each.target_selection_range) for each in found]


def implemented(asked: Question, params: lsp.ImplementationParams) -> object:
    found = _targets(asked, implementations(asked.snapshot, asked.offset(params.position)))
    return [lsp.Location(each.target_uri, each.target_selection_range) for each in found]


def _targets(asked: Question, targets: Iterable[Target]) -> Iterator[lsp.LocationLink]:
    for target in targets:
        uri = asked.convert.uri(target.path)
        if target.line is not None:
            start = lsp.Position(target.line - 1, 0)
            yield lsp.LocationLink(uri, lsp.Range(start, start), lsp.Range(start, start))
            continue
        whole, name = (asked.convert.range(target.path, span) for span in (target.whole, target.span))
        if whole is not None and name is not None:
            yield lsp.LocationLink(uri, whole, name)


def referred(asked: Question, params: lsp.ReferenceParams) -> object:
    offset, declaration = asked.offset(params.position), params.context.include_declaration
    found = references(asked.files.snapshots(), asked.snapshot, offset, declaration=declaration)
    return asked.convert.locations(found)


def highlighted(asked: Question, params: lsp.DocumentHighlightParams) -> object:
    kinds = {"read": lsp.DocumentHighlightKind.Read, "write": lsp.DocumentHighlightKind.Write}
    return [
        lsp.DocumentHighlight(asked.convert.range_in(asked.lines, found.span), kinds[found.kind])
        for found in highlights(asked.snapshot, asked.offset(params.position))
    ]


# To change names


def linked(asked: Question, params: lsp.LinkedEditingRangeParams) -> object:
    """All mentions of a value name, which are changed together as one is typed."""
    offset = asked.offset(params.position)
    mention = mention_at(asked.snapshot, offset)
    if mention is None or not isinstance(mention.meaning, Variable):
        return None
    spans = [found.span for found in highlights(asked.snapshot, offset)]
    if any(asked.snapshot.text[slice(*span)] != mention.meaning.name for span in spans):
        return None
    ranges = [asked.convert.range_in(asked.lines, span) for span in spans]
    return lsp.LinkedEditingRanges(ranges, "[A-Za-z_][A-Za-z0-9_]*")


def prepare_renaming(asked: Question, params: lsp.PrepareRenameParams) -> object:
    found = prepare_rename(asked.snapshot, asked.offset(params.position))
    if isinstance(found, Refusal):
        raise JsonRpcException(asked.convert.shown(found.reason), REQUEST_FAILED)
    return lsp.PrepareRenamePlaceholder(asked.convert.range_in(asked.lines, found.span), found.name)


def renaming(asked: Question, params: lsp.RenameParams) -> object:
    offset = asked.offset(params.position)
    found = rename(asked.files.snapshots(), asked.snapshot, offset, params.new_name)
    if isinstance(found, Refusal):
        raise JsonRpcException(asked.convert.shown(found.reason), REQUEST_FAILED)
    return asked.convert.workspace_edit(found)


def code_action(asked: Question, params: lsp.CodeActionParams) -> object:
    """Actions of the kinds that are wanted; `source.fixAll` is all fixes at once."""
    others = asked.files.workspace.known(asked.files.paths())
    found = actions(asked.snapshot, asked.convert.span(asked.path, params.range), others)
    if all_at_once := fix_all(asked.snapshot):
        found = (*found, Action("fix all that can be fixed", "source.fixAll", all_at_once))
    wanted = params.context.only
    return [
        _action(asked, each)
        for each in found
        if (each.kind.split(".")[0] != "source" if wanted is None else _is_wanted(each.kind, wanted))
    ]


def _is_wanted(kind: str, wanted: Iterable[lsp.CodeActionKind | str]) -> bool:
    names = (each.value if isinstance(each, lsp.CodeActionKind) else each for each in wanted)
    return any(name == "" or kind == name or kind.startswith(f"{name}.") for name in names)


def _action(asked: Question, found: Action) -> lsp.CodeAction:
    mended = asked.convert.diagnostic(asked.lines, found.diagnostic) if found.diagnostic else None
    return lsp.CodeAction(
        title=found.title,
        kind=found.kind,
        diagnostics=[mended] if mended else None,
        is_preferred=found.preferred or None,
        edit=asked.convert.workspace_edit(found.edits),
    )


# Beside the text


def inlay_hint(asked: Question, params: lsp.InlayHintParams) -> object:
    within = asked.convert.span(asked.path, params.range)
    made = [_hint(asked, found) for found in hints(asked.snapshot, within)]
    if asked.convert.client.shows_values:
        runs = asked.memory.runs.get(asked.path, {})
        made += [_value(asked, shown) for shown in values_of(asked.snapshot, runs, within)]
    return made


def _hint(asked: Question, found: Hint) -> lsp.InlayHint:
    """A hint. Blanks at its ends are the editor's own, which are not coloured."""
    return lsp.InlayHint(
        position=asked.convert.position_in(asked.lines, found.offset),
        label=found.label.strip(),
        kind=lsp.InlayHintKind.Type if found.kind == "type" else None,
        tooltip=found.tooltip or None,
        padding_left=found.label.startswith(" "),
        padding_right=found.label.endswith(" "),
    )


def _value(asked: Question, shown: Shown) -> lsp.InlayHint:
    """What a step gave in the last run, at the end of its first line."""
    end = asked.snapshot.text.find("\n", shown.name.end)
    offset = len(asked.snapshot.text) if end < 0 else end
    place = asked.convert.position_in(asked.lines, offset)
    return lsp.InlayHint(place, f"= {shown.text}", tooltip="in the last run", padding_left=True)


def prepare_calls(asked: Question, params: lsp.CallHierarchyPrepareParams) -> object:
    found = called_at(asked.snapshot, asked.offset(params.position))
    made = found and _called(asked, found)
    return [made] if made else None


def incoming_calls(asked: Question, params: lsp.CallHierarchyIncomingCallsParams) -> object:
    about = called_at(asked.snapshot, asked.offset(params.item.selection_range.start))
    found = incoming(asked.files.snapshots(), about) if about else ()
    return [
        lsp.CallHierarchyIncomingCall(other, _ranges(asked, each.other.path, each.spans))
        for each in found
        if (other := _called(asked, each.other))
    ]


def outgoing_calls(asked: Question, params: lsp.CallHierarchyOutgoingCallsParams) -> object:
    about = called_at(asked.snapshot, asked.offset(params.item.selection_range.start))
    found = outgoing(asked.files.snapshots(), about) if about else ()
    return [
        lsp.CallHierarchyOutgoingCall(other, _ranges(asked, asked.path, each.spans))
        for each in found
        if (other := _called(asked, each.other))
    ]


def _called(asked: Question, found: Called) -> lsp.CallHierarchyItem | None:
    whole, name = (asked.convert.range(found.path, span) for span in (found.span, found.name_span))
    if whole is None or name is None:
        return None
    kind = lsp.SymbolKind.Interface if found.kind in ("agent", "ask") else lsp.SymbolKind.Function
    uri = asked.convert.uri(found.path)
    return lsp.CallHierarchyItem(found.meaning.name, kind, uri, whole, name, detail=found.detail)


def _ranges(asked: Question, path: str, spans: Iterable[Span]) -> list[lsp.Range]:
    return [place for span in spans if (place := asked.convert.range(path, span))]


_COMPLETIONS: dict[Kind, lsp.CompletionItemKind] = {
    "keyword": lsp.CompletionItemKind.Keyword,
    "value": lsp.CompletionItemKind.Variable,
    "field": lsp.CompletionItemKind.Field,
    "function": lsp.CompletionItemKind.Method,
    "agent": lsp.CompletionItemKind.Interface,
    "ask": lsp.CompletionItemKind.Interface,
    "flow": lsp.CompletionItemKind.Function,
    "constructor": lsp.CompletionItemKind.EnumMember,
    "type": lsp.CompletionItemKind.Struct,
    "error": lsp.CompletionItemKind.Class,
    "event": lsp.CompletionItemKind.Event,
    "module": lsp.CompletionItemKind.Module,
    "literal": lsp.CompletionItemKind.Value,
    "argument": lsp.CompletionItemKind.Property,
    "effect": lsp.CompletionItemKind.EnumMember,
    "provider": lsp.CompletionItemKind.Module,
    "path": lsp.CompletionItemKind.File,
}

MEANINGS: dict[str, tuple[Answer, object]] = {
    lsp.TEXT_DOCUMENT_COMPLETION: (completion, lsp.CompletionOptions(trigger_characters=[".", '"', "/"])),
    lsp.TEXT_DOCUMENT_HOVER: (hovering, None),
    lsp.TEXT_DOCUMENT_SIGNATURE_HELP: (
        signature,
        lsp.SignatureHelpOptions(trigger_characters=["(", ","], retrigger_characters=[")"]),
    ),
    lsp.TEXT_DOCUMENT_DEFINITION: (defined, None),
    lsp.TEXT_DOCUMENT_TYPE_DEFINITION: (type_defined, None),
    lsp.TEXT_DOCUMENT_IMPLEMENTATION: (implemented, None),
    lsp.TEXT_DOCUMENT_REFERENCES: (referred, None),
    lsp.TEXT_DOCUMENT_DOCUMENT_HIGHLIGHT: (highlighted, None),
    lsp.TEXT_DOCUMENT_LINKED_EDITING_RANGE: (linked, None),
    lsp.TEXT_DOCUMENT_PREPARE_RENAME: (prepare_renaming, None),
    lsp.TEXT_DOCUMENT_RENAME: (renaming, lsp.RenameOptions(prepare_provider=True)),
    lsp.TEXT_DOCUMENT_CODE_ACTION: (
        code_action,
        lsp.CodeActionOptions(
            ["quickfix", "refactor.extract", "refactor.rewrite", "source.organizeImports", "source.fixAll"]
        ),
    ),
    lsp.TEXT_DOCUMENT_INLAY_HINT: (inlay_hint, None),
    lsp.TEXT_DOCUMENT_PREPARE_CALL_HIERARCHY: (prepare_calls, None),
    lsp.CALL_HIERARCHY_INCOMING_CALLS: (incoming_calls, None),
    lsp.CALL_HIERARCHY_OUTGOING_CALLS: (outgoing_calls, None),
}
