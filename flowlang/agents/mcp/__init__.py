"""MCP: the tools of Model Context Protocol servers, started as programs or reached over HTTP.

    use mcp fs = "npx -y @modelcontextprotocol/server-filesystem ."   # each tool is an agent: fs.read_file(…)

    [mcp.fs]                                          # or with settings, in flow.toml
    command = ["npx", "-y", "@modelcontextprotocol/server-filesystem", "."]
    cwd = "."                                         # from flow.toml; else the folder flow runs in
    env = { TOKEN = "{secrets.TOKEN}" }
    results = { read_media_file = "file" }            # how a reply is read: text, json or file
    effects = { write_file = "idempotent" }           # where the server does not say it

    [mcp.search]
    url = "https://mcp.example.com/mcp"
    headers = { Authorization = "Bearer {secrets.SEARCH}" }

    [agents.read_note]                                # an agent that a flow declares
    mcp = "fs:read_text_file"                         # target and tool
    errors = { ENOENT = "NotFound" }                  # what stands in the tool's error -> the declared error

A program is started once for all runs that a host carries out, as its arguments stand, never by a shell. It
sees a few variables of our environment (`processes.INHERITED`) and those of `env`. The SDK is imported when
somebody connects."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from contextlib import AbstractAsyncContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias, cast

from pydantic import Field, model_validator

from flowlang.agents.connecting import connected_by
from flowlang.agents.fitting import Offset
from flowlang.agents.offers import Effect
from flowlang.agents.providers import Connection, Member, Provider, Settings, Target, Unfit
from flowlang.agents.secret_settings import Headers, Url, refuse_password
from flowlang.agents.secrets import secrets_in
from flowlang.text.suggest import did_you_mean

_URL: Final = re.compile(r"https?://[^\s/]+\S*")
_TOOL: Final = re.compile(r"[\w.-]+")

NOT_INSTALLED: Final = 'MCP servers need packages that are not installed: pip install "flowlang[mcp]"'

Form: TypeAlias = Literal["text", "json", "file"]


class McpSettings(Settings):
    """`[mcp.NAME]`: a `command` that is started, or the `url` of a server that runs.

    `inherit` names what a program sees of our environment beside the usual. `results` says how the replies of
    tools are read: without it by the tool's own schema, and as text where it has none. `effects` says what
    calls of tools do, where the server does not. `roots` are folders that the server is told of as ours,
    relative to flow.toml. `offset` is that of the times which tools give without one, such as "Z". Periods
    are in seconds; without a `start_timeout` a program that prints what is no message gets less
    (`patience.py`)."""

    command: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    cwd: str | None = None
    env: dict[str, str] = Field(default_factory=dict)
    inherit: tuple[str, ...] = ()
    url: Annotated[Url, Field(pattern=_URL.pattern)] | None = None
    headers: Headers = Field(default_factory=dict)
    results: dict[str, Form] = Field(default_factory=dict)
    effects: dict[str, Effect] = Field(default_factory=dict)
    roots: tuple[str, ...] = ()
    offset: Offset | None = None
    start_timeout: Annotated[float, Field(gt=0, le=600)] = 60.0
    max_reply_bytes: Annotated[int, Field(ge=1024, le=256 * 1024 * 1024)] = 16 * 1024 * 1024

    @model_validator(mode="after")
    def _one_way(self) -> McpSettings:
        if (self.command is None) == (self.url is None):
            raise ValueError("a server has either a `command` that starts it, or the `url` where it runs")
        if self.url is not None and (self.env or self.inherit or self.cwd is not None):
            raise ValueError("`env`, `inherit` and `cwd` are for a server that a `command` starts")
        if self.command is not None and self.headers:
            raise ValueError("`headers` are for a server that has a `url`; a program takes `env`")
        if any(secrets_in(self.command or ())):
            raise ValueError("everybody on the machine can read a command: give the secret in `env`")
        return self


class McpEntry(Settings):
    """`[agents.NAME]` with `mcp`: the target, and after a colon the tool. `errors` maps a piece of the text
    of a tool's error to a declared error."""

    mcp: Annotated[str, Field(min_length=1)]
    errors: dict[str, str] = Field(default_factory=dict)


class McpProvider:
    """See `Provider`."""

    settings: type[Settings] = McpSettings
    entry: type[Settings] = McpEntry

    def from_text(self, text: str, folder: Path) -> Settings:
        if _URL.fullmatch(text.strip()):
            refuse_password(text)
            return McpSettings(url=text.strip())
        try:
            command = shlex.split(text)
        except ValueError as problem:
            message = f'"{text}" is not a command line: {str(problem).lower()}'
            raise Unfit(message, "quote arguments with spaces in them like 'this one'") from None
        if not command:
            help = "write the command that starts the server, or its URL"
            raise Unfit("nothing says where the MCP server is", help)
        return McpSettings(command=tuple(command))

    def named(self, entry: Settings) -> tuple[str, str]:
        text = cast(McpEntry, entry).mcp
        target, _, tool = text.rpartition(":")
        if not target or not _TOOL.fullmatch(tool) or _URL.fullmatch(text):
            help = 'such as "fs:read_text_file", with a table `[mcp.fs]`'
            raise Unfit(f'"{text}" does not say TARGET:TOOL', help, ("mcp",))
        return target, tool

    def check(self, target: Target, member: Member) -> None:
        """The SDK is installed, the program is there, the tool and the errors are known."""
        if find_spec("mcp") is None:
            raise Unfit(NOT_INSTALLED)
        _check_program(target)
        _check_tool(target, member)
        entry = cast(McpEntry | None, member.entry)
        for piece, error in entry.errors.items() if entry else ():
            if error not in member.errors:
                known = ", ".join(f"`{name}`" for name in member.errors)
                help = did_you_mean(error, member.errors) or f"it raises {known}"
                raise Unfit(f"the agent does not raise `{error}`", help, ("errors", piece))

    def connect(self, target: Target) -> AbstractAsyncContextManager[Connection]:
        """Raises AgentError where nobody answers, or the SDK is not installed."""
        return connected_by("flowlang.agents.mcp.client", target, NOT_INSTALLED)


def _check_program(target: Target) -> None:
    settings = cast(McpSettings, target.settings)
    if settings.command is None or "PATH" in settings.env:
        return
    program = settings.command[0]
    found = shutil.which(str(target.folder / program) if os.sep in program else program)
    if found is None:
        raise Unfit(f"the program `{program}` was not found", how_to_get(program))


def _check_tool(target: Target, member: Member) -> None:
    known = [offered.name for offered in target.locked]
    if known and member.name not in known:
        help = did_you_mean(member.name, known) or f"there are {', '.join(known[:10])}"
        raise Unfit(f"{target} has no tool `{member.name}`", help)


def how_to_get(program: str) -> str:
    """What to do about a program that is not there."""
    match program:
        case "npx" | "npm" | "node":
            return "install Node.js, which brings it"
        case "uvx" | "uv":
            return "install uv, which brings it: pip install uv"
    return "install it, or correct the command"


provider: Provider = McpProvider()
