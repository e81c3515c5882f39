"""Files of a run: what a host offers to agents whose arguments or replies refer to content.

The runtime itself passes references on and never looks behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from flowlang.values.value import Value


class FileProblem(Exception):
    """Content that cannot be kept, or is not there; in words."""


class Files(Protocol):
    """The contents that a run refers to."""

    async def keep(self, reference: Mapping[str, Value], source: str | bytes) -> None:
        """Keep content under its hash, for as long as a value refers to it. It is given itself, or by its
        path. Raises FileProblem."""

    def find(self, reference: Mapping[str, Value]) -> str:
        """The path of the content of a reference. Raises FileProblem."""
