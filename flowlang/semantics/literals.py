"""Infer literals that have parts: strings with holes, lists, records and maps."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from flowlang.semantics import types
from flowlang.semantics.inference import Inference
from flowlang.semantics.scope import Env
from flowlang.semantics.suggest import did_you_mean, nearest
from flowlang.semantics.types import (
    BOOL,
    FLOAT,
    INT,
    NEVER,
    STRING,
    UNKNOWN,
    ListOf,
    MapOf,
    Record,
    RecordField,
    Type,
    fits,
    is_optional,
    is_poison,
    is_text,
    join,
    present,
    show,
)
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Edit, Fix


@attrs.define(eq=False)
class Literals(Inference):
    def _interpolation(self, expr: ast.Interpolation, env: Env) -> Type:
        for part in expr.parts:
            if not isinstance(part, str):
                self._hole(part, self.infer(part, env))
        return STRING

    def _hole(self, part: ast.Node, found: Type) -> None:
        if is_poison(found):
            return
        if is_optional(found):
            self.report_missing(part, found)
        elif not (is_text(found) or found in (INT, FLOAT, BOOL, types.DURATION, types.DATETIME)):
            message = f"a hole takes a string, a number, a bool or a time, not `{show(found)}`"
            self.problems.report(
                codes.TYPE_MISMATCH, part.span, message, help="write it as JSON: `${….json()}`"
            )

    def _list(self, expr: ast.ListLiteral, env: Env, wanted: Type | None) -> Type:
        inside = present(wanted) if wanted else None
        if isinstance(inside, ListOf):
            for item in expr.items:
                self.check(item, env, inside.item, "an item of this list")
            return inside
        found: Type = NEVER
        for item in expr.items:
            joined = join(found, self.infer(item, env))
            if joined is None:
                self.no_common(item, self.tables.types[item.id], found, "the items before it")
                return ListOf(UNKNOWN)
            found = joined
        for item in expr.items:
            self.coerce(item, self.tables.types[item.id], found)
        return ListOf(found)

    def _record(self, expr: ast.RecordLiteral, env: Env, wanted: Type | None) -> Type:
        inside = present(wanted) if wanted else None
        keyed = any(isinstance(entry, ast.KeyEntry) for entry in expr.entries)
        if keyed or (isinstance(inside, MapOf) and not expr.entries):
            return self._map(expr, env, inside)
        if isinstance(inside, Record):
            return self._wanted_record(expr, env, inside)
        fields: dict[str, RecordField] = {}
        for entry in expr.entries:
            if isinstance(entry, ast.Entry):
                self._once(entry, fields)
                fields[entry.name.name] = RecordField(entry.name.name, self.infer(entry.value, env))
            elif isinstance(entry, ast.Spread):
                fields.update((f.name, f) for f in self._spread_fields(entry, env))
        return Record(tuple(fields.values()))

    def _once(self, entry: ast.Entry, fields: Mapping[str, object]) -> None:
        name = entry.name.name
        if name in fields and fields[name] is not None and not getattr(fields[name], "spread", False):
            self.problems.report(
                codes.DUPLICATE_NAME, entry.name.span, f"the field `{name}` stands here twice"
            )

    def _spread_fields(self, entry: ast.Spread, env: Env) -> tuple[RecordField, ...]:
        found = self.infer(entry.value, env)
        if isinstance(found, Record):
            return found.fields
        if not is_poison(found):
            message = f"`...` spreads a record, but this is `{show(found)}`"
            self.problems.report(codes.TYPE_MISMATCH, entry.value.span, message)
        return ()

    def _wanted_record(self, expr: ast.RecordLiteral, env: Env, wanted: Record) -> Type:
        given: dict[str, RecordField | None] = {}
        known = [f.name for f in wanted.fields]
        unknown_spread = False
        for entry in expr.entries:
            if isinstance(entry, ast.Entry):
                self._once(entry, given)
                given[entry.name.name] = RecordField(entry.name.name, UNKNOWN)
                self._wanted_field(entry, env, wanted, known)
            elif isinstance(entry, ast.Spread):
                fields = self._spread_fields(entry, env)
                unknown_spread |= not isinstance(self.tables.types[entry.value.id], Record)
                self._spread_fits(entry, fields, wanted)
                given.update((f.name, None) for f in fields)
        meant = {nearest(n, known) for n in given if n not in known}
        missing = [f.name for f in wanted.fields if f.name not in given and not is_optional(f.type)]
        missing = [name for name in missing if name not in meant]
        if missing and not unknown_spread:
            listed = ", ".join(f"`{n}`" for n in missing)
            message = f"`{show(wanted)}` needs {'the field' if len(missing) == 1 else 'the fields'} {listed}"
            self.problems.report(
                codes.TYPE_MISMATCH, expr.span, message, help="add " + _example_fields(wanted, missing)
            )
        return wanted

    def _wanted_field(self, entry: ast.Entry, env: Env, wanted: Record, known: list[str]) -> None:
        field = wanted.field(entry.name.name)
        if field is not None:
            self.check(entry.value, env, field, f"the field `{entry.name.name}`")
            return
        self.infer(entry.value, env)
        message = f"`{show(wanted)}` has no field `{entry.name.name}`"
        help = did_you_mean(entry.name.name, known) or "it has " + ", ".join(f"`{n}`" for n in known)
        self.problems.report(codes.UNKNOWN_FIELD, entry.name.span, message, help=help)

    def _spread_fits(self, entry: ast.Spread, fields: tuple[RecordField, ...], wanted: Record) -> None:
        for field in fields:
            asked = wanted.field(field.name)
            if asked is None or not fits(field.type, asked):
                wrong = "is not one of its fields" if asked is None else f"must be `{show(asked)}`"
                message = f"this does not fit `{show(wanted)}`: `{field.name}` {wrong}"
                self.problems.report(codes.TYPE_MISMATCH, entry.value.span, message)
                return

    def _map(self, expr: ast.RecordLiteral, env: Env, wanted: Type | None) -> Type:
        item = wanted.value if isinstance(wanted, MapOf) else None
        found: Type = item or NEVER
        for entry in expr.entries:
            value = self._map_entry(entry, env, item)
            if item is not None:
                self.require(entry.value, value, item, "a value of this map")
                continue
            joined = join(found, value)
            if joined is None:
                self.no_common(entry.value, value, found, "the values before it")
                return MapOf(UNKNOWN)
            found = joined
        for entry in expr.entries:
            if not isinstance(entry, ast.Spread):
                self.coerce(entry.value, self.tables.types[entry.value.id], found)
        return MapOf(found)

    def _map_entry(self, entry: ast.Entry | ast.KeyEntry | ast.Spread, env: Env, item: Type | None) -> Type:
        if isinstance(entry, ast.KeyEntry):
            self.infer(entry.key, env)
            return self.infer(entry.value, env, item)
        found = self.infer(entry.value, env, item)
        if isinstance(entry, ast.Entry):
            message = "a map's keys are quoted, and one key here is"
            fix = Fix("quote the key", (Edit(entry.name.span, f'"{entry.name.name}"'),))
            if not entry.short:
                self.problems.report(
                    codes.TYPE_MISMATCH,
                    entry.name.span,
                    message,
                    help=f'write `"{entry.name.name}": …`',
                    fix=fix,
                )
            return found
        if isinstance(found, MapOf):
            return found.value
        if not is_poison(found):
            message = f"`...` spreads a map here, but this is `{show(found)}`"
            self.problems.report(codes.TYPE_MISMATCH, entry.value.span, message)
        return UNKNOWN


def _example_fields(wanted: Record, names: list[str]) -> str:
    return ", ".join(f"`{n}: …` ({show(wanted.field(n) or UNKNOWN)})" for n in names)
