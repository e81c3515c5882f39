"""Lower names, places and types: what the checker knows -> what a plan says.

A module is a path to the checker; in a plan its declarations have its file's name before a dot, those of
the entry have none. Two files of one name get as much of their folders as tells them apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Literal, assert_never, cast

import attrs

from flowlang.plan import model as plan
from flowlang.semantics import types
from flowlang.semantics.facts import Callable, Declared, ErrorRef
from flowlang.syntax import ast
from flowlang.text.source import Source

Kind = Literal["string", "int", "float", "bool", "null", "duration", "datetime", "json", "file"]

_SCALARS: Mapping[str, Kind] = {
    **{name: cast(Kind, name) for name in types.SCALARS},
    "true": "bool",  # what is left of a bool when one of its values has been handled
    "false": "bool",
    "never": "null",  # what does not return, gives nothing
    "unknown": "json",
}


@attrs.frozen(eq=False, repr=False)
class Naming:
    """Names in the plan. `prefixes` maps the path of a module to what stands before its names."""

    prefixes: Mapping[str, str]

    def declared(self, declared: Declared) -> str:
        return self.prefixes[declared.module] + declared.name

    def callable(self, target: Callable) -> str:
        """The name of an agent or flow; one of a `use` has its alias before it."""
        alias = "" if target.provider is None else target.declared.anchor.key + "."
        return self.prefixes[target.declared.module] + alias + target.declared.name

    def error(self, error: ErrorRef) -> str:
        return self.prefixes[error.module] + error.name if error.module else error.name

    def type(self, type: types.Type) -> plan.Type:
        """A type of the checker as one of the plan."""
        match type:
            case types.Scalar(name):
                return plan.ScalarType(kind=_SCALARS[name])
            case types.ListOf(item):
                return plan.ListType(item=self.type(item))
            case types.MapOf(value):
                return plan.MapType(value=self.type(value))
            case types.Optional(inner):
                return plan.OptionalType(inner=self.type(inner))
            case types.Secret(inner):
                return plan.SecretType(inner=self.type(inner))
            case types.Record(fields, name):
                return plan.RecordType(fields=self.fields(fields), name=name)
            case types.Enum(values, name):
                return plan.EnumType(values=values, name=name)
            case types.Union(module=module, name=name, cases=cases):
                made = tuple(plan.CaseType(name=case.name, fields=self.fields(case.fields)) for case in cases)
                return plan.UnionType(name=self._home(module) + name, cases=made)
            case _:
                assert_never(type)

    def _home(self, module: str) -> str:
        """What stands before the types of a module; those behind a `use` have their file's name there."""
        return self.prefixes[module] if module in self.prefixes else f"{PurePosixPath(module).stem}."

    def fields(self, fields: Iterable[types.RecordField]) -> tuple[plan.FieldType, ...]:
        return tuple(plan.FieldType(name=f.name, type=self.type(f.type), doc=f.doc) for f in fields)


@attrs.frozen(eq=False, repr=False)
class Places:
    """Where the nodes of one declaration stand: `index` among the plan's sources, `offset` of its start."""

    index: int
    source: Source
    offset: int

    def of(self, node: ast.Node) -> plan.Place:
        line, column = self.source.position(self.offset + node.span.start)
        end_line, end_column = self.source.position(self.offset + node.span.end)
        return plan.Place(self.index, line, column, end_line, end_column)


def name_modules(entry: str, paths: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """What stands before the names of each module: nothing for the entry, else the shortest end of its path
    that no other module and no alias in `taken` has."""
    parts = {path: PurePosixPath(path).with_suffix("").parts for path in paths if path != entry}
    lengths = dict.fromkeys(parts, 1)
    while True:
        users: dict[str, list[str]] = {name: [""] for name in taken}
        for path, length in lengths.items():
            users.setdefault("/".join(parts[path][-length:]), []).append(path)
        crowded = [path for paths in users.values() if len(paths) > 1 for path in paths if path]
        longer = [path for path in crowded if lengths[path] < len(parts[path])]
        if not longer:
            return {entry: "", **{path: "/".join(parts[path][-n:]) + "." for path, n in lengths.items()}}
        for path in longer:
            lengths[path] += 1
