"""Which functions are agents, and what of them is read."""

from __future__ import annotations

from collections.abc import Iterator

import flowlang.agents
from flowlang.agents import effect


def plain(text: str, limit: int = 10, *, deep: bool, lens: str | None = None) -> str: ...  # agent: plain(text: string, limit?: int, deep: bool, lens?: string?) -> string


async def waits(text: str) -> None:  # agent: waits(text: string) -> null "Waits for it."
    """Waits
    for it.

    And more."""


@effect("read")
def looks(text: str) -> str: ...  # agent: looks(text: string) -> string effect read


@some.other
@flowlang.agents.effect("write")
def writes(text: str) -> str: ...  # agent: writes(text: string) -> string effect write


@effect("never")  # mistake: the effect cannot be read (write `@effect("read")`: pure, read, idempotent or write)
def wrong(text: str) -> str: ...


@effect  # mistake: the effect cannot be read (write `@effect("read")`: pure, read, idempotent or write)
def bare(text: str) -> str: ...


def _private(x) -> set: ...


class Methods:
    def method(self) -> int: ...


if True:

    def twice(x: int) -> int: ...


def twice(x: str) -> str: ...  # agent: twice(x: string) -> string


def untyped(x, y: int): ...  # mistake: the parameter `x` has no type (annotate it, such as `x: str`) # mistake: the result has no type (write `-> str`, or `-> None` where it gives nothing back)


def starred(*texts: str, **options: str) -> None: ...  # mistake: `*texts` has no counterpart in a flow (name each parameter, or take one list or dict) # mistake: `**options` has no counterpart in a flow (name each parameter, or take one list or dict)


def positional(x: int, /, y: int) -> None: ...  # mistake: `x` can only be given by position (agents are called by name: remove the `/` in `positional`)


def generator() -> Iterator[int]:  # mistake: a generator cannot be an agent (collect the items and return a list) # mistake: the result: `collections.abc.Iterator` has no counterpart in a flow (collect the items and return `list[T]`)
    yield 1


def holds_a_generator() -> int:  # agent: holds_a_generator() -> int
    def inner():
        yield 1

    return 1
