"""A provider of the kind `desk`, installed as others would install one: clerks that answer from a JSON file.

    [desk.front]
    file = "desk.json"              # {"agents": [Offered…], "replies": {NAME: reply}, "fails": {NAME: words}}
    token = "{secrets.TOKEN}"

The reply of an agent is what the file says at the moment of the call, with `{token}` and `{name}` in its
texts filled in from the settings and the arguments. `down` in the file keeps everybody from connecting."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import attrs
import pytest

from flowlang.agents.offers import Offered
from flowlang.agents.providers import ConnectionLost, Member, Settings, Target, Unfit
from flowlang.runtime.agents import AgentCall, AgentError, Said
from flowlang.tools import cli

connected: list[str] = []
"""The targets that were connected to, in order."""


class DeskSettings(Settings):
    file: str
    token: str = ""


class DeskEntry(Settings):
    desk: str
    polite: bool = False


@attrs.frozen(eq=False)
class Desk:
    target: Target

    def now(self) -> dict[str, Any]:
        settings = self.target.settings
        assert isinstance(settings, DeskSettings)
        found: dict[str, Any] = json.loads((self.target.folder / settings.file).read_text())
        return found

    async def offers(self) -> tuple[Offered, ...]:
        return tuple(Offered.from_json(fields) for fields in self.now()["agents"])

    async def call(self, member: Member, call: AgentCall) -> Any:
        settings, now = self.target.settings, self.now()
        assert isinstance(settings, DeskSettings)
        known = {**call.arguments, "token": self.target.secrets.fill(settings.token)}
        if call.tell is not None:
            call.tell(Said(f"{member.name} holds {known['token']}"))
        if member.name in now.get("fails", {}):
            said = now["fails"][member.name].format(**known)
            raise AgentError("AgentFailed", said, fields={"message": said}, cause=said)
        if now.get("lost"):
            raise ConnectionLost("the desk was closed")
        reply = now.get("replies", {}).get(member.name, "nothing")
        return reply.format(**known) if isinstance(reply, str) else reply


class DeskProvider:
    settings = DeskSettings
    entry = DeskEntry

    def from_text(self, text: str, folder: Path) -> Settings:
        if not text.endswith(".json"):
            raise Unfit(f"`{text}` is no desk", "name a .json file, or write `[desk.NAME]` in flow.toml")
        return DeskSettings(file=text)

    def named(self, entry: Settings) -> tuple[str, str]:
        assert isinstance(entry, DeskEntry)
        target, colon, name = entry.desk.partition(":")
        if not colon:
            raise Unfit("it is TARGET:NAME", key=("desk",))
        return target, name

    def check(self, target: Target, member: Member) -> None:
        assert isinstance(target.settings, DeskSettings)
        if not (target.folder / target.settings.file).exists():
            raise Unfit(f"there is no file {target.settings.file}", key=("file",))

    def connect(self, target: Target) -> AbstractAsyncContextManager[Desk]:
        return self._connected(target)

    @asynccontextmanager
    async def _connected(self, target: Target) -> AsyncIterator[Desk]:
        connected.append(str(target))
        desk = Desk(target)
        assert isinstance(target.settings, DeskSettings)
        target.secrets.fill(target.settings.token)
        if desk.now().get("down"):
            message = "nobody is at the desk: open it"
            raise AgentError("Unavailable", message, fields={"message": message})
        yield desk


provider = DeskProvider()


@contextmanager
def installed(folder: Path, entry_point: str = "desk = tests.support.desks:provider") -> Iterator[None]:
    """The provider is installed, as far as anybody can tell, for as long as the block lasts."""
    place = folder / "desk-1.0.dist-info"
    place.mkdir(exist_ok=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: desk\nVersion: 1.0\n")
    (place / "entry_points.txt").write_text(f"[flowlang.providers]\n{entry_point}\n")
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


@attrs.frozen
class Outcome:
    """What came of a command."""

    code: int
    out: str
    err: str


class Flow(Protocol):
    def __call__(self, *arguments: str) -> Outcome: ...


@pytest.fixture
def flow(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Flow]:
    """Runs `flow` in a folder where the provider is installed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FLOW_ENV", raising=False)
    monkeypatch.setenv("FLOW_STORE", str(tmp_path / "runs.db"))
    monkeypatch.setenv("NO_COLOR", "1")

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        code = cli.invoke(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    (tmp_path / ".site").mkdir()
    with installed(tmp_path / ".site"):
        yield run
