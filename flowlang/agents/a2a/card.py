"""An agent's card -> the agents that a flow can call: one for each skill."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from a2a.types import AgentCard, AgentSkill

from flowlang.agents.offers import Offered, Schema

MAX_SKILLS: Final = 1_000

INPUT: Final[Schema] = {
    "type": "object",
    "properties": {
        "message": {"type": "string", "description": "What is asked for, in words."},
        "data": {"description": "Data that goes with the message."},
        "files": {"type": "array", "items": {"type": "string", "format": "binary"}},
    },
    "required": ["message"],
}
"""The arguments of a skill: the protocol has a message with parts, and nothing more exact."""


def offers_of(card: AgentCard) -> tuple[Offered, ...]:
    return tuple(_offered(card, skill) for skill in card.skills[:MAX_SKILLS])


def _offered(card: AgentCard, skill: AgentSkill) -> Offered:
    modes = [*(skill.output_modes or card.default_output_modes)]
    first = modes[0] if modes else "text/plain"
    is_data, is_text = first == "application/json", first.startswith("text/")
    return Offered(
        name=skill.id or skill.name,
        input=INPUT,
        output={} if is_data else None,
        doc="\n".join(_doc(skill)) or None,
        file=not (is_data or is_text),
    )


def _doc(skill: AgentSkill) -> Iterator[str]:
    yield from filter(None, [skill.description or skill.name])
    yield from _examples(skill.examples)


def _examples(examples: Iterable[str]) -> Iterator[str]:
    shown = [*examples][:3]
    if shown:
        yield ""
        yield "For example: " + "; ".join(shown)
