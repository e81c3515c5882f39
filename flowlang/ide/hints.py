"""What an editor writes between the words of a flow: types that nobody wrote, and what runs when.

All of it is read off the facts. A type is shown where its text would not say it anyway. That a step may be
skipped is said at its guard. Which steps start together is said at those that do: a step of a block waits
only for what it mentions, and `∥` marks the steps of one wave."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import attrs

from flowlang.ide.snapshot import Snapshot
from flowlang.semantics.facts import Facts
from flowlang.semantics.types import brief, is_optional, is_poison
from flowlang.syntax import ast
from flowlang.text.source import Span

LONGEST_TYPE = 40  # characters
MOST_NAMED = 6  # steps of a wave


@attrs.frozen
class Hint:
    """`label` stands at `offset`, between the characters; `tooltip` says more of it."""

    offset: int
    label: str
    kind: Literal["type", "skipped", "wave"]
    tooltip: str = ""


def hints(snapshot: Snapshot, within: Span | None = None) -> tuple[Hint, ...]:
    """The hints in a stretch of a file, or in all of it, in the order of the text."""
    found: list[Hint] = []
    for item in snapshot.tree.items:
        end = item.offset + len(item.parsed.text)
        if within is None or (item.offset <= within.end and within.start <= end):
            found += of_item(item, snapshot.facts(item))
    inside = (h for h in found if within is None or within.start <= h.offset <= within.end)
    return tuple(sorted(inside, key=lambda hint: hint.offset))


def of_item(item: ast.Item, facts: Facts) -> Iterator[Hint]:
    for node in ast.walk(item.declaration):
        match node:
            case ast.Step() | ast.Let():
                yield from type_hint(item, facts, node)
                if isinstance(node, ast.Step):
                    yield from skipped_hint(item, facts, node)
            case ast.Block():
                yield from wave_hints(item, facts, node)


def type_hint(item: ast.Item, facts: Facts, statement: ast.Step | ast.Let) -> Iterator[Hint]:
    """The type of a name that has none written."""
    value = statement.task if isinstance(statement, ast.Step) else statement.value
    type = facts.types.get(statement.id)
    if statement.annotation is not None or type is None or is_poison(type) or isinstance(value, PLAIN):
        return
    shown = brief(type)
    if "…" not in shown or len(shown) <= LONGEST_TYPE:
        short = shown if len(shown) <= LONGEST_TYPE else f"{shown[: LONGEST_TYPE - 1]}…"
        yield Hint(statement.name.span.end + item.offset, f": {short}", "type", shown)


PLAIN = (
    ast.StringLiteral, ast.Interpolation, ast.IntLiteral, ast.FloatLiteral, ast.BoolLiteral, ast.NullLiteral,
    ast.DurationLiteral,
)  # fmt: skip


def skipped_hint(item: ast.Item, facts: Facts, step: ast.Step) -> Iterator[Hint]:
    """At a guard that makes its step optional."""
    known = facts.statements.get(step.id)
    for clause in step.clauses:
        if isinstance(clause, ast.When) and clause.otherwise is None and known and is_optional(known.value):
            tooltip = f"`{step.name.name}` is null where this is false"
            yield Hint(clause.span.end + item.offset, " may be skipped", "skipped", tooltip)


def wave_hints(item: ast.Item, facts: Facts, block: ast.Block) -> Iterator[Hint]:
    """At the steps of a block that start together with others."""
    waves: dict[int, list[ast.Step]] = {}
    for statement in block.statements:
        known = facts.statements.get(statement.id)
        if isinstance(statement, ast.Step) and known is not None and not block.in_order:
            waves.setdefault(known.wave, []).append(statement)
    for number, wave in enumerate((waves[key] for key in sorted(waves)), 1):
        for step in wave if len(wave) > 1 else ():
            yield Hint(keyword_of(step, item), f"∥{number} ", "wave", together(step, wave))


def together(step: ast.Step, wave: list[ast.Step]) -> str:
    """The steps that start with one, in words; of many a few."""
    few = [other.name.name for other in wave[: MOST_NAMED + 1] if other is not step][:MOST_NAMED]
    named = ", ".join(f"`{name}`" for name in few)
    left = len(wave) - 1 - len(few)
    return f"starts together with {named}" + (f" and {left} more" if left else "")


def keyword_of(step: ast.Step, item: ast.Item) -> int:
    """Where `step` stands, behind its documentation."""
    text = item.parsed.text
    return item.offset + text.rindex("step", step.span.start, step.name.span.start)
