"""What a completion offers: names, types, functions and words -> items of a menu.

An `Offer` says what it is and what it would insert; where it is inserted is the same for all of one menu. The
makers here know how each kind of thing is called and written, and nothing of where a cursor is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

import attrs

from flowlang.ide import keywords
from flowlang.ide.snapshot import Edit
from flowlang.ide.wording import LOCAL_WORDS, Written, headline
from flowlang.semantics import functions
from flowlang.semantics.facts import (
    Callable,
    Constructor,
    ErrorName,
    EventName,
    Interface,
    Namespace,
    Parameter,
    TypeName,
    fields_as_parameters,
)
from flowlang.semantics.scope import Env, Value
from flowlang.semantics.types import DURATION, NULL, Enum, RecordField, Type, fits, is_poison, present, show

Kind: TypeAlias = Literal[
    "keyword", "value", "field", "function", "agent", "ask", "flow", "constructor", "type", "error", "event",
    "module", "literal", "argument", "effect", "provider", "path",
]  # fmt: skip


@attrs.frozen
class Offer:
    """One item of a menu.

    `detail` is a type or a signature, `doc` Markdown. `insert` is the text that replaces the word at the
    cursor, `snippet` the same with places to fill in, None where there are none. Items with a lower `rank`
    come first. `edits` are further changes that it needs: an import, a dot that becomes `?.`."""

    label: str
    kind: Kind
    detail: str = ""
    doc: str | None = None
    insert: str = ""
    snippet: str | None = None
    rank: int = 5
    edits: tuple[Edit, ...] = ()

    @property
    def text(self) -> str:
        """What is inserted where no snippets are known."""
        return self.insert or self.label


def fitting(type: Type | None, wanted: Type | None) -> bool:
    """Whether a value is what is asked for, where that is known."""
    if type is None or wanted is None or is_poison(type) or is_poison(wanted):
        return False
    return fits(type, wanted)


def value(found: Value, env: Env, wanted: Type | None) -> Offer:
    """A name in sight."""
    type = env.type_of(found)
    rank = 1 if fitting(type, wanted) else 3 if fitting(present(type), wanted) else 4
    doc = LOCAL_WORDS[found.local.kind] + (f": {found.why}" if found.why else "")
    return Offer(found.local.name, "value", show(type), doc, rank=rank)


def ambient(name: str, type: Type) -> Offer:
    return Offer(name, "value", show(type), keywords.AMBIENT.get(name), rank=6)


def field(found: RecordField, wanted: Type | None = None) -> Offer:
    return Offer(
        found.name, "field", show(found.type), found.doc, rank=1 if fitting(found.type, wanted) else 2
    )


def function(found: functions.Signature) -> Offer:
    """A built-in function, with its arguments to fill in."""
    places = [_place(number, each) for number, each in enumerate(_required(found), 1)]
    call = f"{found.name}()" if not found.parameters else f"{found.name}("
    snippet = f"{found.name}({', '.join(places)})" if found.parameters else None
    return Offer(found.name, "function", found.text, found.doc, call, snippet, rank=4)


def _required(found: functions.Signature) -> Iterator[functions.ParameterPattern]:
    return (parameter for parameter in found.parameters if parameter.required)


def _place(number: int, parameter: functions.ParameterPattern) -> str:
    if not isinstance(parameter.pattern, functions.LambdaPattern):
        return f"${{{number}:{parameter.name}}}"
    return f"${{{number}:x}} => $0"


def interface(name: str, found: Interface, written: Written, *, called: bool = False) -> Offer:
    """A declaration by the name that it has here. `called`: parentheses stand behind it already."""
    detail, doc = headline(found, written, name), found.declared.doc
    match found:
        case Callable(kind=kind, parameters=parameters):
            return call(name, kind, detail, doc, parameters, called=called)
        case Constructor(fields=fields):
            return call(name, "constructor", detail, doc, fields_as_parameters(fields), called=called)
        case TypeName():
            return Offer(name, "type", detail, doc)
        case ErrorName():
            return Offer(name, "error", detail, doc)
        case EventName():
            return Offer(name, "event", detail, doc)
        case Namespace():
            return Offer(name, "module", detail, doc, rank=6)
        case _:
            return Offer(name, "value", detail, doc, rank=7)


def call(
    name: str,
    kind: Kind,
    detail: str,
    doc: str | None,
    parameters: Iterable[Parameter],
    *,
    called: bool = False,
) -> Offer:
    """Something to call, with the arguments that it must be given."""
    if called:
        return Offer(name, kind, detail, doc, rank=4)
    required = [parameter.name for parameter in parameters if parameter.required]
    places = ", ".join(f"{each}: ${{{number}:{each}}}" for number, each in enumerate(required, 1))
    snippet = f"{name}({places})" if places else f"{name}($0)"
    return Offer(name, kind, detail, doc, f"{name}(", snippet, rank=4)


def argument(parameter: Parameter, named_alike: Offer | None, *, with_value: bool) -> Offer:
    """The name of an argument that is missing; `named_alike` is a value in sight that has its name."""
    rank = 0 if parameter.required else 2
    detail = show(parameter.type) + ("" if parameter.required else "  (may be left out)")
    label = f"{parameter.name}:"
    if not with_value:
        return Offer(parameter.name, "argument", detail, parameter.doc, rank=rank)
    inside = named_alike.label if named_alike else ""
    snippet = f"{label} ${{1:{inside}}}" if inside else f"{label} $1"
    return Offer(label, "argument", detail, parameter.doc, f"{label} ", snippet, rank=rank)


def literals(wanted: Type | None, *, but: Iterable[str] = ()) -> Iterator[Offer]:
    """The literals that a type allows."""
    inside = None if wanted is None else present(wanted)
    if inside == DURATION:
        yield from (Offer(text, "literal", "duration", rank=1) for text in ("10s", "1m", "1h", "1d"))
    if isinstance(inside, Enum):
        out = set(but)
        for text in inside.values:
            if text not in out:
                yield Offer(quoted(text), "literal", show(inside), rank=0)


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("${", "\\${")
    return f'"{escaped}"'


def keyword(words: str, rank: int) -> Offer:
    """A word of the language; `words` may be several that come together."""
    known = keywords.KEYWORDS.get(words) or keywords.KEYWORDS.get(words.partition(" ")[0])
    if known is None:
        return Offer(words, "keyword", rank=rank)
    shape = known.shape if words in keywords.KEYWORDS else ""
    return Offer(words, "keyword", "", known.doc, words, shape or None, rank=rank)


def scalar_types() -> Iterator[Offer]:
    for name, doc in keywords.TYPES.items():
        if name in GENERIC:
            yield Offer(f"{name}<…>", "type", f"{name}<T>", doc, f"{name}<", f"{name}<${{1:string}}>", rank=3)
        else:
            yield Offer(name, "type", "built in", doc, rank=2)


GENERIC = ("list", "map", "secret")


def built_in_errors() -> Iterator[Offer]:
    return (Offer(name, "error", "built in", doc, rank=6) for name, doc in keywords.ERRORS.items())


def record_shape(fields: Iterable[RecordField]) -> Offer | None:
    """A whole record to fill in."""
    required = [each.name for each in fields if each.type != NULL]
    if not required:
        return None
    places = ", ".join(f"{name}: ${{{number}}}" for number, name in enumerate(required, 1))
    label = "{ " + ", ".join(f"{name}: …" for name in required) + " }"
    return Offer(label, "literal", "record", None, "{ ", f"{{ {places} }}", rank=2)
