"""What a target offered and what it offers now -> what is different, in words.

Offers are compared as flows see them: by their types, effect and documentation. Where only the schemas
differ, in what types cannot say, that is said too, since a server may then refuse what it took before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, TypeAlias

import attrs

from flowlang.agents.offered_types import agent_names, signature_of
from flowlang.agents.offers import Offered
from flowlang.semantics.providers import DescribedAgent
from flowlang.semantics.types import show

Change: TypeAlias = Literal["added", "removed", "changed"]


@attrs.frozen
class Difference:
    """What became of an agent, by the name that flows call it by; `before` and `now` are its signatures, the
    same where the types are. `words` says the rest."""

    agent: str
    change: Change
    before: str | None
    now: str | None
    words: tuple[str, ...] = ()

    def __str__(self) -> str:
        match self.change:
            case "added":
                return f"{self.now} is new"
            case "removed":
                return f"{self.before} is gone"
        changed = () if self.before == self.now else (f"is now {self.now}",)
        return f"{self.before} {', and '.join((*changed, *self.words))}"


def differences(locked: Sequence[Offered], live: Sequence[Offered]) -> list[str]:
    """What has become different since offers were locked, a line for each agent; nothing where all is as it
    was. The order of the offers does not matter."""
    return [str(difference) for difference in compared(locked, live)]


def compared(locked: Sequence[Offered], live: Sequence[Offered]) -> list[Difference]:
    """The same, not yet in words."""
    before, now = _named(locked), _named(live)
    return [
        difference
        for name in sorted(before.keys() | now.keys())
        if (difference := _difference(name, before.get(name), now.get(name))) is not None
    ]


def in_order(offers: Sequence[Offered]) -> tuple[Offered, ...]:
    """Offers in the order in which they are locked, by which two names that are alike are told apart."""
    return tuple(sorted(offers, key=lambda offered: offered.name))


def signature_text(name: str, offered: Offered) -> str:
    """`read_file(path: string, head: int?) -> string`, as a flow would declare it."""
    return shown(signature_of(offered).agent(name, offered))


def shown(agent: DescribedAgent) -> str:
    parameters = ", ".join(
        f"{p.name}: {show(p.type)}{'' if p.required else ' = …'}" for p in agent.parameters
    )
    return f"{agent.name}({parameters}) -> {show(agent.result)}"


def _named(offers: Sequence[Offered]) -> dict[str, Offered]:
    ordered = in_order(offers)
    return dict(zip(agent_names(ordered), ordered, strict=True))


def _difference(name: str, before: Offered | None, now: Offered | None) -> Difference | None:
    if before == now:
        return None
    signature_before = None if before is None else signature_text(name, before)
    signature_now = None if now is None else signature_text(name, now)
    if before is None or now is None:
        change: Change = "added" if before is None else "removed"
        return Difference(name, change, signature_before, signature_now)
    words = tuple(_words(before, now, same_types=signature_before == signature_now))
    return Difference(name, "changed", signature_before, signature_now, words)


def _words(before: Offered, now: Offered, *, same_types: bool) -> Iterator[str]:
    if before.effect != now.effect:
        yield f"its effect is {now.effect or 'not known'}, no longer {before.effect or 'unknown'}"
    if before.doc != now.doc:
        yield "is described in other words"
    schemas_differ = (before.input, before.output) != (now.input, now.output)
    if same_types and schemas_differ:
        yield "checks its arguments or its result in another way"
    if before.name != now.name:
        yield f"is called {now.name} there, no longer {before.name}"
