"""The connection to an A2A agent: a message is sent, and what becomes of its task is awaited.

A reply may come at once, as a stream, or as a task that is looked at again and again; a stream that breaks
off becomes the latter. A call that is cancelled cancels its task, as far as the agent takes it. A task that
asks back, or wants to know who we are, fails: a flow asks people by itself."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Final, cast

import attrs
import httpx
import trio
from a2a.client import A2ACardResolver, Client, ClientConfig, ClientFactory
from a2a.types import (
    AgentCard,
    Artifact,
    CancelTaskRequest,
    GetTaskRequest,
    Message,
    Part,
    StreamResponse,
    Task,
    TaskState,
    TaskStatus,
)
from a2a.utils.constants import TransportProtocol
from a2a.utils.errors import A2AError

from flowlang.agents.a2a import A2ASettings
from flowlang.agents.a2a.card import offers_of
from flowlang.agents.a2a.limits import Limited
from flowlang.agents.a2a.messages import joined, reply_of, request_of
from flowlang.agents.a2a.problems import worded
from flowlang.agents.file import File
from flowlang.agents.http.sending import trusting
from flowlang.agents.kept import keep_all
from flowlang.agents.offers import Offered
from flowlang.agents.providers import Member, Target
from flowlang.runtime.agent_errors import failed, unavailable
from flowlang.runtime.agents import AgentCall, Said
from flowlang.values.value import Value

UNDER_WAY: Final = (
    TaskState.TASK_STATE_UNSPECIFIED,
    TaskState.TASK_STATE_SUBMITTED,
    TaskState.TASK_STATE_WORKING,
)
FIRST_LOOK, LONGEST_LOOK = 0.05, 5.0  # seconds between two looks at a task
GOODBYE: Final = 2.0  # seconds that cancelling a task may take


@asynccontextmanager
async def connected(target: Target) -> AsyncIterator[A2AConnection]:
    """Read the agent's card, and choose the way to speak that both know."""
    settings = cast(A2ASettings, target.settings)
    headers = {name: target.secrets.fill(value) for name, value in settings.headers.items()}
    timeout = httpx.Timeout(None, connect=settings.connect_timeout)
    context = trusting(None if settings.ca is None else target.folder / settings.ca)
    transport = Limited(httpx.AsyncHTTPTransport(verify=context), settings.max_reply_bytes)
    async with httpx.AsyncClient(headers=headers, timeout=timeout, transport=transport) as http:
        with worded(settings.url):
            card = await A2ACardResolver(http, settings.url, settings.card).get_agent_card()
            _keep_to_its_host(card, settings)
            client = ClientFactory(_config(http, settings, card)).create(card)
        yield A2AConnection(client, card, settings.url)


def _config(http: httpx.AsyncClient, settings: A2ASettings, card: AgentCard) -> ClientConfig:
    """What is not streamed is looked at again and again: so its task is known from the start, and can be
    cancelled."""
    streaming = settings.streaming and card.capabilities.streaming
    bindings = [TransportProtocol.JSONRPC.value, TransportProtocol.HTTP_JSON.value]
    return ClientConfig(
        streaming=streaming, polling=not streaming, httpx_client=http, supported_protocol_bindings=bindings
    )


def _keep_to_its_host(card: AgentCard, settings: A2ASettings) -> None:
    """Headers go to nobody but the host that they were meant for. Raises AgentError."""
    ours = [i for i in card.supported_interfaces if _origin(i.url) == _origin(settings.url)]
    if not settings.headers or len(ours) == len(card.supported_interfaces):
        return
    if not ours:
        others = ", ".join(interface.url for interface in card.supported_interfaces)
        message = f"the card of {settings.url} sends calls to {others}, which `headers` are not meant for"
        raise unavailable(f"{message}; set `url` to the host that is to get them")
    del card.supported_interfaces[:]
    card.supported_interfaces.extend(ours)


def _origin(url: str) -> tuple[str, str, int | None]:
    parsed = httpx.URL(url)
    return parsed.scheme, parsed.host, parsed.port


@attrs.frozen(eq=False)
class A2AConnection:
    """See `Connection`."""

    client: Client
    card: AgentCard
    url: str

    async def offers(self) -> tuple[Offered, ...]:
        return offers_of(self.card)

    async def call(self, member: Member, call: AgentCall) -> Value:
        with worded(self.url):
            parts = await _Talk(self.client, call).parts(member)
        reply = reply_of(parts, member.agent.result)
        if isinstance(reply, File):
            await keep_all([reply], call)
            return reply.reference()
        return reply


