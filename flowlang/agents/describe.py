"""What the checker is told about the target of a `use`: one way in, for every provider.

A provider is loaded when a flow names it, so that checking a flow without one costs nothing."""

from __future__ import annotations

from importlib import import_module
from typing import Final, cast

from flowlang.semantics.providers import Description

PROVIDERS: Final = {"python": "flowlang.agents.python_signatures"}
"""The module of each provider; it has a function `describe(target, using_path) -> Description`."""


def describe(provider: str, target: str, using_path: str) -> Description:
    """The agents behind `use PROVIDER name = "TARGET"` in the file at `using_path`. Never raises."""
    if provider not in PROVIDERS:
        return Description(target, known=False)
    return cast(Description, import_module(PROVIDERS[provider]).describe(target, using_path))
