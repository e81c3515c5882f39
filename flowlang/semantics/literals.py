"""Infer literals that have parts: strings with holes, lists, records and maps."""

from __future__ import annotations

from collections.abc import Sequence

from flowlang.semantics import types
from flowlang.semantics.facts import fields_as_parameters
from flowlang.semantics.inference import Inference
from flowlang.semantics.mismatch import written
from flowlang.semantics.scope import Env
from flowlang.semantics.suggest import meant_names, way_out
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
from flowlang.text.source import Span


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
            help = "write it as JSON: `${….json()}`"
            end = Span(part.span.end, part.span.end)
            fix = Fix("write it as JSON", (Edit(end, ".json()"),)) if written(part) else None
            self.problems.report(codes.TYPE_MISMATCH, part.span, message, help=help, fix=fix)

    def _list(self, expr: ast.ListLiteral, env: Env, wanted: Type | None) -> Type:
        inside = present(wanted) if wanted else None
        if isinstance(inside, ListOf) and inside.item != NEVER:
            for item in expr.items:
                self.check(item, env, inside.item, "an item of this list")
            return inside
        found = [self.infer(item, env) for item in expr.items]
        joined = self._joined(expr.items, found, "the items before it are")
        for item, type in zip(expr.items, found, strict=True):
            self.coerce(item, type, joined)
        return ListOf(joined)

    def _joined(self, parts: Sequence[ast.Node], found: Sequence[Type], before: str) -> Type:
        """The type of all parts of a list or map; UNKNOWN, and reported once, where there is none."""
        joined: Type = NEVER
        for part, type in zip(parts, found, strict=True):
            wider = join(joined, type)
            if wider is None:
                self.no_common(part, type, joined, before)
                return UNKNOWN
            joined = wider
        return joined

    def _record(self, expr: ast.RecordLiteral, env: Env, wanted: Type | None) -> Type:
        inside = present(wanted) if wanted else None
        keys = [entry.key for entry in expr.entries if isinstance(entry, ast.KeyEntry)]
        if keys and isinstance(inside, Record):
            return self._quoted_fields(expr, keys, env, inside)
        if keys or (isinstance(inside, MapOf) and not expr.entries):
            return self._map(expr, env, inside)
        if isinstance(inside, Record):
            return self._wanted_record(expr, env, inside)
        return self._plain_record(expr, env)

    def _quoted_fields(
        self,
        expr: ast.RecordLiteral,
        keys: list[ast.StringLiteral | ast.Interpolation],
        env: Env,
        wanted: Record,
    ) -> Type:
        """Report a map where a record is wanted: most likely written as in JSON."""
        for entry in expr.entries:
            self.infer(entry.value, env)
        edits = tuple(Edit(k.span, k.value) for k in keys if isinstance(k, ast.StringLiteral))
        message = f"a quoted key makes this a map, but `{show(wanted)}` is a record"
        named = edits[0].text if edits and edits[0].text.isidentifier() else "name"
        fix = Fix("drop the quotes", edits) if all(e.text.isidentifier() for e in edits) and edits else None
        help = f"write its fields without quotes: `{named}: …`"
        self.problems.report(codes.TYPE_MISMATCH, keys[0].span, message, help=help, fix=fix)
        return wanted

    def _plain_record(self, expr: ast.RecordLiteral, env: Env) -> Type:
        self._each_once(expr)
        fields: dict[str, RecordField] = {}
        unknown = False
        for entry in expr.entries:
            if isinstance(entry, ast.Entry):
                fields[entry.name.name] = RecordField(entry.name.name, self.infer(entry.value, env))
            elif isinstance(entry, ast.Spread):
                fields.update((f.name, f) for f in self._spread_fields(entry, env))
                unknown |= not isinstance(self.tables.types[entry.value.id], Record)
        return UNKNOWN if unknown else Record(tuple(fields.values()))

    def _each_once(self, expr: ast.RecordLiteral) -> None:
        """Report fields that are written twice; one that comes from a spread may be written anew."""
        seen: set[str] = set()
        for entry in expr.entries:
            if not isinstance(entry, ast.Entry):
                continue
            if entry.name.name in seen:
                message = f"the field `{entry.name.name}` stands here twice"
                self.problems.report(codes.DUPLICATE_NAME, entry.name.span, message, help="keep one of them")
            seen.add(entry.name.name)

    def _spread_fields(self, entry: ast.Spread, env: Env) -> tuple[RecordField, ...]:
        found = self.infer(entry.value, env)
        if isinstance(found, Record):
            return found.fields
        if not is_poison(found):
            message = f"`...` spreads a record, but this is `{show(found)}`"
            help = "to add to a list, write `xs.concat([…])`" if isinstance(found, ListOf) else None
            self.problems.report(codes.TYPE_MISMATCH, entry.value.span, message, help=help)
        return ()

    def _wanted_record(self, expr: ast.RecordLiteral, env: Env, wanted: Record) -> Type:
        self._each_once(expr)
        given: set[str] = set()
        own = [entry.name.name for entry in expr.entries if isinstance(entry, ast.Entry)]
        meant = meant_names(own, fields_as_parameters(wanted.fields))
        anew = {entry.name.name for entry in expr.entries if isinstance(entry, ast.Entry)}
        unknown_spread = False
        for entry in expr.entries:
            if isinstance(entry, ast.Entry):
                given.add(entry.name.name)
                self._wanted_field(entry, env, wanted, meant)
            elif isinstance(entry, ast.Spread):
                fields = self._spread_fields(entry, env)
                unknown_spread |= not isinstance(self.tables.types[entry.value.id], Record)
                self._spread_fits(entry, fields, wanted, anew)
                given.update(f.name for f in fields)
        met = given.union(meant.values())
        missing = [f.name for f in wanted.fields if f.name not in met and not is_optional(f.type)]
        if missing and not unknown_spread:
            listed = ", ".join(f"`{n}`" for n in missing)
            message = f"`{show(wanted)}` needs {'the field' if len(missing) == 1 else 'the fields'} {listed}"
            help = "add " + _example_fields(wanted, missing)
            self.problems.report(codes.MISSING_FIELD, expr.span, message, help=help)
        return wanted

    def _wanted_field(self, entry: ast.Entry, env: Env, wanted: Record, meant: dict[str, str]) -> None:
        field = wanted.field(entry.name.name)
        if field is not None:
            self.check(entry.value, env, field, f"the field `{entry.name.name}`")
            return
        self.infer(entry.value, env)
        message = f"`{show(wanted)}` has no field `{entry.name.name}`"
        right = meant.get(entry.name.name)
        help, fix = way_out(
            entry.name.name, entry.name.span, (f.name for f in wanted.fields), list_as="it has"
        )
        if right is not None:
            written = f"{right}: {entry.name.name}" if entry.short else right
            help, fix = f"did you mean `{right}`?", Fix(f"write `{right}`", (Edit(entry.name.span, written),))
        self.problems.report(codes.UNKNOWN_FIELD, entry.name.span, message, help=help, fix=fix)

    def _spread_fits(
        self, entry: ast.Spread, fields: tuple[RecordField, ...], wanted: Record, anew: set[str]
    ) -> None:
        """Report the first field of a spread that does not fit, but for those that are written anew below."""
        for field in fields:
            asked = wanted.field(field.name)
            if field.name in anew or (asked is not None and fits(field.type, asked)):
                continue
            wrong = "is not one of its fields" if asked is None else f"must be `{show(asked)}`"
            message = f"this does not fit `{show(wanted)}`: `{field.name}` {wrong}"
            help = "write the fields out: `{ name: it.name, … }`" if asked is None else None
            self.problems.report(codes.TYPE_MISMATCH, entry.value.span, message, help=help)
            return

    def _map(self, expr: ast.RecordLiteral, env: Env, wanted: Type | None) -> Type:
        self._each_key_once(expr)
        item = wanted.value if isinstance(wanted, MapOf) and wanted.value != NEVER else None
        found = [self._map_entry(entry, env, item) for entry in expr.entries]
        if item is None:
            item = self._joined([e.value for e in expr.entries], found, "the values before it are")
        for entry, type in zip(expr.entries, found, strict=True):
            if isinstance(entry, ast.Spread):
                self.require(entry.value, MapOf(type), MapOf(item), "what is spread into this map")
            else:
                self.require(entry.value, type, item, "a value of this map")
        return MapOf(item)

    def _each_key_once(self, expr: ast.RecordLiteral) -> None:
        seen: set[str] = set()
        for entry in expr.entries:
            if isinstance(entry, ast.KeyEntry) and isinstance(entry.key, ast.StringLiteral):
                if entry.key.value in seen:
                    message = f"the key {entry.key.text} stands here twice"
                    self.problems.report(
                        codes.DUPLICATE_NAME, entry.key.span, message, help="keep one of them"
                    )
                seen.add(entry.key.value)

    def _map_entry(self, entry: ast.Entry | ast.KeyEntry | ast.Spread, env: Env, item: Type | None) -> Type:
        if isinstance(entry, ast.KeyEntry):
            self.infer(entry.key, env)
            return self.infer(entry.value, env, item)
        if isinstance(entry, ast.Entry):
            self._unquoted_key(entry)
            return self.infer(entry.value, env, item)
        found = self.infer(entry.value, env, item and MapOf(item))
        if isinstance(found, MapOf):
            return found.value
        if not is_poison(found):
            message = f"`...` spreads a map here, but this is `{show(found)}`"
            help = "with a quoted key in it, `{ … }` is a map, and a record does not fit into one"
            self.problems.report(codes.TYPE_MISMATCH, entry.value.span, message, help=help)
        return UNKNOWN

    def _unquoted_key(self, entry: ast.Entry) -> None:
        name = entry.name.name
        message = f"`{name}` needs quotes: with a quoted key in it, this is a map"
        written = f'"{name}": {name}' if entry.short else f'"{name}"'
        fix = Fix("quote the key", (Edit(entry.span if entry.short else entry.name.span, written),))
        help = f'write `"{name}": …`'
        self.problems.report(codes.TYPE_MISMATCH, entry.name.span, message, help=help, fix=fix)


def _example_fields(wanted: Record, names: list[str]) -> str:
    return ", ".join(f"`{n}: …` ({show(wanted.field(n) or UNKNOWN)})" for n in names)
