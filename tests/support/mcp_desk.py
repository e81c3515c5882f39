"""Servers of MCP for tests: the stub, which misbehaves, and real ones."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
import trio

from flowlang.agents.mcp import McpEntry, McpSettings, provider
from flowlang.agents.offers import Offered
from flowlang.agents.provided import ProvidedAgent
from flowlang.agents.providers import Member, Target
from flowlang.agents.secrets import Secrets
from flowlang.hosts.connections import OpenConnections, open_connections
from flowlang.plan import model as plan
from flowlang.runtime.agents import AgentCall, AgentError, Said
from flowlang.runtime.files import FileProblem
from flowlang.values.value import Value

STUB = Path(__file__).with_name("mcp_stub.py")

NOWHERE = plan.Place(source=0, line=1, column=1, end_line=1, end_column=1)
STRING, INT, JSON, FILE, NULL = (
    plan.ScalarType(kind=kind) for kind in ("string", "int", "json", "file", "null")
)


def stub(*ways: str, **settings: Any) -> McpSettings:
    return McpSettings(command=(sys.executable, str(STUB), *ways), **settings)


class Kept:
    """Contents of files, by their hashes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def keep(self, reference: Mapping[str, Value], source: str | bytes) -> None:
        content = source if isinstance(source, bytes) else Path(source).read_bytes()
        self._path(reference).write_bytes(content)

    def find(self, reference: Mapping[str, Value]) -> str:
        if not self._path(reference).exists():
            raise FileProblem("it is not kept")
        return str(self._path(reference))

    def content(self, reference: Mapping[str, Value]) -> bytes:
        return self._path(reference).read_bytes()

    def _path(self, reference: Mapping[str, Value]) -> Path:
        return self.folder / reference["hash"].replace(":", "-")


@attrs.define
class Desk:
    """Calls tools of one server over the connection that a host keeps, and notes what is said meanwhile."""

    target: Target
    connections: OpenConnections
    files: Kept | None = None
    said: list[Said] = attrs.field(factory=list)

    async def offers(self) -> dict[str, Offered]:
        connection = await self.connections.to(self.target)
        return {offered.name: offered for offered in await connection.offers()}

    async def use(self, tool: str, result: plan.Type = STRING, **arguments: Value) -> Value:
        """Call a tool as a flow does that has `use mcp`."""
        offered = (await self.offers())[tool]
        return await self.call(Member(tool, tool, agent(arguments, result), {}, offered), arguments)

    async def declared(
        self,
        tool: str,
        result: plan.Type = STRING,
        errors: Mapping[str, tuple[str, ...]] | None = None,
        entry: Mapping[str, str] | None = None,
        types: Mapping[str, plan.Type] | None = None,
        **arguments: Value,
    ) -> Value:
        """Call a tool as a flow does that declares the agent."""
        table = McpEntry(mcp=f"x:{tool}", errors=dict(entry or {}))
        member = Member(tool, tool, agent(arguments, result, types), errors or {}, None, table)
        return await self.call(member, arguments)

    async def call(self, member: Member, arguments: dict[str, Value]) -> Value:
        call = AgentCall(
            member.plan_name,
            arguments,
            idempotency_key="key-1",
            files=self.files,
            connections=self.connections,
            tell=self.said.append,
        )
        return await ProvidedAgent(self.target, member).call(call)


def agent(
    parameters: Iterable[str], result: plan.Type, types: Mapping[str, plan.Type] | None = None
) -> plan.Agent:
    types = types or {}
    return plan.Agent(
        parameters=tuple(plan.Parameter(name=n, type=types.get(n, JSON), at=NOWHERE) for n in parameters),
        result=result,
        timeout=None,
        at=NOWHERE,
    )


@asynccontextmanager
async def desk(settings: McpSettings, folder: Path | None = None, **options: Any) -> AsyncIterator[Desk]:
    """A host with one target."""
    folder = folder or Path.cwd()
    target = Target("mcp", "x", folder, settings, options.pop("secrets", Secrets()), provider, **options)
    async with open_connections() as connections:
        yield Desk(target, connections, Kept(folder))


async def gone(pids: Path) -> bool:
    """Whether none of the processes lives whose ids were written to a file."""
    with trio.move_on_after(10):
        while any(_lives(int(pid)) for pid in pids.read_text().split()):
            await trio.sleep(0.02)
        return True
    return False


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def at_a_desk(
    work: Callable[[Desk], Awaitable[object]], settings: McpSettings | None = None, **options: object
) -> object:
    """What some work at a server gives; the stub's if no settings say otherwise."""

    async def main() -> object:
        with trio.fail_after(30):
            async with desk(settings or stub(), **options) as opened:
                return await work(opened)

    return trio.run(main)


def failing(work: Callable[[Desk], Awaitable[object]], settings: McpSettings | None = None) -> AgentError:
    with pytest.raises(AgentError) as caught:
        at_a_desk(work, settings)
    return caught.value
