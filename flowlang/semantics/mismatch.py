"""What to say when a value does not fit: one message, and a help that says what to write instead."""

from __future__ import annotations

import re

from flowlang.semantics import types
from flowlang.semantics.suggest import did_you_mean
from flowlang.semantics.types import (
    Record,
    Type,
    apart,
    brief,
    fits,
    is_number,
    is_optional,
    is_text,
    present,
    show,
)
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.codes import Code
from flowlang.text.diagnostics import Edit, Fix

WHOLE = "(?:0|[1-9][0-9]{0,14})"
FRACTION = r"(?:\.[0-9]{1,15})?"
AMOUNT = re.compile("[0-9][0-9a-z.]*")  # a number or a duration, most likely


def explain_mismatch(
    found: Type, wanted: Type, what: str, why: str | None = None, name: str | None = None
) -> tuple[Code, str, str | None]:
    """Code, message and help for a value of type `found` where `what` asks for `wanted`.

    `why` says in words why the value may be missing, where the checker knows; `name` is the value as it is
    written, where it is a path."""
    if is_optional(found) and found != types.NULL and fits(present(found), wanted):
        message = f"{what} must be `{show(wanted)}`, but this may be missing" + (f": {why}" if why else "")
        return codes.MAYBE_MISSING, message, handle_missing(wanted, name)
    this, that = apart(found, wanted)
    message = f"{what} must be `{that}`, but this is `{this}`"
    if found == types.JSON:
        help = f"say what it should be, to be checked at run time: `{name or '…'} as {show(wanted)}`"
        return codes.JSON_USE, message, help
    return codes.TYPE_MISMATCH, message, _help(found, wanted, name or "…")


def unquoted(expr: ast.Node, wanted: Type) -> Fix | None:
    """The number that a string holds where one is wanted."""
    number = present(wanted)
    if isinstance(expr, ast.StringLiteral) and is_number(number):
        pattern = WHOLE if number == types.INT else WHOLE + FRACTION
        if re.fullmatch(pattern, expr.value):
            return Fix(f"write `{expr.value}`", (Edit(expr.span, expr.value),))
    return None


def handle_missing(wanted: Type, name: str | None = None) -> str:
    """How to deal with a value that may be missing; `name` is the value as it is written."""
    default = {"string": '""', "int": "0", "float": "0.0", "bool": "false"}.get(show(wanted), "…")
    default = "[]" if isinstance(wanted, types.ListOf) else default
    return f"give a default with `{name or '…'} ?? {default}`, or {ask_first(name)}"


def ask_first(name: str | None) -> str:
    """How to ask whether a value is there: of a path, or of a name that is made for it."""
    is_path = name is not None and not {"(", "["} & set(name)
    return (
        f"ask `{name} != null` first" if is_path else "give it a name with `let` and ask that for null first"
    )


def written(expr: ast.Node) -> str | None:
    """A short expression as it is written: `trip.hotel`, `pages[0]`, `urls.first()`."""
    match expr:
        case ast.Name(name=name):
            return name
        case ast.IntLiteral(text=text) | ast.StringLiteral(text=text):
            return text
        case ast.Member(target=target, name=ast.Ident(name=name), safe=safe):
            return _before(target, f"?.{name}" if safe else f".{name}")
        case ast.Index(target=target, index=index):
            inside = written(index)
            return inside and _before(target, f"[{inside}]")
        case ast.Call(callee=ast.Member() as callee, arguments=()):
            return _before(callee, "()")
        case _:
            return None


def _before(target: ast.Node, end: str) -> str | None:
    before = written(target)
    return before and before + end


def _help(found: Type, wanted: Type, name: str) -> str | None:
    if found == types.NULL:
        return f"only what is declared `{show(wanted)}?` may be null"
    match present(found), present(wanted):
        case _, types.Scalar("bool"):
            return _truth(found, name)
        case types.Enum(values=(text,)), types.Scalar("int" | "float" | "duration") if AMOUNT.fullmatch(text):
            return f"write it without quotes: `{text}`"
        case types.Enum(values=given), types.Enum(values=allowed):
            wrong = [v for v in given if v not in allowed]
            choices = "it is one of " + ", ".join(f'"{v}"' for v in allowed)
            return did_you_mean(wrong[0], allowed) or choices
        case types.Scalar("string"), types.Enum(name=enum):
            shown = enum or f"({show(wanted)})"
            return f"check it at run time: `{name} as {shown}`"
        case types.Scalar("float"), types.Scalar("int"):
            return "make it whole with `.round()`, `.floor()` or `.int()`"
        case types.Scalar(), types.Scalar("string"):
            return f'put it into a string: `"${{{name}}}"`'
        case types.Scalar("string"), types.Scalar("int" | "float" as number):
            return f"read a number from it with `{name}.{number}()`, which may be missing"
        case types.Scalar("int" | "float"), types.Scalar("duration"):
            return "write a unit: `30s`, `5m`, `1h30m`"
        case types.Scalar("string"), types.Scalar("datetime"):
            return f"read it with `{name}.datetime()`, which may be missing"
        case types.Scalar("duration"), types.Scalar("datetime"):
            return f"add it to an instant: `run.started + {name}`"
        case _, types.Scalar("json"):
            return f"make it json: `{name} as json`"
        case Record(fields=fields), types.MapOf() if fields:
            return f'with quoted keys it is a map: `{{ "{fields[0].name}": … }}`'
        case Record() as given, Record() as asked:
            return _record_difference(given, asked)
        case _, types.Union(shown=name, cases=cases):
            return f"make a `{name}` with one of its constructors: " + ", ".join(
                f"`{c.name}(…)`" for c in cases
            )
        case other, types.ListOf(item=item) if fits(other, item):
            return f"put it into a list: `[{name}]`"
        case types.ListOf(item=item), other if fits(item, other):
            return f"take one of them, like `{name}.first()`, or go through all with `for each`"
    return None


def _truth(found: Type, name: str) -> str | None:
    """What to ask of a value that another language would take for true or false."""
    question = None
    if is_optional(found):
        question = f"{name} != null"
    elif isinstance(found, types.ListOf | types.MapOf):
        question = f"not {name}.is_empty()"
    elif is_text(found):
        question = f'{name} != ""'
    elif isinstance(found, types.Union):
        question = f"{name} is {found.cases[0].name}"
    elif is_number(found):
        question = f"{name} != 0" if found == types.INT else f"{name} != 0.0"
    return f"nothing is true by itself here; ask `{question}`" if question else None


def _record_difference(given: Record, asked: Record) -> str | None:
    names = {f.name for f in asked.fields}
    extra = [f.name for f in given.fields if f.name not in names]
    missing = [f.name for f in asked.fields if given.field(f.name) is None and not is_optional(f.type)]
    if missing:
        return "the field " + ", ".join(f"`{n}`" for n in missing) + " is missing"
    if extra:
        listed = ", ".join(f"`{name}`" for name in extra)
        return f"`{brief(asked)}` has no field {listed}; write out the fields that it has"
    for field in asked.fields:
        found = given.field(field.name)
        if found is not None and not fits(found, field.type):
            return f"its field `{field.name}` must be `{show(field.type)}`, but is `{show(found)}`"
    return None
