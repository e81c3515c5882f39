"""OpenAPI 3.0 and 3.1 -> what its operations offer.

Each operation is an agent. Its parameters are those of the operation and, where the body is an object, the
properties of that; any other body is one parameter, `body`. Its result is what a 2xx reply holds: several are
read as any of them, none at all is null, and what is neither JSON nor text is a file. GET only reads, PUT and
DELETE may be repeated, POST and PATCH write, unless `x-flow-effect` says otherwise; an operation that takes
the header `Idempotency-Key` may be repeated too, since every call brings its key.

Schemas stay as they are. The components that an operation refers to come with it, so that each offer stands
for itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast, get_args
from urllib.parse import urljoin

import attrs

from flowlang.agents.http_route import KEYWORD, BodyForm, Location, Place, Route, default_style
from flowlang.agents.offered_names import distinct
from flowlang.agents.offers import Effect, Offered, Schema
from flowlang.agents.openapi_references import References
from flowlang.agents.openapi_text import NoDocument
from flowlang.agents.schema_types import SchemaReader
from flowlang.values.value import Value

MAX_OPERATIONS: Final = 2_000
EFFECTS: Final[dict[str, Effect]] = {
    "get": "read",
    "head": "read",
    "options": "read",
    "put": "idempotent",
    "delete": "idempotent",
    "post": "write",
    "patch": "write",
}
PARAMETERS: Final[tuple[Location, ...]] = ("path", "query", "header", "cookie")
KEY_HEADER: Final = "idempotency-key"
IGNORED_HEADERS: Final = ("accept", "content-type", "authorization")
BINARY: Final[Schema] = {"type": "string", "format": "binary"}

Path = tuple[str, ...]


def offers_of(document: Schema, url: str | None = None) -> tuple[Offered, ...]:
    """The operations of a document, which was found at a URL. Raises NoDocument."""
    _check_version(document)
    references = References(document)
    operations = [*_operations(document, references)]
    if not operations:
        raise NoDocument("it has no operations", "they stand below `paths`", path=("paths",))
    reading = _Reading(document, references, url)
    names = distinct(_name(operation) for operation in operations)
    return tuple(reading.offered(name, operation) for name, operation in zip(names, operations, strict=True))


def _check_version(document: Schema) -> None:
    version = document.get("openapi")
    if "swagger" in document:
        help = "convert it to OpenAPI 3, for example with `npx swagger2openapi`"
        raise NoDocument("it is a Swagger 2 document", help, path=("swagger",))
    if version is None:
        raise NoDocument(
            "it has no `openapi`, so it is no OpenAPI document", "it begins with `openapi: 3.1.0`"
        )
    if not str(version).startswith(("3.0", "3.1")):
        raise NoDocument(f"it is of OpenAPI {version}", "3.0 and 3.1 are understood", path=("openapi",))


@attrs.frozen(eq=False)
class _Operation:
    """An operation, the item of `paths` that it is in, and the keys that lead to it."""

    method: str
    template: str
    item: Schema
    fields: Schema

    @property
    def at(self) -> Path:
        return ("paths", self.template, self.method)


def _operations(document: Schema, references: References) -> Iterator[_Operation]:
    count = 0
    for template, part in _object(document.get("paths", {}), ("paths",)).items():
        if template.startswith("x-"):
            continue
        item = _object(part, ("paths", template))
        if "$ref" in item:
            item = references.resolved(item, ("paths", template))
        for method in item:
            if method in EFFECTS:
                count += 1
                if count > MAX_OPERATIONS:
                    raise NoDocument(f"it has more than {MAX_OPERATIONS:,} operations")
                at = ("paths", template, method)
                yield _Operation(method, template, item, _object(item[method], at))


def _name(operation: _Operation) -> str:
    name = operation.fields.get("operationId")
    return name if isinstance(name, str) and name else f"{operation.method} {operation.template}"


@attrs.frozen(eq=False)
class _Reading:
    document: Schema
    references: References
    url: str | None

    def offered(self, name: str, operation: _Operation) -> Offered:
        inputs = _Inputs()
        for place, schema, required in self._parameters(operation, inputs):
            inputs.add(place, schema, required=required)
        self._name_holes(operation, inputs)
        body, media_type = self._body(operation, inputs)
        output, is_file = self._output(operation)
        route = Route(
            operation.method.upper(),
            operation.template,
            self._server(operation),
            body,
            media_type,
            inputs.key_header,
        )
        return Offered(
            name,
            self.references.with_components({**inputs.schema(), KEYWORD: route.to_json()}),
            output if output is None else self.references.with_components(output),
            _effect(operation, route),
            _doc(operation.fields),
            is_file,
        )

    # Parameters

    def _parameters(self, operation: _Operation, inputs: _Inputs) -> Iterator[tuple[Place, Schema, bool]]:
        """The parameters of an operation, and those of its path that it does not replace."""
        found: dict[tuple[Value, Value], tuple[Schema, Path]] = {}
        for fields, at in ((operation.item, operation.at[:2]), (operation.fields, operation.at)):
            for number, part in enumerate(_list(fields.get("parameters"), (*at, "parameters"))):
                place = (*at, "parameters", str(number))
                parameter = self.references.resolved(part, place)
                found[parameter.get("name"), parameter.get("in")] = (parameter, place)
        for parameter, at in found.values():
            location, name = _where(parameter, at)
            if location == "header" and name.lower() == KEY_HEADER:
                inputs.key_header = name
            elif location != "header" or name.lower() not in IGNORED_HEADERS:
                yield _parameter(parameter, location, name)

    def _name_holes(self, operation: _Operation, inputs: _Inputs) -> None:
        """Every hole of a path is a parameter, if nobody says so a text."""
        holes = [part.partition("}")[0] for part in operation.template.split("{")[1:]]
        for name in holes:
            if name not in inputs.in_path:
                inputs.add(Place("path", name, "simple", False), {"type": "string"}, required=True)

    # Bodies

    def _body(self, operation: _Operation, inputs: _Inputs) -> tuple[BodyForm | None, str | None]:
        """How the body of an operation is written; its parts are added to the inputs."""
        if "requestBody" not in operation.fields:
            return None, None
        at = (*operation.at, "requestBody")
        body = self.references.resolved(operation.fields["requestBody"], at)
        media_type, content = _preferred(_object(body.get("content", {}), (*at, "content")))
        if media_type is None:
            return None, None
        form = _form(media_type)
        schema = content.get("schema", {})
        required = body.get("required") is True
        if form in ("text", "octets"):
            schema = BINARY if form == "octets" else {"type": "string"}
            inputs.add(Place("whole", "body", "", False), schema, required=required)
        elif not inputs.flatten(self.document, schema, required=required, force=form != "json"):
            inputs.add(Place("whole", "body", "", False), schema, required=required)
        is_usual = media_type == "application/json" or "*" in media_type
        return form, None if is_usual else media_type

    # Replies

    def _output(self, operation: _Operation) -> tuple[Schema | None, bool]:
        """The schema of the replies that are no errors, and whether they are files."""
        at = (*operation.at, "responses")
        responses = _object(operation.fields.get("responses", {}), at)
        good = [status for status in responses if status.startswith("2")]
        if not good and "default" in responses:
            good = ["default"]
        choices: list[Schema] = []
        for status in good:
            response = self.references.resolved(responses[status], (*at, status))
            media_type, content = _preferred(_object(response.get("content", {}), (*at, status, "content")))
            schema = content.get("schema", {"type": _kind(media_type)} if _kind(media_type) else {})
            if _is_file(media_type, schema):
                return None, True
            choices.append(schema if isinstance(schema, dict) else {})
        if not choices:
            return {}, False
        return (choices[0] if len(choices) == 1 else {"anyOf": choices}), False

    def _server(self, operation: _Operation) -> str | None:
        for fields in (operation.fields, operation.item, self.document):
            servers = fields.get("servers")
            if isinstance(servers, list) and servers:
                found = _server_url(servers[0])
                return urljoin(self.url, found) if self.url and found else found
        return urljoin(self.url, "/") if self.url else None


@attrs.define(eq=False)
class _Inputs:
    """The properties of an operation's input, in the making."""

    properties: dict[str, Schema] = attrs.field(factory=dict)
    required: list[str] = attrs.field(factory=list)
    in_path: set[str] = attrs.field(factory=set)
    key_header: str | None = None

    def add(self, place: Place, schema: Value, *, required: bool) -> None:
        """Take a parameter in, under another name where its own is taken."""
        name = place.name if place.name not in self.properties else f"{place.name}_{place.location}"
        while name in self.properties:
            name += "_"
        if place.location == "path":
            self.in_path.add(place.name)
        if place.location in ("body", "whole"):
            place = attrs.evolve(place, name=name)
        self.properties[name] = {**(schema if isinstance(schema, dict) else {}), KEYWORD: place.to_json()}
        if required:
            self.required.append(name)

    def flatten(self, document: Schema, schema: Value, *, required: bool, force: bool) -> bool:
        """Take the properties of a body in; not where it is no object, or a name is taken already."""
        merged = SchemaReader(document, "told").merged(schema)
        properties = merged.get("properties")
        is_choice = any(key in merged for key in ("anyOf", "oneOf")) or merged.get("nullable") is True
        if not isinstance(properties, dict) or not properties or (is_choice and not force):
            return False
        if not self.properties.keys().isdisjoint(properties):
            return False
        needed = merged.get("required") if required else None
        for name, part in properties.items():
            needs = isinstance(needed, list) and name in needed
            self.add(Place("body", name, "", False), _binary(part) if force else part, required=needs)
        return True

    def schema(self) -> Schema:
        fields: Schema = {"type": "object", "properties": self.properties}
        return fields | ({"required": self.required} if self.required else {})


