"""The target that a flow or `flow.toml` names -> the place that it is, with its settings."""

from __future__ import annotations

from pathlib import Path

import attrs

from flowlang.agents.config import SECRETS, Config
from flowlang.agents.locked import BadLock, lock_path, read_lock
from flowlang.agents.offers import Offered
from flowlang.agents.providers import Provider, Settings, Target, Unfit, provider_of
from flowlang.agents.secrets import Secrets
from flowlang.text.suggest import nearest


class Incomplete(Exception):
    """A table of `flow.toml` that was reported already, so that there is no more to be said."""


@attrs.frozen(eq=False)
class Targets:
    """Where targets are looked for: the tables of `flow.toml`, if there is one. `cwd` is where flow was
    started, `secrets` are those that settings may mention."""

    config: Config | None
    cwd: Path | None
    secrets: Secrets

    def find(self, kind: str, text: str, folder: Path, locked: tuple[Offered, ...] = ()) -> Target:
        """The target of this name, else the one that the text means by itself, its paths starting at
        `folder`. Raises Unfit, Incomplete."""
        provider = self.provider(kind)
        known = self.config is not None and (kind, text) in self.config.keys
        settings = self.settings(kind, text) if known else provider.from_text(text, folder)
        if self.config is not None and known:
            folder = self.config.folder
        return Target(kind, text, folder, settings, self.secrets, provider, locked, self.cwd)

    def meant(self, kind: str, text: str) -> str | None:
        """The table whose name is nearly this, where there is none of this name."""
        keys = self.config.keys if self.config is not None else ()
        names = [str(name) for section, name in keys if section == kind]
        return None if text in names else nearest(text, names)

    def look_up(self, secret: str) -> None:
        """Find a secret that a setting mentions. Raises NoSecret, Incomplete."""
        written = self.config is not None and (SECRETS, secret) in self.config.keys
        if written and secret not in self.secrets:
            raise Incomplete
        self.secrets.get(secret)

    def provider(self, kind: str) -> Provider:
        found = provider_of(kind)
        if found is None:
            raise Unfit(f"there is no provider `{kind}` any longer", "install the package that it came from")
        return found

    def settings(self, kind: str, name: str) -> Settings:
        assert self.config is not None, "it has the table"
        found = self.config.targets.get((kind, name))
        if found is None:
            raise Incomplete
        return found


def locked_if_known(kind: str, text: str, using_path: str) -> tuple[Offered, ...]:
    """What a target offered when it was locked; nothing where nobody asked it."""
    try:
        return read_lock(lock_path(using_path)).targets.get((kind, text), ())
    except BadLock:
        return ()
