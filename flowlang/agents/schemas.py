"""JSON Schemas as data: what single keywords say, local references, several schemas in one.

Every dialect is read alike. What has not the shape that a keyword asks for is as good as not there: these
functions never raise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import unquote

from flowlang.agents.offers import Schema
from flowlang.values.value import Value

MAX_LITERALS: Final = 1_000
MAX_TEXT: Final = 2_000  # characters of a description, or of a literal


def doc_of(schema: Value) -> str | None:
    """What a schema says of itself, on one line."""
    text = schema.get("description") if isinstance(schema, dict) else None
    if not isinstance(text, str):
        return None
    return " ".join(text[:MAX_TEXT].split()).encode(errors="replace").decode() or None


NOTES: Final = frozenset({
    "title", "description", "default", "example", "examples", "deprecated", "readOnly", "writeOnly",
    "nullable", "externalDocs", "xml", "discriminator",
    "$comment", "$schema", "$id", "$defs", "definitions", "components",
})  # fmt: skip
"""Keywords that say nothing of which values are allowed, or are looked at elsewhere."""


def restricts(schema: Schema, besides: str) -> bool:
    return any(key != besides and key not in NOTES and not key.startswith("x-") for key in schema)


def referred(root: Schema, reference: str) -> Value:
    """What a local reference points to; None where there is nothing."""
    if not reference.startswith("#/"):
        return None
    at: Value = root
    for part in reference[2:].split("/"):
        key = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(at, dict) and key in at:
            at = at[key]
        elif isinstance(at, list) and key.isascii() and key.isdigit() and int(key[:9]) < len(at):
            at = at[int(key[:9])]
        else:
            return None
    return at


def last_part(reference: str) -> str:
    return unquote(reference.rpartition("/")[2])


def add_keyword(merged: Schema, key: str, value: Value) -> None:
    """Take one more keyword into what holds together. Where two of a kind cannot be made one, the first
    stays: it allows at least what both do."""
    known = merged.get(key)
    match key:
        case "properties" if isinstance(known, dict) and isinstance(value, dict):
            both = {name: {"allOf": [known[name], part]} for name, part in value.items() if name in known}
            merged[key] = {**known, **value, **both}
        case "required" if isinstance(known, list) and isinstance(value, list):
            merged[key] = [*known, *value]
        case "items" if isinstance(known, dict) and isinstance(value, dict):
            merged[key] = {"allOf": [known, value]}
        case _ if key in NOTES:
            merged[key] = value
        case _:
            merged.setdefault(key, value)


def properties_of(schema: Schema) -> Iterable[tuple[str, Value]]:
    properties = schema.get("properties")
    return properties.items() if isinstance(properties, dict) else ()


def choices_of(schema: Schema) -> list[Value] | None:
    for key in ("oneOf", "anyOf"):
        choices = schema.get(key)
        if isinstance(choices, list) and choices:
            return choices
    return None


def says_kind(schema: Schema, choices: list[Value]) -> bool:
    """Whether a schema with choices decides on a type by itself, and they only restrict it further."""
    if literals_of(schema) is not None or schema.get("type", "object") != "object":
        return True
    return any(properties_of(schema)) and not any(adds(choice) for choice in choices)


def adds(choice: Value) -> bool:
    """Whether a choice may bring properties of its own."""
    return isinstance(choice, dict) and not ADDING.isdisjoint(choice)


ADDING: Final = frozenset({"$ref", "allOf", "anyOf", "oneOf", "properties"})


def kinds_of(schema: Schema) -> tuple[str, ...]:
    """The types that a schema allows, or that it must mean."""
    kind = schema.get("type")
    if isinstance(kind, str):
        return (kind,)
    if isinstance(kind, list):
        return tuple(dict.fromkeys(k for k in kind if isinstance(k, str))) or ("any",)
    if "properties" in schema or "additionalProperties" in schema:
        return ("object",)
    if "items" in schema or "prefixItems" in schema:
        return ("array",)
    return ("string",) if "contentEncoding" in schema or schema.get("format") == "binary" else ()


def literals_of(schema: Schema) -> list[Value] | None:
    if "const" in schema:
        return [schema["const"]]
    literals = schema.get("enum")
    return literals if isinstance(literals, list) and literals else None


def is_secret(schema: Value) -> bool:
    """Whether values are to be shown to nobody."""
    return isinstance(schema, dict) and schema.get("format") == "password"


def is_null(schema: Value) -> bool:
    if not isinstance(schema, dict):
        return False
    literals = literals_of(schema)
    return schema.get("type") == "null" if literals is None else all(value is None for value in literals)


def required_of(schema: Schema) -> list[Value]:
    required = schema.get("required")
    return required if isinstance(required, list) else []


def is_text(text: str) -> bool:
    return len(text) <= MAX_TEXT and not any(0xD800 <= ord(character) <= 0xDFFF for character in text)


# What tells the members of a union apart


def tags_of(schema: Schema, choices: list[Value], objects: list[Schema]) -> tuple[str, list[str]] | None:
    """The property that tells objects apart, and its literal in each of them."""
    discriminator = schema.get("discriminator")
    if isinstance(discriminator, dict) and isinstance(named := discriminator.get("propertyName"), str):
        literals = [
            tag_of(one, named) or tag_by_name(discriminator, choice)
            for one, choice in zip(objects, choices, strict=False)
        ]
        return if_distinct(named, literals)
    for name, _ in properties_of(objects[0]) if objects else ():
        literals = [tag_of(one, name) if name in required_of(one) else None for one in objects]
        if (found := if_distinct(name, literals)) is not None:
            return found
    return None


def tag_of(schema: Schema, name: str) -> str | None:
    """The only literal that a property may have."""
    part = dict(properties_of(schema)).get(name)
    literals = literals_of(part) if isinstance(part, dict) else None
    only = literals[0] if literals is not None and len(literals) == 1 else None
    return only if isinstance(only, str) and is_text(only) else None


def tag_by_name(discriminator: Schema, choice: Value) -> str | None:
    """What stands for a referred schema: what the mapping of OpenAPI says, else its name."""
    reference = choice.get("$ref") if isinstance(choice, dict) else None
    mapping = discriminator.get("mapping")
    if not isinstance(reference, str):
        return None
    names = mapping.items() if isinstance(mapping, dict) else ()
    meant = (literal for literal, target in names if target in (reference, last_part(reference)))
    return next(meant, last_part(reference))


def if_distinct(name: str, literals: list[str | None]) -> tuple[str, list[str]] | None:
    present = [literal for literal in literals if literal is not None]
    return (name, present) if len(set(present)) == len(literals) else None


def objects_in(schema: Value) -> Iterator[Schema]:
    """The objects in a schema, itself included; what is shared in it is looked at once."""
    seen: set[int] = set()
    pending: list[Value] = [schema]
    while pending:
        part = pending.pop()
        if not isinstance(part, dict | list) or id(part) in seen:
            continue
        seen.add(id(part))
        pending += part.values() if isinstance(part, dict) else part
        if isinstance(part, dict):
            yield part
