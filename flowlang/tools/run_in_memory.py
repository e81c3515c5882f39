"""Runs without a store: carried out on trio alone, and gone with their process.

Questions are answered by what is bound to their ask, or by the function of whoever started the run; else they
wait for an answer through the handle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias, TypedDict, Unpack

import attrs
import trio

from flowlang.hosts.sqlite.artifacts import RunFiles
from flowlang.hosts.trio_host import TrioHost
from flowlang.hosts.turns import Turns
from flowlang.runtime.agent_errors import unavailable
from flowlang.runtime.agents import Agent, AgentCall, AgentError, agent_failed
from flowlang.runtime.connections import Connections
from flowlang.runtime.events import Event, OnEvent
from flowlang.runtime.files import Files
from flowlang.runtime.hiding import secrets_of
from flowlang.runtime.host import Awaited, Question
from flowlang.runtime.program import Program
from flowlang.runtime.run import Run
from flowlang.tools.run_artifacts import Artifact, listed_artifacts
from flowlang.tools.run_handle import Result, result_of
from flowlang.values.value import Value

Answer: TypeAlias = Callable[[str, Question], Awaitable[Value]]
"""Answers a question, given its address and itself, with JSON that fits the result type of the ask."""


@attrs.frozen(eq=False)
class Answering:
    """Who answers questions by themselves: agents bound to an ask, and else a function, if there is one."""

    agents: Mapping[str, Agent]
    answer: Answer | None
    files: Files | None = None
    connections: Connections | None = None

    def find(self, path: str, question: Question) -> Callable[[], Awaitable[Value]] | None:
        """What gives the answer to a question, or raises AgentError; None where it waits for somebody."""
        agent = self.agents.get(question.ask)
        if agent is not None:
            call = AgentCall(question.ask, question.arguments, files=self.files, connections=self.connections)
            return lambda: _blamed(agent.call(call))
        answer = self.answer
        return None if answer is None else lambda: _blamed(answer(path, question))


async def _blamed(answering: Awaitable[Value]) -> Value:
    """An answer; whatever goes wrong on the way to it is an AgentError."""
    try:
        return await answering
    except (trio.Cancelled, KeyboardInterrupt, AgentError):
        raise
    except BaseException as raised:
        await trio.lowlevel.checkpoint_if_cancelled()
        raise agent_failed(raised) from None


async def nobody(path: str, question: Question) -> Value:
    """The `Answer` of a run that has nobody to ask."""
    raise unavailable(f"nobody is there to answer `{question.ask}`: no terminal, no program, and no binding")


class InMemory:
    """The `Carrier` of a run without a store. What would be parked here would be lost, so it is cancelled."""

    def __init__(
        self,
        program: Program,
        flow: str,
        inputs: Mapping[str, Value],
        run_id: str,
        on_event: OnEvent | None,
        answering: Answering,
        *,
        calls: trio.Semaphore,
        turns: Mapping[str, Turns],
        files: RunFiles,
        connections: Connections,
    ) -> None:
        self._files = files
        self._host = host = _AnsweringHost(
            answering,
            program.agents,
            calls_at_once=calls,
            turns=turns,
            on_event=on_event,
            files=files,
            connections=connections,
            secrets=secrets_of(program.plan.flows[flow], inputs),
        )
        self._run = Run(program, flow, inputs, host, on_event, run_id)

    @property
    def questions(self) -> Mapping[str, Question]:
        return self._host.questions

    def answer(self, path: str, answer: Value) -> None:
        self._host.answer(path, answer)

    def send(self, event: str, fields: Value) -> None:
        self._host.send(event, fields)

    def cancel(self) -> None:
        self._run.cancel()

    def park(self) -> None:
        self._run.cancel()

    async def carry_out(self) -> Result:
        return result_of(await self._run.result(), self._run.program.plan, self._artifacts)

    def past(self) -> Sequence[Event]:
        return ()

    def _artifacts(self, data: Value) -> tuple[Artifact, ...]:
        given = ((None, dict(reference)) for reference in self._files.kept)
        return listed_artifacts(data, given, self._files.artifacts.path)


class _Options(TypedDict):
    calls_at_once: trio.Semaphore
    turns: Mapping[str, Turns]
    on_event: OnEvent | None
    files: Files
    connections: Connections
    secrets: tuple[str, ...]


class _AnsweringHost(TrioHost):
    def __init__(
        self, answering: Answering, agents: Mapping[str, Agent], **options: Unpack[_Options]
    ) -> None:
        super().__init__(agents, **options)
        self._answering = answering

    async def wait(self, path: str, awaited: Question | Awaited) -> Value:
        answer = self._answering.find(path, awaited) if isinstance(awaited, Question) else None
        return await (super().wait(path, awaited) if answer is None else answer())
