"""References inside an OpenAPI document: what one stands for, and what a schema needs to stand for itself."""

from __future__ import annotations

from typing import Final

import attrs

from flowlang.agents.offers import Schema
from flowlang.agents.openapi_text import NoDocument
from flowlang.agents.schemas import objects_in, referred
from flowlang.values.value import Value

MAX_HOPS: Final = 16
PREFIX: Final = "#/components/schemas/"


@attrs.frozen(eq=False)
class References:
    document: Schema
    needed: dict[str, frozenset[str]] = attrs.field(factory=dict)  # what each schema refers to by itself

    def resolved(self, part: Value, at: tuple[str, ...]) -> Schema:
        """A part of the document, or what it refers to. Raises NoDocument."""
        for _ in range(MAX_HOPS):
            if not isinstance(part, dict):
                break
            reference = part.get("$ref")
            if not isinstance(reference, str):
                return part
            if not reference.startswith("#"):
                help = "bundle the document into one file, for example with `npx @redocly/cli bundle`"
                message = f"`{'.'.join(at)}` refers to another file, `{reference[:80]}`"
                raise NoDocument(message, help, path=at)
            part = referred(self.document, reference)
        raise NoDocument(f"`{'.'.join(at)}` is no object, or refers to none", path=at)

    def with_components(self, schema: Schema) -> Schema:
        """A schema with those of the document that it refers to, directly or not."""
        schemas = self._schemas()
        found: dict[str, Value] = {}
        pending = sorted(_names_in(schema))
        while pending:
            name = pending.pop()
            if name in schemas and name not in found:
                found[name] = schemas[name]
                pending += sorted(self._needed(name))
        if not found:
            return schema
        return {**schema, "components": {"schemas": {name: found[name] for name in sorted(found)}}}

    def _needed(self, name: str) -> frozenset[str]:
        if name not in self.needed:
            self.needed[name] = _names_in(self._schemas()[name])
        return self.needed[name]

    def _schemas(self) -> Schema:
        components = self.document.get("components")
        schemas = components.get("schemas") if isinstance(components, dict) else None
        return schemas if isinstance(schemas, dict) else {}


def _names_in(schema: Value) -> frozenset[str]:
    """The schemas that a schema refers to by itself."""
    names: set[str] = set()
    for part in objects_in(schema):
        mapping = part.get("mapping")
        for target in (part.get("$ref"), *(mapping.values() if isinstance(mapping, dict) else ())):
            if isinstance(target, str) and target.startswith(PREFIX):
                names.add(target.removeprefix(PREFIX).partition("/")[0].replace("~1", "/").replace("~0", "~"))
    return frozenset(names)
