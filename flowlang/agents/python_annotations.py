"""Python annotations -> types of the language, by reading alone.

    str int float bool None             the scalars         datetime, timedelta   datetime, duration
    list[T] Sequence[T] tuple[T, ...]   list<T>             dict[str, T] Mapping  map<T>
    T | None, Optional[T]               T?                  Any, object           json
    Literal["a", "b"], Enum of strings  "a" | "b"           SecretStr             secret<string>
    dataclass, TypedDict, NamedTuple, pydantic model        a record with the same fields
    flowlang.File                                           file
    A | B | … of classes with a field `case: Literal["A"]`  a tagged union, under the name of its alias

Aliases, `Annotated`, `NewType` and annotations written as strings are seen through. Whatever is not in this
table is not guessed at: it is `NotUnderstood`, with a place and what to write instead. What an instance of
such a class is worth in a flow, at run time, is said by `python_values`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

import attrs

from flowlang.agents.python_classes import NotUnderstood, class_type
from flowlang.agents.python_modules import Defined, Library, Modules, PythonModule, Unreadable
from flowlang.semantics import types
from flowlang.semantics.types import Type

MAX_DEPTH: Final = 64

SCALARS: Final[dict[str, Type]] = {
    "builtins.str": types.STRING,
    "builtins.int": types.INT,
    "builtins.float": types.FLOAT,
    "builtins.bool": types.BOOL,
    "builtins.object": types.JSON,
    "builtins.list": types.ListOf(types.JSON),
    "builtins.dict": types.MapOf(types.JSON),
    "typing.Any": types.JSON,
    "types.NoneType": types.NULL,
    "datetime.datetime": types.DATETIME,
    "datetime.timedelta": types.DURATION,
    "flowlang.File": types.FILE,
    "flowlang.agents.File": types.FILE,
    "flowlang.agents.file.File": types.FILE,
    "pydantic.JsonValue": types.JSON,
    "pydantic.AwareDatetime": types.DATETIME,
    "pydantic.SecretStr": types.Secret(types.STRING),
}
LISTS: Final = ("builtins.list", "typing.List", "typing.Sequence", "collections.abc.Sequence")
TUPLES: Final = ("builtins.tuple", "typing.Tuple")
MAPS: Final = ("builtins.dict", "typing.Dict", "typing.Mapping", "collections.abc.Mapping")
TRANSPARENT: Final = ("typing.Annotated", "typing.Required", "typing.Final", "typing.ReadOnly")
ADVICE: Final = {
    "builtins.set": "a set has no order: use `list[T]`",
    "builtins.frozenset": "a set has no order: use `list[T]`",
    "builtins.bytes": "use `str`, or `flowlang.File` for content",
    "builtins.tuple": "use `list[T]`, or a dataclass, whose fields have names",
    "builtins.complex": "use `float`",
    "datetime.date": "use `datetime`, or `str`",
    "datetime.time": "use `str`",
    "decimal.Decimal": "use `float`, or `str` to keep every digit",
    "uuid.UUID": "use `str`",
    "pathlib.Path": "use `str`, or `flowlang.File` for content",
    "typing.Callable": "a flow cannot pass functions",
    "collections.abc.Callable": "a flow cannot pass functions",
    "typing.Iterator": "collect the items and return `list[T]`",
    "collections.abc.Iterator": "collect the items and return `list[T]`",
    "collections.abc.AsyncIterator": "collect the items and return `list[T]`",
    "builtins.any": "`Any` is written with a capital letter",
}


@attrs.define
class Annotations:
    """Reads annotations; remembers each definition it has read, and those it is inside of."""

    modules: Modules
    known: dict[ast.AST, Type] = attrs.field(factory=dict)
    within: list[ast.AST] = attrs.field(factory=list)
    depth: int = 0

    def type_of(self, module: PythonModule, node: ast.expr, name: str | None = None) -> Type:
        """The type that an annotation means, `name` the alias it stands under; raises NotUnderstood."""
        if self.depth == MAX_DEPTH:
            raise NotUnderstood(module, node, "the type is nested too deeply")
        self.depth += 1
        try:
            return self._read(module, node, name)
        finally:
            self.depth -= 1

    def find(self, module: PythonModule, node: ast.Name | ast.Attribute) -> Defined | Library:
        """What a name stands for; raises NotUnderstood where nothing says."""
        dotted = _dotted(node)
        try:
            found = dotted and self.modules.lookup(module, dotted)
        except Unreadable as problem:
            message = f"`{dotted}` comes from a file that cannot be used: {problem.message}"
            raise NotUnderstood(module, node, message, problem.help) from None
        if isinstance(found, Library):
            return Library(found.name.replace("typing_extensions.", "typing.", 1))
        if not found:
            help = "import it, or define it in this file"
            raise NotUnderstood(module, node, f"`{ast.unparse(node)}` is not known here", help)
        return found

    def _read(self, module: PythonModule, node: ast.expr, name: str | None) -> Type:
        match node:
            case ast.Constant(value=None):
                return types.NULL
            case ast.Constant(value=str(text)):
                return self.type_of(module, _quoted(module, node, text), name)
            case ast.BinOp(op=ast.BitOr()):
                return self._union(module, node, list(_alternatives(node)), name)
            case ast.Subscript(value=ast.Name() | ast.Attribute() as generic, slice=argument):
                return self._generic(module, node, self.find(module, generic), argument, name)
            case ast.Name() | ast.Attribute():
                return self._named(module, node)
            case ast.Call(func=ast.Name() | ast.Attribute() as function, args=[_, original]):
                if self.find(module, function) == Library("typing.NewType"):
                    return self.type_of(module, original, name)
        raise _not_a_type(module, node)

    # Names

    def _named(self, module: PythonModule, node: ast.Name | ast.Attribute) -> Type:
        found = self.find(module, node)
        if isinstance(found, Library):
            if found.name in SCALARS:
                return SCALARS[found.name]
            raise _no_meaning(module, node, found.name)
        if isinstance(found.definition, ast.FunctionDef | ast.AsyncFunctionDef):
            raise NotUnderstood(module, node, f"`{found.name}` is a function, not a type")
        return self._defined(module, node, found)

    def _defined(self, module: PythonModule, node: ast.AST, found: Defined) -> Type:
        definition = found.definition
        if definition in self.known:
            return self.known[definition]
        if definition in self.within:
            help = "types of a flow are finite: use `Any` for a value of any depth"
            raise NotUnderstood(module, node, f"`{found.name}` contains itself", help)
        self.within.append(definition)
        try:
            self.known[definition] = self._definition(found)
        finally:
            self.within.pop()
        return self.known[definition]

    def _definition(self, found: Defined) -> Type:
        if isinstance(found.definition, ast.ClassDef):
            return class_type(self, found.module, found.definition)
        assert isinstance(found.definition, ast.expr), "functions were refused above"
        type = self.type_of(found.module, found.definition, found.name)
        if isinstance(type, types.Enum) and type.name is None:
            return attrs.evolve(type, name=found.name)
        return type

    # Generics

    def _generic(
        self,
        module: PythonModule,
        node: ast.expr,
        generic: Defined | Library,
        argument: ast.expr,
        name: str | None,
    ) -> Type:
        if isinstance(generic, Defined):
            raise NotUnderstood(module, node, f"`{generic.name}` is generic", "write one class for each use")
        arguments = argument.elts if isinstance(argument, ast.Tuple) else [argument]
        match generic.name, arguments:
            case "typing.Optional", [inner]:
                return types.optional(self.type_of(module, inner))
            case "typing.NotRequired", [inner]:
                return types.optional(self.type_of(module, inner))
            case "typing.Union", _:
                return self._union(module, node, arguments, name)
            case "typing.Literal", _:
                return self._literal(module, node, arguments)
            case dotted, [inner, *_] if dotted in TRANSPARENT:
                return self.type_of(module, inner, name)
            case dotted, [item] if dotted in LISTS:
                return types.ListOf(self.type_of(module, item))
            case dotted, [item, ast.Constant(value=value)] if dotted in TUPLES and value is ...:
                return types.ListOf(self.type_of(module, item))
            case dotted, [key, value] if dotted in MAPS:
                return self._map(module, key, value)
            case dotted, _:
                raise _no_meaning(module, node, dotted)

    def _map(self, module: PythonModule, key: ast.expr, value: ast.expr) -> Type:
        if self.type_of(module, key) != types.STRING:
            raise NotUnderstood(module, key, "the keys of a map are strings", "write `dict[str, T]`")
        return types.MapOf(self.type_of(module, value))

    def _literal(self, module: PythonModule, node: ast.expr, literals: list[ast.expr]) -> Type:
        values = [item.value if isinstance(item, ast.Constant) else ... for item in literals]
        strings = tuple(dict.fromkeys(v for v in values if isinstance(v, str)))
        if not strings or any(v is not None and not isinstance(v, str) for v in values):
            help = 'such as `Literal["a", "b"]`'
            raise NotUnderstood(module, node, "a `Literal` in a flow has strings only", help)
        enum = types.Enum(strings)
        return types.optional(enum) if None in values else enum

    # Unions

    def _union(self, module: PythonModule, node: ast.expr, members: list[ast.expr], name: str | None) -> Type:
        read = [self.type_of(module, member) for member in members]
        present = [type for type in read if type != types.NULL]
        whole = self._joined(module, node, present, name) if present else types.NULL
        return types.optional(whole) if len(present) < len(read) else whole

    def _joined(self, module: PythonModule, node: ast.expr, members: list[Type], name: str | None) -> Type:
        """One type for several: the same, enums, numbers, or the cases of a tagged union."""
        cases = [case for case in map(_as_case, members) if case is not None]
        if len(cases) == len(members) > 1:
            return _tagged(module, node, cases, name)
        joined = members[0]
        for member in members[1:]:
            if not (member == joined or _may_join(member, joined)):
                help = (
                    'give each class a field `case: Literal["Name"]` to make a tagged union, '
                    "or use `Any` and read the value with `as` in the flow"
                )
                shown = f"`{types.show(joined)}` or `{types.show(member)}`"
                raise NotUnderstood(module, node, f"a value of a flow has one type, not {shown}", help)
            joined = types.join(joined, member) or joined
        return joined


def _may_join(one: Type, other: Type) -> bool:
    numbers = types.is_number(one) and types.is_number(other)
    return numbers or (isinstance(one, types.Enum) and isinstance(other, types.Enum))


def _as_case(type: Type) -> types.Case | None:
    """A record with a field `case` of one literal, as a constructor."""
    tag = type.field("case") if isinstance(type, types.Record) else None
    if not isinstance(type, types.Record) or not isinstance(tag, types.Enum) or len(tag.values) != 1:
        return None
    return types.Case(tag.values[0], tuple(f for f in type.fields if f.name != "case"))


def _tagged(module: PythonModule, node: ast.expr, cases: list[types.Case], name: str | None) -> Type:
    if name is None:
        help = "write `Outcome = A | B` at the top of the module, and annotate with `Outcome`"
        raise NotUnderstood(module, node, "a tagged union needs a name", help)
    names = [case.name for case in cases]
    wrong = next((n for n in names if not n.isidentifier() or names.count(n) > 1), None)
    if wrong is not None:
        raise NotUnderstood(module, node, f'the case "{wrong}" is not a name, or stands twice')
    return types.Union(str(module.path), name, tuple(cases), shown=name, whole=len(cases))


def _alternatives(node: ast.expr) -> Iterator[ast.expr]:
    """The members of `a | b | c`, from left to right."""
    pending = [node]
    while pending:
        match pending.pop():
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                pending += [right, left]
            case other:
                yield other


def _dotted(node: ast.expr) -> str | None:
    """`a.b.c` as text; None for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _quoted(module: PythonModule, node: ast.expr, text: str) -> ast.expr:
    """The expression inside an annotation that was written as a string; lines are those of the string."""
    try:
        inner = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _not_a_type(module, node) from None
    if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
        raise _not_a_type(module, node)
    for part in ast.walk(inner):
        if hasattr(part, "lineno"):
            part.lineno = node.lineno
    return inner


def _no_meaning(module: PythonModule, node: ast.AST, dotted: str) -> NotUnderstood:
    shown = dotted.removeprefix("builtins.")
    help = ADVICE.get(dotted) or (
        "use str, int, float, bool, list[T], dict[str, T], T | None, Literal, datetime, timedelta, Any, "
        "or a dataclass, TypedDict, Enum or pydantic model of these"
    )
    return NotUnderstood(module, node, f"`{shown}` has no counterpart in a flow", help)


def _not_a_type(module: PythonModule, node: ast.expr) -> NotUnderstood:
    shown = ast.unparse(node)
    return NotUnderstood(module, node, f"`{shown if len(shown) <= 60 else shown[:57] + '…'}` is not a type")
