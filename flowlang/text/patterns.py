"""Regular expressions that authors write: RE2 syntax, matched in linear time, the same wherever one is read.

The checker asks what is wrong with a pattern, the values floor compiles it; both come here, so that what
checks also runs. The engine is loaded with the first pattern."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Protocol

MEMORY_BYTES: Final = 8 << 20  # of a compiled pattern with its automaton; larger patterns are refused


class Match(Protocol):
    def group(self) -> str: ...


class Regex(Protocol):
    """What is used of a compiled pattern."""

    def search(self, text: str) -> Match | None: ...

    def finditer(self, text: str) -> Iterator[Match]: ...


@lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> Regex:
    """The compiled pattern. Raises ValueError that says in words what is wrong with it."""
    import re2

    options = re2.Options()
    options.max_mem = MEMORY_BYTES
    options.log_errors = False
    try:
        compiled: Regex = re2.compile(pattern, options=options)
    except re2.error as error:
        raise ValueError(error.args[0].decode("utf-8", "replace")) from None
    return compiled


def pattern_problem(pattern: str) -> str | None:
    """What is wrong with a pattern, None where it is a good one."""
    try:
        compile_pattern(pattern)
    except ValueError as error:
        return str(error)
    return None
