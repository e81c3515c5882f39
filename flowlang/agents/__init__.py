"""Floor 8, agents: how calls reach Python functions, commands and services.

A module that flows use may say with `@effect("read")` what calling a function does, and ask with
`current_call()` about the call that it is answering. `File` is content that flows pass on by reference.

A package that brings a kind of providers finds here what it needs (`providers.py`, grammar/providers.md):

    from flowlang.agents import AgentError, Member, Offered, Settings, Target, Unfit

These names and `File` load when they are first used, so that a module of functions pays nothing for them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from flowlang.agents.current import current_call as current_call
from flowlang.agents.hints import effect as effect

if TYPE_CHECKING:
    from flowlang.agents.file import File as File
    from flowlang.agents.offered_types import arguments_of as arguments_of
    from flowlang.agents.offered_types import reply_of as reply_of
    from flowlang.agents.offers import Offered as Offered
    from flowlang.agents.providers import Connection as Connection
    from flowlang.agents.providers import ConnectionLost as ConnectionLost
    from flowlang.agents.providers import Member as Member
    from flowlang.agents.providers import Provider as Provider
    from flowlang.agents.providers import Settings as Settings
    from flowlang.agents.providers import Target as Target
    from flowlang.agents.providers import Unfit as Unfit
    from flowlang.runtime.agents import AgentCall as AgentCall
    from flowlang.runtime.agents import AgentError as AgentError
    from flowlang.runtime.agents import Said as Said
    from flowlang.runtime.agents import Used as Used

_HOMES: Final = {
    "File": "flowlang.agents.file",
    "arguments_of": "flowlang.agents.offered_types",
    "reply_of": "flowlang.agents.offered_types",
    "Offered": "flowlang.agents.offers",
    "Connection": "flowlang.agents.providers",
    "ConnectionLost": "flowlang.agents.providers",
    "Member": "flowlang.agents.providers",
    "Provider": "flowlang.agents.providers",
    "Settings": "flowlang.agents.providers",
    "Target": "flowlang.agents.providers",
    "Unfit": "flowlang.agents.providers",
    "AgentCall": "flowlang.runtime.agents",
    "AgentError": "flowlang.runtime.agents",
    "Said": "flowlang.runtime.agents",
    "Used": "flowlang.runtime.agents",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module `flowlang.agents` has no attribute `{name}`")
    value: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
