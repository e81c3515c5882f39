"""Which schemas refer to which: the order to read them in, and which of them contain themselves.

Schemas that are referred to are read one by one, those first that others refer to, so that each is read once
and no chain of references is too long. Where schemas contain each other, a reference from one of them to
another is cut: it means json. That depends on the two alone, not on where reading began, so a flow that is
checked with many operations and a call of one see the same.

A schema is known by its identity: operations of one document share their components."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from flowlang.agents.offers import Schema
from flowlang.agents.schemas import last_part, objects_in, referred
from flowlang.semantics.order import components, is_cycle


@attrs.frozen(eq=False)
class Target:
    """A schema that is referred to, and what the reference calls it."""

    schema: Schema
    name: str


@attrs.define(eq=False)
class Circles:
    """The schemas that were met, with those that they refer to by themselves, and the circle of each: schemas
    with the same number contain each other; one without a number contains only others."""

    direct: dict[int, tuple[Target, ...]] = attrs.field(factory=dict)
    numbers: dict[int, int | None] = attrs.field(factory=dict)
    met: list[Schema] = attrs.field(factory=list)  # kept, so that no other gets the identity of one

    def meet(self, root: Schema, target: Target) -> list[Target]:
        """The schemas that were not met yet, from this one on; each comes after those it refers to."""
        found = self._collect(root, target)
        edges = {key: [id(each.schema) for each in self.direct[key]] for key in found}
        inside = {key: [other for other in others if other in found] for key, others in edges.items()}
        ordered: list[Target] = []
        for circle in components(inside):
            number = len(self.numbers) if is_cycle(circle, inside) else None
            self.numbers |= dict.fromkeys(circle, number)
            ordered += [found[key] for key in circle]
        return ordered

    def share(self, one: int, others: tuple[int, ...]) -> bool:
        """Whether a schema, by its identity, is in a circle with any of others."""
        number = self.numbers.get(one)
        return number is not None and any(self.numbers.get(other) == number for other in others)

    def _collect(self, root: Schema, target: Target) -> dict[int, Target]:
        found: dict[int, Target] = {}
        pending = [target]
        while pending:
            each = pending.pop()
            key = id(each.schema)
            if key not in found and key not in self.numbers:
                found[key] = each
                self.met.append(each.schema)
                self.direct[key] = tuple(_targets_in(root, each.schema))
                pending += self.direct[key]
        return found


def _targets_in(root: Schema, schema: Schema) -> Iterator[Target]:
    """What a schema refers to by itself."""
    for part in objects_in(schema):
        target = target_of(root, part.get("$ref"))
        if target is not None:
            yield target


def target_of(root: Schema, reference: object) -> Target | None:
    """What a local reference stands for."""
    found = referred(root, reference) if isinstance(reference, str) else None
    return Target(found, last_part(str(reference))) if isinstance(found, dict) else None
