"""Types: what they are, when one fits another, how two join, and how they read.

Types are structural values compared by `==`, but for tagged unions, which are nominal (module and name).
`UNKNOWN` is poison: it fits everything and everything fits it, so that one mistake is one message.
`NEVER` is the type of what does not return; it fits everything. Optional types never nest and `null?` is
`null`, so `optional()` is the only way to make one.

Int fits float, by widening; nothing else converts by itself. A record fits one with the same fields,
where missing optional fields are null; an extra field is an error only where a literal is written out.
What is no secret may be passed as one, never the other way.

A type is a tree to every function here, but in memory its parts are shared, so that forty declarations can
stand for a type with a trillion parts. Its `extent` is counted when it is made, and the makers of types
refuse what `is_too_large`; so all walks are short.

Deliberately absent: recursive types."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias, assert_never

import attrs

MAX_DEPTH = 64
MAX_PARTS = 5_000


class Extent(NamedTuple):
    """How deep a type nests, of how many types it is made, counted as a tree, and whether one of them is not
    known."""

    depth: int
    parts: int
    poisoned: bool = False


ONE = Extent(1, 1)
NOTHING = Extent(1, 1, poisoned=True)


def extent_of(type: Type) -> Extent:
    return getattr(type, "extent", NOTHING if type == UNKNOWN else ONE)


def around(inside: Iterable[Type]) -> Extent:
    """The extent of a type that holds others."""
    depth, parts, poisoned = 0, 0, False
    for type in inside:
        inner = extent_of(type)
        depth = max(depth, inner.depth)
        parts += inner.parts
        poisoned = poisoned or inner.poisoned
    return Extent(depth + 1, parts + 1, poisoned)


def is_too_large(type: Type) -> bool:
    depth, parts, _ = extent_of(type)
    return depth > MAX_DEPTH or parts > MAX_PARTS


@attrs.frozen
class Scalar:
    """`string int float bool null duration datetime json file`, and the two below."""

    name: str


@attrs.frozen
class ListOf:
    item: Type
    extent: Extent = attrs.field(init=False, eq=False, repr=False)

    @extent.default
    def _extent(self) -> Extent:
        return around((self.item,))


@attrs.frozen
class MapOf:
    value: Type
    extent: Extent = attrs.field(init=False, eq=False, repr=False)

    @extent.default
    def _extent(self) -> Extent:
        return around((self.value,))


@attrs.frozen
class Optional:
    inner: Type
    extent: Extent = attrs.field(init=False, eq=False, repr=False)

    @extent.default
    def _extent(self) -> Extent:
        return around((self.inner,))


@attrs.frozen
class Secret:
    inner: Type
    extent: Extent = attrs.field(init=False, eq=False, repr=False)

    @extent.default
    def _extent(self) -> Extent:
        return around((self.inner,))


@attrs.frozen
class RecordField:
    name: str
    type: Type
    doc: str | None = attrs.field(default=None, eq=False)


@attrs.frozen
class Record:
    """`name` is how the author called it; it plays no part in equality."""

    fields: tuple[RecordField, ...]
    name: str | None = attrs.field(default=None, eq=False)
    extent: Extent = attrs.field(init=False, eq=False, repr=False)

    @extent.default
    def _extent(self) -> Extent:
        return around(f.type for f in self.fields)

    def field(self, name: str) -> Type | None:
        return next((f.type for f in self.fields if f.name == name), None)


@attrs.frozen
class Enum:
    """String literals in the order written; equality ignores the order."""

    values: tuple[str, ...] = attrs.field(eq=frozenset)
    name: str | None = attrs.field(default=None, eq=False)


@attrs.frozen
class Case:
    """One constructor of a union."""

    name: str
    fields: tuple[RecordField, ...] = attrs.field(eq=False)
    doc: str | None = attrs.field(default=None, eq=False)

    def field(self, name: str) -> Type | None:
        return next((f.type for f in self.fields if f.name == name), None)


@attrs.frozen
class Union:
    """A tagged union, or what narrowing left of one: `cases` is then fewer than `of` declared.

    Nominal: equality asks for module, name and the cases that are left. The extent is compared, too: within
    one check it follows from the name, and between two it tells that something inside has become unknown."""

    module: str
    name: str
    cases: tuple[Case, ...]
    shown: str = attrs.field(eq=False)  # the name as the looking module writes it
    whole: int = attrs.field(eq=False)  # how many cases the declaration has
    extent: Extent = attrs.field(init=False, repr=False)

    @extent.default
    def _extent(self) -> Extent:
        return around(f.type for c in self.cases for f in c.fields)

    def case(self, name: str) -> Case | None:
        return next((c for c in self.cases if c.name == name), None)

    def only(self, names: Iterable[str]) -> Type:
        """What is left when the case is known to be one of `names`."""
        wanted = set(names)
        left = tuple(c for c in self.cases if c.name in wanted)
        return attrs.evolve(self, cases=left) if left else NEVER


Type: TypeAlias = Scalar | ListOf | MapOf | Optional | Secret | Record | Enum | Union

STRING, INT, FLOAT, BOOL, NULL = (Scalar(n) for n in ("string", "int", "float", "bool", "null"))
DURATION, DATETIME, JSON, FILE = (Scalar(n) for n in ("duration", "datetime", "json", "file"))
UNKNOWN, NEVER = Scalar("unknown"), Scalar("never")

SCALARS = {t.name: t for t in (STRING, INT, FLOAT, BOOL, NULL, DURATION, DATETIME, JSON, FILE)}


def optional(type: Type) -> Type:
    """`T?`."""
    if isinstance(type, Optional) or type in (NULL, UNKNOWN):
        return type
    return NULL if type == NEVER else Optional(type)


def present(type: Type) -> Type:
    """What is left of a type when it is known not to be null."""
    if isinstance(type, Optional):
        return type.inner
    return NEVER if type == NULL else type


def is_optional(type: Type) -> bool:
    return isinstance(type, Optional) or type == NULL


def revealed(type: Type) -> Type:
    """A type without the secrecy of the whole."""
    match type:
        case Secret(inner):
            return inner
        case Optional(Secret(inner)):
            return optional(inner)
        case _:
            return type


def is_text(type: Type) -> bool:
    """Strings and enums: an enum is a string wherever a string will do."""
    return type == STRING or isinstance(type, Enum)


def is_number(type: Type) -> bool:
    return type in (INT, FLOAT)


def is_poison(type: Type) -> bool:
    """UNKNOWN and NEVER: operations on them say nothing."""
    return type in (UNKNOWN, NEVER)


def contains(type: Type, wanted: Type | type[Secret]) -> bool:
    """Whether a type is, or holds anywhere, another."""
    if type == wanted or (wanted is Secret and isinstance(type, Secret)):
        return True
    match type:
        case ListOf(inner) | MapOf(inner) | Optional(inner) | Secret(inner):
            return contains(inner, wanted)
        case Record(fields=fields):
            return any(contains(f.type, wanted) for f in fields)
        case Union(cases=cases):
            return any(contains(f.type, wanted) for c in cases for f in c.fields)
        case Scalar() | Enum():
            return False
        case _:
            assert_never(type)


def fits(given: Type, wanted: Type) -> bool:
    """Whether a value of `given` may stand where `wanted` is asked for."""
    if given == wanted or is_poison(given) or wanted == UNKNOWN:
        return True
    match given, wanted:
        case Scalar("int"), Scalar("float"):
            return True
        case Scalar("null"), Optional():
            return True
        case Optional(inner), Optional(other):
            return fits(inner, other)
        case _, Optional(other):
            return fits(given, other)
        case Enum(), Scalar("string"):
            return True
        case Enum(values=some), Enum(values=all_):
            return set(some) <= set(all_)
        case (ListOf(inner), ListOf(other)) | (MapOf(inner), MapOf(other)) | (Secret(inner), Secret(other)):
            return fits(inner, other)
        case _, Secret(other):
            return fits(given, other)
        case Record(), Record():
            return _record_fits(given, wanted)
        case Union(), Union():
            same = (given.module, given.name) == (wanted.module, wanted.name)
            return same and {c.name for c in given.cases} <= {c.name for c in wanted.cases}
    return False


def _record_fits(given: Record, wanted: Record) -> bool:
    names = {f.name for f in wanted.fields}
    if any(f.name not in names for f in given.fields):
        return False
    for field in wanted.fields:
        found = given.field(field.name)
        if found is None:
            if not is_optional(field.type):
                return False
        elif not fits(found, field.type):
            return False
    return True


def join(left: Type, right: Type) -> Type | None:
    """The type of a value that is one or the other; None where only an annotation can say."""
    if left == right or UNKNOWN in (left, right):
        return left if left == right else UNKNOWN
    if NEVER in (left, right):
        return right if left == NEVER else left
    match left, right:
        case (Scalar("int"), Scalar("float")) | (Scalar("float"), Scalar("int")):
            return FLOAT
        case (Scalar("null"), _) | (_, Scalar("null")):
            return optional(right if left == NULL else left)
        case (Optional(), _) | (_, Optional()):
            inner = join(present(left), present(right))
            return inner and optional(inner)
        case Enum(), Enum():
            return _join_enums(left, right)
        case (Enum(), Scalar("string")) | (Scalar("string"), Enum()):
            return STRING
        case ListOf(one), ListOf(other):
            item = join(one, other)
            return item and ListOf(item)
        case MapOf(one), MapOf(other):
            value = join(one, other)
            return value and MapOf(value)
        case Record(), Record():
            return _join_records(left, right)
        case Union(), Union():
            return _join_unions(left, right)
    return None


def _join_enums(left: Enum, right: Enum) -> Type:
    """Both together; an enum that has the other's literals already stays as it is, with its name."""
    for one, other in ((left, right), (right, left)):
        if set(other.values) <= set(one.values):
            return one
    return Enum(left.values + tuple(v for v in right.values if v not in left.values))


