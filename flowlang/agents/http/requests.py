"""Requests, as they are to be sent: made of a call, and made again for each attempt to send one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias
from urllib.parse import quote

import attrs

from flowlang.agents.file import File
from flowlang.runtime.agent_errors import failed
from flowlang.values.codec import write_json
from flowlang.values.value import Value

Pairs: TypeAlias = tuple[tuple[str, str], ...]


@attrs.frozen
class JsonBody:
    value: Value
    media_type: str = "application/json"


@attrs.frozen
class FormBody:
    fields: Pairs


@attrs.frozen
class MultipartBody:
    fields: Pairs
    files: tuple[tuple[str, File], ...]


@attrs.frozen
class ContentBody:
    content: File | str
    media_type: str


Body: TypeAlias = JsonBody | FormBody | MultipartBody | ContentBody


@attrs.frozen
class Request:
    """`url` without its query. `route` is how the author knows it, for messages. `chosen` says that an
    argument, and not the author, says which host it goes to."""

    method: str
    url: str
    route: str
    query: Pairs = ()
    headers: Pairs = ()
    body: Body | None = None
    chosen: bool = False


SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
REPEATABLE: Final = SAFE | {"PUT", "DELETE"}


def text_of(value: Value) -> str:
    """A scalar as it stands in an address or a form; anything else as JSON."""
    return value if isinstance(value, str) else write_json(value)


def path_part(name: str, text: str) -> str:
    """A text as one part of a path. Raises AgentError for what would lead to another place."""
    if text in ("", ".", ".."):
        raise failed(f"`{name}` is {text!r}, which cannot be a part of an address")
    return quote(text, safe="")


def header_value(name: str, text: str) -> str:
    """A text as the value of a header. Raises AgentError for one that would be more than that."""
    if any((ord(character) < 32 and character != "\t") or ord(character) == 127 for character in text):
        raise failed(f"the header `{name}` holds a line break or another control character")
    return text.strip()


def pairs_of(name: str, value: Value) -> Pairs:
    """A field of a query or a form: nothing for null, once for each item of a list."""
    items = value if isinstance(value, list) else [value]
    return tuple((name, text_of(item)) for item in items if item is not None)


def filled(path: str, values: Mapping[str, str]) -> str:
    """A path of OpenAPI with its holes filled."""
    for name, text in values.items():
        path = path.replace(f"{{{name}}}", text)
    return path