# Parts


def _object(found: Value, at: Path) -> Schema:
    if not isinstance(found, dict) or not all(isinstance(key, str) for key in found):
        raise NoDocument(f"`{'.'.join(at)}` is to be an object", path=at)
    return found


def _list(found: Value, at: Path) -> list[Value]:
    if not isinstance(found, list | None):
        raise NoDocument(f"`{'.'.join(at)}` is to be a list", path=at)
    return found or []


def _where(parameter: Schema, at: Path) -> tuple[Location, str]:
    location, name = parameter.get("in"), parameter.get("name")
    if location not in PARAMETERS or not isinstance(name, str) or not name:
        message = f"`{'.'.join(at)}` needs a `name`, and `in` with path, query, header or cookie"
        raise NoDocument(message, path=at)
    return cast(Location, location), name


def _parameter(parameter: Schema, location: Location, name: str) -> tuple[Place, Schema, bool]:
    content = parameter.get("content")
    media = next(iter(content.values()), None) if isinstance(content, dict) else None
    schema = media.get("schema") if isinstance(media, dict) else parameter.get("schema")
    style = parameter.get("style")
    style = style if isinstance(style, str) else default_style(location)
    explode = parameter.get("explode", style == "form") is True
    told = {**schema} if isinstance(schema, dict) else {}
    if isinstance(parameter.get("description"), str):
        told["description"] = parameter["description"]
    required = location == "path" or parameter.get("required") is True
    return Place(location, name, style, explode, media is not None), told, required


