"""Expressions of any type, made from the forms of `forms` and from what can be mentioned.

What an expression needs and nothing around it has (a file, an enum that no name holds) becomes a parameter of
the flow. Conditions show something of a name only where that is meant (`finding`), since a name that is known
to be null, or to be one value of an enum, can no longer be asked about."""

from __future__ import annotations

import re
from itertools import chain
from typing import Final

import attrs

from flowlang.plan import model as plan
from flowlang.plan.text import duration_text, string_text
from flowlang.testing.making.declarations import Declarations
from flowlang.testing.making.forms import FORMS, Hole, Mode, parts_of
from flowlang.testing.making.kinds import (
    BOOL,
    DATETIME,
    DURATION,
    FLOAT,
    INT,
    INTS,
    JSON,
    ORDERED,
    PLAIN,
    SHOWN,
    STRING,
    STRINGS,
    list_of,
    map_of,
    optional,
    record_of,
    without_null,
    written,
)
from flowlang.testing.making.scope import Around, Finding, named

ODD: Final = (
    "", "a", "b", "ab,c", "7", "über ${", 'a "b" \\', "a\nb\t", "2024-05-01T12:00:00Z", "\U0001f600",
)  # fmt: skip
TEXTS: Final = tuple(map(string_text, ODD))
WRITTEN: Final = ("'raw ${'", '"""\n  one\n    two\n"""')
"""Strings in other forms."""

WHOLE: Final = re.compile(r"[A-Za-z_]\w*(\.\w+)*(\(\))?")
NO_ZERO: Final = {"0": "2", "0.0": "2.0", "0s": "2s"}
SIMPLE_TYPES: Final[dict[str, plan.Type]] = {
    "string": STRING, "int": INT, "float": FLOAT, "bool": BOOL, "duration": DURATION, "datetime": DATETIME,
    "string?": optional(STRING), "int?": optional(INT), "strings": STRINGS, "ints": INTS,
    "floats": list_of(FLOAT), "durations": list_of(DURATION),
}  # fmt: skip


