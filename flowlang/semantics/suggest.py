"""Ways out of an unknown name: the nearest known one, with the edit that writes it; else a short list."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from flowlang.text.diagnostics import Edit, Fix
from flowlang.text.source import Span
from flowlang.text.suggest import did_you_mean, nearest

__all__ = ["WayOut", "did_you_mean", "nearest", "way_out"]

FEW = 6


class WayOut(NamedTuple):
    """What a diagnostic says on how to mend it."""

    help: str | None = None
    fix: Fix | None = None


def way_out(name: str, at: Span, known: Iterable[str], *, list_as: str | None = None) -> WayOut:
    """What was most likely meant by `name`, written at `at`. `list_as` begins the list of what is known where
    nothing is near and the list is short: "it has `url`, `title`"."""
    names = list(dict.fromkeys(known))
    right = nearest(name, names)
    if right is not None:
        return WayOut(f"did you mean `{right}`?", Fix(f"write `{right}`", (Edit(at, right),)))
    if list_as is None or not 0 < len(names) <= FEW:
        return WayOut()
    return WayOut(f"{list_as} " + ", ".join(f"`{known}`" for known in names))
