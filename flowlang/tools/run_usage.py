"""What a run has used, by agent, as one line: `summarize 1,234 in, 56 out; read 90 in, 7 out`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

Usage: TypeAlias = Mapping[str, Mapping[str, int]]
"""By agent, and by what is counted, such as `input_tokens`."""

_SHORT: Final = {"input_tokens": "in", "output_tokens": "out"}
"""Tokens are what nearly everybody counts, so they go without saying."""


def used_text(usage: Usage) -> str:
    """All of it, in the order in which agents were first used."""
    return "; ".join(f"{agent} {amounts_text(amounts)}" for agent, amounts in usage.items())


def amounts_text(amounts: Mapping[str, int]) -> str:
    """`1,234 in, 56 out`, and whatever else is counted by its name."""
    return ", ".join(f"{n:,} {_SHORT.get(name, name.replace('_', ' '))}" for name, n in amounts.items())
