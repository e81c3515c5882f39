"""What the checker asks of providers: the signatures behind a `use`, without running anything.

The floors above know how to read a Python file, a lock file or an OpenAPI document; they hand in one
function of this shape. It never raises: what it cannot read comes back as a mistake in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import attrs

from flowlang.semantics.facts import Effect, Parameter
from flowlang.semantics.types import Type
from flowlang.text import codes
from flowlang.text.codes import Code

PROVIDERS: Final[Mapping[str, str]] = {
    "python": "Functions of a Python file.",
    "mcp": "Tools of an MCP server.",
    "http": "Operations of an HTTP service, by its OpenAPI document.",
    "a2a": "Skills of an agent that speaks A2A.",
}
"""The providers that a `use` can name anywhere, and what stands behind each; others may be installed."""


@attrs.frozen(repr=False)
class DescribedAgent:
    """One agent that a provider offers. `line` is where its own source declares it, from 1."""

    name: str
    parameters: tuple[Parameter, ...]
    result: Type
    effect: Effect | None
    doc: str | None = attrs.field(default=None, eq=False)
    line: int | None = attrs.field(default=None, eq=False)


@attrs.frozen(repr=False)
class Mistake:
    """Why something cannot be described; `line` in the described file, `agent` the name it concerns."""

    message: str
    help: str | None = None
    line: int | None = None
    agent: str | None = None
    code: Code = codes.BAD_SIGNATURE


@attrs.frozen(repr=False)
class Description:
    """What stands behind a `use`. With `known` false the provider itself is not known here."""

    path: str  # the file that was read, as messages show it; empty where there is none
    agents: tuple[DescribedAgent, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    known: bool = True


Describe: TypeAlias = Callable[[str, str, str], Description]
"""(provider, target, path of the using file) -> Description"""
