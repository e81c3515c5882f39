"""What pydantic finds wrong with a table of `flow.toml` -> diagnostics, each at the line of its key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from flowlang.agents.secret_settings import PlainSecret
from flowlang.agents.tables import bad_config
from flowlang.agents.toml_places import Key, label_of
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Source
from flowlang.text.suggest import did_you_mean

WORDS: Final = {"python": 'it is "module:function", such as "tools:search"'}
"""What is said of a key in the place of what pydantic says."""

TYPES: Final = {
    "tuple_type": 'this should be a list, such as ["a", "b"]',
    "list_type": 'this should be a list, such as ["a", "b"]',
    "dict_type": 'this should be a table, such as { NAME = "value" }',
    "bool_type": "this should be true or false",
    "bool_parsing": "this should be true or false",
    "string_too_short": "this must not be empty",
}
"""The same by the kind of the mistake, in the words of TOML."""

HIDDEN: Final = frozenset({"key", "auth"})
"""Keys whose values may be secrets that stand in the file: their lines are not shown, but the table's."""

URL: Final = "this should be a URL, such as https://example.com"


def complaints(
    source: Source, key: Key, model: type[BaseModel], problem: ValidationError
) -> Iterator[Diagnostic]:
    """What is wrong with the table at `key`, which was to be a `model`."""
    for error in problem.errors(include_url=False):
        place = error["loc"]
        name = ".".join(str(part) for part in place)
        if error["type"] == "extra_forbidden":
            options = _options(model, place[:-1])
            known = ", ".join(f"`{option}`" for option in options)
            help = did_you_mean(str(place[-1]), options) or (f"there are {known}" if known else None)
            yield bad_config(source, (*key, *place), f"`{name}` is not an option here", help)
        elif error["type"] == "missing":
            yield bad_config(source, key, f"`{name}` is missing")
        else:
            context = error.get("ctx", {})
            message = _worded(name, error["type"], error["msg"], context)
            is_secret = name.split(".")[0] in HIDDEN or isinstance(context.get("error"), PlainSecret)
            shown = _heading(source, key) if is_secret else (*key, *place)
            yield bad_config(source, shown, f"`{name}`: {message}" if name else message)


def _heading(source: Source, key: Key) -> Key:
    """The table that a key lies in whose line is a heading, and so holds no value."""
    ends = range(len(key), 0, -1)
    return next((key[:end] for end in ends if _is_heading(source, key[:end])), ())


def _is_heading(source: Source, key: Key) -> bool:
    return source.text.startswith("[", label_of(source, key).span.start)


def _options(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys that a table has, or one in it; none where that cannot be told."""
    fields: Mapping[str, Any] = model.model_fields
    for part in place:
        inner = getattr(fields.get(str(part)), "annotation", None)
        fields = getattr(inner, "model_fields", {})
    return [field.alias or name for name, field in fields.items()]


def _worded(name: str, kind: str, message: str, context: Mapping[str, Any]) -> str:
    known = WORDS.get(name) or TYPES.get(kind)
    if known is not None:
        return known
    if "https?://" in context.get("pattern", ""):
        return URL
    message = message.removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
