"""`flow agents`: a plan and its `flow.toml` -> what each agent is, and how it is reached.

Nothing is imported and nothing is called: whether what is named is there is found out by who binds it, which
is done before a run (`agents/binding.py`, whose order this follows)."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

from flowlang.agents.config import Config, read_config
from flowlang.agents.entries import CommandEntry, ProvidedEntry, PythonEntry
from flowlang.agents.project import config_path
from flowlang.plan import model as plan
from flowlang.plan.show import agent_clauses, agent_policies
from flowlang.plan.styled import Line, Stretch, Style, joined, wrapped
from flowlang.plan.text import expression_text, type_text
from flowlang.text.display import cells
from flowlang.values.value import Value

INDENT: Final = "    "

_STYLES: Mapping[str, Style] = {"unbound": "danger", "person": "careful"}


@attrs.frozen
class Binding:
    """How an agent is reached: `kind` is `python`, `command` or that of a provider; `person`, or `unbound`.
    `target` is the function, the command, or what the provider reaches, `at` where that is said."""

    kind: str
    target: str | None = None
    at: str | None = None

    def __str__(self) -> str:
        match self.kind:
            case "person":
                return "asks a person: `flow answer`"
            case "unbound":
                return "nothing says how this is reached"
        return f"{self.kind} {self.target} ({self.at})"


@attrs.frozen
class ListedAgent:
    """An agent by its name in the plan."""

    name: str
    agent: plan.Agent
    binding: Binding

    @property
    def signature(self) -> str:
        """`weather(city: string) -> Weather raises Unknown`."""
        parameters = ", ".join(map(_parameter, self.agent.parameters))
        result = "" if self.agent.result == plan.ScalarType(kind="null") else type_text(self.agent.result)
        raises = f" raises {', '.join(self.agent.raises)}" if self.agent.raises else ""
        return f"{self.name}({parameters}){f' -> {result}' if result else ''}{raises}"


def list_agents(compiled: plan.Plan, config: Config | None) -> list[ListedAgent]:
    """The agents of a plan, in the order of its text; `config` is that of its project."""
    return [
        ListedAgent(name, agent, _binding(name, agent, config)) for name, agent in compiled.agents.items()
    ]


def config_of(path: str, environment: str | None = None) -> Config | None:
    """The `flow.toml` that holds for a file."""
    found = config_path(Path(path))
    return None if found is None else read_config(found, environment)


def _binding(name: str, agent: plan.Agent, config: Config | None) -> Binding:
    if config is not None and name in config.entries:
        line, _ = config.source.position(config.label(name).span.start)
        at = f"{config.source.path}:{line}"
        match config.entries[name]:
            case PythonEntry(python=function):
                return Binding("python", function, at)
            case CommandEntry(command=command):
                return Binding("command", shlex.join(command), at)
            case ProvidedEntry(kind=kind, settings=settings):
                return Binding(kind, str(settings.model_dump().get(kind, "")), at)
    if agent.provider is not None:
        target = f"{agent.provider.target}:{agent.provider.member}"
        return Binding(agent.provider.kind, target, agent.provider.path)
    return Binding("person" if agent.asks else "unbound")


def _parameter(parameter: plan.Parameter) -> str:
    text = f"{parameter.name}: {type_text(parameter.type)}"
    if parameter.default is not None:
        return f"{text} = {expression_text(parameter.default)}"
    return text if parameter.required else f"{text} = …"


# Shown


def listing(agents: Sequence[ListedAgent], width: int) -> Iterator[Line]:
    """Lines for people: the signature, what holds for its calls, how it is reached."""
    for listed in agents:
        yield from wrapped([Stretch(listed.signature, "name")], width, [], [Stretch(INDENT * 2)])
        yield from wrapped(joined(agent_clauses(listed.agent)), width, [Stretch(INDENT)], [Stretch(INDENT)])
        binding = cells(str(listed.binding)).text()
        yield [Stretch(f"{INDENT}{binding}", _STYLES.get(listed.binding.kind, "quiet"))]


def listed_json(listed: ListedAgent, file: str) -> dict[str, Value]:
    agent = listed.agent
    return {
        "agent": listed.name,
        "file": file,
        "signature": listed.signature,
        "asks": agent.asks,
        "parameters": [
            {"name": p.name, "type": type_text(p.type), "required": p.required} for p in agent.parameters
        ],
        "result": type_text(agent.result),
        "raises": list(agent.raises),
        "effect": agent.effect,
        "policies": list(agent_policies(agent)),
        "binding": attrs.asdict(listed.binding),
        "doc": agent.doc,
    }