@attrs.define(eq=False)
class Expressions(Declarations):
    """`parameters` are those of the flow that is being made, which expressions may add to."""

    parameters_of_flow: list[plan.Parameter] = attrs.field(factory=list)

    def expression(self, type: plan.Type, around: Around, mode: Mode = "fit") -> str:
        """An expression that fits the type; as an operand or receiver it may have to be in parentheses."""
        if mode == "operand" and type.kind not in SIMPLE_TYPES:
            mode = "exact"
        if around.depth <= 0 or self.enough or type.kind == "secret" or not self.maybe():
            return self.leaf(type, around, mode)
        inner = around.inside()
        forms = self._forms(type, around)
        if not forms or self.maybe(4):
            return self.anywhere(type, inner, mode)
        return self.piece(lambda: self.formed(self.among(forms), type, inner))

    def operand(self, type: plan.Type, around: Around, mode: Mode = "operand") -> str:
        return closed(self.expression(type, around, mode))

    # From nothing

    def leaf(self, type: plan.Type, around: Around, mode: Mode) -> str:
        names = around.of(type)
        if mode == "fit" and type.kind == "optional":
            names = [*names, *around.of(without_null(type))]
        if names and not self.maybe(3):
            return self.among(names[-6:])
        return self.literal(type, around, mode)

    def literal(self, type: plan.Type, around: Around, mode: Mode) -> str:
        inner = around.inside()
        match type:
            case plan.ScalarType(kind="file") | plan.SecretType():
                return self.parameter_of(type)
            case plan.MapType() | plan.RecordType() if around.in_hole:
                return self.parameter_of(type)  # a hole takes no braces inside of each other
            case plan.ScalarType(kind="json"):
                return f"{self.operand(self.among(PLAIN), inner)} as json"
            case plan.ScalarType(kind="string") if mode == "exact":
                return self.template(inner, shown=True)
            case plan.ScalarType():
                return self.constant(type, around)
            case plan.ListType(item=item):
                least = 1 if mode == "exact" else 0
                return f"[{', '.join(self.parts(least, item, inner, mode))}]"
            case plan.MapType(value=value):
                keys = ('"a"', '"b c"', '"a${1}"')
                parts = self.parts(1, value, inner, mode)
                return "{ " + ", ".join(f"{k}: {p}" for k, p in zip(keys, parts, strict=False)) + " }"
            case plan.OptionalType(inner=plain):
                if mode == "exact":
                    return self.parameter_of(type)
                return self.one_of("null", self.leaf(plain, inner, mode))
            case plan.RecordType(fields=fields):
                return "{ " + ", ".join(self.fields_given(fields, inner, mode)) + " }"
            case plan.EnumType(values=values):
                return self.parameter_of(type) if mode == "exact" else string_text(self.among(values))
            case plan.UnionType(cases=cases):
                case = self.among(cases)
                made = f"{case.name}({', '.join(self.fields_given(case.fields, inner, 'fit'))})"
                return self.parameter_of(type) if mode == "exact" else made

    def parts(self, least: int, type: plan.Type, around: Around, mode: Mode) -> list[str]:
        return self.several(least, 3, lambda: self.expression(type, around, mode))

    def fields_given(self, fields: tuple[plan.FieldType, ...], around: Around, mode: Mode) -> list[str]:
        return [f"{field.name}: {self.expression(field.type, around, mode)}" for field in fields]

    def constant(self, type: plan.ScalarType, around: Around) -> str:
        match type.kind:
            case "string":
                return self.among(TEXTS if around.in_hole else TEXTS + WRITTEN)
            case "int":
                return str(self.one_of(0, 1, 2, 3, 10, 1_000_000, (1 << 63) - 1))
            case "float":
                return self.one_of("0.0", "1.5", "2.0", "1e3", "1e308", "0.1")
            case "bool":
                return self.parameter_of(BOOL) if self.maybe() else self.one_of("false", "true")
            case "duration":
                return duration_text(self.one_of(0, 1, 1_500, 60_000, 3_600_000) * 1_000)
            case "datetime":
                return "run.started"
            case _:
                return "null"

    def parameter_of(self, type: plan.Type) -> str:
        """A parameter of the flow of exactly this type, one more if need be."""
        known = [p.name for p in self.parameters_of_flow if written(p.type) == written(type)]
        if known:
            return self.among(known)
        name = self.fresh("in")
        self.parameters_of_flow.append(plan.Parameter(name=name, type=type, required=True))
        return name

    # From forms

    def _forms(self, type: plan.Type, around: Around) -> tuple[str, ...]:
        forms = FORMS.get(type.kind, ())
        if not isinstance(type, plan.ScalarType):
            forms += FORMS.get(written(type), ())
        match type:
            case plan.ListType(item=item) if item in ORDERED:
                forms += FORMS["list of ordered"]
            case plan.OptionalType(inner=inner) if inner in ORDERED:
                forms += FORMS["optional of ordered"]
            case plan.MapType(value=plan.ListType()):
                forms += FORMS["map of lists"]
        return tuple(form for form in forms if "{ " not in form) if around.in_hole else forms

    def formed(self, pattern: str, type: plan.Type, around: Around) -> str:
        item: plan.Type | None = None
        text = ""
        for part in parts_of(pattern):
            if isinstance(part, str):
                text += part
                continue
            wanted = self._wanted(part, type)
            if item is None and isinstance(wanted, plan.ListType):
                item = wanted.item
            text += self._filled(part, wanted, item, around)
        return text

    def _filled(self, hole: Hole, wanted: plan.Type, item: plan.Type | None, around: Around) -> str:
        if hole.wanted in ("small", "few"):
            return str(self.number(0, 3) if hole.wanted == "few" else self.one_of(0, 1, 2, -1, 40))
        if hole.binds:
            assert item is not None
            name = self.binding("x", around)
            mode = "fit" if hole.mode == "operand" else hole.mode
            return f"{name} => {self.expression(wanted, around.knowing(name, item), mode)}"
        text = self.operand(wanted, around, hole.mode)
        return NO_ZERO.get(text.strip("()"), text) if hole.divides else text

    def _wanted(self, hole: Hole, type: plan.Type) -> plan.Type:
        match hole.wanted:
            case "small" | "few":
                return INT
            case "any":
                return without_null(self.type(1))
            case "items":
                return list_of(self.type(1))
            case "entries":
                return map_of(self.type(1))
            case "self":
                return type
            case name if name in SIMPLE_TYPES:
                return SIMPLE_TYPES[name]
            case name:
                return _part(name, type)

    def binding(self, letter: str, around: Around) -> str:
        """A name for what a function, a loop or a pattern binds: mostly a new one, else one that it hides."""
        known = [name.text for name in around.names if "." not in name.text]
        return self.among(known) if known and self.maybe(10) else self.fresh(letter)

    # Of any type

    def anywhere(self, type: plan.Type, around: Around, mode: Mode) -> str:
        """Forms that there are for every type."""
        ways = [self.if_, self.coalesced]
        if not around.in_hole:
            ways.append(self.matched)
        if mode == "fit" and isinstance(type, plan.RecordType) and not around.in_hole:
            ways.append(self.spread)
        if isinstance(type, plan.OptionalType):
            ways.append(self.reached)
        if type.kind not in ("file", "secret", "json", "null") and self.maybe(4):
            ways.append(self.cast)
        if type == STRING:
            ways.append(self.held)
        return self.piece(lambda: self.among(ways)(type, around, mode))

    def if_(self, type: plan.Type, around: Around, mode: Mode) -> str:
        found = self.finding(around)
        then, other = self.expression(type, found.holds, mode), self.expression(type, found.fails, mode)
        return f"if {found.condition} then {then} else {other}"

    def finding(self, around: Around) -> Finding:
        """A condition, often one that shows something of a name."""
        names = [*around.of_kind("optional"), *around.of_kind("union"), *around.of_kind("enum")]
        if not names or not self.maybe():
            condition = self.condition(around)
            return Finding(condition, f"not ({condition})", around, around)
        name = self.among(names)
        fails = around.forgetting(name.root)
        match name.type:
            case plan.OptionalType(inner=inner):
                holds = around.seeing(name.text, inner)
                return Finding(f"{name.text} != null", f"{name.text} == null", holds, fails)
            case plan.UnionType(cases=cases):
                case = self.among(cases)
                fields = [named(f"{name.text}.{field.name}", field.type) for field in case.fields]
                holds = attrs.evolve(fails, names=(*fails.names, *chain(*fields)))
                condition = f"{name.text} is {case.name}"
                return Finding(condition, f"not ({condition})", holds, fails)
            case plan.EnumType(values=values):
                value = string_text(self.among(values))
                return Finding(f"{name.text} == {value}", f"{name.text} != {value}", fails, fails)
            case _:
                raise AssertionError(name)

    def condition(self, around: Around) -> str:
        return self.expression(BOOL, around, "operand")

    def coalesced(self, type: plan.Type, around: Around, mode: Mode) -> str:
        if type.kind in ("optional", "secret", "null"):
            return self.leaf(type, around, mode)
        return f"{self.operand(optional(type), around, 'exact')} ?? {self.operand(type, around, mode)}"

    def matched(self, type: plan.Type, around: Around, mode: Mode) -> str:
        subject, arms = self.arms(around)
        shown = ", ".join(f"{head} -> {self.expression(type, inner, mode)}" for head, inner in arms)
        return f"match {subject} {{ {shown} }}"

    def arms(self, around: Around) -> tuple[str, list[tuple[str, Around]]]:
        """A subject; and the patterns that cover it, with what is known behind each."""
        names = [*around.of_kind("union"), *around.of_kind("enum"), *around.of_kind("optional")]
        if not names or not self.maybe():
            kind, value, rest = self.one_of(
                (INT, "0", "else"), (STRING, '"a"', "else"), (BOOL, "true", "false")
            )
            return self.operand(kind, around, "exact"), [(value, around), (rest, around)]
        name = self.among(names)
        without = around.forgetting(name.root)
        match name.type:
            case plan.OptionalType(inner=inner):
                return name.text, [("null", without), ("else", around.seeing(name.text, inner))]
            case plan.EnumType(values=values):
                return name.text, self._some_of([(string_text(value), without) for value in values], without)
            case plan.UnionType(cases=cases):
                return name.text, self._some_of([self._case(case, without) for case in cases], without)
            case _:
                raise AssertionError(name)

    def _some_of(self, arms: list[tuple[str, Around]], otherwise: Around) -> list[tuple[str, Around]]:
        if self.maybe():
            return [arms[0], ("else", otherwise)]
        return arms

    def _case(self, case: plan.CaseType, around: Around) -> tuple[str, Around]:
        bound: list[str] = []
        for field in case.fields:
            if not self.number(0, 2):
                continue
            name = self.binding("f", around)
            if any(one.endswith(f": {name}") for one in bound):
                continue
            bound.append(f"{field.name}: {name}")
            around = around.knowing(name, field.type)
        return case.name + (f"({', '.join(bound)})" if bound else ""), around

    def spread(self, type: plan.Type, around: Around, mode: Mode) -> str:
        assert isinstance(type, plan.RecordType)
        field = self.among(type.fields)
        return f"{{ ...{self.operand(type, around)}, {field.name}: {self.expression(field.type, around)} }}"

    def reached(self, type: plan.Type, around: Around, mode: Mode) -> str:
        """A field of a record that may be missing."""
        assert isinstance(type, plan.OptionalType)
        record = record_of(inner=type.inner)
        return f"{self.operand(optional(record), around, 'exact')}?.inner"

    def cast(self, type: plan.Type, around: Around, mode: Mode) -> str:
        shown = written(type)
        return f"{self.operand(JSON, around)} as {f'({shown})' if ' | ' in shown else shown}"

    def held(self, type: plan.Type, around: Around, mode: Mode) -> str:
        return self.template(around, shown=mode == "exact")

    def template(self, around: Around, *, shown: bool = False) -> str:
        """A string with holes."""
        if around.in_hole:
            return self.parameter_of(STRING) if shown else string_text(self.among(ODD))
        text = string_text(self.one_of("", "a ", "${ ", "\n"))[1:-1]
        around = attrs.evolve(around, in_hole=True)
        for _ in range(self.number(1 if shown else 0, 2)):
            text += f"${{{self.expression(self.among(SHOWN), around, 'operand')}}}"
        return f'"{text}"'


def closed(text: str) -> str:
    """An expression that may stand anywhere; the formatter drops what parentheses are not needed."""
    return text if WHOLE.fullmatch(text) else f"({text})"


def _part(name: str, type: plan.Type) -> plan.Type:
    """What a pattern calls a part of its type, or what holds it."""
    match name, type:
        case "own", plan.ListType(item=part) | plan.MapType(value=part):
            return part
        case "list", plan.OptionalType(inner=part):
            return list_of(part)
        case "map", plan.OptionalType(inner=part):
            return map_of(part)
        case "maps", plan.ListType(item=part):
            return map_of(part)
    raise AssertionError((name, type))
