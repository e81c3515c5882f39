"""A plan's agents -> what answers their calls, before a run starts.

An agent is what a program gives, else what `--bind` says, `flow.toml`, or the flow's own `use`. Everything
that can be known is checked here, so that a run does not fail halfway for want of an agent: modules are
imported, functions looked up and their parameters compared with the agent's, templates read. What is missing
or wrong comes back as diagnostics, all of it at once."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import attrs

from flowlang.agents.command import OUTPUT_HOLE, SECRET_HOLE, CommandAgent, output_of
from flowlang.agents.command_template import BadTemplate, Template, parse_template
from flowlang.agents.config import Config
from flowlang.agents.describe import PYTHON
from flowlang.agents.entries import CommandEntry, ProvidedEntry, PythonEntry
from flowlang.agents.file import UNKNOWN_TYPE
from flowlang.agents.given import AgentLike, BindOption
from flowlang.agents.places import Places
from flowlang.agents.provided_binding import bound_agent, used_agent
from flowlang.agents.providers import Unfit
from flowlang.agents.python import PythonAgent, annotations_of
from flowlang.agents.python_loading import LoadProblem, load_file, load_named
from flowlang.agents.python_matching import type_problem
from flowlang.agents.secrets import NoSecret, Secrets, secrets_in
from flowlang.agents.targets import Incomplete, Targets
from flowlang.plan import model as plan
from flowlang.runtime.agents import Agent
from flowlang.runtime.failures import UNAVAILABLE
from flowlang.text import codes
from flowlang.text.codes import Code
from flowlang.text.diagnostics import Diagnostic, Label
from flowlang.text.source import Anchor, Span
from flowlang.text.suggest import did_you_mean


@attrs.frozen
class Bindings:
    """What answers for each agent, and why some have nothing."""

    agents: Mapping[str, Agent]
    diagnostics: tuple[Diagnostic, ...]


def bind(
    names: Iterable[str],
    places: Places,
    *,
    config: Config | None = None,
    options: Iterable[BindOption] = (),
    given: Mapping[str, AgentLike] | None = None,
    folder: Path | None = None,
    secrets: Secrets | None = None,
) -> Bindings:
    """Bind the agents of these names. An `ask` need not be bound: what nothing answers is asked outside.

    `folder` is where the run was started, if that is not here: there options find their modules, and commands
    run that name no folder of their own. `secrets` are those of `config`, unless others are given."""
    by_name = {option.name: option for option in options}
    if secrets is None:
        secrets = config.secrets if config else Secrets()
    binder = _Binder(places, config, by_name, given or {}, folder, Targets(config, folder, secrets))
    found = list(config.diagnostics) if config else []
    bound: dict[str, Agent] = {}
    unbound: list[str] = []
    for name in names:
        try:
            agent = binder.agent(name)
        except _Unfit as problem:
            found += [d for d in [problem.diagnostic] if d not in found]
            continue
        except Incomplete:
            continue  # what is wrong with its target has been found already
        if agent is not None:
            bound[name] = agent
        elif not places.plan.agents[name].asks:
            unbound.append(name)
    if unbound and not (config and config.diagnostics):
        found.append(_unbound(unbound, places, config))
    return Bindings(bound, tuple(found))


class _Unfit(Exception):
    """A binding that cannot be used."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def _unfit(
    label: Label,
    message: str,
    help: str | None = None,
    related: tuple[Label, ...] = (),
    code: Code = codes.BINDING_MISMATCH,
) -> _Unfit:
    return _Unfit(Diagnostic(code, message, label, related, help))


