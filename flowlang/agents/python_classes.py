"""Python classes -> records and enums, by reading their bodies.

A dataclass, TypedDict, NamedTuple or pydantic model is a record with the same fields in the same order,
those of its bases first; an Enum with string values is an enum. A field that may be left out of a TypedDict
is optional. Defaults of fields play no part: a flow writes its records out. What cannot be read from the
body alone (generic classes, aliases of pydantic fields, bases from a library) is `NotUnderstood`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final, Literal, Protocol, TypeAlias

from flowlang.agents.python_modules import Defined, Library, PythonModule
from flowlang.semantics import types
from flowlang.semantics.types import Type

Home: TypeAlias = tuple[PythonModule, ast.ClassDef]
Kind: TypeAlias = Literal["dataclass", "TypedDict", "NamedTuple", "model", "enum"]

BASES: Final[dict[str, Kind]] = {
    "typing.TypedDict": "TypedDict",
    "typing.NamedTuple": "NamedTuple",
    "pydantic.BaseModel": "model",
    "enum.Enum": "enum",
    "enum.StrEnum": "enum",
    "enum.IntEnum": "enum",
}
HARMLESS_BASES: Final = ("builtins.object", "builtins.str", "abc.ABC")
DATACLASSES: Final = ("dataclasses.dataclass", "pydantic.dataclasses.dataclass")
RENAMING: Final = ("alias", "validation_alias", "serialization_alias", "alias_generator")
MAX_BASES: Final = 32


class NotUnderstood(Exception):
    """An annotation or a class that has no meaning in a flow; `module` and `line` say where it stands."""

    def __init__(self, module: PythonModule, at: ast.AST, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.module, self.message, self.help = module, message, help
        self.line: int | None = getattr(at, "lineno", None)


class Reader(Protocol):
    """What reads the annotations inside a class (`python_annotations`)."""

    def type_of(self, module: PythonModule, node: ast.expr) -> Type: ...
    def find(self, module: PythonModule, node: ast.Name | ast.Attribute) -> Defined | Library: ...


def class_type(reader: Reader, module: PythonModule, definition: ast.ClassDef) -> Type:
    """The type of a class; raises NotUnderstood."""
    lineage: list[Home] = []
    _trace(reader, module, definition, lineage, ())
    kind = _kind(reader, lineage)
    if kind is None:
        message = f"`{definition.name}` is not a class that a flow understands"
        help = "make it a dataclass, a TypedDict, a pydantic model, or an Enum of strings"
        raise NotUnderstood(module, definition, message, help)
    if kind == "enum":
        return _enum(reader, module, definition)
    return types.Record(_fields(reader, lineage, kind), definition.name)


def _trace(
    reader: Reader,
    module: PythonModule,
    definition: ast.ClassDef,
    lineage: list[Home],
    above: tuple[ast.ClassDef, ...],
) -> None:
    """Collect a class and its bases, bases first, each once."""
    if definition in above or len(above) > MAX_BASES:
        raise NotUnderstood(module, definition, f"`{definition.name}` inherits from itself")
    for base in definition.bases:
        match _found(reader, module, base):
            case Library(name) if name in BASES or name in HARMLESS_BASES:
                continue
            case Defined(home, _, ast.ClassDef() as parent):
                if (home, parent) not in lineage:
                    _trace(reader, home, parent, lineage, (*above, definition))
            case _:
                message = f"`{definition.name}` has a base that cannot be read: `{ast.unparse(base)}`"
                raise NotUnderstood(module, base, message, "write its fields out in a class of this folder")
    lineage.append((module, definition))


def _kind(reader: Reader, lineage: list[Home]) -> Kind | None:
    """A dataclass says so itself; the others inherit what they are."""
    if _is_dataclass(reader, *lineage[-1]):
        return "dataclass"
    for module, definition in lineage:
        for base in definition.bases:
            found = _found(reader, module, base)
            if isinstance(found, Library) and found.name in BASES:
                return BASES[found.name]
    return None


def _is_dataclass(reader: Reader, module: PythonModule, definition: ast.ClassDef) -> bool:
    for decorator in definition.decorator_list:
        found = _found(reader, module, decorator.func if isinstance(decorator, ast.Call) else decorator)
        if isinstance(found, Library) and found.name in DATACLASSES:
            return True
    return False


def _found(reader: Reader, module: PythonModule, node: ast.expr) -> Defined | Library | None:
    """What a base or a decorator is; None where it cannot be told."""
    if not isinstance(node, ast.Name | ast.Attribute):
        return None
    try:
        return reader.find(module, node)
    except NotUnderstood:
        return None


# Records


def _fields(reader: Reader, lineage: list[Home], kind: Kind) -> tuple[types.RecordField, ...]:
    """The fields, those of the bases first. A field that is declared again keeps its place."""
    fields: dict[str, types.RecordField] = {}
    for module, definition in lineage:
        if kind == "dataclass" and not _is_dataclass(reader, module, definition):
            continue
        partial = kind == "TypedDict" and _is_partial(definition)
        for statement, doc in _documented(definition.body):
            field = _field(reader, module, statement, kind, partial, doc)
            if field is not None:
                fields[field.name] = field
    return tuple(fields.values())


def _documented(body: list[ast.stmt]) -> Iterator[tuple[ast.stmt, str | None]]:
    """Statements, each with the string that stands right below it, which documents a field."""
    for statement, below in zip(body, [*body[1:], None], strict=True):
        match below:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield statement, " ".join(text.split())
            case _:
                yield statement, None


def _field(
    reader: Reader, module: PythonModule, statement: ast.stmt, kind: Kind, partial: bool, doc: str | None
) -> types.RecordField | None:
    """The field a statement of a class declares, if it declares one."""
    match statement:
        case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
            if _is_no_field(reader, module, annotation, value) or (kind == "model" and name.startswith("_")):
                return None
        case ast.Assign(targets=[ast.Name(id="model_config")], value=value) if kind == "model":
            _refuse_renaming(module, value)
            return None
        case _:
            return None
    _refuse_renaming(module, value)
    type = reader.type_of(module, annotation)
    required = isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value).endswith("Required")
    if partial and not required:
        type = types.optional(type)
    if types.contains(type, types.Secret):
        raise NotUnderstood(
            module, annotation, "a secret cannot be a part of a value", "make it a parameter of its own"
        )
    return types.RecordField(name, type, doc)


def _is_no_field(reader: Reader, module: PythonModule, annotation: ast.expr, value: ast.expr | None) -> bool:
    """Class variables, the mark `_: KW_ONLY`, and dataclass fields that are not set from outside."""
    outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    found = _found(reader, module, outer)
    if isinstance(found, Library) and found.name in ("typing.ClassVar", "dataclasses.KW_ONLY"):
        return True
    return any(option.arg == "init" and _is_false(option.value) for option in _options(value))


def _options(value: ast.expr | None) -> list[ast.keyword]:
    """The named arguments of `field(…)`, `Field(…)` and their like."""
    return value.keywords if isinstance(value, ast.Call) else []


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _refuse_renaming(module: PythonModule, value: ast.expr | None) -> None:
    renamed = next((o for o in _options(value) if o.arg in RENAMING), None)
    if renamed is not None:
        message = f"`{renamed.arg}` gives a field another name"
        raise NotUnderstood(module, renamed.value, message, "a flow uses the names of the class: drop it")


def _is_partial(definition: ast.ClassDef) -> bool:
    return any(option.arg == "total" and _is_false(option.value) for option in definition.keywords)


# Enums


def _enum(reader: Reader, module: PythonModule, definition: ast.ClassDef) -> Type:
    values: dict[str, None] = {}
    for statement in definition.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if not name.startswith("_"):
                values[_enum_value(reader, module, definition, name, value)] = None
    if not values:
        raise NotUnderstood(module, definition, f"the enum `{definition.name}` has no values")
    return types.Enum(tuple(values), definition.name)


def _enum_value(
    reader: Reader, module: PythonModule, definition: ast.ClassDef, name: str, value: ast.expr
) -> str:
    match value:
        case ast.Constant(value=str(text)):
            return text
        case ast.Call(func=function, args=[]) if _found(reader, module, function) == Library("enum.auto"):
            if any(_found(reader, module, base) == Library("enum.StrEnum") for base in definition.bases):
                return name.lower()
    message = f"`{definition.name}.{name}` is not a string"
    raise NotUnderstood(module, value, message, 'give every value of the enum as text: `RED = "red"`')
