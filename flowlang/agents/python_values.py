"""JSON <-> Python values, by the annotation where there is one.

`from_json` makes what an annotation asks for: a dataclass, a pydantic model, an enum, a timedelta; what has
no annotation stays JSON. `to_json` turns what a function gave back into JSON, without an annotation: objects
by their fields, durations as "1h30m", datetimes as RFC 3339 in UTC, files as references. The two know the
same classes as `python_annotations`, which is what the checker believed.

Values were checked against the flow's types before, so wrong ones are no concern here. Classes are built by
calling them, so their own validation runs and may raise anything."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import lru_cache
from typing import Any, Final, TypeAlias, get_args, get_origin

import attrs

from flowlang.agents.file import File
from flowlang.values.times import format_duration, parse_duration
from flowlang.values.value import MAX_BOUNDARY, TOO_LARGE_HELP, Misfit, Value

MAX_DEPTH: Final = 64
SCALARS: Final = (str, int, float, bool)

FindFile: TypeAlias = Callable[[Mapping[str, Value]], File]
"""The file of a reference."""


def kept_nowhere(reference: Mapping[str, Value]) -> File:
    """Finds the files of values that have none."""
    raise LookupError("nothing keeps files here")


def from_json(hint: Any, value: Value, find: FindFile = kept_nowhere) -> Any:
    """The value as an annotation asks for it. Raises what `find` does."""
    if hint in SCALARS and type(value) is hint:
        return value
    hint = _bare(hint)
    if value is None or hint is Any:
        return value
    if get_origin(hint) in (typing.Union, types.UnionType):
        return from_json(_alternative(get_args(hint), value), value, find)
    if isinstance(value, list):
        return _sequence(hint, value, find)
    if isinstance(value, dict):
        return find(value) if hint is File else _object(hint, value, find)
    return _scalar(hint, value)


def _bare(hint: Any) -> Any:
    """A hint without what only decorates it: Annotated, Required, NewType, `type X = …`."""
    while True:
        origin = get_origin(hint)
        if origin in (typing.Annotated, typing.Required, typing.NotRequired, typing.Final):
            hint = get_args(hint)[0]
        elif hasattr(hint, "__supertype__"):
            hint = hint.__supertype__
        elif type(hint).__name__ == "TypeAliasType" and hasattr(hint, "__value__"):
            hint = hint.__value__
        else:
            return hint


def _alternative(members: tuple[Any, ...], value: Value) -> Any:
    """The member of a union that a value, which is not null, belongs to: by its case, else the only one."""
    present = [member for member in members if member is not type(None)]
    if isinstance(value, dict) and "case" in value:
        for member in present:
            if value["case"] in _cases(member):
                return member
    return present[0] if len(present) == 1 else Any


def _cases(member: Any) -> tuple[Any, ...]:
    """The names that the field `case` of a class allows."""
    hint = _hints(member).get("case") if isinstance(member, type) else None
    return get_args(_bare(hint)) if get_origin(_bare(hint)) is typing.Literal else ()


def _sequence(hint: Any, value: list[Value], find: FindFile) -> Any:
    arguments = get_args(hint)
    item = arguments[0] if arguments else Any
    items = [from_json(item, each, find) for each in value]
    return tuple(items) if (get_origin(hint) or hint) is tuple else items


def _object(hint: Any, value: dict[str, Value], find: FindFile) -> Any:
    if not isinstance(hint, type) or get_origin(hint) is not None:
        arguments = get_args(hint)
        each = arguments[1] if len(arguments) == 2 else Any
        return {key: from_json(each, entry, find) for key, entry in value.items()}
    hints = _hints(hint)
    if not hints:
        return dict(value)
    fields = {name: from_json(hints[name], entry, find) for name, entry in value.items() if name in hints}
    if typing.is_typeddict(hint):
        return {name: entry for name, entry in fields.items() if not _absent(hint, hints[name], name, entry)}
    if hasattr(hint, "model_validate"):
        return hint.model_validate(fields)
    return hint(**fields)


def _absent(hint: Any, annotation: Any, name: str, entry: object) -> bool:
    """Whether null stands for a key that a TypedDict leaves out."""
    if entry is not None or get_origin(annotation) is typing.Required:
        return False
    optional = get_origin(annotation) is typing.NotRequired or name in hint.__optional_keys__
    return optional and type(None) not in get_args(_bare(annotation))


def _scalar(hint: Any, value: Value) -> Any:
    if hint is float and isinstance(value, int):
        return float(value)
    if not isinstance(hint, type) or isinstance(value, hint):
        return value
    if hint is timedelta and isinstance(value, str):
        return timedelta(microseconds=parse_duration(value))
    if hint is datetime and isinstance(value, str):
        return datetime.fromisoformat(value)
    if issubclass(hint, Enum) or hint.__name__ == "SecretStr":
        return hint(value)
    return value


@lru_cache(maxsize=1024)
def _hints(cls: type) -> Mapping[str, Any]:
    """The annotations of a class that has fields, those of its bases first; none for other classes."""
    has_fields = dataclasses.is_dataclass(cls) or typing.is_typeddict(cls) or hasattr(cls, "model_fields")
    if not has_fields and not hasattr(cls, "_fields"):
        return {}
    return typing.get_type_hints(cls, include_extras=True)


# To JSON


def to_json(value: object, files: list[File] | None = None) -> Value:
    """What a program gave, as JSON. Raises Misfit for what has no JSON form, is too large or holds itself.

    The files in it are added to `files`, to be kept; without that there may be none."""
    try:
        return _Writer(files).write(value, 0)
    except _TooLarge:
        raise Misfit("the value is larger than 1 MiB of JSON", help=TOO_LARGE_HELP) from None


class _TooLarge(Exception):
    """There is no use in saying where."""


@attrs.define(eq=False, repr=False)
class _Writer:
    """`left` is what the rest of a value may weigh, so that no value takes long, endless ones included."""

    files: list[File] | None
    left: int = MAX_BOUNDARY

    def write(self, value: object, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise Misfit("this is nested too deeply, or contains itself")
        self._charge(1)
        match value:
            case Enum():
                return self.write(value.value, depth + 1)
            case None | bool():
                return value
            case int() | float():
                return _exactly(value)
            case str():
                self._charge(len(value))
                return _exactly(value)
            case timedelta():
                return format_duration(value // timedelta(microseconds=1))
            case datetime():
                return _instant(value)
            case File():
                return self._file(value)
        fields = _fields(value)
        if fields is not None:
            return self._entries(fields, depth + 1)
        if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray | memoryview):
            return self._items(value, depth + 1)
        raise Misfit(f"found {_a(value)}, which a flow has no type for")

    def _entries(self, fields: Iterable[tuple[object, object]], depth: int) -> dict[str, Value]:
        written: dict[str, Value] = {}
        for key, entry in fields:
            name = _key(key)
            self._charge(len(name))
            try:
                written[name] = self.write(entry, depth)
            except Misfit as misfit:
                raise misfit.inside(name) from None
        return written

    def _items(self, items: Sequence[object], depth: int) -> list[Value]:
        written: list[Value] = []
        for index, item in enumerate(items):
            self._charge(1)
            try:
                written.append(self.write(item, depth))
            except Misfit as misfit:
                raise misfit.inside(index) from None
        return written

    def _file(self, file: File) -> dict[str, Value]:
        if self.files is None:
            raise Misfit("found a File, which only an input of a run or a reply of an agent may hold")
        self._charge(len(file.hash) + len(file.media_type))
        self.files.append(file)
        return file.reference()

    def _charge(self, weight: int) -> None:
        self.left -= weight
        if self.left < 0:
            raise _TooLarge


def _exactly(value: int | float | str) -> Value:
    """A number or text without what a subclass adds: that of numpy, of an enum, of a markup library."""
    plain = int if isinstance(value, int) else float if isinstance(value, float) else str
    return value if type(value) is plain else plain(value)


def _fields(value: object) -> Iterable[tuple[object, object]] | None:
    """The fields of an object or the entries of a mapping; None for what has neither."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return ((field.name, getattr(value, field.name)) for field in dataclasses.fields(value))
    if isinstance(value, Mapping):
        return value.items()
    names = getattr(type(value), "model_fields", None) or getattr(value, "_fields", None)
    return ((name, getattr(value, name)) for name in names) if names else None


def _key(key: object) -> str:
    if isinstance(key, Enum) and isinstance(key.value, str):
        return key.value
    if isinstance(key, str):
        return key
    raise Misfit(f"found a key that is {_a(key)}; keys of a map are strings")


def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise Misfit("found a datetime without a time zone: use `datetime.now(UTC)` and its like")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _a(value: object) -> str:
    name = type(value).__name__
    return f"an {name}" if name[:1] in "aeiouAEIOU" else f"a {name}"
