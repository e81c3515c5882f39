"""Ways out of an unknown name: the nearest known one, with the edit that writes it; else a short list.

Arguments and fields are judged together: one that is unknown is most likely one that is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import attrs

from flowlang.text.diagnostics import Edit, Fix
from flowlang.text.source import Span
from flowlang.text.suggest import did_you_mean, nearest

__all__ = ["GUESSES", "Guesses", "WayOut", "did_you_mean", "meant_names", "nearest", "way_out"]

FEW = 6
GUESSES = 2_000_000  # comparisons of names in one module


@attrs.define(eq=False, repr=False)
class Guesses:
    """What may still be compared to find out what the unknown names of one declaration are for; so that a
    file of a thousand names and a thousand slips is checked in good time."""

    left: int

    def among(self, known: Iterable[str]) -> Iterator[str]:
        for name in known:
            if self.left <= 0:
                return
            self.left -= 1
            yield name


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
