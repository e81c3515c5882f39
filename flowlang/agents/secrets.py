"""The secrets of `flow.toml`: named values that come from outside and are written down nowhere.

    [secrets]
    GITHUB_TOKEN = { env = "GITHUB_TOKEN" }
    API_KEY = { dotenv = ".env", name = "API_KEY" }
    LLM_KEY = { command = ["pass", "show", "llm"] }
    DB_PASSWORD = { file = "/run/secrets/db" }

A setting mentions one as `{secrets.GITHUB_TOKEN}`. One is looked up when it is first needed and is then known
for good, so that it can be taken out of every text that could be shown or kept (`scrub`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Final

from flowlang.agents.secret_sources import NoSecret as NoSecret
from flowlang.agents.secret_sources import find_secret
from flowlang.runtime.hiding import hidden_in_text, writings

_HOLE: Final = re.compile(r"\{secrets\.(\w+)\}")


class Secrets:
    """`sources` says where each comes from, as `[secrets]` does; `folder` is where relative paths start."""

    def __init__(
        self, sources: Mapping[str, Mapping[str, object]] | None = None, folder: Path | None = None
    ) -> None:
        self._sources, self._folder = sources or {}, folder or Path()
        self._found: dict[str, str] = {}
        self._finding = Lock()  # so that no program is asked twice, by threads that look at the same time
        self.writings: tuple[str, ...] = ()  # all that is to be taken out of texts

    def over(self, sources: Mapping[str, Mapping[str, object]]) -> Secrets:
        """The same, but some come from elsewhere. What was looked up before is looked up again."""
        return Secrets({**self._sources, **sources}, self._folder) if sources else self

    def __contains__(self, name: str) -> bool:
        return name in self._sources

    def fill(self, text: str) -> str:
        """A setting with its secrets in it. Raises NoSecret."""
        return _HOLE.sub(lambda hole: self.get(hole[1]), text)

    def get(self, name: str) -> str:
        """The value of a secret. Raises NoSecret."""
        with self._finding:
            if name not in self._found:
                self._found[name] = self._find(name)
                self.writings = writings(self._found.values())
        return self._found[name]

    def _find(self, name: str) -> str:
        source = self._sources.get(name)
        if source is None:
            help = f'say below `[secrets]` where it comes from, such as {name} = {{ env = "{name}" }}'
            raise NoSecret(f"flow.toml has no secret `{name}`: {help}")
        try:
            return find_secret(source, self._folder)
        except NoSecret as problem:
            raise NoSecret(f"the secret `{name}` is not there: {problem}") from None

    def scrub(self, text: str) -> str:
        """A text without the secrets that were looked up."""
        return hidden_in_text(text, self.writings)


def secrets_in(value: object) -> Iterator[str]:
    """The names of the secrets that a setting mentions, or anything made of settings."""
    match value:
        case str():
            yield from _HOLE.findall(value)
        case Mapping():
            for item in value.values():
                yield from secrets_in(item)
        case Iterable():
            for item in value:
                yield from secrets_in(item)
