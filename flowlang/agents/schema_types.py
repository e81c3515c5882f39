"""JSON Schema -> types of the language, and the way between the values of both.

    {"type": "integer"}  "number"  "boolean"  "null"     int, float, bool, null
    {"type": "string"}                                   string; datetime and duration by its format,
                                                         file where it is binary or base64, and secret as
                                                         a parameter of the format password
    {"enum": ["a", "b"]}, {"const": "a"}                 "a" | "b"
    {"type": "array", "items": T}                        list<T>
    {"properties": {…}}                                  a record; what is not required is optional
    {"additionalProperties": T}                          map<T>
    anyOf or oneOf with null, "nullable"                 T?
    anyOf or oneOf of objects that a property tells apart    a tagged union
    allOf, $ref within the document                      seen through; what contains itself is json there

A schema says more than a type can (ranges, patterns, conditions), and that is left to the server. Where a
type would say more than the schema, it is `json`: whatever a schema allows can be read by its type. So all
dialects are read in one way: drafts 7 and 2020-12, and the schemas of OpenAPI 3.0 and 3.1.

Values differ where names, times and absence do. A `Meaning` says how: `told` makes what a server expects of a
flow's value, `heard` a flow's value of a reply; None stands for no change. Fields whose names no flow can
write have another in the flow. A field that is null and not required is left out of what is told.

Invariant: never raises, whatever the schema is; depth and size are bounded, and beyond that all is `json`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import attrs

from flowlang.agents import meanings, schemas
from flowlang.agents.meanings import ANYTHING, Meaning, Property
from flowlang.agents.offered_names import distinct, field_name, is_type_name
from flowlang.agents.offers import Schema
from flowlang.agents.schema_references import Circles, Target, target_of
from flowlang.semantics import types
from flowlang.semantics.types import Type
from flowlang.values.value import Value

MAX_DEPTH: Final = 32  # schemas inside each other, references apart
MAX_SCHEMAS: Final = 300_000  # parts that are read of all schemas of a target
MAX_CASES: Final = 100

Way: TypeAlias = Literal["told", "heard"]
Place: TypeAlias = tuple[int, ...]
"""The schemas that a part lies in, by their identity: the one that was referred to last, and what was merged
with it."""


@attrs.define(eq=False)
class Memory:
    """What is known of the schemas of a target, for all of its agents. `left` is how much may be read yet."""

    left: int = MAX_SCHEMAS
    circles: Circles = attrs.field(factory=Circles)
    meanings: dict[tuple[int, str | None, Place], tuple[Schema, Meaning]] = attrs.field(factory=dict)


class SchemaReader:
    """Reads the parts of one schema, to which references point. `way` says where its values go: what only a
    server sets is not told, and what it never shows is not heard. `module` is where tagged unions belong.
    A `memory` belongs to one way and module."""

    def __init__(self, root: Schema, way: Way, module: str = "", memory: Memory | None = None) -> None:
        self._memory = Memory() if memory is None else memory
        self._module = module
        self._root = root
        self._ignored = "readOnly" if way == "told" else "writeOnly"
        self._within: Place = ()
        self._depth = 0

    def read(self, schema: Value, name: str | None = None) -> Meaning:
        """The meaning of a part; `name` is what a type of it is called if it has no title."""
        memory, key = self._memory, (id(schema), name, self._within)
        if key in memory.meanings:
            return memory.meanings[key][1]
        memory.left -= 1
        if not isinstance(schema, dict) or memory.left < 0 or self._depth >= MAX_DEPTH:
            return ANYTHING
        self._depth += 1
        try:
            meaning = self._read(schema, name)
        finally:
            self._depth -= 1
        meaning = ANYTHING if types.is_too_large(meaning.type) else meaning
        memory.meanings[key] = (schema, meaning)
        return meaning

    def properties(self, schema: Value) -> tuple[Property, ...]:
        """The properties that an object may have, in order."""
        return self._properties(self.merged(schema))

    def merged(self, schema: Value) -> Schema:
        """A schema with what it refers to, and what else must hold, as one."""
        return self._merged(schema, [])

    def is_open(self, schema: Value) -> bool:
        """Whether an object may hold what is not named."""
        merged = self.merged(schema)
        others = merged.get("additionalProperties", False) is not False
        return others or schemas.choices_of(merged) is not None

    # References

    def _read(self, schema: Schema, name: str | None) -> Meaning:
        reference, parts = schema.get("$ref"), schema.get("allOf")
        if isinstance(reference, str) and not schemas.restricts(schema, besides="$ref"):
            return meanings.nullable(self._referred(reference), schema)
        if isinstance(parts, list) and len(parts) == 1 and not schemas.restricts(schema, besides="allOf"):
            return meanings.nullable(self.read(parts[0], name), schema)
        if isinstance(reference, str) or isinstance(parts, list):
            return self._together(schema, name)
        return self._alone(schema, name)

    def _referred(self, reference: str) -> Meaning:
        """The meaning of what is referred to, once all is read that it refers to itself."""
        target = target_of(self._root, reference)
        if target is None:
            return ANYTHING
        for each in self._memory.circles.meet(self._root, target):
            self._apart(each)
        if self._memory.circles.share(id(target.schema), self._within):
            return ANYTHING
        return self._apart(target)

    def _apart(self, target: Target) -> Meaning:
        """The meaning of a schema by itself, wherever it is referred to."""
        outside = self._within, self._depth
        self._within, self._depth = (id(target.schema),), 0
        try:
            return self.read(target.schema, target.name)
        finally:
            self._within, self._depth = outside

    def _together(self, schema: Schema, name: str | None) -> Meaning:
        """What several schemas mean that all hold."""
        targets: list[Target] = []
        merged = self._merged(schema, targets)
        circles, outside = self._memory.circles, self._within
        for target in targets:
            circles.meet(self._root, target)
        if any(circles.share(id(target.schema), outside) for target in targets):
            return ANYTHING
        self._within = (*outside, *(id(target.schema) for target in targets))
        try:
            return self._alone(merged, name)
        finally:
            self._within = outside

    def _merged(self, schema: Value, targets: list[Target]) -> Schema:
        """A schema as one object, without references and `allOf`. What is left out of it would only allow
        less. `targets` takes what was referred to on the way."""
        merged: Schema = {}
        for part in self._conjuncts(schema, targets, 0):
            for key, value in part.items():
                schemas.add_keyword(merged, key, value)
        return merged

    def _conjuncts(self, schema: Value, targets: list[Target], depth: int) -> Iterator[Schema]:
        """The schemas that must hold together."""
        self._memory.left -= 1
        if not isinstance(schema, dict) or self._memory.left < 0 or depth >= MAX_DEPTH:
            return
        parts, target = schema.get("allOf"), target_of(self._root, schema.get("$ref"))
        if target is not None and not any(known.schema is target.schema for known in targets):
            targets.append(target)
            yield from self._conjuncts(target.schema, targets, depth + 1)
        for part in parts if isinstance(parts, list) else ():
            yield from self._conjuncts(part, targets, depth + 1)
        yield {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}

    # One schema

    def _alone(self, schema: Schema, name: str | None) -> Meaning:
        title = schema.get("title")
        if name is None or not is_type_name(name):
            name = title if isinstance(title, str) and is_type_name(title) else None
        choices = schemas.choices_of(schema)
        if choices and not schemas.says_kind(schema, choices):
            both = any(schemas.properties_of(schema))  # properties, and more of them in each choice
            return ANYTHING if both else meanings.nullable(self._chosen(schema, choices, name), schema)
        kinds = schemas.kinds_of(schema)
        meaning = self._of_kind(schema, kinds, name)
        return meanings.optional(meaning) if "null" in kinds else meanings.nullable(meaning, schema)

    def _of_kind(self, schema: Schema, kinds: tuple[str, ...], name: str | None) -> Meaning:
        literals = schemas.literals_of(schema)
        if literals is not None:
            return meanings.of_literals(literals, name)
        match tuple(kind for kind in kinds if kind != "null"):
            case ("string",):
                return meanings.of_string(schema)
            case ("integer",):
                return Meaning(types.INT)
            case ("number",) | ("integer", "number") | ("number", "integer"):
                return Meaning(types.FLOAT)
            case ("boolean",):
                return Meaning(types.BOOL)
            case ("array",):
                return self._list(schema)
            case ("object",):
                return self._object(schema, name)
            case ():
                return Meaning(types.NULL) if kinds else ANYTHING
        return ANYTHING

    def _list(self, schema: Schema) -> Meaning:
        items = schema.get("items")
        if "prefixItems" in schema or isinstance(items, list):
            return Meaning(types.ListOf(types.JSON))
        item = self.read(items)
        return Meaning(types.ListOf(item.type), meanings.each(item.told), meanings.each(item.heard))

    # Objects

    def _object(self, schema: Schema, name: str | None) -> Meaning:
        properties = self._properties(schema)
        if properties:
            return meanings.of_record(properties, name)
        others = schema.get("additionalProperties")
        if others is None or "patternProperties" in schema:
            return ANYTHING
        if others is False:
            return Meaning(types.Record((), name))
        value = self.read(others)
        return Meaning(
            types.MapOf(value.type), meanings.each_value(value.told), meanings.each_value(value.heard)
        )

    def _properties(self, schema: Schema) -> tuple[Property, ...]:
        needed = {name for name in schemas.required_of(schema) if isinstance(name, str)}
        found = {n: s for n, s in schemas.properties_of(schema) if s is not False and not self._is_ignored(s)}
        fields = distinct(field_name(name) for name in found)
        return tuple(
            Property(
                name, field, self.read(part), name in needed, schemas.doc_of(part), schemas.is_secret(part)
            )
            for (name, part), field in zip(found.items(), fields, strict=True)
        )

    def _is_ignored(self, schema: Value) -> bool:
        return isinstance(schema, dict) and schema.get(self._ignored) is True

    # Choices

    def _chosen(self, schema: Schema, choices: list[Value], name: str | None) -> Meaning:
        """One meaning for several: the same, literals together, numbers, or a tagged union."""
        others = [choice for choice in choices if not schemas.is_null(choice)]
        if len(others) == 1:
            meaning = self.read(others[0], name)
        else:
            meaning = self._tagged(schema, others, name) or self._joined(others, name)
        return meanings.optional(meaning) if len(others) < len(choices) else meaning

    def _joined(self, choices: list[Value], name: str | None) -> Meaning:
        if len(choices) > schemas.MAX_LITERALS:
            return ANYTHING
        joined: Type = types.NEVER
        for meaning in map(self.read, choices):
            fitting = joined in (types.NEVER, meaning.type) or _may_join(meaning.type, joined)
            if not meaning.is_plain or not fitting:
                return ANYTHING
            joined = types.join(joined, meaning.type) or types.JSON
        return Meaning(attrs.evolve(joined, name=name) if isinstance(joined, types.Enum) else joined)

    def _tagged(self, schema: Schema, choices: list[Value], name: str | None) -> Meaning | None:
        """A tagged union, where all are objects that the literal of one property tells apart."""
        if name is None or not 1 < len(choices) <= MAX_CASES:
            return None
        objects = [self.merged(choice) for choice in choices]
        told_apart = schemas.tags_of(schema, choices, objects)
        if told_apart is None:
            return None
        tag, literals = told_apart
        cases: list[meanings.Case] = []
        for literal, case, one in zip(literals, distinct(map(_case_name, literals)), objects, strict=True):
            others = tuple(p for p in self._properties(one) if p.name != tag)
            if not is_type_name(case) or any(p.field == "case" for p in others):
                return None
            cases.append(meanings.Case(literal, case, meanings.of_record(others, None)))
        return meanings.of_union(types.Union(self._module, name, (), name, len(cases)), tag, cases)


def _case_name(literal: str) -> str:
    name = field_name(literal)
    return name[0].upper() + name[1:]


def _may_join(one: Type, other: Type) -> bool:
    numbers = types.is_number(one) and types.is_number(other)
    return numbers or (types.is_text(one) and types.is_text(other))
