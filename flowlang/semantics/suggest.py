"""Ways out of an unknown name: the nearest known one, with the edit that writes it; else a short list.

Arguments and fields are judged together: one that is unknown is most likely one that is missing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from flowlang.text.diagnostics import Edit, Fix
from flowlang.text.source import Span
from flowlang.text.suggest import did_you_mean, nearest

__all__ = ["WayOut", "did_you_mean", "meant_names", "nearest", "way_out"]

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


class Wanted(Protocol):
    """A parameter or a field."""

    @property
    def name(self) -> str: ...

    @property
    def required(self) -> bool: ...


def meant_names(written: Iterable[str], wanted: Sequence[Wanted]) -> dict[str, str]:
    """What unknown names are most likely for: the nearest one that is left, else one that must be given."""
    names = list(written)
    known = {one.name for one in wanted}
    left = [one for one in wanted if one.name not in names]
    meant: dict[str, str] = {}
    for name in names:
        if name in known:
            continue
        free = [one for one in left if one.name not in meant.values()]
        right = nearest(name, (one.name for one in free))
        right = right or next((one.name for one in free if one.required), None)
        if right is not None:
            meant[name] = right
    return meant
