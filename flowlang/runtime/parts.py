"""Parts of a plan, from any of them down: what linking goes over, in place of a visitor for each kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import NoneType
from typing import Final, get_args

from flowlang.plan import model as plan

EXPRESSIONS: Final = get_args(get_args(plan.Expr)[0])
_TYPES: Final = get_args(get_args(plan.Type)[0])
_LEAVES: Final = dict.fromkeys((str, int, float, bool, NoneType, plan.Place, *_TYPES))
"""Kinds of parts that hold nothing wanted: most parts of a plan."""


def parts_of(root: object) -> Iterator[plan.Model]:
    """Every part from `root` down, as far as whole expressions; types are left out."""
    pending: list[object] = [root]
    while pending:
        part = pending.pop()
        if isinstance(part, plan.Model):
            yield part
        if not isinstance(part, EXPRESSIONS):
            pending.extend(inner for inner in _inside(part) if type(inner) not in _LEAVES)


def _inside(part: object) -> Iterable[object]:
    match part:
        case plan.Model():
            return vars(part).values()
        case dict():
            return part.values()
        case tuple():
            return part
        case _:
            return ()
