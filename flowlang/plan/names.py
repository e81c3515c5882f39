"""Free names: which names a part of a plan takes from outside of itself.

Names are lexical: a block binds the names of its statements, a loop its item, a pattern its fields, and so
on; what is left is free. Ambient names (`run`, `attempt`) count like any other, since an inner name may
hide them. A statement that stands nested is not looked into: it knows its free names already."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from types import NoneType

from flowlang.plan import model as plan


def free_names(part: plan.Model) -> tuple[str, ...]:
    """The free names of a statement, a task or an expression, in the order they are first mentioned."""
    found: dict[str, None] = {}
    pending: list[tuple[object, frozenset[str]]] = [(part, frozenset())]
    while pending:
        value, bound = pending.pop()
        if isinstance(value, _PLAIN):
            continue  # most parts: said first, since it is quick
        elif isinstance(value, plan.Variable):
            if value.name not in bound:
                found[value.name] = None
        elif isinstance(value, plan.Statement) and value is not part:
            found.update((name, None) for name in value.free if name not in bound)
        elif isinstance(value, plan.Model):
            pending.extend(reversed(_parts(value, bound)))
        elif isinstance(value, dict):
            pending.extend((item, bound) for item in reversed(list(value.values())))
        elif isinstance(value, tuple):
            pending.extend((item, bound) for item in reversed(value))
    return tuple(found)


def _parts(value: plan.Model, bound: frozenset[str]) -> list[tuple[object, frozenset[str]]]:
    """The fields of a node, each with the names that are bound in it."""
    inside = bound.union(_binds(value))
    return [(getattr(value, name), inside if scoped else bound) for name, scoped in _fields(type(value))]


@cache
def _fields(kind: type[plan.Model]) -> tuple[tuple[str, bool], ...]:
    """The fields of a node that are looked into, and whether they see the names that it binds."""
    scoped = _SCOPED.get(kind, ())
    return tuple((name, name in scoped) for name in kind.model_fields if name not in _NOT_LOOKED_INTO)


_PLAIN = (str, int, float, NoneType)

_NOT_LOOKED_INTO = frozenset({"at", "type", "task_type", "widen", "pattern"})

_SCOPED: dict[type[plan.Model], tuple[str, ...]] = {
    plan.Lambda: ("body",),
    plan.MatchArm: ("value",),
    plan.MatchTaskArm: ("task",),
    plan.ForEach: ("where", "body"),
    plan.While: ("condition", "body"),
    plan.Wait: ("where",),
    plan.Until: ("condition",),
    plan.Catch: ("handler",),
    plan.Step: ("undo",),
    plan.Ensure: ("condition", "message"),
    plan.Block: ("statements",),
}
"""Which fields of a node see the names that it binds."""


def _binds(value: plan.Model) -> Iterable[str]:
    match value:
        case plan.Lambda(params=params):
            return params
        case plan.MatchArm(pattern=plan.CasePattern(bindings=bindings)):
            return bindings
        case plan.MatchTaskArm(pattern=plan.CasePattern(bindings=bindings)):
            return bindings
        case plan.ForEach(first=first, second=second):
            return (first, second) if second else (first,)
        case plan.While(state=state):
            return (state,)
        case plan.Wait(binding=binding) | plan.Catch(binding=binding):
            return (binding,) if binding else ()
        case plan.Until(binding=binding):
            return (binding,)
        case plan.Step(name=name):
            return (name,)
        case plan.Ensure():
            return ("result",)
        case plan.Block(statements=statements):
            return [statement.name for statement in statements]
        case _:
            return ()
