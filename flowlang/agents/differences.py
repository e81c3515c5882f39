"""What a target offered and what it offers now -> what is different, in words.

Offers are compared as flows see them: by their types, effect and documentation. A signature says no more of
a type than its name, so what has become of its inside is said beside it. Where only the schemas differ, in
what types cannot say, that is said too, since a server may then refuse what it took before."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias

import attrs

from flowlang.agents.offered_types import agent_names, signature_of
from flowlang.agents.offers import Offered
from flowlang.semantics.providers import DescribedAgent
from flowlang.semantics.types import (
    Enum,
    ListOf,
    MapOf,
    Optional,
    Record,
    RecordField,
    Secret,
    Type,
    Union,
    show,
)

MAX_PARTS: Final = 8

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
    return shown(_described(name, offered))


def shown(agent: DescribedAgent) -> str:
    parameters = ", ".join(
        f"{p.name}: {show(p.type)}{'' if p.required else ' = …'}" for p in agent.parameters
    )
    return f"{agent.name}({parameters}) -> {show(agent.result)}"


def named_types(agents: Iterable[DescribedAgent]) -> dict[str, Type]:
    """The types with a name that agents take and give, each before those that it is made of."""
    found: dict[str, Type] = {}
    left: deque[Type] = deque()
    for agent in agents:
        left.extend([*(parameter.type for parameter in agent.parameters), agent.result])
    while left:
        match type := left.popleft():
            case ListOf(inner) | MapOf(inner) | Optional(inner) | Secret(inner):
                left.append(inner)
            case Record(fields, name):
                found |= {name: type} if name else {}
                left += [field.type for field in fields]
            case Union(cases=cases, shown=name):
                found[name] = type
                left += [field.type for case in cases for field in case.fields]
            case Enum(name=str(name)):
                found[name] = type
    return found


def _named(offers: Sequence[Offered]) -> dict[str, Offered]:
    ordered = in_order(offers)
    return dict(zip(agent_names(ordered), ordered, strict=True))


def _difference(name: str, before: Offered | None, now: Offered | None) -> Difference | None:
    if before == now:
        return None
    if before is None:
        return None if now is None else Difference(name, "added", None, signature_text(name, now))
    if now is None:
        return Difference(name, "removed", signature_text(name, before), None)
    earlier, later = _described(name, before), _described(name, now)
    words = [*_words(before, now), *_inside(earlier, later)]
    schemas_differ = (before.input, before.output) != (now.input, now.output)
    if schemas_differ and _types(earlier) == _types(later):
        words.append("checks its arguments or its result in another way")
    if before.name != now.name:
        words.append(f"is called {now.name} there, no longer {before.name}")
    return Difference(name, "changed", shown(earlier), shown(later), tuple(words))


def _described(name: str, offered: Offered) -> DescribedAgent:
    return signature_of(offered).agent(name, offered)


def _words(before: Offered, now: Offered) -> Iterator[str]:
    if before.effect != now.effect:
        yield f"its effect is {now.effect or 'not known'}, no longer {before.effect or 'unknown'}"
    if before.doc != now.doc:
        yield "is described in other words"


def _types(agent: DescribedAgent) -> tuple[object, ...]:
    return agent.result, *((p.name, p.type, p.required) for p in agent.parameters)


def _inside(before: DescribedAgent, now: DescribedAgent) -> list[str]:
    """What became of the types that have a name."""
    earlier, later = _named_types(before), _named_types(now)
    words = [
        word
        for name in sorted(earlier.keys() & later.keys())
        for word in _parts(name, earlier[name], later[name])
    ]
    more = len(words) - MAX_PARTS
    return words if more <= 0 else [*words[:MAX_PARTS], f"{more} more parts of its types differ"]


def _parts(name: str, before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for part in sorted(before.keys() | now.keys()):
        if part not in now:
            yield f"`{name}` has no `{part}` any longer"
        elif part not in before:
            yield f"`{name}` has `{part}{now[part]}`"
        elif before[part] != now[part]:
            yield f"`{name}` has `{part}{now[part]}`, no longer `{part}{before[part]}`"


def _named_types(agent: DescribedAgent) -> dict[str, dict[str, str]]:
    """What the types are made of that have a name: of records and cases the fields, each with what stands
    behind its name; of enums the values."""
    found: dict[str, dict[str, str]] = {}
    for name, type in named_types([agent]).items():
        match type:
            case Record(fields):
                found[name] = _fields(fields)
            case Union(cases=cases):
                found |= {f"{name}.{case.name}": _fields(case.fields) for case in cases}
            case Enum(values):
                found[name] = {f'"{value}"': "" for value in values}
    return found


def _fields(fields: Sequence[RecordField]) -> dict[str, str]:
    return {field.name: f": {show(field.type)}" for field in fields}
