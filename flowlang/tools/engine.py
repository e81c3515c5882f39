"""The engine: a plan and its inputs -> a run on trio, and its result.

    plan = flowlang.compile("brief.flow")
    result = await flowlang.run(plan, {"topic": "trio"}, agents={"search": search})

Preparing comes first and finds all that stands in the way: inputs that do not fit, agents that nothing is
bound to, modules that cannot be imported. Only what the flow reaches has to be bound. What happens in the run
itself, failures included, is in the `Result`; only a cancellation around it passes through.

Values are JSON on this side: durations "1h30m", datetimes RFC 3339. What a program gives may also be what an
agent may give back: a timedelta, a dataclass and so on."""

from __future__ import annotations

import math
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

import attrs
import trio

from flowlang.agents.file import File
from flowlang.agents.given import AgentLike, BindOption
from flowlang.agents.places import Places
from flowlang.agents.project import config_path
from flowlang.agents.python_values import to_json
from flowlang.agents.secrets import Secrets
from flowlang.hosts.connections import open_connections
from flowlang.hosts.trio_host import CALLS_AT_ONCE, TrioGroup
from flowlang.hosts.turns import Turns, turns_of
from flowlang.plan import model as plan
from flowlang.plan.walk import awaited_events, called_agents, called_flows
from flowlang.runtime.agents import Agent
from flowlang.runtime.events import OnEvent
from flowlang.runtime.program import Program, link
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Span
from flowlang.text.suggest import did_you_mean
from flowlang.tools.environments import NO_ENVIRONMENT, environment_of
from flowlang.tools.files import read_shown
from flowlang.tools.frontend import NotRunnable
from flowlang.tools.run_handle import Result, RunHandle
from flowlang.tools.run_in_memory import Answer, Answering, InMemory, nobody
from flowlang.tools.run_inputs import Inputs, read_inputs
from flowlang.tools.secret_inputs import SecretOption, with_options
from flowlang.tools.temporary_files import temporary_files
from flowlang.values.value import Misfit, Value

if TYPE_CHECKING:
    from flowlang.agents.config import Config


@attrs.frozen
class Reached:
    """How a run finds what its text does not say: by the tables of which environment of `flow.toml` (none
    where it is empty), and where the secrets are that are not given."""

    environment: str = NO_ENVIRONMENT
    secret_options: tuple[SecretOption, ...] = ()
    secrets: Secrets = attrs.field(factory=Secrets, eq=False)


RUN_ID: Final = re.compile(r"\w[\w.-]{0,63}", re.ASCII)


@attrs.frozen(eq=False)
class Prepared:
    """A flow of a plan that can run, as often as wanted: its agents are bound and its plan is linked.

    The limits, breakers and caches of its agents, and the cap on calls, hold for all its runs together."""

    program: Program
    flow: str
    places: Places
    answerers: Mapping[str, Agent]  # what answers an `ask` by itself
    turns: Mapping[str, Turns]
    calls: trio.Semaphore
    reached: Reached

    @cached_property
    def source(self) -> str | None:
        """The file that the flow was compiled from."""
        sources = self.program.plan.sources
        return os.path.abspath(sources[0].path) if sources else None

    async def run(
        self,
        inputs: Mapping[str, object] | None = None,
        *,
        answer: Answer | None = None,
        on_event: OnEvent | None = None,
        run_id: str | None = None,
    ) -> Result:
        """Run the flow to its end. Questions go to `answer`; without it they fail with `Unavailable`.

        Raises NotRunnable for inputs that do not fit, TypeError for one that is no value, and what `on_event`
        raises, once the run is cancelled."""
        values = self.read(inputs)
        async with self.started(values, answer or nobody, on_event, run_id, files_in(inputs)) as handle:
            return await handle.result()

    def start(
        self,
        inputs: Mapping[str, object] | None = None,
        *,
        on_event: OnEvent | None = None,
        run_id: str | None = None,
    ) -> AbstractAsyncContextManager[RunHandle]:
        """Start a run, for as long as the block that it is opened with: `async with prepared.start() as run`.

        The end of the block awaits that of the run; an exception or a cancellation that leaves the block
        cancels it first. Questions wait for `RunHandle.answer`. Raises what `run` does."""
        return self.started(self.read(inputs), None, on_event, run_id, files_in(inputs))

    def read(self, inputs: Mapping[str, object] | None) -> Mapping[str, Value]:
        """Inputs as values of the flow's types. Raises NotRunnable, TypeError."""
        found = read_inputs(self.places, self.flow, given=_json_inputs(inputs), secrets=self.reached.secrets)
        if found.diagnostics:
            raise NotRunnable(found.diagnostics, self.places.read)
        return found.values

    @asynccontextmanager
    async def started(
        self,
        values: Mapping[str, Value],
        answer: Answer | None,
        on_event: OnEvent | None,
        run_id: str | None = None,
        files: Sequence[File] = (),
    ) -> AsyncIterator[RunHandle]:
        """`start` with values that `read` gave, and the files in them."""
        run_id = run_id_of(run_id)
        with temporary_files() as kept:
            for file in files:
                await kept.keep(file.reference(), file.content)

            def open_carrier(tell: OnEvent | None) -> InMemory:
                return InMemory(
                    self.program,
                    self.flow,
                    values,
                    run_id,
                    tell,
                    Answering(self.answerers, answer, kept, connections),
                    calls=self.calls,
                    turns=self.turns,
                    files=kept,
                    connections=connections,
                )

            async with open_connections() as connections:
                handle = RunHandle(self.program.plan, self.flow, run_id, open_carrier, on_event)
                async with TrioGroup(math.inf) as group:
                    group.start(handle.carry_out)
                    yield handle


