"""One text for one meaning: canonical JSON, the hash of a plan, and the fingerprints of its parts.

Canonical JSON has no blanks and its keys in the order of their UTF-16 code units (RFC 8785); unlike there
an int is written without and a float with a point or an exponent, since they are different values here.

What a person reads (places, paths, docs) and what follows from the rest (waves, free names, bounds) is no
part of a meaning. A field at its default is left out, so that a version of the format that adds one does
not change the hash of a plan that does not use it. Inside a fingerprint, nested statements and called
flows stand as their own fingerprints, so computing them all takes one pass; the hash of a plan trusts
none, and reads everything."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cache
from hashlib import sha256
from types import NoneType

from pydantic import JsonValue

from flowlang.plan.model import Agent, Block, Flow, Model, Plan, Statement

FOR_READERS = frozenset({"at", "doc", "unit", "sources", "path"})
PLAIN = (str, int, float, NoneType)
DERIVED = frozenset({"wave", "free", "fingerprint", "bounds", "longest", "strategy"})


def canonical_json(value: JsonValue) -> str:
    """The canonical text of a JSON value. Raises ValueError for a float that is not finite."""
    return json.dumps(_ordered(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def plan_hash(plan: Plan) -> str:
    """SHA-256 of what a plan means, as 64 hexadecimal digits."""
    return _digest(_meaning(plan))


def statement_fingerprint(statement: Statement) -> str:
    """A short hash of a statement's own meaning, not of where it stands or what it waits for. Statements
    nested in it have theirs already."""
    return _digest(_meaning(statement.model_copy(update={"depends": ()}), by_fingerprint=True))[:16]


def flow_fingerprint(flow: Flow, flows: Mapping[str, Flow], agents: Mapping[str, Agent]) -> str:
    """A short hash of a flow and of what it calls: `flows`, which have theirs already, and `agents`."""
    called: dict[str, JsonValue] = {name: other.fingerprint for name, other in flows.items()}
    policies = {name: _meaning(agent) for name, agent in agents.items()}
    return _digest([_meaning(flow, by_fingerprint=True), called, policies])[:16]


def _digest(value: JsonValue) -> str:
    return sha256(canonical_json(value).encode("utf-8", "surrogatepass")).hexdigest()


def _meaning(value: object, *, by_fingerprint: bool = False) -> JsonValue:
    """A part of a plan as JSON, without what is for readers, derived, or at its default.

    One call a level and no comprehensions: plans may be deep."""
    if isinstance(value, PLAIN):
        return value
    items: list[JsonValue] = []
    fields: dict[str, JsonValue] = {}
    if isinstance(value, Block) and by_fingerprint:
        for statement in value.statements:
            items.append([statement.name, list(statement.depends), statement.fingerprint])
        return items
    if isinstance(value, Model):
        for name, default in _fields(type(value)):
            part = getattr(value, name)
            if name == "kind" or part != default:
                fields[name] = _meaning(part, by_fingerprint=by_fingerprint)
        return fields
    if isinstance(value, Mapping):
        for key, part in value.items():
            fields[key] = _meaning(part, by_fingerprint=by_fingerprint)
        return fields
    assert isinstance(value, tuple | list), type(value)
    for part in value:
        items.append(_meaning(part, by_fingerprint=by_fingerprint))
    return items


@cache
def _fields(kind: type[Model]) -> tuple[tuple[str, object], ...]:
    """The fields of a kind of node that are part of a meaning, with their defaults."""
    meant = ((name, f.default) for name, f in kind.model_fields.items() if name not in FOR_READERS | DERIVED)
    return tuple(meant)


def _ordered(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        ordered: dict[str, JsonValue] = {}
        for key in _in_order(value):
            ordered[key] = _ordered(value[key])
        return ordered
    if isinstance(value, list):
        items: list[JsonValue] = []
        for item in value:
            items.append(_ordered(item))
        return items
    return value


def _in_order(keys: Collection[str]) -> list[str]:
    """Keys by their UTF-16 code units; those of ASCII characters stand so anyway."""
    if all(map(str.isascii, keys)):
        return sorted(keys)
    return sorted(keys, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
