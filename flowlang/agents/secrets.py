"""The secrets of `flow.toml`: named values that come from outside and are written down nowhere.

    [secrets]
    GITHUB_TOKEN = { env = "GITHUB_TOKEN" }

A setting mentions one as `{secrets.GITHUB_TOKEN}`. Whatever was filled in is known here, and is taken out of
every text that could be shown or kept."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Final

HIDDEN: Final = "***"
_HOLE: Final = re.compile(r"\{secrets\.(\w+)\}")


class NoSecret(Exception):
    """A secret that is not there, in words: which, and where it was looked for."""


class Secrets:
    """`sources` says where each comes from; one is looked up when it is first needed."""

    def __init__(self, sources: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._sources = sources or {}
        self._found: dict[str, str] = {}

    def fill(self, text: str) -> str:
        """A setting with its secrets in it. Raises NoSecret."""
        return _HOLE.sub(lambda hole: self.get(hole[1]), text)

    def get(self, name: str) -> str:
        """The value of a secret. Raises NoSecret."""
        if name not in self._found:
            source = self._sources.get(name)
            if source is None:
                raise NoSecret(f"flow.toml has no secret `{name}`")
            found = os.environ.get(source["env"])
            if found is None:
                raise NoSecret(f"the secret `{name}` is not there: {source['env']} is not set")
            self._found[name] = found
        return self._found[name]

    def scrub(self, text: str) -> str:
        """A text without the secrets that were looked up."""
        for value in self._found.values():
            if value:
                text = text.replace(value, HIDDEN)
        return text