def _preferred(content: Schema) -> tuple[str | None, Schema]:
    """The kind of content that is understood best: JSON, then forms, then anything."""
    ranks = ("json", "multipart", "form", "text", "octets")
    kinds = sorted(content, key=lambda kind: ranks.index(_form(kind)))
    if not kinds:
        return None, {}
    chosen = content[kinds[0]]
    return kinds[0], chosen if isinstance(chosen, dict) else {}


def _kind(media_type: str | None) -> str | None:
    """What a reply is of which nothing but this is known."""
    if media_type is None:
        return "null"
    return "string" if _form(media_type) == "text" else None


def _is_file(media_type: str | None, schema: Value) -> bool:
    if media_type is None:
        return False
    is_content = isinstance(schema, dict) and schema.get("format") == "binary"
    return is_content or _form(media_type) == "octets"


def _form(media_type: str) -> BodyForm:
    kind = media_type.partition(";")[0].strip().lower()
    if kind.endswith(("/json", "+json")) or kind in ("*/*", "application/*"):
        return "json"
    if kind.startswith("multipart/"):
        return "multipart"
    if kind == "application/x-www-form-urlencoded":
        return "form"
    return "text" if kind.startswith("text/") else "octets"


def _binary(schema: Value) -> Value:
    """A part of a form that OpenAPI 3.1 calls content is a file."""
    if not isinstance(schema, dict):
        return schema
    if "contentMediaType" in schema and "contentEncoding" not in schema:
        return {**schema, **BINARY}
    choices = {key: schema[key] for key in ("anyOf", "oneOf") if isinstance(schema.get(key), list)}
    several = {key: [*map(_binary, parts)] for key, parts in choices.items()}
    return {**schema, **several} | ({"items": _binary(schema["items"])} if "items" in schema else {})


def _server_url(server: Value) -> str | None:
    url = server.get("url") if isinstance(server, dict) else None
    if not isinstance(url, str):
        return None
    variables = server.get("variables")
    for name, variable in variables.items() if isinstance(variables, dict) else ():
        default = variable.get("default") if isinstance(variable, dict) else None
        url = url.replace(f"{{{name}}}", str(default)) if default is not None else url
    return url


def _effect(operation: _Operation, route: Route) -> Effect:
    stated = operation.fields.get("x-flow-effect")
    if stated in get_args(Effect):
        return cast(Effect, stated)
    if stated is not None:
        at = (*operation.at, "x-flow-effect")
        raise NoDocument(f"`{'.'.join(at)}` is pure, read, idempotent or write", path=at)
    effect = EFFECTS[operation.method]
    return "idempotent" if effect == "write" and route.key_header else effect


def _doc(fields: Schema) -> str | None:
    texts = [fields.get("summary"), fields.get("description")]
    said = [text.strip() for text in texts if isinstance(text, str) and text.strip()]
    warning = ["Deprecated."] if fields.get("deprecated") is True else []
    return " ".join([*warning, *said[:1]]) or None
