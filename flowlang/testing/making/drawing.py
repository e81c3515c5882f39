"""Choosing: what all makers do. The first of several choices is the simplest, since that is what examples
shrink to; each piece is drawn as one, so that it can be left out as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import attrs
from hypothesis import strategies as st

T = TypeVar("T")


@attrs.define(eq=False)
class Drawing:
    """`pieces` counts what was made so far; when there is `enough`, everything that follows is small."""

    draw: st.DrawFn
    most: int
    pieces: int = 0
    names: Counter[str] = attrs.field(factory=Counter)
    _making: list[Callable[[], Any]] = attrs.field(factory=list)
    _piece: st.SearchStrategy[Any] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._piece = st.builds(
            self._make
        )  # one for all pieces, since making a strategy costs more than a draw

    @property
    def enough(self) -> bool:
        return self.pieces > self.most

    def one_of(self, *choices: T) -> T:
        return self.among(choices)

    def among(self, choices: Sequence[T]) -> T:
        return choices[self.number(0, len(choices) - 1)]

    def number(self, least: int, most: int) -> int:
        return least if least == most else self.draw(_numbers(least, most))

    def maybe(self, of: int = 2) -> bool:
        """True in one of so many cases, and never where all is small."""
        return self.number(0, of - 1) == of - 1

    def several(self, least: int, most: int, make: Callable[[], T]) -> list[T]:
        made = [self.piece(make) for _ in range(least)]
        while len(made) < most and not self.enough and self.number(0, 2):
            made.append(self.piece(make))
        return made

    def piece(self, make: Callable[[], T]) -> T:
        self.pieces += 1
        self._making.append(make)
        made: T = self.draw(self._piece)
        return made

    def _make(self) -> Any:
        return self._making.pop()()

    def fresh(self, letter: str) -> str:
        self.names[letter] += 1
        return f"{letter}{self.names[letter]}"


@cache
def _numbers(least: int, most: int) -> st.SearchStrategy[int]:
    return st.integers(least, most)
