"""An agent that speaks A2A, made of the SDK's own server.

    python -m tests.support.a2a_agent PORT JSONRPC|HTTP+JSON streaming|whole

What it does is the skill that the message's metadata names. Each message that it took, by its id, is a line
on its standard output."""

from __future__ import annotations

import asyncio
import json
import os
import sys

import uvicorn
from a2a.helpers.proto_helpers import new_data_part, new_raw_part, new_task_from_user_message, new_text_part
from a2a.server.agent_execution import AgentExecutor, RequestContext
from a2a.server.events import EventQueue
from a2a.server.request_handlers import DefaultRequestHandler
from a2a.server.routes import create_agent_card_routes, create_jsonrpc_routes, create_rest_routes
from a2a.server.tasks import InMemoryTaskStore, TaskUpdater
from a2a.types import AgentCapabilities, AgentCard, AgentInterface, AgentSkill, Part
from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette

SKILLS = {
    "shout": "text/plain",
    "tally": "application/json",
    "logo": "image/png",
    "write": "text/plain",
    "measure": "application/json",
    "slow": "text/plain",
    "fail": "text/plain",
    "ask-back": "text/plain",
    "who": "text/plain",
    "enormous": "text/plain",
    "die": "text/plain",
}


class Desk(AgentExecutor):
    async def execute(self, context: RequestContext, queue: EventQueue) -> None:
        assert context.message is not None
        skill = MessageToDict(context.message.metadata).get("skill", "shout")
        print(json.dumps([skill, context.message.message_id]), flush=True)
        task = new_task_from_user_message(context.message)
        await queue.enqueue_event(task)
        updater = TaskUpdater(queue, task.id, task.context_id)
        await getattr(self, skill.replace("-", "_"))(context, updater)

    async def cancel(self, context: RequestContext, queue: EventQueue) -> None:
        print(json.dumps(["cancelled", ""]), flush=True)
        await TaskUpdater(queue, context.task_id or "", context.context_id or "").cancel()

    async def shout(self, context: RequestContext, updater: TaskUpdater) -> None:
        await updater.add_artifact([new_text_part(context.get_user_input().upper())])
        await updater.complete()

    async def tally(self, context: RequestContext, updater: TaskUpdater) -> None:
        """The sum of the numbers in the data."""
        data = [MessageToDict(part.data) for part in context.message.parts if part.HasField("data")]
        numbers = [n for each in data for n in (each["numbers"] if isinstance(each, dict) else each)]
        await updater.add_artifact([new_data_part({"sum": sum(numbers), "of": len(numbers)})])
        await updater.complete()

    async def logo(self, context: RequestContext, updater: TaskUpdater) -> None:
        await updater.add_artifact([new_raw_part(b"\x89PNG logo", "image/png")])
        await updater.complete()

    async def write(self, context: RequestContext, updater: TaskUpdater) -> None:
        """An artifact in pieces, with words meanwhile."""
        await updater.start_work(updater.new_agent_message([new_text_part("sharpening the pencil")]))
        for number, piece in enumerate(["one ", "two ", "three"]):
            await updater.add_artifact([new_text_part(piece)], artifact_id="text", append=number > 0)
        await updater.complete()

    async def measure(self, context: RequestContext, updater: TaskUpdater) -> None:
        """The sizes of the files that came."""
        raw: list[Part] = [part for part in context.message.parts if part.HasField("raw")]
        await updater.add_artifact([new_data_part([[len(part.raw), part.media_type] for part in raw])])
        await updater.complete()

    async def slow(self, context: RequestContext, updater: TaskUpdater) -> None:
        await updater.start_work()
        await asyncio.sleep(60)

    async def fail(self, context: RequestContext, updater: TaskUpdater) -> None:
        await updater.failed(updater.new_agent_message([new_text_part("the printer is on fire")]))

    async def ask_back(self, context: RequestContext, updater: TaskUpdater) -> None:
        await updater.requires_input(updater.new_agent_message([new_text_part("which colour?")]))

    async def who(self, context: RequestContext, updater: TaskUpdater) -> None:
        """The headers of the request that are about us."""
        headers = context.call_context.state.get("headers", {})
        await updater.add_artifact([new_text_part(headers.get("authorization", "nobody"))])
        await updater.complete()

    async def enormous(self, context: RequestContext, updater: TaskUpdater) -> None:
        await updater.add_artifact([new_text_part("x" * 3_000_000)])
        await updater.complete()

    async def die(self, context: RequestContext, updater: TaskUpdater) -> None:
        os._exit(1)


def card_of(port: int, binding: str, streaming: bool) -> AgentCard:
    url = f"http://127.0.0.1:{port}/{'rpc' if binding == 'JSONRPC' else 'rest'}"
    return AgentCard(
        name="Desk",
        description="Does what desks do.",
        version="1.0.0",
        supported_interfaces=[AgentInterface(url=url, protocol_binding=binding, protocol_version="1.0")],
        capabilities=AgentCapabilities(streaming=streaming),
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[
            AgentSkill(id=name, name=name, description=f"Can {name}.", tags=["desk"], output_modes=[mode])
            for name, mode in SKILLS.items()
        ],
    )


def main() -> None:
    port, binding, streaming = int(sys.argv[1]), sys.argv[2], sys.argv[3] == "streaming"
    card = card_of(port, binding, streaming)
    handler = DefaultRequestHandler(Desk(), InMemoryTaskStore(), card)
    routes = [
        *create_agent_card_routes(card),
        *create_jsonrpc_routes(handler, "/rpc"),
        *create_rest_routes(handler, path_prefix="/rest"),
    ]
    uvicorn.run(Starlette(routes=routes), port=port, log_level="warning")


if __name__ == "__main__":
    main()