def run_id_of(wanted: str | None) -> str:
    """The id of a new run: what is wanted, else twelve characters, not to be guessed. Raises ValueError for
    one that no command could name."""
    if wanted is None:
        return secrets.token_hex(6)
    if not RUN_ID.fullmatch(wanted):
        allowed = "at most 64 letters, digits, `_`, and behind the first `-` and `.`"
        raise ValueError(f"the id of a run is {allowed}, not {wanted[:80]!r}")
    return wanted


def at_least_one(max_parallel: int) -> int:
    """Raises ValueError where no call could ever be made."""
    if max_parallel < 1:
        raise ValueError(f"max_parallel is at least 1, not {max_parallel}")
    return max_parallel


class RunOptions(TypedDict, total=False):
    """The options of `run_sync`; see `run`."""

    flow: str | None
    agents: Mapping[str, AgentLike] | None
    max_parallel: int
    answer: Answer | None
    on_event: OnEvent | None
    run_id: str | None
    environment: str | None


async def run(
    compiled: plan.Plan,
    inputs: Mapping[str, object] | None = None,
    *,
    flow: str | None = None,
    agents: Mapping[str, AgentLike] | None = None,
    max_parallel: int = CALLS_AT_ONCE,
    answer: Answer | None = None,
    on_event: OnEvent | None = None,
    run_id: str | None = None,
    environment: str | None = None,
) -> Result:
    """Run a flow of a plan to its end, under trio: the one called `flow`, else the plan's main one.

    `agents` are functions or bindings by the agents' names; the others are reached as `flow.toml` and the
    flow itself say. A function for an `ask` answers it; else questions go to `answer`, and without that they
    fail with `Unavailable`. `on_event` is told what happens, while it does. `environment` says which tables
    of `flow.toml` hold; None is that of FLOW_ENV.

    Raises, before anything is called: NotRunnable, TypeError for an input that is no value, LookupError where
    there is no such flow."""
    prepared, values = _both(compiled, inputs, flow, agents, max_parallel, environment)
    async with prepared.started(values, answer or nobody, on_event, run_id, files_in(inputs)) as handle:
        return await handle.result()


def run_sync(
    compiled: plan.Plan, inputs: Mapping[str, object] | None = None, **options: Unpack[RunOptions]
) -> Result:
    """`run`, in an event loop of its own."""
    return trio.run(partial(run, compiled, inputs, **options))


def start(
    compiled: plan.Plan,
    inputs: Mapping[str, object] | None = None,
    *,
    flow: str | None = None,
    agents: Mapping[str, AgentLike] | None = None,
    max_parallel: int = CALLS_AT_ONCE,
    on_event: OnEvent | None = None,
    run_id: str | None = None,
    environment: str | None = None,
) -> AbstractAsyncContextManager[RunHandle]:
    """Start a run that can be followed, answered, told of events and cancelled; see `Prepared.start`."""
    prepared, values = _both(compiled, inputs, flow, agents, max_parallel, environment)
    return prepared.started(values, None, on_event, run_id, files_in(inputs))


def _both(
    compiled: plan.Plan,
    inputs: Mapping[str, object] | None,
    flow: str | None,
    agents: Mapping[str, AgentLike] | None,
    max_parallel: int,
    environment: str | None,
) -> tuple[Prepared, Mapping[str, Value]]:
    given = _json_inputs(inputs)
    prepared, read = prepare_run(
        compiled, flow, given=given, agents=agents, max_parallel=max_parallel, environment=environment
    )
    return prepared, read.values


def _json_inputs(inputs: Mapping[str, object] | None) -> dict[str, Value]:
    """Raises TypeError for what has no JSON form."""
    given: dict[str, Value] = {}
    for name, value in (inputs or {}).items():
        try:
            given[name] = to_json(value, [])
        except Misfit as misfit:
            raise TypeError(f"the input `{name}` does not fit: {misfit}") from None
    return given


def files_in(inputs: Mapping[str, object] | None) -> list[File]:
    """The files that inputs refer to, which have been read already."""
    files: list[File] = []
    for value in (inputs or {}).values():
        to_json(value, files)
    return files


# Preparing


