"""`flow agents --ping` and `--offered`: targets -> whether somebody is there, and all that can be called."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from flowlang.agents.describe import PYTHON, describe
from flowlang.agents.differences import named_types, shown
from flowlang.agents.kinds import is_kind
from flowlang.agents.locked import TargetName
from flowlang.agents.roots import CONFIG_NAME
from flowlang.ide.wording import definition
from flowlang.plan.styled import Line, Stretch
from flowlang.semantics.providers import Description
from flowlang.tools.asking_targets import Answered, Heard, Silent, ask_targets
from flowlang.tools.lockable import LockedProject, lockable
from flowlang.values.value import Value


def reachable(files: Sequence[str], environment: str | None) -> list[LockedProject]:
    """The projects of some flow files, with all targets that they use or that `flow.toml` names."""
    return lockable(files, environment, _is_somewhere)


def _is_somewhere(kind: str, text: str, path: str, environment: str | None) -> bool:
    return kind != PYTHON and is_kind(kind)


def pinged(projects: Sequence[LockedProject], patience: float) -> dict[TargetName, Heard]:
    """What the targets of some projects say when they are asked."""
    heard: dict[TargetName, Heard] = {}
    for project in projects:
        targets, problems = project.found(project.targets, {})
        heard |= {name: Silent(problem) for name, problem in problems.items()}
        heard |= ask_targets(targets, patience=patience)
    return heard


def offered(projects: Sequence[LockedProject]) -> dict[TargetName, Description]:
    """All that targets offer, as far as it is known without asking them."""
    return {
        name: describe(*name, _using(project, name), project.environment)
        for project in projects
        for name in project.targets
    }


def _using(project: LockedProject, name: TargetName) -> str:
    entries = project.targets[name].entries
    return entries[0] if entries else f"{project.root}/{CONFIG_NAME}"


# Shown


def ping_lines(heard: Mapping[TargetName, Heard]) -> Iterator[Line]:
    width = max((len(" ".join(name)) for name in heard), default=0)
    for name, said in heard.items():
        yield [Stretch(f"{' '.join(name):{width}}  ", "name"), *_health(said)]


def _health(said: Heard) -> Iterator[Stretch]:
    if isinstance(said, Silent):
        yield Stretch("down", "danger")
        yield Stretch(f"  {said.message}")
    else:
        yield Stretch("up", "good")
        offers = f", offers {len(said.offers)}" if said.offers else ""
        yield Stretch(f"    {said.seconds:.2f} s{offers}", "quiet")


def ping_json(heard: Mapping[TargetName, Heard]) -> list[Value]:
    return [
        {
            "kind": kind,
            "target": text,
            "up": isinstance(said, Answered),
            "seconds": round(said.seconds, 3) if isinstance(said, Answered) else None,
            "offers": len(said.offers) if isinstance(said, Answered) else None,
            "problem": said.message if isinstance(said, Silent) else None,
        }
        for (kind, text), said in heard.items()
    ]


def offered_lines(found: Mapping[TargetName, Description]) -> Iterator[Line]:
    for name, description in found.items():
        yield [Stretch(" ".join(name), "title")]
        yield from agent_lines(description)


def agent_lines(description: Description) -> Iterator[Line]:
    """What a target offers, and what the types are that it names."""
    for agent in description.agents:
        effect = [Stretch(f"  {agent.effect}", "quiet")] if agent.effect else []
        yield [Stretch(f"  {shown(agent)}", "name"), *effect]
    for name, type in named_types(description.agents).items():
        yield [Stretch(f"  type {name} = {definition(type)}")]
    for mistake in description.mistakes:
        about = f"{mistake.agent}: " if mistake.agent else ""
        yield [Stretch(f"  {about}{mistake.message}", "careful")]


def offered_json(found: Mapping[TargetName, Description]) -> list[Value]:
    return [
        {
            "kind": kind,
            "target": text,
            "agents": [
                {"agent": agent.name, "signature": shown(agent), "effect": agent.effect, "doc": agent.doc}
                for agent in description.agents
            ],
            "types": {name: definition(type) for name, type in named_types(description.agents).items()},
            "mistakes": [mistake.message for mistake in description.mistakes],
        }
        for (kind, text), description in found.items()
    ]
