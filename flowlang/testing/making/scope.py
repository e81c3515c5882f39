"""Where something made up stands: what it may mention, and what it may not do."""

from __future__ import annotations

from typing import Any, Literal

import attrs

from flowlang.plan import model as plan
from flowlang.testing.making.kinds import written


@attrs.frozen
class Name:
    """Something that can be mentioned: a name, or a path like `page.url`. `known`: its type in text."""

    text: str
    type: plan.Type
    known: str

    @property
    def root(self) -> str:
        return self.text.partition(".")[0]


@attrs.frozen
class Finding:
    """A condition, its contrary, and what is known where it holds and where it does not."""

    condition: str
    contrary: str
    holds: Around
    fails: Around


@attrs.frozen
class Around:
    """What surrounds a task or an expression.

    `depth`: how many levels may still lie below. `repeated`: it may be carried out again or thrown away, so
    what it does must be harmless. `clean`: an `undo` or a `finally`, where nothing may wait. `in_hole`: a
    string, into which not all forms of strings go."""

    names: tuple[Name, ...] = ()
    depth: int = 2
    repeated: bool = False
    clean: bool = False
    in_hole: bool = False

    def inside(self, **changes: Any) -> Around:
        """One level further in."""
        return attrs.evolve(self, depth=self.depth - 1, **changes)

    def knowing(self, name: str, type: plan.Type) -> Around:
        """With one more name, which hides what was called like it; the fields of a record come with it."""
        return attrs.evolve(self, names=(*self.forgetting(name).names, *named(name, type)))

    def seeing(self, path: str, type: plan.Type) -> Around:
        """With a name or path of which something was found out, and nothing else of that name."""
        rest = self.forgetting(path.partition(".")[0])
        return attrs.evolve(self, names=(*rest.names, *named(path, type)))

    def forgetting(self, root: str) -> Around:
        return attrs.evolve(self, names=tuple(name for name in self.names if name.root != root))

    def of(self, type: plan.Type) -> list[str]:
        """What can be mentioned that has exactly this type."""
        known = written(type)
        return [name.text for name in self.names if name.known == known]

    def of_kind(
        self, kind: Literal["record", "list", "map", "optional", "enum", "union", "secret"]
    ) -> list[Name]:
        return [name for name in self.names if name.type.kind == kind]


def named(text: str, type: plan.Type) -> tuple[Name, ...]:
    """A name of a type, and paths to its fields, two levels deep."""
    own = Name(text, type, written(type))
    if not isinstance(type, plan.RecordType) or text.count(".") > 1:
        return (own,)
    return own, *(path for field in type.fields for path in named(f"{text}.{field.name}", field.type))
