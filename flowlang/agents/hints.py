"""What a Python function tells the checker about itself: its effect.

    from flowlang.agents import effect

    @effect("read")
    def search(query: str) -> list[Source]: ...

The checker reads the decorator from the text of the file and never runs it, so its argument must be a
literal. At run time it gives back the function unchanged. Imports nothing, so that a module of agents
pays nothing for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

Function = TypeVar("Function", bound=Callable[..., object])


def effect(name: Literal["pure", "read", "idempotent", "write"]) -> Callable[[Function], Function]:
    """Say what a call does: nothing (`pure`), look (`read`), change something in a way that may be
    repeated (`idempotent`), or change something that must not happen twice (`write`)."""
    if name not in ("pure", "read", "idempotent", "write"):
        raise ValueError(f"the effect is pure, read, idempotent or write, not {name!r}")
    return lambda function: function
