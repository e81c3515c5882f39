"""What to say when a value does not fit: one message, and a help that says what to write instead."""

from __future__ import annotations

from flowlang.semantics import types
from flowlang.semantics.suggest import did_you_mean
from flowlang.semantics.types import Record, Type, fits, is_optional, is_text, present, show
from flowlang.text import codes
from flowlang.text.codes import Code


def explain_mismatch(found: Type, wanted: Type, what: str, why: str | None) -> tuple[Code, str, str | None]:
    """Code, message and help for a value of type `found` where `what` asks for `wanted`.

    `why` says in words why the value may be missing, where the checker knows."""
    if is_optional(found) and found != types.NULL and fits(present(found), wanted):
        message = f"{what} must be `{show(wanted)}`, but this may be missing" + (f": {why}" if why else "")
        return codes.MAYBE_MISSING, message, handle_missing(wanted)
    message = f"{what} must be `{show(wanted)}`, but this is `{show(found)}`"
    if found == types.JSON:
        return (
            codes.JSON_USE,
            message,
            f"say what it should be, to be checked at run time: `… as {show(wanted)}`",
        )
    return codes.TYPE_MISMATCH, message, _help(found, wanted)


def handle_missing(wanted: Type | None = None) -> str:
    """How to deal with a value that may be missing."""
    default = {"string": '""', "int": "0", "float": "0.0", "bool": "false"}.get(
        show(wanted) if wanted else "", "…"
    )
    default = "[]" if isinstance(wanted, types.ListOf) else default
    return f"give a default with `?? {default}`, or guard with `when … != null`"


def _help(found: Type, wanted: Type) -> str | None:
    match present(found), present(wanted):
        case _, types.Scalar("bool"):
            return _truth(found)
        case types.Enum(values=given), types.Enum(values=allowed):
            wrong = [v for v in given if v not in allowed]
            choices = "it is one of " + ", ".join(f'"{v}"' for v in allowed)
            return did_you_mean(wrong[0], allowed) or choices
        case types.Scalar("string"), types.Enum(values=allowed, name=name):
            return f"check it at run time with `as {name}`" if name else "only these strings fit, no other"
        case types.Scalar("float"), types.Scalar("int"):
            return "make it whole with `.round()`, `.floor()` or `.int()`"
        case types.Scalar(), types.Scalar("string"):
            return 'put it into a string: `"${…}"`'
        case types.Scalar("string"), types.Scalar("int" | "float" as number):
            return f"read a number from it with `.{number}()`, which may be missing"
        case types.Scalar("int" | "float"), types.Scalar("duration"):
            return "write a unit: `30s`, `5m`, `1h30m`"
        case types.Scalar("string"), types.Scalar("datetime"):
            return "read it with `.datetime()`, which may be missing"
        case other, types.Scalar("json"):
            return f"make it json: `… as json` (it is `{show(other)}`)"
        case Record() as given, Record() as asked:
            return _record_difference(given, asked)
        case _, types.Union(shown=name, cases=cases):
            return f"make a `{name}` with one of its constructors: " + ", ".join(
                f"`{c.name}(…)`" for c in cases
            )
        case other, types.ListOf(item=item) if fits(other, item):
            return "put it into a list: `[…]`"
    return None


def _truth(found: Type) -> str | None:
    if isinstance(found, types.ListOf | types.MapOf) or is_text(found):
        return (
            "nothing is true by itself here; ask `not ….is_empty()`"
            if not is_text(found)
            else ('nothing is true by itself here; compare it: `… != ""`')
        )
    if is_optional(found):
        return "nothing is true by itself here; ask `… != null`"
    if types.is_number(found):
        return "nothing is true by itself here; compare it: `… != 0`"
    return None


def _record_difference(given: Record, asked: Record) -> str | None:
    names = {f.name for f in asked.fields}
    extra = [f.name for f in given.fields if f.name not in names]
    missing = [f.name for f in asked.fields if given.field(f.name) is None and not is_optional(f.type)]
    if missing:
        return "the field " + ", ".join(f"`{n}`" for n in missing) + " is missing"
    if extra:
        return "it has no field " + ", ".join(f"`{n}`" for n in extra)
    for field in asked.fields:
        found = given.field(field.name)
        if found is not None and not fits(found, field.type):
            return f"its field `{field.name}` must be `{show(field.type)}`, but is `{show(found)}`"
    return None
