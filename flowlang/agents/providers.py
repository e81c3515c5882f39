"""Providers: the kinds of places that agents live in, other than Python and the command line.

A flow names such a place with `use KIND name = "TARGET"`, and every agent that is offered there can be
called; or `flow.toml` binds a declared agent to one, `[agents.NAME]` with the key KIND. Either way the place
is a `Target`: what `[KIND.TARGET]` of `flow.toml` says, or what the text means by itself (a command, a URL, a
path). The same few steps serve every kind:

    Provider.connect(target)        -> Connection       once for all runs that a host carries out
    Connection.offers()             -> what can be called there, kept in `flow.lock` for the checker
    Connection.call(member, call)   -> the reply, as JSON

Third parties add a kind by an entry point of the group `flowlang.providers`, named like the kind, that is a
`Provider`. A provider's module is imported when a flow or a `flow.toml` names its kind, so it must not import
anything heavy until it connects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import attrs
import trio
from pydantic import BaseModel, ConfigDict

from flowlang.agents.kinds import BUILT_IN, installed
from flowlang.agents.offers import Offered
from flowlang.agents.secrets import NoSecret, Secrets, secrets_in
from flowlang.plan import model as plan
from flowlang.runtime.agent_errors import unavailable
from flowlang.runtime.agents import AgentCall
from flowlang.text import codes
from flowlang.text.codes import Code
from flowlang.values.value import Value


class Settings(BaseModel):
    """A table of `flow.toml` that a provider reads. What stands in it is checked before anything runs."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Unfit(Exception):
    """Settings or a binding that cannot be used: what is wrong, what to do, and the key it concerns."""

    def __init__(
        self,
        message: str,
        help: str | None = None,
        key: tuple[str | int, ...] = (),
        code: Code = codes.BINDING_MISMATCH,
    ) -> None:
        super().__init__(message)
        self.message, self.help, self.key, self.code = message, help, key, code


class ConnectionLost(Exception):
    """Raised by `Connection.call`: nobody is at the other end any longer. The call fails with `Unavailable`,
    and the next one connects anew; so does this one, if it is certain that nobody has `begun` with it."""

    def __init__(self, message: str, *, begun: bool = True) -> None:
        super().__init__(message)
        self.begun = begun


@attrs.frozen
class Target:
    """A place that agents live in; a `Connector`. `text` is what a flow or `flow.toml` calls it, `folder`
    where relative paths are found from, `cwd` where flow was started. Equal ones share a connection."""

    kind: str
    text: str
    folder: Path
    settings: Settings = attrs.field(eq=False)
    secrets: Secrets = attrs.field(eq=False, repr=False)
    provider: Provider = attrs.field(eq=False, repr=False)
    locked: tuple[Offered, ...] = attrs.field(default=(), eq=False, repr=False)
    cwd: Path | None = attrs.field(default=None, eq=False)
    _settings_text: str = attrs.field(init=False, repr=False)

    @_settings_text.default
    def _written(self) -> str:
        return self.settings.model_dump_json()

    def __str__(self) -> str:
        return f"{self.kind} {self.text}"

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Connection]:
        """See `Connector.connect`. Secrets are looked up first, in a thread since that may take a program,
        so that a provider finds them there."""
        try:
            names = [*secrets_in(self.settings.model_dump())]
            if names:
                await trio.to_thread.run_sync(self._look_up, names, abandon_on_cancel=True)
            async with self.provider.connect(self) as connection:
                yield connection
        except NoSecret as missing:
            raise unavailable(str(missing)) from None

    def _look_up(self, names: Iterable[str]) -> None:
        for name in names:
            self.secrets.get(name)


@attrs.frozen(eq=False)
class Member:
    """An agent of a target, as a plan calls it.

    `name` is what the target calls it, `agent` how the plan declares it (parameters, result, errors), and
    `plan_name` what it is called there. `offered` is how the target described it when it was locked, None for
    an agent that a flow declares; `entry` is then its table in `flow.toml`. `errors` are the names of the
    fields of each declared error that it may raise."""

    name: str
    plan_name: str
    agent: plan.Agent
    errors: Mapping[str, tuple[str, ...]]
    offered: Offered | None = None
    entry: Settings | None = None


class Connection(Protocol):
    """An open connection to a target. Calls of it may overlap, and each may be cancelled at any wait."""

    async def offers(self) -> tuple[Offered, ...]:
        """What can be called here now; nothing, where agents are declared in flows. It also shows whether
        anybody is there. Raises `AgentError`, `ConnectionLost`."""

    async def call(self, member: Member, call: AgentCall) -> Value:
        """The reply, as JSON. Raises `AgentError`, `ConnectionLost`, or anything, which is `AgentFailed`."""


class Provider(Protocol):
    """A kind of places. `settings` is the table `[KIND.NAME]` of `flow.toml`, `entry` the table
    `[agents.NAME]` that binds a declared agent: it has a field called like the kind."""

    @property
    def settings(self) -> type[Settings]: ...

    @property
    def entry(self) -> type[Settings]: ...

    def from_text(self, text: str, folder: Path) -> Settings:
        """The settings that the target of a `use` means by itself. Raises Unfit."""

    def named(self, entry: Settings) -> tuple[str, str]:
        """Which target an entry of `flow.toml` means, and what the agent is called there. Raises Unfit."""

    def check(self, target: Target, member: Member) -> None:
        """Find what would keep every call of a member from working, without connecting. Raises Unfit."""

    def connect(self, target: Target) -> AbstractAsyncContextManager[Connection]:
        """See `Connector.connect`."""


def provider_of(kind: str) -> Provider | None:
    """The provider of a kind; None where nobody offers it. Raises Unfit where it cannot be loaded."""
    try:
        if kind in BUILT_IN:
            return cast(Provider, import_module(BUILT_IN[kind]).provider)
        found = next(iter(installed(name=kind)), None)
        return None if found is None else cast(Provider, found.load())
    except Exception as problem:
        message = f"the provider `{kind}` cannot be loaded: {type(problem).__name__}: {problem}"
        raise Unfit(message, "install its package anew, or remove it") from None
