"""Command templates: `["git", "log", "--since={since}", "{paths}"]` and a call's arguments -> an argv.

A hole is `{name}`; `{{` and `}}` are braces. A template is an argument, and stays one whatever is filled in:
nothing is ever split, quoted or shown to a shell. Two exceptions, both for a hole that stands alone: a list
becomes one argument for each item, and null becomes none. Null inside a longer template leaves the whole
argument out, so that `--since={since}` is there only when there is a `since`.

Inside a text only scalars fit, in the form they have in JSON, strings bare; alone, anything else is JSON.
A file is the path of its content.
A value may still begin with `-` and be taken for an option: write `--` before such holes, or `--name={x}`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, assert_never

import attrs

from flowlang.plan import model as plan
from flowlang.text.suggest import did_you_mean
from flowlang.values.value import Value

_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


class BadTemplate(Exception):
    """What is wrong with a template, in words."""

    def __init__(self, message: str, help: str | None = None) -> None:
        super().__init__(message)
        self.message, self.help = message, help


@attrs.frozen
class Hole:
    name: str


@attrs.frozen
class Template:
    """Text and holes, in order."""

    parts: tuple[str | Hole, ...]

    @property
    def lone(self) -> Hole | None:
        """The hole that the template is, if it is nothing else."""
        match self.parts:
            case (Hole() as hole,):
                return hole
        return None


def parse_template(text: str, types: Mapping[str, plan.Type]) -> Template:
    """Read a template for an agent with parameters of these types; raises BadTemplate."""
    parts = tuple(template_parts(text))
    template = Template(parts)
    for part in parts:
        if isinstance(part, Hole):
            _check(part, types, alone=template.lone is not None)
    return template


def template_parts(text: str) -> Iterator[str | Hole]:
    """The text and the holes of a template, whatever it is one of. Raises BadTemplate."""
    literal = ""
    for match in _PIECE.finditer(text):
        piece, name = match[0], match[1]
        if name is not None:
            if literal:
                yield literal
            literal = ""
            yield Hole(name.strip())
        elif piece in ("{{", "}}"):
            literal += piece[0]
        elif piece in "{}":
            help = f"a brace itself is written `{piece * 2}`"
            raise BadTemplate(f"`{piece}` has no partner in `{text}`", help)
        else:
            literal += piece
    if literal or not text:
        yield literal


def _check(hole: Hole, types: Mapping[str, plan.Type], *, alone: bool) -> None:
    if hole.name not in types:
        raise unknown_hole(hole.name, types)
    if not alone and not _is_scalar(types[hole.name]):
        help = "let the hole stand alone as an argument: a list is then spread, anything else is JSON"
        raise BadTemplate(f"`{hole.name}` is no text, number or time, so it cannot be a part of one", help)


def unknown_hole(name: str, types: Mapping[str, plan.Type]) -> BadTemplate:
    """What is wrong with a hole that no parameter fills."""
    known = ", ".join(f"`{parameter}`" for parameter in types)
    braces = None if name.isidentifier() else "braces that are no hole are written `{{` and `}}`"
    help = braces or did_you_mean(name, types) or (f"it has {known}" if known else "it has none")
    return BadTemplate(f"the agent has no parameter `{name}`", help)


def _is_scalar(type: plan.Type) -> bool:
    """Whether it is filled in as a text; a file is, by the path of its content."""
    match type:
        case plan.ScalarType(kind=kind):
            return kind != "json"
        case plan.EnumType():
            return True
        case plan.OptionalType(inner=inner) | plan.SecretType(inner=inner):
            return _is_scalar(inner)
        case plan.ListType() | plan.MapType() | plan.RecordType() | plan.UnionType():
            return False
        case _:
            assert_never(type)


def holes_in(templates: Iterable[Template]) -> set[str]:
    """The names of all holes."""
    return {part.name for template in templates for part in template.parts if isinstance(part, Hole)}


def fill_arguments(templates: tuple[Template, ...], arguments: Mapping[str, Value]) -> list[str]:
    """The argv for a call."""
    return [argument for template in templates for argument in _arguments(template, arguments)]


def _arguments(template: Template, arguments: Mapping[str, Value]) -> list[str]:
    value = arguments.get(template.lone.name) if template.lone else None
    if isinstance(value, list):
        return [_text(item) for item in value]
    filled = fill(template, arguments)
    return [] if filled is None else [filled]


def fill(template: Template, arguments: Mapping[str, Value]) -> str | None:
    """The text of a template; None where one of its holes is null."""
    texts: list[str] = []
    for part in template.parts:
        if isinstance(part, str):
            texts.append(part)
            continue
        value = arguments.get(part.name)
        if value is None:
            return None
        texts.append(_text(value))
    return "".join(texts)


def _text(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
