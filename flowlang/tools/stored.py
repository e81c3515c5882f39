"""What a store keeps of a run -> what it was started with, and where it stands.

A run is stored so that it can be carried on from any folder: its plan names files by absolute paths, and the
folder and the options that it was started with are kept."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import attrs

from flowlang.agents.binding import AgentLike, BadOption, parse_option
from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import Store
from flowlang.plan import model as plan
from flowlang.plan.load import load_plan
from flowlang.runtime.events import OnEvent
from flowlang.runtime.journal import SEMANTICS, JournalMisfit, Row
from flowlang.runtime.kernel import Kernel
from flowlang.runtime.program import Program
from flowlang.runtime.replay import Replayed, kernel_of, replay
from flowlang.tools.engine import Prepared, prepare
from flowlang.values.codec import write_json
from flowlang.values.value import Value


@attrs.frozen
class Begun:
    """What a run was started with: plan values for its parameters, its folder, and what `--bind` said."""

    values: Mapping[str, Value]
    folder: str
    binds: tuple[str, ...] = ()

    def to_json(self) -> str:
        return write_json({"values": dict(self.values), "folder": self.folder, "binds": list(self.binds)})

    @classmethod
    def from_json(cls, text: str) -> Begun:
        known = json.loads(text)
        return cls(known["values"], known["folder"], tuple(known["binds"]))


def anywhere(compiled: plan.Plan) -> plan.Plan:
    """The same plan, with paths that lead to its files from any folder."""
    sources = tuple(file.model_copy(update={"path": os.path.abspath(file.path)}) for file in compiled.sources)
    agents = {name: _found_anywhere(agent) for name, agent in compiled.agents.items()}
    return compiled.model_copy(update={"sources": sources, "agents": agents})


def _found_anywhere(agent: plan.Agent) -> plan.Agent:
    if agent.provider is None:
        return agent
    provider = agent.provider.model_copy(update={"path": os.path.abspath(agent.provider.path)})
    return agent.model_copy(update={"provider": provider})


def plan_of(store: Store, record: RunRecord) -> plan.Plan:
    """The plan of a stored run. Raises StoreProblem where this flowlang cannot read it, or go on with it."""
    if record.semantics > SEMANTICS:
        message = f"run `{record.id}` was started by a newer flowlang"
        raise StoreProblem("newer_run", message, "update flowlang")
    found = load_plan(store.plan(record.plan))
    if isinstance(found, tuple):
        message = f"the plan of run `{record.id}` cannot be read: {found[0].message}"
        raise StoreProblem("plan", message, "use the flowlang that the run was started with")
    return found


def begun_of(store: Store, record: RunRecord) -> Begun:
    return Begun.from_json(store.inputs(record.number))


def prepared_again(
    compiled: plan.Plan, record: RunRecord, begun: Begun, agents: Mapping[str, AgentLike] | None = None
) -> Prepared:
    """A stored run's flow with its agents bound as they are now. Raises NotRunnable."""
    try:
        options = [parse_option(text, compiled.agents) for text in begun.binds]
    except BadOption as problem:
        raise StoreProblem("bind", f"run `{record.id}` cannot go on: {problem}") from None
    folder = None if begun.folder == os.getcwd() else Path(begun.folder)
    return prepare(compiled, flow=record.flow, agents=agents, options=options, folder=folder)


def brought_back(
    program: Program, record: RunRecord, begun: Begun, rows: list[Row], on_event: OnEvent | None
) -> tuple[Kernel, Replayed]:
    """A kernel that stands where a run's journal ends. `on_event` is told of what happened, and later of what
    does. Raises StoreProblem where the journal is not that of this plan."""
    kernel = kernel_of(program, record.flow, begun.values, record.id, on_event)
    try:
        return kernel, replay(kernel, rows)
    except JournalMisfit as misfit:
        raise problem_of(misfit, record) from None


def problem_of(misfit: JournalMisfit, record: RunRecord) -> StoreProblem:
    message = f"the journal of run `{record.id}` does not fit its plan: {misfit}"
    return StoreProblem("misfit", message, "this is a mistake in flowlang, or a damaged store")
