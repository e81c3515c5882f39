"""A server that is a program: started here, spoken to over its streams, and ended with what it started.

The SDK has a transport of its own for this, but it keeps a reply of any size, lets the server write to our
standard error, and looks after no process that outlives the one it started. Here the program leads a process
group. In the end its input is closed, which asks it to end; what is left of the group after a moment is
terminated and then killed, and all of this takes less time than a host gives a connection to close."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import anyio
import attrs
import trio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_PARAMS, PARSE_ERROR, ErrorData, JSONRPCError, JSONRPCRequest
from mcp_types import jsonrpc_message_adapter as messages
from pydantic import ValidationError

from flowlang.agents.mcp import how_to_get
from flowlang.agents.mcp.hearing import Hearing
from flowlang.agents.mcp.lines import Lines, TooLong, request_answered
from flowlang.agents.mcp.patience import Patience
from flowlang.agents.processes import READ_BYTES, ending, inherited, start, stop
from flowlang.agents.providers import ConnectionLost
from flowlang.runtime.agent_errors import unavailable

LEAVING_SECONDS: Final = 1.5  # for a server to end by itself when its input is closed
GRACE_SECONDS: Final = 1.5  # and then from SIGTERM to SIGKILL
ENDING_SECONDS: Final = 1.0  # to hear the last of a server, and to see how it ended

Received = SessionMessage | Exception


@attrs.define(eq=False)
class Program:
    """A server that is started when it is opened. What it says beside its messages goes to `hearing`."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    inherit: Sequence[str]
    hearing: Hearing
    patience: Patience
    max_reply_bytes: int
    over: bool = attrs.field(default=False, init=False)
    _process: trio.Process | None = attrs.field(default=None, init=False)

    absent = "the server did not start"
    modes = ("auto", "legacy")  # some servers of before 2026 end if they are asked what they speak

    @asynccontextmanager
    async def open(
        self,
    ) -> AsyncIterator[tuple[MemoryObjectReceiveStream[Received], MemoryObjectSendStream[SessionMessage]]]:
        """The streams that a session speaks over. Raises AgentError where it cannot be started."""
        self.hearing.anew()
        self.over = False
        self._process = process = await self._start()
        received, receive = anyio.create_memory_object_stream[Received](0)
        send, to_send = anyio.create_memory_object_stream[SessionMessage](0)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._read, process, received)
                nursery.start_soon(self._write, process, to_send, received)
                nursery.start_soon(self._listen, process)
                nursery.start_soon(self._end, process, received)
                try:
                    yield receive, send
                finally:
                    with trio.CancelScope(shield=True):
                        await _leave(process)
                    nursery.cancel_scope.cancel()
        finally:
            for stream in (received, receive, send, to_send):
                stream.close()

    async def _start(self) -> trio.Process:
        try:
            env = {**inherited(self.inherit), **self.env}
            return await start(self.argv, has_input=True, cwd=self.cwd, env=env)
        except (OSError, ValueError) as problem:
            raise unavailable(self._why_not(problem)) from None

    def _why_not(self, problem: OSError | ValueError) -> str:
        program = self.argv[0]
        match problem:
            case _ if not self.cwd.is_dir():
                return f"`{program}` was to run in {self.cwd}, which is not a folder"
            case FileNotFoundError():
                return f"the program `{program}` was not found: {how_to_get(program)}"
            case PermissionError():
                return f"`{program}` may not be executed: is it a program, and is `chmod +x` done?"
        return f"`{program}` could not be started: {problem}"

    async def ended(self, lost: ConnectionLost) -> str:
        """How the server ended, in words; it is asked when its streams have ended."""
        assert self._process is not None, "it was started"
        with trio.move_on_after(ENDING_SECONDS):
            await self._process.wait()
        status = self._process.returncode
        return "its streams are closed" if status is None else f"it {ending(status)}"

    async def _read(self, process: trio.Process, received: MemoryObjectSendStream[Received]) -> None:
        """Hand on what the server writes, to the end; once nobody takes it, it is only read."""
        lines = Lines(self.max_reply_bytes)
        assert process.stdout is not None
        with received, suppress(trio.ClosedResourceError, trio.BrokenResourceError):
            while piece := await process.stdout.receive_some(READ_BYTES):
                for line in lines.add(piece):
                    message = self._message(line)
                    if message is not None:
                        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
                            await received.send(message)
        self.over = True

    def _message(self, line: bytes | TooLong) -> SessionMessage | None:
        """What a line says; a reply that cannot be used becomes an error of the request that it answers."""
        if isinstance(line, TooLong):
            message = f"the reply is larger than {self.max_reply_bytes:,} bytes, its `max_reply_bytes`"
            return self._unusable(line.answers, message)
        if not line.strip():
            return None
        try:
            spoken = SessionMessage(messages.validate_json(line, by_name=False))
        except ValidationError:
            shown = line.decode(errors="replace").strip()[:100]
            return self._unusable(request_answered(line), f"this is no message of MCP: {shown}")
        self.patience.heard()
        return spoken

    def _unusable(self, request: int | None, message: str) -> SessionMessage | None:
        if request is None:
            self.hearing.line(f"on its standard output, {message}", "warning")
            self.patience.wondered()
            return None
        error = ErrorData(code=PARSE_ERROR, message=message)
        return SessionMessage(JSONRPCError(jsonrpc="2.0", id=request, error=error))

    async def _write(
        self,
        process: trio.Process,
        to_send: MemoryObjectReceiveStream[SessionMessage],
        received: MemoryObjectSendStream[Received],
    ) -> None:
        """Write what the session sends. A server that takes nothing more is given up."""
        assert process.stdin is not None
        try:
            with to_send:
                async for item in to_send:
                    try:
                        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
                    except ValueError as problem:  # half of a pair of surrogates, in a text of a flow
                        await _refuse(item, problem, received)
                    else:
                        await process.stdin.send_all(text.encode() + b"\n")
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            await self._give_up(received)

    async def _end(self, process: trio.Process, received: MemoryObjectSendStream[Received]) -> None:
        """A server that has ended is not waited for, though one that it started may hold its output open."""
        await process.wait()
        await self._give_up(received)

    async def _give_up(self, received: MemoryObjectSendStream[Received]) -> None:
        """End the session, once what is still to be read had a moment to arrive."""
        await trio.sleep(ENDING_SECONDS)
        self.over = True
        received.close()

    async def _listen(self, process: trio.Process) -> None:
        """Hear what the server says on its standard error."""
        lines = Lines(READ_BYTES)
        assert process.stderr is not None
        with suppress(trio.ClosedResourceError, trio.BrokenResourceError):
            while piece := await process.stderr.receive_some(READ_BYTES):
                self._hear(lines.add(piece))
            self._hear(lines.add(b"\n"))  # the last words of a program that broke off

    def _hear(self, lines: Iterable[bytes | TooLong]) -> None:
        for line in lines:
            content = line.head if isinstance(line, TooLong) else line
            self.hearing.line(content.decode(errors="replace"), "debug")


async def _refuse(
    item: SessionMessage, problem: ValueError, received: MemoryObjectSendStream[Received]
) -> None:
    """Answer a request that cannot be sent."""
    if isinstance(item.message, JSONRPCRequest):
        error = ErrorData(code=INVALID_PARAMS, message=f"they cannot be sent: {problem}")
        refusal = SessionMessage(JSONRPCError(jsonrpc="2.0", id=item.message.id, error=error))
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await received.send(refusal)


async def _leave(process: trio.Process) -> None:
    """Ask the server to end, by the end of its input, and see to it that nothing of it is left."""
    assert process.stdin is not None
    await process.stdin.aclose()
    with trio.move_on_after(LEAVING_SECONDS):
        await process.wait()
    await stop(process, grace_seconds=GRACE_SECONDS)
