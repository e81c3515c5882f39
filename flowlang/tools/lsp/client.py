"""What a client can do: its capabilities, boiled down to the questions that the server asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import attrs
from lsprotocol import types as lsp


@attrs.frozen
class Client:
    """`commands` are those that the client carries out when a lens is chosen, `shows_values` whether it wants
    the values of the last run as hints, `environment` names the one that of flow.toml. They stand
    in its `initializationOptions`:
    `{"commands": ["flow.run", "flow.test", "flow.show"], "lastRun": true, "environment": "prod"}`."""

    pulls_diagnostics: bool = False
    refreshes: frozenset[str] = frozenset()  # the methods `workspace/…/refresh` that it understands
    watches_files: bool = False
    has_snippets: bool = False
    links_definitions: bool = False
    nests_symbols: bool = False
    versions_edits: bool = False
    augments_syntax: bool = False
    shows_markdown: bool = False
    commands: frozenset[str] = frozenset()
    shows_values: bool = False
    environment: str | None = None
    has_inline_values: bool = False
    process_id: int | None = None

    @property
    def wants_runs(self) -> bool:
        """Whether the last run of a flow is shown anywhere."""
        return self.shows_values or self.has_inline_values or "flow.show" in self.commands

    @classmethod
    def of(cls, params: lsp.InitializeParams) -> Client:
        found = params.capabilities
        document = found.text_document or lsp.TextDocumentClientCapabilities()
        workspace = found.workspace or lsp.WorkspaceClientCapabilities()
        return cls(
            pulls_diagnostics=document.diagnostic is not None,
            refreshes=frozenset(_refreshes(workspace)),
            watches_files=_yes(workspace.did_change_watched_files, "dynamic_registration"),
            has_snippets=_yes(document.completion, "completion_item", "snippet_support"),
            links_definitions=_yes(document.definition, "link_support"),
            nests_symbols=_yes(document.document_symbol, "hierarchical_document_symbol_support"),
            versions_edits=_yes(workspace.workspace_edit, "document_changes"),
            augments_syntax=_yes(document.semantic_tokens, "augments_syntax_tokens"),
            shows_markdown=_markdown(document.hover),
            commands=_commands(_option(params, "commands")),
            has_inline_values=document.inline_value is not None,
            shows_values=_option(params, "lastRun") is True,
            environment=_text(_option(params, "environment")),
            process_id=params.process_id,
        )


def _yes(found: object, *names: str) -> bool:
    for name in names:
        found = getattr(found, name, None)
    return bool(found)


def _refreshes(workspace: lsp.WorkspaceClientCapabilities) -> Sequence[str]:
    offered = {
        lsp.WORKSPACE_DIAGNOSTIC_REFRESH: workspace.diagnostics,
        lsp.WORKSPACE_SEMANTIC_TOKENS_REFRESH: workspace.semantic_tokens,
        lsp.WORKSPACE_INLAY_HINT_REFRESH: workspace.inlay_hint,
        lsp.WORKSPACE_CODE_LENS_REFRESH: workspace.code_lens,
        lsp.WORKSPACE_INLINE_VALUE_REFRESH: workspace.inline_value,
    }
    return [method for method, capability in offered.items() if _yes(capability, "refresh_support")]


def _markdown(hover: lsp.HoverClientCapabilities | None) -> bool:
    formats = hover.content_format if hover else None
    return formats is None or lsp.MarkupKind.Markdown in formats


def _option(params: lsp.InitializeParams, name: str) -> object:
    """An option of ours, whatever else a client may have sent."""
    options: object = params.initialization_options
    return options.get(name) if isinstance(options, dict) else getattr(options, name, None)


def _text(named: object) -> str | None:
    """A name; None where there is none, as in a setting that is left empty."""
    return named if isinstance(named, str) and named else None


def _commands(named: object) -> frozenset[str]:
    if not isinstance(named, Sequence) or isinstance(named, str):
        return frozenset()
    return frozenset(name for name in cast(Sequence[object], named) if isinstance(name, str))
