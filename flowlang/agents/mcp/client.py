"""The connection to an MCP server: one session, on which calls overlap.

The SDK speaks the protocol, in whichever of its two kinds the server knows: with a handshake, or (since
2026-07-28) without. It numbers requests and matches replies, and tells the server of calls that are given up.
Here lies what a call is made of, and what becomes of one that fails. What a server asks us (to sample, to ask
a person) is refused in a reply: a flow does these things itself. All tools are listed on connecting, so that
a call finds out whether its tool still is what `flow.lock` says."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, Protocol, cast
from weakref import WeakKeyDictionary

import attrs
import mcp_types as mcp
from mcp.client import Client, ClientRequestContext, Transport
from mcp.shared.dispatcher import ProgressFnT
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from flowlang.agents.command import with_paths
from flowlang.agents.fitting import check_fits
from flowlang.agents.kept import finder, keep_all
from flowlang.agents.mcp import McpSettings
from flowlang.agents.mcp.hearing import Caller, Hearing, Level
from flowlang.agents.mcp.http import Remote
from flowlang.agents.mcp.patience import Patience
from flowlang.agents.mcp.refusals import refusal
from flowlang.agents.mcp.results import Resource, reply_of
from flowlang.agents.mcp.stdio import Program
from flowlang.agents.mcp.tools import change, list_tools, offered
from flowlang.agents.offered_types import OPEN, Signature, signature_of
from flowlang.agents.offers import Offered
from flowlang.agents.providers import ConnectionLost, Member, Target
from flowlang.runtime.agent_errors import failed, unavailable
from flowlang.runtime.agents import AgentCall, AgentError, Said
from flowlang.text.suggest import did_you_mean
from flowlang.text.version import __version__
from flowlang.values.codec import reader_of
from flowlang.values.decoding import Decoder
from flowlang.values.value import Value

KEY_META: Final = "flowlang/idempotencyKey"
"""Where a server that knows us finds the key of a call, in the request's `_meta`."""

LEVELS: Final[Mapping[str, Level]] = {
    "debug": "debug",
    "info": "info",
    "notice": "info",
    "warning": "warning",
}

for name in ("mcp", "client"):  # the SDK's: what it has to say comes back as errors
    logging.getLogger(name).addHandler(logging.NullHandler())


class Server(Protocol):
    """A server by the way it is reached. `absent` says that it cannot be. `modes` are the ways to find out
    which protocol it speaks; each is tried where a server breaks off at the one before."""

    absent: str

    @property
    def modes(self) -> Sequence[str]: ...

    @property
    def over(self) -> bool:
        """Whether it is known to be gone."""

    def open(self) -> Transport: ...

    async def ended(self, lost: ConnectionLost) -> str:
        """How it ended, as far as we know."""


@asynccontextmanager
async def connected(target: Target) -> AsyncIterator[McpConnection]:
    """Start or reach the server, and agree on a protocol. Raises AgentError, NoSecret."""
    settings = cast(McpSettings, target.settings)
    hearing = Hearing(target.secrets.scrub)
    patience = Patience(settings.start_timeout, fixed="start_timeout" in settings.model_fields_set)
    server = _server(target, settings, hearing, patience)
    with patience.scope:
        for mode in server.modes:
            try:
                async with _client(server, mode, target, settings, hearing) as client:
                    connection = McpConnection(target, client, server, hearing)
                    await connection.list_tools()
                    patience.end()
                    yield connection
                    return
            except Exception as raised:
                problem = _innermost(raised)
                broke_off = isinstance(refusal(problem), ConnectionLost)
                if not broke_off or mode == server.modes[-1] or patience.ready:
                    raise await _absent(problem, server, hearing) from None
    raise unavailable(patience.why() + hearing.last_words())


def _server(target: Target, settings: McpSettings, hearing: Hearing, patience: Patience) -> Server:
    fill = target.secrets.fill
    if settings.url is not None:
        headers = {name: fill(value) for name, value in settings.headers.items()}
        return Remote(fill(settings.url), headers, settings.max_reply_bytes)
    program, *arguments = settings.command or ()
    if "/" in program:
        program = str(target.folder / program)
    cwd = target.cwd or Path.cwd() if settings.cwd is None else target.folder / settings.cwd
    env = {name: fill(value) for name, value in settings.env.items()}
    argv = [program, *arguments]
    return Program(argv, cwd, env, settings.inherit, hearing, patience, settings.max_reply_bytes)


def _client(
    server: Server, mode: str, target: Target, settings: McpSettings, hearing: Hearing
) -> AbstractAsyncContextManager[Client]:
    async def log(params: mcp.LoggingMessageNotificationParams) -> None:
        text = params.data if isinstance(params.data, str) else json.dumps(params.data)
        hearing.log(text, LEVELS.get(params.level, "error"))

    async def roots(context: ClientRequestContext) -> mcp.ListRootsResult:
        folders = [(target.folder / root).resolve() for root in settings.roots]
        return mcp.ListRootsResult(roots=[mcp.Root(uri=folder.as_uri()) for folder in folders])

    return Client(
        server.open(),
        mode=mode,
        cache=None,
        client_info=mcp.Implementation(name="flowlang", version=__version__),
        list_roots_callback=roots if settings.roots else None,
        logging_callback=log,
        log_level="info",
    )


def _innermost(problem: Exception) -> Exception:
    while isinstance(problem, ExceptionGroup):
        problem = problem.exceptions[0]
    return problem


