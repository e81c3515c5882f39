"""The kinds of providers that there are, by name alone: the checker asks, and loads none of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

ENTRY_POINTS: Final = "flowlang.providers"

BUILT_IN: Final = {
    "mcp": "flowlang.agents.mcp",
    "http": "flowlang.agents.http",
    "a2a": "flowlang.agents.a2a",
    "llm": "flowlang.agents.llm",
}
"""The module of each kind that comes with flowlang; it has a `Provider` called `provider`."""

DECLARED: Final = frozenset({"llm"})
"""Kinds whose targets offer nothing by themselves: what is called there is declared in flows."""


def is_kind(name: str) -> bool:
    return name in BUILT_IN or bool(installed(name=name))


def known_kinds() -> tuple[str, ...]:
    """The kinds of providers that are installed."""
    return (*BUILT_IN, *sorted({found.name for found in installed()} - BUILT_IN.keys()))


def installed(**wanted: str) -> Any:
    """The entry points that others have registered. To look for them takes longer than to check a flow, so
    even that is loaded only when somebody asks."""
    return import_module("importlib.metadata").entry_points(group=ENTRY_POINTS, **wanted)
