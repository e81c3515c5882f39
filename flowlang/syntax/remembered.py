"""What was made of a declaration, kept for as long as the declaration itself.

A declaration that is not edited keeps its tree and its facts from version to version, so what follows from
them alone, with spans relative to it, need not be made again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

K = TypeVar("K")
R = TypeVar("R")


def remembered(work: Callable[[K], R]) -> Callable[[K], R]:
    """A function of one object that is compared by identity, called once for each."""
    known: WeakKeyDictionary[K, R] = WeakKeyDictionary()

    @wraps(work)
    def look_up(about: K) -> R:
        found = known.get(about)
        if found is None:
            found = known[about] = work(about)
        return found

    return look_up
