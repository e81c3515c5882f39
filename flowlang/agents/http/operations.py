"""A call of an operation -> its request, by the route that the operation was offered with."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, cast

import attrs

from flowlang.agents.file import File
from flowlang.agents.http.requests import (
    Body,
    ContentBody,
    FormBody,
    JsonBody,
    MultipartBody,
    Pairs,
    Request,
    filled,
    header_value,
    pairs_of,
    path_part,
    text_of,
)
from flowlang.agents.http_route import Place, Route
from flowlang.agents.offered_types import Signature
from flowlang.agents.python_values import FindFile
from flowlang.runtime.agent_errors import failed
from flowlang.semantics import types
from flowlang.semantics.types import Type
from flowlang.values.value import Value

MAX_INLINE_BYTES: Final = 32 << 20
SEPARATORS: Final = {"spaceDelimited": " ", "pipeDelimited": "|"}


@attrs.frozen(eq=False)
class Operation:
    """An operation that is called again and again. `base` is where the service is, without a `/` behind."""

    route: Route
    signature: Signature
    base: str

    def request(self, given: Mapping[str, Value], find: FindFile, key: tuple[str, str] | None) -> Request:
        """The request of a call; `key` is the header that makes repeating it harmless, and its value.
        Raises AgentError."""
        inline = self.route.body == "json"
        arguments = self.signature.arguments(given, _encoded(find) if inline else dict)
        parts = _Parts()
        for name, value in arguments.items():
            place = self.route.places.get(name)
            if place is not None:
                parts.take(place, value)
        headers = (*parts.headers, *(() if key is None else (key,)))
        if parts.cookies:
            headers += (("Cookie", "; ".join(f"{name}={text}" for name, text in parts.cookies)),)
        return Request(
            self.route.method,
            self.base + filled(self.route.path, parts.path),
            f"{self.route.method} {self.route.path}",
            tuple(parts.query),
            headers,
            self._body(parts, find),
        )

    def _body(self, parts: _Parts, find: FindFile) -> Body | None:
        whole, media_type = parts.whole, self.route.media_type
        content = whole[0] if whole else parts.body
        if not whole and not parts.body:
            return None
        match self.route.body:
            case "json":
                return JsonBody(content, media_type or "application/json")
            case "text":
                return ContentBody(text_of(content), f"{media_type or 'text/plain'}; charset=utf-8")
            case "octets":
                file = find(cast("dict[str, Value]", content))
                concrete = media_type is not None and "*" not in media_type
                return ContentBody(file, cast(str, media_type) if concrete else file.media_type)
            case "form":
                return FormBody(tuple(_fields(content)))
            case "multipart":
                return self._multipart(content, find)
        return None

    def _multipart(self, content: Value, find: FindFile) -> MultipartBody:
        kinds = {p.name: p.type for _, p in self.signature.properties}
        fields: list[tuple[str, str]] = []
        files: list[tuple[str, File]] = []
        for name, value in content.items() if isinstance(content, dict) else ():
            if _is_file(kinds.get(name, types.JSON)):
                given = value if isinstance(value, list) else [value]
                files += [(name, find(reference)) for reference in given if reference is not None]
            else:
                fields += pairs_of(name, value)
        return MultipartBody(tuple(fields), tuple(files))


@attrs.define
class _Parts:
    """The parts of a request, in the making."""

    path: dict[str, str] = attrs.field(factory=dict)
    query: list[tuple[str, str]] = attrs.field(factory=list)
    headers: list[tuple[str, str]] = attrs.field(factory=list)
    cookies: list[tuple[str, str]] = attrs.field(factory=list)
    body: dict[str, Value] = attrs.field(factory=dict)
    whole: tuple[Value, ...] = ()

    def take(self, place: Place, value: Value) -> None:
        match place.location:
            case "path":
                self.path[place.name] = path_part(place.name, _listed(place, value))
            case "query":
                self.query += _query(place, value)
            case "header":
                self.headers.append((place.name, header_value(place.name, _listed(place, value))))
            case "cookie":
                self.cookies.append((place.name, _cookie(place.name, _listed(place, value))))
            case "body":
                self.body[place.name] = value
            case "whole":
                self.whole = (value,)


def _query(place: Place, value: Value) -> Pairs:
    """A parameter of a query by its style: OpenAPI 3.1, 4.8.12.3."""
    if place.as_json:
        return ((place.name, text_of(value)),)
    if isinstance(value, dict):
        if place.style == "deepObject":
            return tuple((f"{place.name}[{key}]", text_of(item)) for key, item in _present(value))
        if place.explode:
            return tuple(_fields(value))
        return ((place.name, _joined(_flat(value), ",")),)
    if isinstance(value, list) and not place.explode:
        return ((place.name, _joined(value, SEPARATORS.get(place.style, ","))),)
    return pairs_of(place.name, value)


def _listed(place: Place, value: Value) -> str:
    """A parameter that is one text, whatever it is made of."""
    if place.as_json:
        return text_of(value)
    if isinstance(value, dict):
        pairs = (f"{key}={text_of(item)}" for key, item in _present(value))
        return ",".join(pairs) if place.explode else _joined(_flat(value), ",")
    return _joined(value, ",") if isinstance(value, list) else text_of(value)


def _present(value: Mapping[str, Value]) -> Iterator[tuple[str, Value]]:
    return ((key, item) for key, item in value.items() if item is not None)


def _flat(value: Mapping[str, Value]) -> list[Value]:
    return [part for pair in _present(value) for part in pair]


def _joined(values: Iterable[Value], separator: str) -> str:
    return separator.join(text_of(value) for value in values)


def _fields(value: Value) -> Pairs:
    items = value.items() if isinstance(value, dict) else ()
    return tuple(pair for name, item in items for pair in pairs_of(name, item))


def _cookie(name: str, text: str) -> str:
    if any(character in text for character in ';,"\\ ') or not text.isprintable():
        raise failed(f"the cookie `{name}` holds a character that a cookie cannot hold")
    return text


def _is_file(type: Type) -> bool:
    inner = types.present(type)
    return inner == types.FILE or (isinstance(inner, types.ListOf) and _is_file(inner.item))


def _encoded(find: FindFile) -> FindFile:
    """What writes the content of a file in base64, for a JSON body."""

    def write(reference: Mapping[str, Value]) -> Value:
        file = find(reference)
        if file.size > MAX_INLINE_BYTES:
            raise failed(
                f"a file in JSON is at most {MAX_INLINE_BYTES >> 20} MiB, and this has {file.size:,} bytes"
            )
        return base64.b64encode(file.read()).decode()

    return write
