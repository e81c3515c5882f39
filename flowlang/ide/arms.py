"""The arms that a `match` lacks.

A new arm gives what the others give, as far as a literal can: so the match is whole and of the same type, and
what is left to do is to say what really should be there."""

from __future__ import annotations

from collections.abc import Iterator

from flowlang.ide.offers import quoted
from flowlang.ide.snapshot import Edit, Snapshot, span_of
from flowlang.ide.writing import Change, indent_of, value_of
from flowlang.semantics.facts import Namespace, TypeName
from flowlang.semantics.types import BOOL, Enum, Type, Union, is_optional, present
from flowlang.syntax import ast
from flowlang.text import codes
from flowlang.text.diagnostics import Diagnostic
from flowlang.text.source import Span


def arms_for(snapshot: Snapshot, diagnostic: Diagnostic) -> Iterator[Change]:
    """The change that makes a match whole."""
    if diagnostic.code != codes.NOT_EXHAUSTIVE:
        return
    spot = snapshot.spot_at(diagnostic.primary.span.start)
    match = spot.nearest(ast.Match) if spot else None
    if spot is None or match is None:
        return
    subject = snapshot.type_of(spot.item, match.subject)
    given = next((t for arm in match.arms if (t := snapshot.type_of(spot.item, arm.task))), None)
    missing = missing_patterns(snapshot, match, subject)
    if missing:
        edit = arms_edit(snapshot, spot.item, match, missing, value_of(given))
        yield Change("add the missing arms" if len(missing) > 1 else "add the missing arm", (edit,))
    yield Change("add `else`", (arms_edit(snapshot, spot.item, match, ["else"], value_of(given)),))


def missing_patterns(snapshot: Snapshot, match: ast.Match, subject: Type | None) -> list[str]:
    """The patterns that no arm has, as this file writes them; none where only `else` can help."""
    inside = None if subject is None else present(subject)
    taken = taken_by(match)
    missing: list[str] = []
    match inside:
        case Union(cases=cases):
            alias = alias_of(snapshot, inside)
            for case in cases:
                if case.name not in taken:
                    fields = ", ".join(field.name for field in case.fields)
                    missing.append(f"{alias}{case.name}" + (f"({fields})" if fields else ""))
        case Enum(values=values):
            missing = [quoted(value) for value in values if value not in taken]
        case _ if inside == BOOL:
            missing = [word for word in ("true", "false") if word not in taken]
    if subject is not None and is_optional(subject) and None not in taken and [*missing, *taken]:
        missing.append("null")
    return missing


def taken_by(match: ast.Match) -> set[str | None]:
    """The cases and literals that the arms of a match have; None is null."""
    found: set[str | None] = set()
    for arm in match.arms:
        match arm.pattern:
            case ast.ConstructorPattern(case=case):
                found.add(case.name.name)
            case ast.LiteralPattern(value=ast.StringLiteral(value=value)):
                found.add(value)
            case ast.LiteralPattern(value=ast.BoolLiteral(value=truth)):
                found.add("true" if truth else "false")
            case ast.LiteralPattern(value=ast.NullLiteral()):
                found.add(None)
    return found


def alias_of(snapshot: Snapshot, union: Union) -> str:
    """What stands before the constructors of a union here: nothing, or an alias and a dot."""
    if union.module == snapshot.path:
        return ""
    for alias, module in snapshot.module.namespace.items():
        found = module.members.get(union.name) if isinstance(module, Namespace) else None
        if isinstance(found, TypeName) and found.type == union:
            return f"{alias}."
    return ""


def arms_edit(snapshot: Snapshot, item: ast.Item, match: ast.Match, patterns: list[str], value: str) -> Edit:
    """New arms behind the last one, in the layout that the match has."""
    last = span_of(item, match.arms[-1])
    arms = [f"{pattern} -> {value}" for pattern in patterns]
    comma = "," if snapshot.text.startswith(",", last.end - 1) else ""
    if "\n" not in snapshot.text[span_of(item, match.subject).end : last.start]:
        return Edit(snapshot.path, Span(last.end, last.end), f"{'' if comma else ','} {', '.join(arms)}")
    indent = indent_of(snapshot.text, last.start)
    lines = "".join(f"\n{indent}{arm}{comma}" for arm in arms)
    return Edit(snapshot.path, Span(last.end, last.end), lines)
