"""What a store keeps of a run -> what it was started with, and where it stands.

A run is stored so that it can be carried on from any folder: its plan names files by absolute paths, and the
folder and the options that it was started with are kept."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from flowlang.agents.given import AgentLike, BadOption, parse_option
from flowlang.agents.python_values import to_json
from flowlang.agents.secrets import NoSecret, Secrets
from flowlang.hosts.sqlite.problems import StoreProblem
from flowlang.hosts.sqlite.records import RunRecord
from flowlang.hosts.sqlite.store import Store
from flowlang.plan import model as plan
from flowlang.plan.load import load_plan
from flowlang.plan.secrets import secret_names
from flowlang.runtime.events import OnEvent
from flowlang.runtime.journal import SEMANTICS, JournalMisfit, Row
from flowlang.runtime.kernel import Kernel
from flowlang.runtime.program import Program
from flowlang.runtime.replay import Replayed, kernel_of, replay
from flowlang.tools.engine import Prepared, Reached, prepare
from flowlang.tools.environments import NO_ENVIRONMENT
from flowlang.tools.secret_inputs import SecretOption, parse_secret
from flowlang.values.codec import decode, parse_argument, write_json
from flowlang.values.standing import stand_in
from flowlang.values.value import Misfit, Value


@attrs.frozen
class Begun:
    """What a run was started with: plan values for its parameters, its folder, and what `--bind` said. What
    its `secrets` are is not kept, only where those are that `--secret` named (`sources`). `environment` is
    that of `flow.toml`, none where it is empty. A fork says of which run, at which step, keeps the seed of
    that, and says which steps it was `given` the values of. `moved_to` is where the file of the flow lies
    now, if that was ever said."""

    values: Mapping[str, Value]
    folder: str
    binds: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()
    forked: tuple[str, str] | None = None
    seed: str | None = None
    given: tuple[str, ...] = ()
    environment: str = NO_ENVIRONMENT
    sources: tuple[str, ...] = ()
    moved_to: str | None = None

    @classmethod
    def of(
        cls,
        flow: plan.Flow,
        values: Mapping[str, Value],
        folder: str,
        binds: Sequence[str],
        reached: Reached | None = None,
    ) -> Begun:
        secrets = tuple(name for name in secret_names(flow.parameters) if name in values)
        shown = {name: value for name, value in values.items() if name not in secrets}
        if reached is None:
            return cls(shown, folder, tuple(binds), secrets)
        sources = tuple(str(option) for option in reached.secret_options)
        environment = reached.environment
        return cls(shown, folder, tuple(binds), secrets, environment=environment, sources=sources)

    def to_json(self) -> str:
        return write_json(
            {
                "values": dict(self.values),
                "folder": self.folder,
                "binds": list(self.binds),
                "secrets": list(self.secrets),
                "forked": list(self.forked) if self.forked else None,
                "seed": self.seed,
                "given": list(self.given),
                "moved_to": self.moved_to,
                "environment": self.environment,
                "sources": list(self.sources),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Begun:
        known = json.loads(text)
        return cls(
            known["values"],
            known["folder"],
            tuple(known["binds"]),
            tuple(known["secrets"]),
            tuple(known["forked"]) if known.get("forked") else None,
            known.get("seed"),
            tuple(known.get("given", ())),
            known.get("environment", NO_ENVIRONMENT),
            tuple(known.get("sources", ())),
            known.get("moved_to"),
        )

    def with_secrets(
        self,
        flow: plan.Flow,
        given: Mapping[str, object],
        run: str,
        command: str,
        found: Secrets | None = None,
    ) -> Begun:
        """The same with its secrets given anew, in their JSON form, to a `command` as `flow resume 4f2a`, or
        else `found` by their names. Raises StoreProblem."""
        if unknown := [name for name in given if name not in self.secrets]:
            message = f"`{unknown[0]}` is no secret that run `{run}` was started with"
            raise StoreProblem("not_secret", message, "what else it was started with is kept")
        types = {parameter.name: parameter.type for parameter in flow.parameters}
        values = _decoded(given, types)
        for name in self.secrets:
            if name not in given:
                if found is None or name not in found:
                    message = f"run `{run}` was started with the secret `{name}`, which is not kept"
                    raise StoreProblem("secret", message, f"give it again: `{command} {name}=…`")
                values[name] = _found(name, found, types[name])
        return attrs.evolve(self, values={**self.values, **values})

    def without_secrets(self) -> Begun:
        return attrs.evolve(self, values={n: v for n, v in self.values.items() if n not in self.secrets})

    def with_stand_ins(self, flow: plan.Flow) -> Begun:
        """The same with anything that fits in the place of its secrets, to be looked at."""
        stands = {p.name: stand_in(p.type) for p in flow.parameters if p.name in self.secrets}
        return attrs.evolve(self, values={**self.values, **stands})


def found_anew(
    begun: Begun,
    environment: str | None,
    options: Sequence[SecretOption],
    moved_to: Path | str | None = None,
) -> Begun:
    """The same, but what is said now takes the place of what was said before. Where the file of the flow was
    moved to once, and is no more, it may be where it was at first."""
    sources = {parse_secret(text).name: text for text in begun.sources}
    sources |= {option.name: str(option) for option in options}
    if environment is not None:
        begun = attrs.evolve(begun, environment=environment)
    if moved_to is not None:
        begun = attrs.evolve(begun, moved_to=os.path.abspath(moved_to))
    elif begun.moved_to is not None and not os.path.isfile(begun.moved_to):
        begun = attrs.evolve(begun, moved_to=None)
    return attrs.evolve(begun, sources=tuple(sources.values()))


def _found(name: str, secrets: Secrets, type: plan.Type) -> Value:
    try:
        return parse_argument(secrets.get(name), type)
    except NoSecret as problem:
        raise StoreProblem("secret", str(problem)) from None
    except Misfit:
        raise StoreProblem("secret", f"the secret `{name}` does not fit its type") from None


def _decoded(given: Mapping[str, object], types: Mapping[str, plan.Type]) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for name, value in given.items():
        try:
            values[name] = decode(to_json(value), types[name])
        except Misfit as misfit:
            message = f"the secret `{name}` does not fit: {misfit.told}"
            raise StoreProblem("secret", message, misfit.help) from None
    return values


def anywhere(compiled: plan.Plan) -> plan.Plan:
    """The same plan, with paths that lead to its files from any folder."""
    return _relocated(compiled, os.path.abspath)


def _relocated(compiled: plan.Plan, place: Callable[[str], str]) -> plan.Plan:
    """The same plan, with its files where `place` says of each path."""
    sources = tuple(file.model_copy(update={"path": place(file.path)}) for file in compiled.sources)
    agents = {name: _agent_relocated(agent, place) for name, agent in compiled.agents.items()}
    return compiled.model_copy(update={"sources": sources, "agents": agents})


def _agent_relocated(agent: plan.Agent, place: Callable[[str], str]) -> plan.Agent:
    if agent.provider is None:
        return agent
    provider = agent.provider.model_copy(update={"path": place(agent.provider.path)})
    return agent.model_copy(update={"provider": provider})


def _moved(compiled: plan.Plan, record: RunRecord, begun: Begun) -> tuple[plan.Plan, Begun]:
    """The same as if it had been started where its flow lies now. Raises StoreProblem."""
    source, moved_to = record.source, begun.moved_to
    if moved_to is None:
        return compiled, begun
    if source is None or not os.path.isfile(moved_to):
        message = f"the flow of run `{record.id}` cannot have been moved to {moved_to}"
        raise StoreProblem("not_moved", message, "name the file of the flow, where it lies now")
    before, now = os.path.dirname(source), os.path.dirname(moved_to)

    def place(path: str) -> str:
        if path == source:
            return moved_to
        return os.path.normpath(os.path.join(now, os.path.relpath(path, before)))

    return _relocated(compiled, place), attrs.evolve(begun, folder=place(begun.folder))


def plan_of(store: Store, record: RunRecord) -> plan.Plan:
    """The plan of a stored run. Raises StoreProblem where this flowlang cannot read it, or go on with it."""
    _refuse_newer(record)
    found = load_plan(store.plan(record.plan))
    if isinstance(found, tuple):
        message = f"the plan of run `{record.id}` cannot be read: {found[0].message}"
        raise StoreProblem("plan", message, "use the flowlang that the run was started with")
    return found


def begun_of(store: Store, record: RunRecord) -> Begun:
    """Raises StoreProblem."""
    _refuse_newer(record)
    return Begun.from_json(store.inputs(record.number))


def _refuse_newer(record: RunRecord) -> None:
    if record.semantics > SEMANTICS:
        message = f"run `{record.id}` was started by a newer flowlang"
        raise StoreProblem("newer_run", message, "update flowlang")


def prepared_again(
    compiled: plan.Plan, record: RunRecord, begun: Begun, agents: Mapping[str, AgentLike] | None = None
) -> Prepared:
    """A stored run's flow with its agents bound as they are now. Raises NotRunnable, StoreProblem."""
    compiled, begun = _moved(compiled, record, begun)
    try:
        options = [parse_option(text, compiled.agents) for text in begun.binds]
        sources = [parse_secret(text) for text in begun.sources]
    except BadOption as problem:
        raise StoreProblem("bind", f"run `{record.id}` cannot go on: {problem}") from None
    folder = None if begun.folder == os.getcwd() else Path(begun.folder)
    return prepare(
        compiled,
        flow=record.flow,
        agents=agents,
        options=options,
        folder=folder,
        environment=begun.environment,
        secret_options=sources,
    )


def brought_back(
    program: Program, record: RunRecord, begun: Begun, rows: list[Row], on_event: OnEvent | None
) -> tuple[Kernel, Replayed]:
    """A kernel that stands where a run's journal ends. `on_event` is told of what happened, and later of what
    does. Raises StoreProblem where the journal is not that of this plan."""
    # Nobody begins to listen meanwhile, so whether anybody does is asked once and not at every step.
    kernel = kernel_of(program, record.flow, begun.values, record.id, on_event or None, begun.seed)
    try:
        replayed = replay(kernel, rows)
    except JournalMisfit as misfit:
        raise problem_of(misfit, record) from None
    kernel.listen(on_event)
    return kernel, replayed


@contextmanager
def no_collection() -> Iterator[None]:
    """Look for no garbage meanwhile. What a journal brings back stays, and to walk all of it again and again
    would take a third of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def problem_of(misfit: JournalMisfit, record: RunRecord) -> StoreProblem:
    message = f"the journal of run `{record.id}` does not fit its plan: {misfit}"
    return StoreProblem("misfit", message, "this is a mistake in flowlang, or a damaged store")
