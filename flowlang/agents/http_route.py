"""Where the parts of a call stand in a request: what an OpenAPI document says of it beyond types.

An operation is offered as an agent whose input is one object; where each of its properties goes, the input
schema says by `x-http` keywords, which mean nothing to anybody else. So `flow.lock` holds all that a call
needs, and a server's document need not be there when flows run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias, cast, get_args

import attrs

from flowlang.agents.offers import Offered, Schema
from flowlang.values.value import Value

KEYWORD: Final = "x-http"

Location: TypeAlias = Literal["path", "query", "header", "cookie", "body", "whole"]
"""A property of the body is `body`; `whole` is all of it."""

BodyForm: TypeAlias = Literal["json", "form", "multipart", "text", "octets"]


@attrs.frozen
class Place:
    """Where an argument goes. `name` is what it is called there; `style` and `explode` are OpenAPI's ways to
    write lists and objects, `as_json` says that it is JSON instead."""

    location: Location
    name: str
    style: str
    explode: bool
    as_json: bool = False

    def to_json(self) -> dict[str, Value]:
        fields: dict[str, Value] = {"in": self.location}
        if self.location in ("body", "whole"):
            return fields
        fields["name"] = self.name
        style = default_style(self.location)
        if self.style != style or self.explode != (style == "form"):
            fields |= {"style": self.style, "explode": self.explode}
        return fields | ({"json": True} if self.as_json else {})


def default_style(location: Location) -> str:
    return "form" if location in ("query", "cookie") else "simple"


@attrs.frozen
class Route:
    """An operation as a request. `server` is where the document says it is, `body` how the body is written
    and `media_type` what that is called. `key_header` is the header that takes an idempotency key."""

    method: str
    path: str
    server: str | None = None
    body: BodyForm | None = None
    media_type: str | None = None
    key_header: str | None = None
    places: Mapping[str, Place] = attrs.field(factory=dict)

    def to_json(self) -> dict[str, Value]:
        fields = {"method": self.method, "path": self.path, "server": self.server, "body": self.body}
        fields |= {"media_type": self.media_type, "key_header": self.key_header}
        return {name: value for name, value in fields.items() if value is not None}


def route_of(offered: Offered) -> Route | None:
    """The route of an operation, as its input schema tells it; None where it tells none."""
    fields = offered.input.get(KEYWORD)
    if not isinstance(fields, dict):
        return None
    method, path, body = fields.get("method"), fields.get("path"), fields.get("body")
    if not (isinstance(method, str) and isinstance(path, str) and body in (None, *get_args(BodyForm))):
        return None
    others = {name: _text(fields.get(name)) for name in ("server", "media_type", "key_header")}
    return Route(method, path, body=body, places=_places(offered.input), **others)


def _places(schema: Schema) -> dict[str, Place]:
    properties = schema.get("properties")
    parts = properties.items() if isinstance(properties, dict) else ()
    return {name: _place(name, part) for name, part in parts if isinstance(part, dict)}


def _place(name: str, schema: Schema) -> Place:
    fields = schema.get(KEYWORD)
    found = fields if isinstance(fields, dict) else {}
    location = found.get("in") if found.get("in") in get_args(Location) else "body"
    style = default_style(cast(Location, location))
    return Place(
        cast(Location, location),
        _text(found.get("name")) or name,
        _text(found.get("style")) or style,
        found.get("explode", style == "form") is True,
        found.get("json") is True,
    )


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None
