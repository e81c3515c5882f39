"""The tables of `flow.toml` that belong to no provider: functions and commands as agents, and secrets."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import attrs
from pydantic import BaseModel, ConfigDict, Field

from flowlang.agents.providers import Provider, Settings

DEFAULT_MAX_OUTPUT_BYTES: Final = 1024 * 1024


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)


class PythonEntry(_Table):
    """`python = "module:function"`."""

    python: Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]


class CommandEntry(_Table):
    """`command = [...]` with its options."""

    command: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]
    stdin: str | None = None
    output: Literal["json", "text", "lines", "file"] | None = None
    media_type: Annotated[str, Field(pattern=r"^[\w.+-]+/[\w.+-]+$")] | None = None
    errors: dict[str, str] = {}
    cwd: str | None = None
    env: dict[str, str] = {}
    inherit: Annotated[tuple[Annotated[str, Field(pattern=r"^[\w*?]+$")], ...], Field(strict=False)] = ()
    max_output_bytes: Annotated[int, Field(ge=1, le=64 * 1024 * 1024)] = DEFAULT_MAX_OUTPUT_BYTES


@attrs.frozen
class ProvidedEntry:
    """An agent behind a provider: the table as that reads it."""

    kind: str
    provider: Provider
    settings: Settings


Entry: TypeAlias = PythonEntry | CommandEntry | ProvidedEntry


class EnvSource(_Table):
    """`{ env = "NAME" }`: a variable of the environment of flow."""

    env: Annotated[str, Field(min_length=1)]


class DotenvSource(_Table):
    """`{ dotenv = ".env", name = "NAME" }`: a line `NAME=…` of a file; else under the secret's own name."""

    dotenv: Annotated[str, Field(min_length=1)]
    name: str | None = None


class CommandSource(_Table):
    """`{ command = ["pass", "show", "x"] }`: the first line that a program prints. Never a shell."""

    command: Annotated[tuple[str, ...], Field(min_length=1, strict=False)]


class FileSource(_Table):
    """`{ file = "/run/secrets/x" }`: what a file holds, without line breaks at its end."""

    file: Annotated[str, Field(min_length=1)]


SECRET_SOURCES: Final[dict[str, type[BaseModel]]] = {
    "env": EnvSource,
    "dotenv": DotenvSource,
    "command": CommandSource,
    "file": FileSource,
}
"""The ways to find a secret, by the key that says which."""
