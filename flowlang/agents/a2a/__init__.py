"""A2A: agents that speak the Agent2Agent protocol, found by their card.

    use a2a desk = "https://agents.example.com"     # each skill of the card is an agent: desk.translate(…)

    [a2a.desk]                                      # or with settings, in flow.toml
    url = "https://agents.example.com"
    headers = { Authorization = "Bearer {secrets.DESK}" }

    [agents.translate]                              # an agent that a flow declares
    a2a = "desk:translate"                          # target, and the skill where it matters
    message = "Translate into {language}: {text}"   # else the arguments decide

A skill takes a message, and data and files beside it. What is sent for a declared agent is its `message`,
else its only argument if that is text, else all arguments as data; files are always sent as files. What comes
back is read by the declared result: text, data or a file. The SDK is imported when somebody connects."""

from __future__ import annotations

import re
from contextlib import AbstractAsyncContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final, cast

from pydantic import Field

from flowlang.agents.command_template import BadTemplate, parse_template
from flowlang.agents.connecting import connected_by
from flowlang.agents.providers import Connection, Member, Provider, Settings, Target, Unfit
from flowlang.agents.secret_settings import Headers, Url, refuse_password

CARD_PATH: Final = "/.well-known/agent-card.json"
NOT_INSTALLED: Final = 'A2A agents need packages that are not installed: pip install "flowlang[a2a]"'
_URL: Final = re.compile(r"https?://[^\s/]+\S*")


class A2ASettings(Settings):
    """`[a2a.NAME]`. `url` is the agent's base; its card lies at `card` below it. `streaming` false asks for
    the reply as a whole even from an agent that could stream it. `headers` are sent to the host of `url` and
    nowhere else, whatever its card says. `ca` is a file of certificates in PEM that are trusted, too."""

    url: Annotated[Url, Field(pattern=_URL.pattern)]
    headers: Headers = Field(default_factory=dict)
    card: str = CARD_PATH
    streaming: bool = True
    ca: str | None = None
    connect_timeout: Annotated[float, Field(gt=0, le=600)] = 10.0
    max_reply_bytes: Annotated[int, Field(ge=1, le=256 * 1024 * 1024)] = 8 * 1024 * 1024


class A2AEntry(Settings):
    """`[agents.NAME]` with `a2a`: the target, and after a colon the skill."""

    a2a: Annotated[str, Field(min_length=1)]
    message: str | None = None


class A2AProvider:
    """See `Provider`."""

    settings: type[Settings] = A2ASettings
    entry: type[Settings] = A2AEntry

    def from_text(self, text: str, folder: Path) -> Settings:
        if not _URL.fullmatch(text):
            help = "write where the agent is, such as https://agents.example.com"
            raise Unfit(f'"{text}" is neither a URL nor a table [a2a.{text}] of flow.toml', help)
        refuse_password(text)
        return A2ASettings(url=text)

    def named(self, entry: Settings) -> tuple[str, str]:
        target, _, skill = cast(A2AEntry, entry).a2a.partition(":")
        return target, skill

    def check(self, target: Target, member: Member) -> None:
        """The SDK is installed, `ca` is there, and a message is one that the agent's arguments can fill."""
        if find_spec("a2a") is None:
            raise Unfit(NOT_INSTALLED)
        settings = cast(A2ASettings, target.settings)
        if settings.ca is not None and not (target.folder / settings.ca).is_file():
            raise Unfit(f"there is no file {settings.ca}", "it holds certificates in PEM", ("ca",))
        entry = cast(A2AEntry | None, member.entry)
        if entry is None or entry.message is None:
            return
        types = {parameter.name: parameter.type for parameter in member.agent.parameters}
        try:
            parse_template(entry.message, types)
        except BadTemplate as problem:
            raise Unfit(problem.message, problem.help, ("message",)) from None

    def connect(self, target: Target) -> AbstractAsyncContextManager[Connection]:
        """Raises AgentError where the SDK is not installed, or nobody answers with a card."""
        return connected_by("flowlang.agents.a2a.client", target, NOT_INSTALLED)


provider: Provider = A2AProvider()
