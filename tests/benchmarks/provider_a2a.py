"""A2A: a call of a skill against the SDK's own client, both over one connection to the same agent."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.types import Message, Part, Role, SendMessageRequest

from tests.benchmarks import Figure
from tests.benchmarks.bench_providers import calls, prepared
from tests.test_agents_a2a import desk

FLOW = "agent shout(text: string) -> string effect read\n"
TASK = 'shout(text: "hi")'


def figures() -> Iterator[Figure]:
    with desk(quiet=True) as running:
        toml = f'[a2a.desk]\nurl = "{running.url}"\n\n[agents.shout]\na2a = "desk:shout"\n'
        flow = prepared(FLOW, TASK, toml)

        async def bare(count: int) -> None:
            async with httpx.AsyncClient() as http:
                card = await A2ACardResolver(http, running.url).get_agent_card()
                client = ClientFactory(ClientConfig(httpx_client=http)).create(card)
                for _ in range(count):
                    message = Message(message_id=uuid4().hex, role=Role.ROLE_USER, parts=[Part(text="hi")])
                    async for _event in client.send_message(SendMessageRequest(message=message)):
                        pass

        yield calls("a2a, streamed", flow, bare, "the SDK's client", most=30, rounds=5)