async def _absent(problem: Exception, server: Server, hearing: Hearing) -> AgentError:
    """Why there is no server, and what to do."""
    if isinstance(problem, AgentError):
        return problem
    refused = refusal(problem)
    reason = await server.ended(refused) if isinstance(refused, ConnectionLost) else str(refused)
    return unavailable(f"{server.absent}: {reason}{hearing.last_words()}")


@attrs.frozen(eq=False)
class _Tool:
    """How a tool is called; `read` takes its replies, if a schema says what they are."""

    name: str
    signature: Signature
    read: Decoder | None

    @property
    def help(self) -> str:
        """What to do where a reply is not what the schema says."""
        return f'`results = {{ {self.name} = "file" }}` below its target, or "text", would read it otherwise'


class McpConnection:
    """See `Connection`."""

    def __init__(self, target: Target, client: Client, server: Server, hearing: Hearing) -> None:
        self._target, self._client, self._server, self._hearing = target, client, server, hearing
        self._settings = cast(McpSettings, target.settings)
        self._tools: dict[str, Offered] = {}
        self._called: WeakKeyDictionary[Member, _Tool] = WeakKeyDictionary()

    async def offers(self) -> tuple[Offered, ...]:
        try:
            offers = await self.list_tools()
        except (MCPError, ValidationError) as problem:
            raise await self._failure(problem) from None
        for name in [*self._settings.results, *self._settings.effects]:
            if name not in self._tools:
                help = did_you_mean(name, self._tools) or "run `flow agents --offered` to see what it has"
                raise failed(
                    f"its table in flow.toml is about a tool `{name}`, which it does not have; {help}"
                )
        return offers

    async def list_tools(self) -> tuple[Offered, ...]:
        """What the server has now. Raises AgentError, and what the SDK raises."""
        tools = [offered(tool, self._settings) for tool in await list_tools(self._client)]
        self._tools = {tool.name: tool for tool in tools}
        self._called.clear()
        return tuple(tools)

    async def call(self, member: Member, call: AgentCall) -> Value:
        tool = self._tool(member)
        arguments = self._arguments(member, call, tool.signature)
        if self._server.over:
            raise ConnectionLost("the server is gone", begun=False)
        with self._hearing.during(call.tell) as caller:
            try:
                result = await self._client.call_tool(
                    member.name,
                    arguments,
                    progress_callback=_progress(caller) if call.tell else None,
                    meta=cast(mcp.RequestParamsMeta, {KEY_META: call.idempotency_key}),
                )
                offset = self._settings.offset
                reply = await reply_of(result, member, tool.signature, self._fetch, offset)
            except (MCPError, ValidationError, RuntimeError) as problem:
                raise await self._failure(problem) from None
        if tool.read is not None:
            check_fits(reply.value, tool.read, f"the reply of `{member.name}` does not fit", tool.help)
        await keep_all(reply.files, call)
        return reply.value

    async def _fetch(self, uri: str) -> Sequence[Resource]:
        return (await self._client.read_resource(uri)).contents

    async def _failure(self, problem: Exception) -> Exception:
        refused = refusal(problem)
        if not isinstance(refused, ConnectionLost):
            return refused
        ended = await self._server.ended(refused)
        message = f"the server is gone: {ended}{self._hearing.last_words()}"
        return ConnectionLost(message, begun=refused.begun)

    # What a call says

    def _tool(self, member: Member) -> _Tool:
        """How the tool is called. Raises AgentError where it is not there, or is another than it was."""
        known = self._called.get(member)
        if known is None:
            typed = member.offered is not None and member.offered.output is not None
            read = reader_of(member.agent.result) if typed else None
            known = self._called[member] = _Tool(member.name, self._checked(member), read)
        return known

    def _checked(self, member: Member) -> Signature:
        tool = self._tools.get(member.name)
        help = "correct its binding in flow.toml" if member.offered is None else "run `flow lock --update`"
        if tool is None:
            some = ", ".join([*self._tools][:10]) or "none"
            raise failed(f"the server has no tool `{member.name}`; it has {some}: {help}")
        if member.offered is None:
            return signature_of(tool)
        changed = change(member.offered, tool)
        if changed is not None:
            raise failed(f"the tool `{member.name}` is not what flow.lock says, {changed}: {help}")
        return signature_of(member.offered)

    def _arguments(self, member: Member, call: AgentCall, signature: Signature) -> dict[str, Value]:
        """The arguments by the tool's names; contents of files in base64, or where a text is wanted their
        paths."""
        find = finder(call)

        def write(reference: Mapping[str, Value]) -> Value:
            return base64.b64encode(find(reference).read()).decode()

        arguments = call.arguments
        if member.offered is None:
            arguments = self._of_declared(member, call, signature)
        return signature.arguments(arguments, write)

    def _of_declared(self, member: Member, call: AgentCall, signature: Signature) -> dict[str, Value]:
        """The arguments of an agent whose parameters a flow has declared: are they the tool's?"""
        known = dict(signature.properties)
        if signature.takes_any:
            return {OPEN: call.arguments}
        given = {p.name: p.type for p in member.agent.parameters if p.name in call.arguments}
        for name in given.keys() - known.keys():
            takes = ", ".join(known) or "none"
            raise failed(f"the tool `{member.name}` has no parameter `{name}`: it takes {takes}")
        paths = {n: t for n, t in given.items() if known[n].meaning.is_plain}
        find = finder(call)
        return {
            name: with_paths(value, paths[name], find) if name in paths else value
            for name, value in call.arguments.items()
        }


def _progress(caller: Caller) -> ProgressFnT:
    async def told(progress: float, total: float | None, message: str | None) -> None:
        caller.say(Said(message or "", "info", progress, total))

    return told
