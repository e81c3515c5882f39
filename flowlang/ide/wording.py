"""How names are shown to a person: interfaces and locals -> one line of the language each.

One way of writing for completions, hovers, signatures and hints: as the author would write it, so that what
is read can be typed."""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Iterable, Iterator

from flowlang.semantics import builtins
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    ErrorName,
    ErrorRef,
    EventName,
    Interface,
    Local,
    Namespace,
    Parameter,
    Poisoned,
    TypeName,
    fields_as_parameters,
)
from flowlang.semantics.reach import in_order
from flowlang.semantics.types import Enum, Record, RecordField, Type, Union, show
from flowlang.syntax import ast
from flowlang.syntax.printer import print_expression

LOCAL_WORDS = {
    "param": "parameter",
    "step": "step",
    "let": "let",
    "loop": "loop variable",
    "state": "state of the loop",
    "lambda": "parameter",
    "catch": "failure",
    "pattern": "from the pattern",
    "ambient": "known to every flow",
    "event": "event",
    "result": "result of the block",
}

Written = Function[[ErrorRef], str]
"""How a module writes an error."""


def written_in(path: str, names: Iterable[tuple[str, Interface]]) -> Written:
    """How the module at `path` writes an error: bare if it is its own, else behind an alias."""
    modules = [(alias, found) for alias, found in names if isinstance(found, Namespace)]

    def written(error: ErrorRef) -> str:
        if error.module in ("", path):
            return error.name
        for alias, module in modules:
            member = module.members.get(error.name)
            if isinstance(member, ErrorName) and member.ref == error:
                return f"{alias}.{error.name}"
        return error.name

    return written


def bare(error: ErrorRef) -> str:
    return error.name


def headline(interface: Interface, written: Written = bare, name: str | None = None) -> str:
    """An interface in one line: `agent search(query: string) -> list<Source> raises Busy effect read`."""
    name = name or interface.declared.name
    match interface:
        case Callable():
            return callable_line(interface, written, name)
        case TypeName(type=type):
            return f"type {name} = {definition(type)}"
        case Constructor(union=union, fields=fields):
            return f"{name}({shown_fields(fields)}) -> {show(union)}"
        case ErrorName(fields=fields):
            return f"error {name}" + (f"({shown_fields(fields)})" if fields else "")
        case EventName(fields=fields):
            return f"event {name}" + (f"({shown_fields(fields)})" if fields else "")
        case Namespace():
            return f"module {name}"
        case Poisoned():
            return name


def callable_line(found: Callable, written: Written, name: str) -> str:
    line = f"{found.kind} {name}({', '.join(map(shown_parameter, found.parameters))}) -> {show(found.result)}"
    if found.raises:
        line += " raises " + ", ".join(written(error) for error in in_order(found.raises))
    if found.kind != "ask" and found.effect is not None:
        line += f" effect {found.effect}"
    return line


def shown_parameter(parameter: Parameter) -> str:
    text = f"{parameter.name}: {show(parameter.type)}"
    match parameter.default:
        case None:
            return text
        case ast.IntLiteral(text=default) | ast.StringLiteral(text=default):  # as nearly all are
            return f"{text} = {default}"
        case default:
            return f"{text} = {print_expression(default)}"


def shown_fields(fields: Iterable[RecordField]) -> str:
    return ", ".join(f"{field.name}: {show(field.type)}" for field in fields)


def definition(type: Type) -> str:
    """What a type is, not by its name: the fields of a record, the cases of a union."""
    match type:
        case Record(name=str()):
            return show(Record(type.fields))
        case Union(cases=cases):
            return " | ".join(
                case.name + (f"({shown_fields(case.fields)})" if case.fields else "") for case in cases
            )
        case Enum():
            return show(Enum(type.values))
    return show(type)


def local_line(local: Local, type: Type | None) -> str:
    """A value name in one line: `step found: list<Source>`."""
    word = local.kind if local.kind in ("step", "let") else LOCAL_WORDS[local.kind]
    shown = "" if type is None else f": {show(type)}"
    if local.kind in ("step", "let"):
        return f"{word} {local.name}{shown}"
    if local.kind in ("ambient", "catch") and type is not None:
        shown = f": {definition(type)}"
    return f"({word}) {local.name}{shown}"


def parameters_of(found: object) -> tuple[Parameter, ...] | None:
    """What a call of something takes; None where it cannot be called."""
    match found:
        case Callable(parameters=parameters):
            return parameters
        case Constructor(fields=fields) | ErrorName(fields=fields) | EventName(fields=fields):
            return fields_as_parameters(fields)
        case str() if found in builtins.ERRORS:
            return fields_as_parameters(builtins.ERRORS[found])
    return None


def common_fields(type: Type) -> Iterator[RecordField]:
    """The fields that a value of a type has, whatever case it is."""
    match type:
        case Record(fields=fields):
            yield from fields
        case Union(cases=cases):
            for field in cases[0].fields:
                if all(case.field(field.name) is not None for case in cases):
                    yield field


def callee_name(expr: ast.Expr) -> str:
    """The name of what a call calls, as written; "" where it has none."""
    match expr:
        case ast.Name(name=name):
            return name
        case ast.Member(target=ast.Name(name=alias), name=ast.Ident(name=name)):
            return f"{alias}.{name}"
    return ""