def prepare(
    compiled: plan.Plan,
    *,
    flow: str | None = None,
    agents: Mapping[str, AgentLike] | None = None,
    options: Iterable[BindOption] = (),
    max_parallel: int = CALLS_AT_ONCE,
    folder: Path | None = None,
    environment: str | None = None,
    secret_options: Iterable[SecretOption] = (),
) -> Prepared:
    """Bind and link a flow once, to run it often. Raises NotRunnable, LookupError.

    `environment` says which tables of `flow.toml` hold: None is that of FLOW_ENV, "" none at all. `options`
    and `secret_options` are those of the command line. `folder` is where the run was started, if that is not
    here."""
    places = Places(narrow(compiled, _flow_of(compiled, flow)), read_shown)
    config, reached = _surroundings(compiled, environment, secret_options)
    bindings, problems = _bound(compiled, places, config, reached, agents or {}, options, folder)
    if problems:
        raise NotRunnable(problems, read_shown)
    return _linked(places, bindings, max_parallel, reached)


def prepare_run(
    compiled: plan.Plan,
    flow: str | None = None,
    *,
    texts: Iterable[str] = (),
    given: Mapping[str, Value] | None = None,
    agents: Mapping[str, AgentLike] | None = None,
    options: Iterable[BindOption] = (),
    max_parallel: int = CALLS_AT_ONCE,
    environment: str | None = None,
    secret_options: Iterable[SecretOption] = (),
) -> tuple[Prepared, Inputs]:
    """Prepare one run: what is wrong with its inputs and with its agents is told together.

    Inputs come as `NAME=VALUE` texts and as JSON. Raises NotRunnable, LookupError."""
    name = _flow_of(compiled, flow)
    places = Places(narrow(compiled, name), read_shown)
    config, reached = _surroundings(compiled, environment, secret_options)
    inputs = read_inputs(places, name, texts, given, reached.secrets)
    bindings, problems = _bound(compiled, places, config, reached, agents or {}, options)
    if inputs.diagnostics or problems:
        raise NotRunnable(inputs.diagnostics + problems, places.read)
    return _linked(places, bindings, max_parallel, reached), inputs


def _flow_of(compiled: plan.Plan, wanted: str | None) -> str:
    name = wanted or compiled.main
    if name is not None and name in compiled.flows:
        return name
    known = ", ".join(f"`{flow}`" for flow in compiled.flows) or "none at all"
    if name is None:
        raise LookupError(f"the plan has several flows and none is called `main`; name one of {known}")
    raise LookupError(f"the plan has no flow `{name}`; it has {known}")


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
    awaited = {event for each in flows.values() for event in awaited_events(each)}
    events = {name: event for name, event in compiled.events.items() if name in awaited}
    return compiled.model_copy(update={"flows": flows, "agents": agents, "events": events, "main": flow})


def _bound(
    compiled: plan.Plan,
    places: Places,
    config: Config | None,
    reached: Reached,
    given: Mapping[str, AgentLike],
    options: Iterable[BindOption],
    folder: Path | None = None,
) -> tuple[Mapping[str, Agent], tuple[Diagnostic, ...]]:
    """What answers for each agent, and what is wrong."""
    unknown = tuple(_unknown(name, compiled) for name in given if name not in compiled.agents)
    if config is None and not places.plan.agents:
        return {}, unknown
    from flowlang.agents.binding import bind

    found = bind(
        places.plan.agents,
        places,
        config=config,
        options=options,
        given=given,
        folder=folder,
        secrets=reached.secrets,
    )
    return found.agents, unknown + found.diagnostics


def _unknown(name: str, compiled: plan.Plan) -> Diagnostic:
    path = compiled.sources[0].path if compiled.sources else ""
    known = ", ".join(f"`{agent}`" for agent in compiled.agents) or "none"
    help = did_you_mean(name, compiled.agents) or f"the agents that the plan calls: {known}"
    message = f"a function is given for the agent `{name}`, which the plan does not call"
    return Diagnostic(codes.BINDING_MISMATCH, message, Label(Span(0, 0), "", Anchor(path)), help=help)


def _surroundings(
    compiled: plan.Plan, environment: str | None, options: Iterable[SecretOption]
) -> tuple[Config | None, Reached]:
    """The nearest `flow.toml` at or above the file that the plan was compiled from, and what it leads to."""
    meant, given = environment_of(environment), tuple(options)
    path = config_path(Path(compiled.sources[0].path)) if compiled.sources else None
    config = _read_config(path, meant) if path else None
    secrets = with_options(config.secrets if config else Secrets(), given)
    return config, Reached(meant or NO_ENVIRONMENT, given, secrets)


def _read_config(path: Path, environment: str | None) -> Config:
    from flowlang.agents.config import read_config

    return read_config(path, environment)


def _linked(places: Places, bindings: Mapping[str, Agent], max_parallel: int, reached: Reached) -> Prepared:
    narrowed = places.plan
    assert narrowed.main is not None, "a narrowed plan has the flow it was narrowed to"
    return Prepared(
        program=link(narrowed, bindings),
        flow=narrowed.main,
        places=places,
        answerers={name: agent for name, agent in bindings.items() if narrowed.agents[name].asks},
        turns=turns_of(narrowed.agents),
        calls=trio.Semaphore(at_least_one(max_parallel)),
        reached=reached,
    )
