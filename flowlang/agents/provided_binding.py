"""A plan's agent that lives behind a provider -> what answers its calls.

It comes from a `use`, and then the offers that the flow was checked with say what it is called there; or a
declared agent is bound by a table of `flow.toml`. All that can be known is checked without connecting: the
settings, the secrets that they mention, and what the provider itself can tell."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from flowlang.agents.config import Config
from flowlang.agents.describe import told_of
from flowlang.agents.entries import ProvidedEntry
from flowlang.agents.offered_types import agent_names
from flowlang.agents.offers import NotDescribed, Offered
from flowlang.agents.provided import ProvidedAgent
from flowlang.agents.providers import Member, Settings, Target, Unfit
from flowlang.agents.roots import CONFIG_NAME
from flowlang.agents.secrets import NoSecret, secrets_in
from flowlang.agents.targets import Targets, locked_if_known
from flowlang.plan import model as plan
from flowlang.text import codes

ErrorFields = Mapping[str, tuple[str, ...]]


def used_agent(
    targets: Targets, name: str, agent: plan.Agent, provider: plan.Provider, errors: ErrorFields
) -> ProvidedAgent:
    """An agent of a `use`. Raises Unfit, Incomplete."""
    environment = targets.config.environment if targets.config else None
    try:
        offers = told_of(provider.kind, provider.target, provider.path, environment).offers
    except NotDescribed as problem:
        raise Unfit(problem.message, problem.help, code=problem.code) from None
    offered = _offered(offers, provider)
    folder = Path(os.path.abspath(provider.path)).parent
    member = Member(offered.name, name, agent, errors, offered)
    with _suggesting(targets, provider.kind, provider.target):
        return _checked(targets, targets.find(provider.kind, provider.target, folder, offers), member)


def _offered(offers: tuple[Offered, ...], provider: plan.Provider) -> Offered:
    found = dict(zip(agent_names(offers), offers, strict=False)).get(provider.member)
    if found is None:
        message = f"{provider.kind} `{provider.target}` no longer offers `{provider.member}`"
        raise Unfit(message, "see `flow lock --check`")
    return found


def bound_agent(
    targets: Targets, config: Config, name: str, agent: plan.Agent, entry: ProvidedEntry, errors: ErrorFields
) -> ProvidedAgent:
    """A declared agent that `flow.toml` binds. Raises Unfit, Incomplete."""
    text, called = entry.provider.named(entry.settings)
    locked = locked_if_known(entry.kind, text, str(config.folder / CONFIG_NAME))
    member = Member(called, name, agent, errors, entry=entry.settings)
    with _suggesting(targets, entry.kind, text):
        return _checked(targets, targets.find(entry.kind, text, config.folder, locked), member)


@contextmanager
def _suggesting(targets: Targets, kind: str, text: str) -> Iterator[None]:
    """What is wrong with a text that is nearly the name of a table is that it is not that name."""
    try:
        yield
    except Unfit as problem:
        meant = targets.meant(kind, text)
        if meant is None:
            raise
        help = f"did you mean `[{kind}.{meant}]`?"
        raise Unfit(problem.message, help, problem.key, code=problem.code) from None


def _checked(targets: Targets, target: Target, member: Member) -> ProvidedAgent:
    target.provider.check(target, member)
    for table in (target.settings, member.entry):
        if table is not None:
            _check_secrets(targets, table)
    return ProvidedAgent(target, member)


def _check_secrets(targets: Targets, table: Settings) -> None:
    """Look up what a table mentions. Raises Unfit, Incomplete."""
    for key, value in table.model_dump().items():
        for name in secrets_in(value):
            try:
                targets.look_up(name)
            except NoSecret as problem:
                raise Unfit(str(problem), key=(key,), code=codes.MISSING_SECRET) from None
