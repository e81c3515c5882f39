"""Secrets that are inputs: parameters of type `secret<T>` that nobody gave -> what their source says.

A source is found by the parameter's name: in what `--secret NAME=…` says, else in `[secrets]` of `flow.toml`.
A run keeps where its secrets come from and never what they are, so that it can be resumed and forked without
their being given again.

    --secret TOKEN=env:GITHUB_TOKEN      a variable of the environment
    --secret TOKEN=file:token.txt        what a file holds
    --secret TOKEN=dotenv:.env           the line `TOKEN=…` of a file
    --secret TOKEN=command:pass show x   the first line that a program prints; never a shell"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable, Mapping
from typing import Final

import attrs

from flowlang.agents.given import BadOption
from flowlang.agents.secrets import Secrets

WAYS: Final = ("env", "file", "dotenv", "command")


@attrs.frozen
class SecretOption:
    """`--secret NAME=WAY:WHERE`, its path absolute, so that it can be kept with a run."""

    name: str
    way: str
    where: str

    def __str__(self) -> str:
        return f"{self.name}={self.way}:{self.where}"

    @property
    def source(self) -> Mapping[str, object]:
        """What would stand for it below `[secrets]`."""
        match self.way:
            case "command":
                return {"command": shlex.split(self.where)}
            case "dotenv":
                return {"dotenv": self.where, "name": self.name}
        return {self.way: self.where}


def parse_secret(text: str) -> SecretOption:
    """Read a `--secret`; raises BadOption, which repeats nothing that might be a secret."""
    name, equals, source = text.partition("=")
    way, colon, where = source.partition(":")
    if not (equals and colon and name.isidentifier() and way in WAYS and where):
        shown = name if equals and name.isidentifier() else "…"
        ways = ", ".join(f"{way}:…" for way in WAYS)
        raise BadOption(f"`--secret {shown}=…` does not say where the secret is: NAME=WAY:WHERE with {ways}")
    if way == "command":
        try:
            words = shlex.split(where)
        except ValueError:
            words = []
        if not words:
            raise BadOption(f"`--secret {name}=command:…` is no command line")
    return SecretOption(name, way, os.path.abspath(where) if way in ("file", "dotenv") else where)


def with_options(secrets: Secrets, options: Iterable[SecretOption]) -> Secrets:
    """The secrets of `flow.toml`, but for those that options find elsewhere."""
    return secrets.over({option.name: option.source for option in options})
