"""What a JSON Schema means: a type of the language, and the way between its values and those of the schema.

In JSON both sides are much the same. They differ where names, times and absence do, and where content stands
in the place of a file. `told` makes what a server expects of a flow's value, `heard` a flow's value of a
reply; None stands for no change. A value that has not the shape it should is left as it is: whoever reads it
by its type says what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import attrs

from flowlang.agents.iso_durations import duration_of_iso, iso_of_duration
from flowlang.agents.offers import Schema
from flowlang.agents.schemas import MAX_LITERALS, is_text
from flowlang.semantics import types
from flowlang.semantics.types import Type
from flowlang.values.value import Value

_LOCAL_TIME: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?")


@attrs.frozen
class Contents:
    """What stands for the content of a file in JSON. `write` makes it of the reference to a file, `read` the
    reference of a text in base64 and a media type. `offset` is that of times which come without one."""

    write: Callable[[Mapping[str, Value]], Value]
    read: Callable[[str, str], Value]
    offset: str | None = None


Convert: TypeAlias = Callable[[Value, Contents], Value]


@attrs.frozen(eq=False)
class Meaning:
    """What a schema means to a flow."""

    type: Type
    told: Convert | None = None
    heard: Convert | None = None

    @property
    def is_plain(self) -> bool:
        """Whether values are the same on both sides."""
        return self.told is None and self.heard is None


ANYTHING: Final = Meaning(types.JSON)


@attrs.frozen(eq=False)
class Property:
    """A property of an object. `name` is the server's, `field` the flow's; `secret` says that its value is to
    be shown to nobody."""

    name: str
    field: str
    meaning: Meaning
    required: bool
    doc: str | None
    secret: bool = False

    @property
    def type(self) -> Type:
        """As a field."""
        return self.meaning.type if self.required else types.optional(self.meaning.type)

    @property
    def parameter_type(self) -> Type:
        """As a parameter, which may be secret."""
        whole = self.meaning.type == types.STRING and self.secret
        inner = types.Secret(types.STRING) if whole else self.meaning.type
        return inner if self.required else types.optional(inner)


# Makers


def optional(meaning: Meaning) -> Meaning:
    """Or null. What is json may be null already."""
    if meaning.type == types.JSON:
        return meaning
    return Meaning(types.optional(meaning.type), _unless_null(meaning.told), _unless_null(meaning.heard))


def nullable(meaning: Meaning, schema: Schema) -> Meaning:
    return optional(meaning) if schema.get("nullable") is True else meaning


def of_literals(literals: list[Value], name: str | None) -> Meaning:
    present = [value for value in literals if value is not None]
    kinds = {type(value) for value in present}
    if not present:
        return Meaning(types.NULL)
    if kinds == {str}:
        few = len(present) <= MAX_LITERALS and all(is_text(value) for value in present)
        meaning = Meaning(types.Enum(tuple(dict.fromkeys(present)), name) if few else types.STRING)
    elif kinds == {bool}:
        meaning = Meaning(types.BOOL)
    elif kinds <= {int, float}:
        meaning = Meaning(types.INT if kinds == {int} else types.FLOAT)
    else:
        return ANYTHING
    return optional(meaning) if len(present) < len(literals) else meaning


def of_string(schema: Schema) -> Meaning:
    form = schema.get("format")
    if schema.get("contentEncoding") == "base64" or form in ("binary", "byte"):
        media_type = schema.get("contentMediaType")
        return of_file(media_type if isinstance(media_type, str) else "application/octet-stream")
    if form == "date-time":
        return Meaning(types.DATETIME, heard=_with_offset)
    if form == "duration":
        return Meaning(types.DURATION, _iso_of_duration, _duration_of_iso)
    return Meaning(types.STRING)


def of_file(media_type: str) -> Meaning:
    def told(value: Value, contents: Contents) -> Value:
        return contents.write(value) if isinstance(value, dict) else value

    def heard(value: Value, contents: Contents) -> Value:
        return contents.read(value, media_type) if isinstance(value, str) else value

    return Meaning(types.FILE, told, heard)


def of_record(properties: tuple[Property, ...], name: str | None) -> Meaning:
    fields = tuple(types.RecordField(p.field, p.type, p.doc) for p in properties)
    as_told = any(p.meaning.told or p.name != p.field or not p.required for p in properties)
    as_heard = any(p.meaning.heard or p.name != p.field for p in properties)

    def told(value: Value, contents: Contents) -> Value:
        if not isinstance(value, dict):
            return value
        given = [(p, value[p.field]) for p in properties if p.field in value]
        return {
            p.name: p.meaning.told(part, contents) if p.meaning.told and part is not None else part
            for p, part in given
            if p.required or part is not None
        }

    def heard(value: Value, contents: Contents) -> Value:
        if not isinstance(value, dict):
            return value
        return {
            p.field: p.meaning.heard(part, contents) if p.meaning.heard and part is not None else part
            for p, part in ((p, value[p.name]) for p in properties if p.name in value)
        }

    return Meaning(types.Record(fields, name), told if as_told else None, heard if as_heard else None)


def each(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda value, contents: (
        [convert(item, contents) for item in value] if isinstance(value, list) else value
    )


def each_value(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda value, contents: (
        {key: convert(part, contents) for key, part in value.items()} if isinstance(value, dict) else value
    )


def _unless_null(convert: Convert | None) -> Convert | None:
    if convert is None:
        return None
    return lambda value, contents: None if value is None else convert(value, contents)


def _with_offset(value: Value, contents: Contents) -> Value:
    """A time with its offset; one without any stays so where nobody says what it means."""
    local = contents.offset is not None and isinstance(value, str) and _LOCAL_TIME.fullmatch(value)
    return f"{value}{contents.offset}" if local else value


def _iso_of_duration(value: Value, _: Contents) -> Value:
    return iso_of_duration(value) if isinstance(value, str) else value


def _duration_of_iso(value: Value, _: Contents) -> Value:
    return duration_of_iso(value) if isinstance(value, str) else value


@attrs.frozen(eq=False)
class Case:
    """A case of a tagged union: the literal that tells it apart, its name in a flow, and its other fields."""

    literal: str
    name: str
    rest: Meaning


def of_union(empty: types.Union, tag: str, cases: list[Case]) -> Meaning:
    by_literal = {case.literal: case for case in cases}
    by_name = {case.name: case for case in cases}
    fields = ((case.name, case.rest.type) for case in cases)
    declared = tuple(types.Case(name, rest.fields) for name, rest in fields if isinstance(rest, types.Record))

    def told(value: Value, contents: Contents) -> Value:
        name = value.get("case") if isinstance(value, dict) else None
        case = by_name.get(name) if isinstance(name, str) else None
        if case is None:
            return value
        rest = {field: part for field, part in value.items() if field != "case"}
        return {tag: case.literal} | (case.rest.told(rest, contents) if case.rest.told else rest)

    def heard(value: Value, contents: Contents) -> Value:
        literal = value.get(tag) if isinstance(value, dict) else None
        case = by_literal.get(literal) if isinstance(literal, str) else None
        if case is None:
            return value
        return {**(case.rest.heard(value, contents) if case.rest.heard else value), "case": case.name}

    return Meaning(attrs.evolve(empty, cases=declared), told, heard)