def _join_records(left: Record, right: Record) -> Type | None:
    if {f.name for f in left.fields} != {f.name for f in right.fields}:
        return None
    fields = []
    for field in left.fields:
        other = right.field(field.name)
        joined = join(field.type, other) if other else None
        if joined is None:
            return None
        fields.append(RecordField(field.name, joined, field.doc))
    return Record(tuple(fields), left.name if left.name == right.name else None)


def _join_unions(left: Union, right: Union) -> Type | None:
    if (left.module, left.name) != (right.module, right.name):
        return None
    cases = left.cases + tuple(c for c in right.cases if left.case(c.name) is None)
    return attrs.evolve(left, cases=cases)


def join_all(types: Iterable[Type]) -> Type | None:
    """The join of all; NEVER for none."""
    joined: Type | None = NEVER
    for type in types:
        joined = joined and join(joined, type)
    return joined


FIELDS_SHOWN = 4


def apart(left: Type, right: Type) -> tuple[str, str]:
    """Two types briefly, so that one can be told from the other also where they have the same name."""
    one, other = brief(left), brief(right)
    if one == other and isinstance(left, Record) and isinstance(right, Record):
        return show(attrs.evolve(left, name=None)), show(attrs.evolve(right, name=None))
    return one, other


def brief(type: Type) -> str:
    """A type as `show` gives it, but that of a record without a name only its first fields are shown."""
    return show(type, FIELDS_SHOWN)