@attrs.frozen(eq=False)
class _Binder:
    places: Places
    config: Config | None
    options: Mapping[str, BindOption]
    given: Mapping[str, AgentLike]
    folder: Path | None
    targets: Targets

    def agent(self, name: str) -> Agent | None:
        """What answers for an agent; None where nothing says. Raises _Unfit."""
        agent = self.places.plan.agents[name]
        declared = self.places.heading(agent.at, f"`{name}` is declared here")
        if name in self.given:
            given = self.given[name]
            return cast(Agent, given) if hasattr(given, "call") else self.python(name, given, declared)
        if name in self.options:
            option = self.options[name]
            module = _loaded(lambda: load_named(option.module, self.folder or Path.cwd()), declared)
            return self.function(name, module, option.function, declared)
        entry = self.config.entries.get(name) if self.config else None
        if self.config is not None and isinstance(entry, PythonEntry):
            return self.from_module(name, self.config, entry)
        if self.config is not None and isinstance(entry, CommandEntry):
            return self.command(name, self.config, entry)
        if self.config is not None and isinstance(entry, ProvidedEntry):
            return self.bound(name, self.config, entry)
        if agent.provider is not None:
            return self.used(name, agent.provider, declared)
        return None

    def bound(self, name: str, config: Config, entry: ProvidedEntry) -> Agent:
        """An agent that `flow.toml` says to live behind a provider."""
        agent = self.places.plan.agents[name]
        try:
            return bound_agent(
                self.targets, config, name, agent, entry, _error_fields(self.places.plan, agent)
            )
        except Unfit as problem:
            key = problem.key or (entry.kind,)
            own = key[0] in type(entry.settings).model_fields
            label = config.label(name, *key) if own else self.of_target(entry, config, problem)
            raise _unfit(label, problem.message, problem.help, code=problem.code) from None

    def of_target(self, entry: ProvidedEntry, config: Config, problem: Unfit) -> Label:
        return config.place(entry.kind, entry.provider.named(entry.settings)[0], *problem.key)

    def used(self, name: str, provider: plan.Provider, declared: Label) -> Agent:
        """An agent of a `use`."""
        if provider.kind == PYTHON:
            return self.used_function(name, provider, declared)
        agent = self.places.plan.agents[name]
        try:
            return used_agent(self.targets, name, agent, provider, _error_fields(self.places.plan, agent))
        except Unfit as problem:
            table = (provider.kind, provider.target)
            if self.config is not None and problem.key and table in self.config.keys:
                declared = self.config.place(*table, *problem.key)
            raise _unfit(declared, problem.message, problem.help, code=problem.code) from None

    def used_function(self, name: str, provider: plan.Provider, declared: Label) -> Agent:
        path = Path(os.path.normpath(Path(provider.path).parent / provider.target))
        module = _loaded(lambda: load_file(path), declared)
        return self.function(name, module, provider.member, declared)

    def from_module(self, name: str, config: Config, entry: PythonEntry) -> Agent:
        label = config.label(name, "python")
        module_name, _, function = entry.python.partition(":")
        module = _loaded(lambda: load_named(module_name, config.folder), label)
        return self.function(name, module, function, label)

    def function(self, name: str, module: ModuleType, member: str, label: Label) -> Agent:
        function = getattr(module, member, None)
        if not callable(function):
            functions = [name for name, value in vars(module).items() if inspect.isfunction(value)]
            file = os.path.basename(module.__file__ or module.__name__)
            raise _unfit(label, f"{file} has no function `{member}`", did_you_mean(member, functions))
        return self.python(name, function, label)

    def python(self, name: str, function: Callable[..., Any], label: Label) -> Agent:
        """A function as an agent, if it can be called like one."""
        agent = self.places.plan.agents[name]
        shown = getattr(function, "__name__", "the function")
        problem = _parameter_problem(function, agent)
        if problem is not None:
            message = f"`{shown}` does not fit the agent `{name}`: {problem}"
            raise _unfit(label, message, _signature_help(name, agent))
        problem = None if agent.provider else type_problem(function, agent)
        if problem is not None:
            raise _unfit(label, f"`{shown}` does not fit the agent `{name}`: {problem}")
        try:
            hints = annotations_of(function)
        except Exception as reason:
            message = f"the annotations of `{shown}` mean nothing at run time: {reason}"
            raise _unfit(label, message, "import what they name, not only under `TYPE_CHECKING`") from None
        return PythonAgent(function, hints, _error_fields(self.places.plan, agent))

    def command(self, name: str, config: Config, entry: CommandEntry) -> Agent:
        agent = self.places.plan.agents[name]
        types = {parameter.name: parameter.type for parameter in agent.parameters}
        output = entry.output or output_of(agent.result)
        made = {OUTPUT_HOLE: plan.ScalarType(kind="string")} if output == "file" else {}

        def template(text: str, *key: str | int) -> Template:
            try:
                secret = _secret_holes(text, self.targets, key)
                return parse_template(text, {**made, **types, **secret})
            except BadTemplate as problem:
                raise _unfit(config.label(name, *key), problem.message, problem.help) from None
            except NoSecret as missing:
                raise _unfit(config.label(name, *key), str(missing), code=codes.MISSING_SECRET) from None

        return CommandAgent(
            command=tuple(template(text, "command", index) for index, text in enumerate(entry.command)),
            output=output,
            types=types,
            media_type=entry.media_type or UNKNOWN_TYPE,
            folder=config.folder,
            stdin=None if entry.stdin is None else template(entry.stdin, "stdin"),
            errors=dict(self.exit_codes(name, config, entry)),
            cwd=self.folder if entry.cwd is None else config.folder / entry.cwd,
            env={key: template(text, "env", key) for key, text in entry.env.items()},
            inherit=entry.inherit,
            max_output_bytes=entry.max_output_bytes,
            secrets=self.targets.secrets,
        )

    def exit_codes(self, name: str, config: Config, entry: CommandEntry) -> Iterable[tuple[int, str]]:
        known = list(_error_fields(self.places.plan, self.places.plan.agents[name]))
        for code, error in entry.errors.items():
            label = config.label(name, "errors", code)
            if not code.isdecimal() or not 1 <= int(code) <= 255:
                raise _unfit(label, f"`{code}` is not an exit code", "exit codes of failures are 1 to 255")
            if error not in known:
                help = did_you_mean(error, known) or f"it raises {', '.join(known)}"
                raise _unfit(label, f"the agent `{name}` does not raise `{error}`", help)
            yield int(code), error


