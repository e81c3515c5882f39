"""The engine: a plan and its inputs -> a result, on trio.

    compiled = flowlang.compile("brief.flow")
    result = await run(compiled.plan, {"topic": "trio"}, agents={"search": search})

Preparing comes first and finds all that stands in the way: inputs that do not fit, agents that nothing is
bound to, modules that cannot be imported. Only what the flow reaches has to be bound. What happens in the run
itself, failures included, is in the `Result`; only a cancellation around it passes through.

Questions (`ask`) go to an `answer` function; without one they fail with `Unavailable`. Values are JSON on
this side: durations "1h30m", datetimes RFC 3339."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import trio

from flowlang.agents.binding import AgentLike, BindOption, bind
from flowlang.agents.config import Config, read_config
from flowlang.agents.places import Places, ReadSource
from flowlang.agents.project import config_path
from flowlang.agents.python_values import to_json
from flowlang.hosts.trio_host import CALLS_AT_ONCE, TrioHost
from flowlang.hosts.turns import turns_of
from flowlang.plan import model as plan
from flowlang.plan.walk import called_agents, called_flows
from flowlang.runtime.agents import AgentError
from flowlang.runtime.events import OnEvent, Status
from flowlang.runtime.failures import UNAVAILABLE, Failure
from flowlang.runtime.host import Awaited, Question
from flowlang.runtime.program import Program, link
from flowlang.runtime.run import Run, RunResult
from flowlang.text.diagnostics import Diagnostic
from flowlang.tools.files import read_shown
from flowlang.tools.run_inputs import read_inputs
from flowlang.values.codec import encode
from flowlang.values.value import Value

Answer: TypeAlias = Callable[[str, Question], Awaitable[Value]]
"""Answers a question, given its address and itself, with JSON that fits the result type of the ask."""


class NotRunnable(Exception):
    """Why a run cannot start, as diagnostics."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__("; ".join(diagnostic.message for diagnostic in self.diagnostics))


@attrs.frozen
class Result:
    """How a run ended. `data` is the flow's result as JSON, None unless `status` is "done"."""

    run_id: str
    flow: str
    status: Status
    data: Value
    failure: Failure | None
    undo_failures: tuple[Failure, ...]
    execution_time_seconds: float
    steps_executed: int
    steps_skipped: int
    retries: int


@attrs.frozen(eq=False)
class Prepared:
    """A run that can start: a plan narrowed to one flow and what that reaches, with its agents and inputs."""

    program: Program
    flow: str
    inputs: Mapping[str, Value]


async def run(
    compiled: plan.Plan,
    inputs: Mapping[str, object] | None = None,
    *,
    flow: str | None = None,
    agents: Mapping[str, AgentLike] | None = None,
    answer: Answer | None = None,
    on_event: OnEvent | None = None,
    max_parallel: int = CALLS_AT_ONCE,
    run_id: str | None = None,
) -> Result:
    """Run a flow of a plan: the one called `flow`, else the plan's main one.

    `agents` are functions or bindings by the agents' names; the others are reached as `flow.toml` and the
    flow itself say. Inputs are JSON, or whatever an agent may give back: datetimes, dataclasses and so on.
    Raises, before anything is called, NotRunnable, TypeError for an input that is no value, LookupError."""
    name = flow or compiled.main
    if name is None or name not in compiled.flows:
        raise LookupError(f"the plan has no flow {name or 'that is the main one'}")
    try:
        given = {key: to_json(value, key) for key, value in (inputs or {}).items()}
    except AgentError as problem:
        raise TypeError(problem.message) from None
    prepared = prepare(compiled, name, given=given, agents=agents)
    return await start(prepared, answer=answer, on_event=on_event, max_parallel=max_parallel, run_id=run_id)


def run_sync(compiled: plan.Plan, inputs: Mapping[str, object] | None = None, **options: Any) -> Result:
    """`run`, in an event loop of its own."""
    return trio.run(partial(run, compiled, inputs, **options))


def prepare(
    compiled: plan.Plan,
    flow: str,
    *,
    texts: Iterable[str] = (),
    given: Mapping[str, Value] | None = None,
    agents: Mapping[str, AgentLike] | None = None,
    options: Iterable[BindOption] = (),
    read: ReadSource | None = None,
) -> Prepared:
    """Read the inputs, from `NAME=VALUE` texts and from JSON, and bind the agents. Raises NotRunnable.

    `read` gives the sources of the plan, to show where something is wrong."""
    narrowed = narrow(compiled, flow)
    places = Places(narrowed, read or read_shown)
    inputs = read_inputs(places, flow, texts, given)
    bindings = bind(narrowed.agents, places, config=_config(narrowed), options=options, given=agents)
    if inputs.diagnostics or bindings.diagnostics:
        raise NotRunnable(inputs.diagnostics + bindings.diagnostics)
    return Prepared(link(narrowed, bindings.agents), flow, inputs.values)


def narrow(compiled: plan.Plan, flow: str) -> plan.Plan:
    """The plan with only what a flow reaches."""
    flows: dict[str, plan.Flow] = {}
    pending = [flow]
    while pending:
        name = pending.pop()
        if name not in flows:
            flows[name] = compiled.flows[name]
            pending.extend(called_flows(flows[name]))
    called = {agent for each in flows.values() for agent in called_agents(each)}
    agents = {name: agent for name, agent in compiled.agents.items() if name in called}
    return compiled.model_copy(update={"flows": flows, "agents": agents, "main": flow})


def _config(compiled: plan.Plan) -> Config | None:
    """The nearest `flow.toml` at or above the file that the plan was compiled from."""
    found = config_path(Path(compiled.sources[0].path)) if compiled.sources else None
    return read_config(found) if found else None


async def start(
    prepared: Prepared,
    *,
    answer: Answer | None = None,
    on_event: OnEvent | None = None,
    max_parallel: int = CALLS_AT_ONCE,
    run_id: str | None = None,
    started: Callable[[Run], None] | None = None,
) -> Result:
    """Carry a prepared run out. `started` gets the run, which can be cancelled, before it begins."""
    program = prepared.program
    turns = turns_of(program.plan.agents)
    host = _AnsweringHost(program.agents, calls_at_once=max_parallel, turns=turns)
    host.answerer = answer
    run = Run(program, prepared.flow, prepared.inputs, host, on_event, run_id or secrets.token_hex(6))
    if started is not None:
        started(run)
    return _result(prepared, await run.result())


class _AnsweringHost(TrioHost):
    """Hands questions to a function instead of waiting for an answer."""

    answerer: Answer | None = None

    async def wait(self, path: str, awaited: Question | Awaited) -> Value:
        if not isinstance(awaited, Question):
            return await super().wait(path, awaited)
        if self.answerer is None:
            message = f"nobody is there to answer `{awaited.ask}`"
            raise AgentError(UNAVAILABLE, message, fields={"message": message})
        return await self.answerer(path, awaited)


def _result(prepared: Prepared, ended: RunResult) -> Result:
    type = prepared.program.plan.flows[prepared.flow].result
    return Result(
        run_id=ended.run,
        flow=ended.flow,
        status=ended.status,
        data=encode(ended.value, type) if ended.status == "done" else None,
        failure=ended.failure,
        undo_failures=ended.undo_failures,
        execution_time_seconds=round((ended.ended - ended.started) / 1e6, 6),
        steps_executed=ended.steps_executed,
        steps_skipped=ended.steps_skipped,
        retries=ended.retries,
    )
