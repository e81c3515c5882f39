"""What may be given for an agent when a run is started, in the place of what `flow.toml` and the flow say:
by a program a function or a binding of its own, on the command line `--bind`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

import attrs

from flowlang.runtime.agents import Agent
from flowlang.text.suggest import did_you_mean

AgentLike: TypeAlias = Agent | Callable[..., Any]
"""What a program may give for an agent: a binding, or a function that becomes one."""

_OPTION: Final = re.compile(r"(?P<name>[\w.]+)=python:(?P<module>[\w.]+):(?P<function>\w+)")


class BadOption(Exception):
    """A `--bind` that cannot be understood, in words."""


@attrs.frozen
class BindOption:
    """`--bind NAME=python:module:function`, the module found from the working folder."""

    name: str
    module: str
    function: str


def parse_option(text: str, names: Iterable[str]) -> BindOption:
    """Read a `--bind` for a plan with agents of these names; raises BadOption."""
    found = _OPTION.fullmatch(text)
    if found is None:
        raise BadOption(f"`--bind {text}` is not NAME=python:module:function")
    option = BindOption(**found.groupdict())
    known = list(names)
    if option.name not in known:
        help = did_you_mean(option.name, known) or f"there are {', '.join(known)}"
        raise BadOption(f"`--bind {text}`: the flow has no agent `{option.name}`; {help}")
    return option
