"""The forms of expressions, by the type they give, as patterns of the language itself.

A hole in a pattern names the type of what goes there. `{int}` is an operand of that type; `{=int}` one whose
type the checker finds to be that and nothing narrower, as a literal `"a"` is narrower than `string`;
`{~int}` stands where the type is expected, so whatever fits will do; `{/int}` is no zero that is written out.
`{x: bool}` is an expression in which `x` is known, an item of the list that the pattern begins with.

Holes that are not types: `small` and `few` are literals, `any` is a value of any type, `items` any list,
`entries` any map. `self` is the type itself, `own` what is in it; `list`, `map`, `maps` hold such parts."""

from __future__ import annotations

import re
from functools import cache
from typing import Final, Literal, TypeAlias

import attrs

Mode: TypeAlias = Literal["operand", "exact", "fit"]

FORMS: Final[dict[str, tuple[str, ...]]] = {
    "string": (
        "{string} + {string}", "{string}.upper()", "{string}.lower()", "{string}.trim()",
        "{string}.replace({string}, {string})", "{string}.slice({small})", "{string}.slice({small}, {small})",
        "{string}.pad({small})", "{string}.pad({small}, {string})", "{string}.repeat({few})",
        "{string}.url_encode()", "{string}.shell_quote()", "{string}.base64()", "{strings}.join({string})",
        "{strings}.join()", "{any}.json()", "{string}.hash()", "{ints}.hash()", "{duration}.format()",
        "{datetime}.format()",
        '{datetime}.format("%F %T")', "{float}.format({few})", "run.id",
    ),
    "int": (
        "{int} + {int}", "{int} - {int}", "{int} * {int}", "{int} % {/int}", "-{int}", "{int}.abs()",
        "{int}.min({int})", "{int}.max({int})", "{int}.clamp({int}, {int})", "{int}.div({/int})",
        "{float}.floor()", "{float}.ceil()", "{float}.round()", "{float}.int()", "{string}.size()",
        "{items}.size()", "{entries}.size()", "{items}.count({x: bool})", "{ints}.sum()", "{datetime}.year()",
        "{datetime}.month()", "{datetime}.day()", "{datetime}.hour()", "{datetime}.minute()",
        "{datetime}.second()", "{datetime}.weekday()", "attempt",
    ),
    "float": (
        "{float} + {float}", "{float} - {float}", "{float} * {float}", "{float} / {/float}",
        "{float} % {/float}", "-{float}", "{float}.abs()", "{float}.min({float})", "{float}.max({float})",
        "{float}.clamp({float}, {float})", "{float}.sqrt()", "{int}.sqrt()", "{int}.float()",
        "{floats}.sum()", "{duration} / {/duration}", "{duration}.seconds()", "{datetime}.seconds()",
    ),
    "bool": (
        "{bool} and {bool}", "{bool} or {bool}", "not {bool}", "{int} < {int}", "{int} >= {int}",
        "{string} <= {string}", "{float} > {float}", "{duration} < {duration}", "{datetime} >= {datetime}",
        "{=string} == {~string}", "{int} != {int}", "{float} == {float}", "{bool} == {bool}",
        "{ints} == {~ints}", "{~string} in {strings}", "{int} in {ints}", "{string} in {entries}",
        "{entries}.has({string})",
        "{items}.any({x: bool})", "{items}.all({x: bool})", "{items}.none({x: bool})",
        "{strings}.contains({~string})", "{items}.is_empty()", "{entries}.is_empty()", "{string}.is_empty()",
        "{string}.starts_with({string})", "{string}.ends_with({string})", "{string}.contains({string})",
        "{string}.matches('^a+')", "{items}.first() == null", "{ints}[{small}] != null",
    ),
    "duration": (
        "{duration} + {duration}", "{duration} - {duration}", "-{duration}", "{duration} * {int}",
        "{duration} * {float}", "{duration} / {/int}", "{duration} % {/duration}", "{datetime} - {datetime}",
        "{durations}.sum()",
    ),
    "datetime": (
        "{datetime} + {duration}", "{datetime} - {duration}", "{string}.datetime() ?? run.started",
        "run.started",
    ),
    "list": (
        "{self}.filter({x: bool})", "{items}.map({x: =own})", "{items}.flat_map({x: =self})",
        "{self}.reverse()", "{self}.concat({~self})", "{self}.take({small})",
        "{self}.skip({small})", "{self}.slice({small})", "{self}.slice({small}, {small})",
        "{self}.sort_by({x: int})", "{self}.sort_by({x: string})", "{self}.zip({items}).map(y => y.first)",
        "{self}.enumerate().map(y => y.item)", "{maps}.values()", "{maps}.entries().map(y => y.value)",
    ),
    "map": (
        "{self}.merge({~self})", '{ ...{self}, "k": {=own} }', "{self}.without({string})",
        "{self}.entries().to_map()",
    ),
    "optional": (
        "{list}.first()", "{list}.last()", "{list}.get({small})", "{list}[{small}]", "{list}.find({x: bool})",
        "{list}.min_by({x: int})", "{list}.max_by({x: string})", "{map}[{string}]", "{map}.get({string})",
    ),
    "json": ("{any} as json",),
    # Of some lists, and of some that may be missing, only:
    "list<string>": (
        "{string}.split({string})", "{string}.lines()", "{string}.find_all('[a-z]+')", "{entries}.keys()",
    ),
    "list<int>": ("{few}..{few}", "{items}.enumerate().map(y => y.index)"),
    "list of ordered": ("{self}.sort()", "{self}.distinct()"),
    "map of lists": ("{own}.group_by({x: string})",),
    "optional of ordered": ("{list}.min()", "{list}.max()"),
    "string?": ("{string}[{small}]", "{string?}?.upper()", "{string?}?.trim()"),
    "int?": (
        "{string?}?.size()", "{int?}?.abs()", "{string}.int()", "{string}.index_of({string})",
        "{ints}.index_of({int})",
    ),
    "float?": ("{string}.float()",),
    "datetime?": ("{string}.datetime()",),
}  # fmt: skip


@attrs.frozen
class Hole:
    """A hole of a pattern. `binds`: an item of the first list is known in it. `divides`: it is no zero."""

    wanted: str
    mode: Mode
    binds: bool
    divides: bool


@cache
def parts_of(pattern: str) -> tuple[str | Hole, ...]:
    """A pattern as its pieces of text and its holes."""
    pieces = re.split(r"(\{(?:x: )?[=~/]?[a-z]+\??\})", pattern)
    return tuple(_hole(piece[1:-1]) if place % 2 else piece for place, piece in enumerate(pieces) if piece)


def _hole(text: str) -> Hole:
    binds, wanted = text.startswith("x: "), text.removeprefix("x: ")
    mode = MODES.get(wanted[0], "operand")
    return Hole(wanted.lstrip("=~/"), mode, binds, wanted.startswith("/"))


MODES: Final[dict[str, Mode]] = {"=": "exact", "~": "fit"}