@attrs.define(eq=False)
class _Talk:
    """One message and what came of it. `task` is its id, once there is a task."""

    client: Client
    call: AgentCall
    task: str | None = None
    status: TaskStatus | None = None
    message: Message | None = None
    artifacts: dict[str, Artifact] = attrs.field(factory=dict)

    async def parts(self, member: Member) -> list[Part]:
        """The parts of the reply. Raises AgentError, and what the SDK raises."""
        try:
            await self._send(member)
            await self._wait()
        except trio.Cancelled:
            await self._cancel()
            raise
        if self.message is not None:
            return [*self.message.parts]
        self._check()
        found = [part for artifact in self.artifacts.values() for part in joined(artifact.parts)]
        said = [*self.status.message.parts] if self.status is not None else []
        return found or said

    async def _send(self, member: Member) -> None:
        """Send the message, and hear what is streamed; a stream may break off once there is a task."""
        try:
            async with aclosing(self._stream(member)) as stream:
                async for event in stream:
                    self._hear(event)
        except (A2AError, httpx.HTTPError):
            if self.task is None:
                raise

    async def _stream(self, member: Member) -> AsyncGenerator[StreamResponse, None]:
        async for event in self.client.send_message(request_of(member, self.call)):
            yield event

    def _hear(self, event: StreamResponse) -> None:
        match event.WhichOneof("payload"):
            case "message":
                self.message = event.message
            case "task":
                self._take(event.task)
            case "status_update":
                self.task = event.status_update.task_id
                self._stand(event.status_update.status)
            case "artifact_update":
                self.task = event.artifact_update.task_id
                self._add(event.artifact_update.artifact, event.artifact_update.append)

    def _take(self, task: Task) -> None:
        self.task = task.id
        self.artifacts |= {artifact.artifact_id: artifact for artifact in task.artifacts}
        self._stand(task.status)

    def _stand(self, status: TaskStatus) -> None:
        self.status = status
        if status.state in UNDER_WAY and (text := _text_of(status)) and self.call.tell is not None:
            self.call.tell(Said(text))

    def _add(self, artifact: Artifact, append: bool) -> None:
        known = self.artifacts.get(artifact.artifact_id)
        if known is None or not append:
            self.artifacts[artifact.artifact_id] = artifact
        else:
            known.parts.extend(artifact.parts)

    async def _wait(self) -> None:
        """Look at a task until it has ended."""
        pause = FIRST_LOOK
        while self.message is None and self.task is not None and self._under_way():
            await trio.sleep(pause)
            pause = min(pause * 2, LONGEST_LOOK)
            self._take(await self.client.get_task(GetTaskRequest(id=self.task)))

    def _under_way(self) -> bool:
        return self.status is None or self.status.state in UNDER_WAY

    async def _cancel(self) -> None:
        """Nobody waits any longer: say so, if there is time."""
        if self.task is None or not self._under_way():
            return
        with trio.CancelScope(shield=True, deadline=trio.current_time() + GOODBYE):
            try:
                await self.client.cancel_task(CancelTaskRequest(id=self.task))
            except (A2AError, httpx.HTTPError):
                return  # it could not be cancelled, or has ended

    def _check(self) -> None:
        """Raises AgentError where the task did not do what it was to."""
        if self.status is None:
            raise unavailable("the agent went away before it said anything")
        said = f": {text}" if (text := _text_of(self.status)) else ""
        match self.status.state:
            case TaskState.TASK_STATE_COMPLETED:
                return
            case TaskState.TASK_STATE_INPUT_REQUIRED:
                raise failed(f"the agent asks back{said}; tell it all that it needs, or use an `ask`")
            case TaskState.TASK_STATE_AUTH_REQUIRED:
                raise failed(f"the agent wants to know who calls{said}; set `headers`")
            case state:
                ended = TaskState.Name(state).removeprefix("TASK_STATE_").lower()
                raise failed(f"the task ended as {ended}{said}")


def _text_of(status: TaskStatus) -> str:
    return " ".join(part.text for part in status.message.parts if part.text).strip()