def show(type: Type, most: int | None = None) -> str:
    """A type as its author would write it: by its name where it has one; `…` stands for what is unknown, and
    for the fields of a record beyond `most`."""
    match type:
        case Scalar("unknown"):
            return "…"
        case Scalar(name):
            return name
        case ListOf(Scalar("never")):
            return "[]"
        case ListOf(item):
            return f"list<{show(item, most)}>"
        case MapOf(value):
            return f"map<{show(value, most)}>"
        case Secret(inner):
            return f"secret<{show(inner, most)}>"
        case Optional(inner):
            grouped = isinstance(inner, Enum) and inner.name is None and len(inner.values) > 1
            return f"({show(inner, most)})?" if grouped else f"{show(inner, most)}?"
        case Record(fields, name):
            return name or _show_fields(fields, most)
        case Enum(values, name):
            return name or " | ".join(f'"{v}"' for v in values)
        case Union(cases=cases, shown=shown, whole=whole):
            return shown if len(cases) == whole else " | ".join(c.name for c in cases)
        case _:
            assert_never(type)


def _show_fields(fields: tuple[RecordField, ...], most: int | None) -> str:
    inside = [f"{f.name}: {show(f.type, most)}" for f in fields[:most]]
    if most is not None and len(fields) > most:
        inside.append("…")
    return f"{{ {', '.join(inside)} }}" if inside else "{}"