def _secret_holes(text: str, targets: Targets, key: tuple[str | int, ...]) -> dict[str, plan.Type]:
    """The holes for secrets in a template, each there to be filled. Raises BadTemplate, NoSecret,
    Incomplete."""
    names = [*secrets_in(text)]
    if names and key[0] == "command":
        help = "give it to the program in `env` or `stdin`"
        raise BadTemplate("everybody on the machine can read the arguments of a program", help)
    for name in names:
        targets.look_up(name)
    return {f"{SECRET_HOLE}{name}": plan.ScalarType(kind="string") for name in names}


def _loaded(load: Callable[[], ModuleType], label: Label) -> ModuleType:
    """A module; where it cannot be imported, the problem at the line that says why, if there is one."""
    try:
        return load()
    except LoadProblem as problem:
        path = os.path.relpath(problem.path)
        at = _line_label(path, problem.line) if problem.line is not None else None
        if at is None:
            raise _unfit(label, problem.message, problem.help) from None
        raise _unfit(at, problem.message, problem.help, (label,)) from None


def _line_label(path: str, number: int) -> Label | None:
    try:
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError):
        return None
    if not 1 <= number <= len(lines):
        return None
    line = lines[number - 1]
    start = sum(len(before) + 1 for before in lines[: number - 1]) + len(line) - len(line.lstrip())
    return Label(Span(start, start + max(len(line.strip()), 1)), "", Anchor(path))


def _parameter_problem(function: Callable[..., Any], agent: plan.Agent) -> str | None:
    """Why a function cannot be called with an agent's arguments, if it cannot."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return None  # written in C: only calling it can tell
    named = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters)
    given = {p.name for p in agent.parameters}
    unknown = [p.name for p in agent.parameters if p.name not in {n.name for n in named}]
    if unknown and not takes_all:
        return f"it has no parameter `{unknown[0]}`"
    required = [
        p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    ]
    lacking = [name for name in required if name not in given]
    return f"the agent does not give it `{lacking[0]}`" if lacking else None


def _signature_help(name: str, agent: plan.Agent) -> str:
    parameters = ", ".join(parameter.name for parameter in agent.parameters)
    return f"it is called as {name.rpartition('.')[2]}({parameters}), with arguments by name"


def _error_fields(whole: plan.Plan, agent: plan.Agent) -> dict[str, tuple[str, ...]]:
    """The fields of each error that an agent may raise, by the error's name without a module."""
    declared = {name.rpartition(".")[2]: whole.errors[name] for name in agent.raises if name in whole.errors}
    fields = {name: tuple(field.name for field in error.fields) for name, error in declared.items()}
    return {UNAVAILABLE: ("message",), **fields}


def _unbound(names: list[str], places: Places, config: Config | None) -> Diagnostic:
    agents = places.plan.agents
    shown = ", ".join(f"`{name}`" for name in names)
    message = f"the agent {shown} is not bound" if len(names) == 1 else f"these agents are not bound: {shown}"
    labels = [places.heading(agents[name].at, "nothing says how this is reached") for name in names]
    where = config.source.path if config else "a file `flow.toml` next to the flow"
    lines = [f"write into {where}, or bind on the command line with --bind {names[0]}=python:module:function"]
    for name in names:
        function = name.rpartition(".")[2]
        lines += ["", f"[agents.{name}]", f'python = "module:{function}"']
    return Diagnostic(codes.UNBOUND_AGENT, message, labels[0], tuple(labels[1:]), "\n".join(lines))
